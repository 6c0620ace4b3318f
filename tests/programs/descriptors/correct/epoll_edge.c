/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Edge-triggered epoll, with two workers that read until there is nothing left, as it asks for. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BYTES 4

static int ends[2], stop, epoll;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int got;

static void *work(void *unused)
{
    (void)unused;
    for (;;) {
        struct epoll_event event;
        assert(epoll_wait(epoll, &event, 1, -1) == 1);
        if (event.data.fd == stop)
            return NULL;
        char byte;
        while (read(ends[0], &byte, 1) == 1) {
            pthread_mutex_lock(&mutex);
            if (++got == BYTES)
                eventfd_write(stop, 1);
            pthread_mutex_unlock(&mutex);
        }
        assert(errno == EAGAIN);
    }
}

int main(void)
{
    pthread_t threads[2];
    epoll = epoll_create1(EPOLL_CLOEXEC);
    stop = eventfd(0, 0);
    assert(pipe2(ends, O_NONBLOCK) == 0);
    struct epoll_event in = {.events = EPOLLIN | EPOLLET, .data.fd = ends[0]};
    struct epoll_event end = {.events = EPOLLIN, .data.fd = stop};
    assert(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &in) == 0);
    assert(epoll_ctl(epoll, EPOLL_CTL_ADD, stop, &end) == 0);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < BYTES; i++)
        assert(write(ends[1], "x", 1) == 1);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert(got == BYTES);
    return 0;
}
