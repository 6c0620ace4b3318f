/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors from before the checkpoint, some with something in them, are each schedule's own: no schedule
 * finds what another has left there. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <lockcheck.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2], event, pair[2], epoll, copy;

static void *other(void *unused)
{
    (void)unused;
    char bytes[8];
    assert(read(pair[1], bytes, sizeof bytes) == 2);
    assert(write(ends[1], "more", 4) == 4);
    assert(eventfd_write(event, 3) == 0);
    return NULL;
}

int main(void)
{
    struct epoll_event in = {.events = EPOLLIN, .data.u64 = 77}, ready;
    assert(pipe2(ends, O_NONBLOCK) == 0);
    event = eventfd(4, EFD_NONBLOCK);
    assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    epoll = epoll_create1(0);
    assert(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &in) == 0);
    copy = dup(ends[0]);
    assert(write(ends[1], "some", 4) == 4);
    lockcheck_checkpoint();

    pthread_t thread;
    char bytes[16];
    eventfd_t value;
    pthread_create(&thread, NULL, other, NULL);
    assert(read(copy, bytes, 4) == 4 && bytes[0] == 's');
    ssize_t n = read(ends[0], bytes, sizeof bytes);
    assert(n == 4 || (n == -1 && errno == EAGAIN));
    assert(eventfd_read(event, &value) == 0 && (value == 4 || value == 7));
    assert(epoll_wait(epoll, &ready, 1, 0) == 0);
    assert(write(pair[0], "go", 2) == 2);
    pthread_join(thread, NULL);
    assert(write(pair[1], "!", 1) == 1);
    assert(epoll_wait(epoll, &ready, 1, -1) == 1 && ready.data.u64 == 77);
    assert(eventfd_write(event, 1) == 0 && write(ends[1], "left", 4) == 4);
    return 0;
}
