/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two threads send each other a counter, by send() and recv(), read() and write(), and by messages. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define ROUNDS 4

static void *answer(void *argument)
{
    int end = *(int *)argument, ball;
    for (int i = 0; i < ROUNDS; i++) {
        struct iovec v = {&ball, sizeof ball};
        struct msghdr message = {.msg_iov = &v, .msg_iovlen = 1};
        assert(recvmsg(end, &message, 0) == sizeof ball);
        ball++;
        assert(sendmsg(end, &message, 0) == sizeof ball);
        assert(read(end, &ball, sizeof ball) == sizeof ball);
        ball++;
        assert(write(end, &ball, sizeof ball) == sizeof ball);
    }
    assert(read(end, &ball, sizeof ball) == 0);
    return NULL;
}

static void play(int type)
{
    int ends[2], ball = 0;
    pthread_t thread;
    assert(socketpair(AF_UNIX, type, 0, ends) == 0);
    pthread_create(&thread, NULL, answer, &ends[1]);
    for (int i = 0; i < 2 * ROUNDS; i++) {
        assert(send(ends[0], &ball, sizeof ball, 0) == sizeof ball);
        assert(recv(ends[0], &ball, sizeof ball, MSG_WAITALL) == sizeof ball);
    }
    assert(ball == 2 * ROUNDS);
    shutdown(ends[0], SHUT_WR);
    pthread_join(thread, NULL);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    play(SOCK_STREAM);
    play(SOCK_SEQPACKET);
    return 0;
}
