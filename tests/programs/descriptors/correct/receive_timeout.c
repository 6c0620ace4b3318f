/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SO_RCVTIMEO: a receive gives up after a minute of the program's time, or gets what was sent. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>

static int ends[2];

static void *speak(void *unused)
{
    (void)unused;
    assert(send(ends[1], "x", 1, 0) == 1);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    struct timeval minute = {.tv_sec = 60};
    char byte;
    assert(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
    assert(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof minute) == 0);
    pthread_create(&thread, NULL, speak, NULL);
    ssize_t n = recv(ends[0], &byte, 1, 0);
    assert(n == 1 || (n == -1 && errno == EAGAIN));
    pthread_join(thread, NULL);
    if (n == -1)
        assert(recv(ends[0], &byte, 1, 0) == 1);
    return 0;
}
