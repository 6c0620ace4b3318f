/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that any signal handler ends with EINTR, whether it restarts calls or not (signal(7)): they go on
 * after SIGQUIT, of which the program is to notice nothing. Left out: pause(), sigsuspend() and the like,
 * which are called to be ended, System V message queues and semaphores, and sockets with a time-out.
 */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>

#include "lockcheck/native/native.h"

__thread uint32_t lcn_quits __attribute__((tls_model("initial-exec")));

/* Was it SIGQUIT that ended the call, which began when there had been so many? */
static bool by_quit(bool failed, int error, uint32_t quits)
{
    return failed && error == EINTR && lcn_quits != quits;
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* ---- sleeps: the kernel says how much is left ---- */

LCN_EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *left)
{
    struct timespec rest;
    int error;
    uint32_t quits;
    do {
        quits = lcn_quits;
        error = LCN_REAL(clock_nanosleep)(clock, flags, time, &rest);
        if (!(flags & TIMER_ABSTIME) && error == EINTR)
            time = &rest;
    } while (by_quit(error != 0, error, quits));
    if (error == EINTR && !(flags & TIMER_ABSTIME) && left)
        *left = rest;
    return error;
}

LCN_EXPORT int nanosleep(const struct timespec *time, struct timespec *left)
{
    int error = clock_nanosleep(CLOCK_REALTIME, 0, time, left);
    if (!error)
        return 0;
    errno = error;
    return -1;
}

LCN_EXPORT unsigned sleep(unsigned seconds)
{
    struct timespec time = {.tv_sec = seconds};
    int saved = errno;
    if (nanosleep(&time, &time) == 0)
        return 0;
    errno = saved;
    return (unsigned)time.tv_sec + (time.tv_nsec >= 500000000);
}

LCN_EXPORT int usleep(useconds_t microseconds)
{
    struct timespec time = {.tv_sec = microseconds / 1000000, .tv_nsec = microseconds % 1000000 * 1000};
    return nanosleep(&time, NULL);
}

LCN_EXPORT int thrd_sleep(const struct timespec *time, struct timespec *left)
{
    int error = clock_nanosleep(CLOCK_REALTIME, 0, time, left);
    return error == 0 ? 0 : error == EINTR ? -1 : -2;
}

/* ---- waits for descriptors: what is left is counted here ---- */

/* The milliseconds to a moment; -1 when there is none. */
static int left_ms(int64_t until)
{
    int64_t left = until - now();
    return until < 0 ? -1 : left <= 0 ? 0 : (int)((left + 999999) / 1000000);
}

static int64_t in_ms(int milliseconds)
{
    return milliseconds < 0 ? -1 : now() + milliseconds * 1000000ll;
}

static int64_t in_time(const struct timespec *time)
{
    return time ? now() + time->tv_sec * 1000000000ll + time->tv_nsec : -1;
}

static const struct timespec *left_time(int64_t until, struct timespec *time)
{
    int64_t left = until - now();
    if (until < 0)
        return NULL;
    *time = (struct timespec){.tv_sec = left > 0 ? left / 1000000000 : 0,
                              .tv_nsec = left > 0 ? left % 1000000000 : 0};
    return time;
}

LCN_EXPORT int poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
    uint32_t quits = lcn_quits;
    int64_t until = in_ms(milliseconds);
    int result = LCN_REAL(poll)(fds, count, milliseconds);
    for (; by_quit(result < 0, errno, quits); result = LCN_REAL(poll)(fds, count, left_ms(until)))
        quits = lcn_quits;
    return result;
}

LCN_EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *time, const sigset_t *mask)
{
    uint32_t quits = lcn_quits;
    int64_t until = in_time(time);
    struct timespec left;
    int result = LCN_REAL(ppoll)(fds, count, time, mask);
    for (; by_quit(result < 0, errno, quits);
         result = LCN_REAL(ppoll)(fds, count, left_time(until, &left), mask))
        quits = lcn_quits;
    return result;
}

/* The kernel leaves the rest of the time in *time, and the sets as they were. */
LCN_EXPORT int select(int count, fd_set *read, fd_set *write, fd_set *except, struct timeval *time)
{
    int result;
    uint32_t quits;
    do {
        quits = lcn_quits;
        result = LCN_REAL(select)(count, read, write, except, time);
    } while (by_quit(result < 0, errno, quits));
    return result;
}

LCN_EXPORT int pselect(int count, fd_set *read, fd_set *write, fd_set *except, const struct timespec *time,
                       const sigset_t *mask)
{
    uint32_t quits = lcn_quits;
    int64_t until = in_time(time);
    struct timespec left;
    int result = LCN_REAL(pselect)(count, read, write, except, time, mask);
    for (; by_quit(result < 0, errno, quits);
         result = LCN_REAL(pselect)(count, read, write, except, left_time(until, &left), mask))
        quits = lcn_quits;
    return result;
}

LCN_EXPORT int epoll_wait(int fd, struct epoll_event *events, int room, int milliseconds)
{
    uint32_t quits = lcn_quits;
    int64_t until = in_ms(milliseconds);
    int result = LCN_REAL(epoll_wait)(fd, events, room, milliseconds);
    for (; by_quit(result < 0, errno, quits); result = LCN_REAL(epoll_wait)(fd, events, room, left_ms(until)))
        quits = lcn_quits;
    return result;
}

LCN_EXPORT int epoll_pwait(int fd, struct epoll_event *events, int room, int milliseconds,
                           const sigset_t *mask)
{
    uint32_t quits = lcn_quits;
    int64_t until = in_ms(milliseconds);
    int result = LCN_REAL(epoll_pwait)(fd, events, room, milliseconds, mask);
    for (; by_quit(result < 0, errno, quits);
         result = LCN_REAL(epoll_pwait)(fd, events, room, left_ms(until), mask))
        quits = lcn_quits;
    return result;
}
