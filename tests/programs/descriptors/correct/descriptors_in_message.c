/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A descriptor goes to another thread in a message, and works there under its new number. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2];

static void *receiver(void *unused)
{
    (void)unused;
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec v = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    assert(recvmsg(ends[1], &message, 0) == 1);
    int fd;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    assert(read(fd, &byte, 1) == 1 && byte == 'x');
    return NULL;
}

int main(void)
{
    pthread_t thread;
    int pipe_ends[2];
    assert(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && pipe(pipe_ends) == 0);
    pthread_create(&thread, NULL, receiver, NULL);
    char byte = 0, control[CMSG_SPACE(sizeof(int))];
    struct iovec v = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(header), &pipe_ends[0], sizeof(int));
    assert(sendmsg(ends[0], &message, 0) == 1);
    usleep(1000);
    assert(write(pipe_ends[1], "x", 1) == 1);
    pthread_join(thread, NULL);
    return 0;
}
