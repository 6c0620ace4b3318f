/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for several descriptors at once: poll(), select(), epoll_wait() and their variants. Each asks the
 * kernel without waiting, and waits in the scheduler as long as the answer is nothing. Time-outs are virtual.
 * select() is made of poll(), by the kernel's own table of what is readable, writable, exceptional.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lockcheck/runtime/descriptor.h"

#define NS_PER_S 1000000000ll
#define NS_PER_MS 1000000ll
#define NS_PER_US 1000ll
#define ON_STACK 256u /* descriptors of a wait that are kept on the stack */

/* ---- the wait ---- */

/* One attempt: the system call's result, 0 when nothing is ready. */
typedef int attempt_function(void *argument, struct lc_descriptor_wait *w);

/* The object to show for a wait: the only controlled file, or else one for the set. */
static struct lc_object *object_of(const struct pollfd *fds, nfds_t count)
{
    struct lc_object *only = NULL;
    for (nfds_t i = 0; i < count; i++) {
        const struct lc_file *file = lc_file_at(fds[i].fd);
        if (!file || file == LC_CLOSED || file->object == only)
            continue;
        if (only) {
            only = NULL;
            break;
        }
        only = file->object;
    }
    if (only)
        return only;
    struct lc_thread *me = lc_self;
    if (!me->poll_set) {
        me->poll_set = lc_object_new(&me->poll_set, LC_KIND_DESCRIPTOR);
        me->poll_set->kind_name = "poll set";
    }
    if (lc.evidence) {
        static const char prefix[] = "descriptors ";
        if (!me->poll_set->name)
            me->poll_set->name = lc_allocate(LC_NAME_MAX);
        size_t n = (size_t)snprintf(me->poll_set->name, LC_NAME_MAX, prefix);
        for (nfds_t i = 0; i < count && n < LC_NAME_MAX; i++)
            if (fds[i].fd >= 0)
                n += (size_t)snprintf(me->poll_set->name + n, LC_NAME_MAX - n, "%s%d",
                                      n >= sizeof prefix ? ", " : "", fds[i].fd);
    }
    return me->poll_set;
}

static void refuse_inherited(const struct pollfd *fds, nfds_t count)
{
    for (nfds_t i = 0; i < count; i++) {
        const struct lc_file *file = lc_file_at(fds[i].fd);
        if (file && file->inherited)
            lc_uncontrolled(
                "{t%u} waits for descriptor %d, {o%u}, made before the checkpoint: all schedules would "
                "share it",
                lc_self->id, fds[i].fd, file->object->id);
    }
}

static bool only_others(const struct pollfd *fds, nfds_t count)
{
    for (nfds_t i = 0; i < count; i++)
        if (fds[i].fd >= 0 && lc_file_reach(lc_file_at(fds[i].fd)) != LC_REACH_OTHERS)
            return false;
    return true;
}

/* timeout: NULL to wait for ever. Without descriptors it is a sleep. */
static int wait_for(const struct pollfd *asked, struct pollfd *fds, nfds_t count,
                    const struct timespec *timeout, attempt_function *attempt, void *argument)
{
    lc_test_cancel();
    if (!count) {
        if (lc_sleep_until(timeout ? lc_deadline_in(timeout) : LC_NEVER))
            return 0;
        errno = EINTR;
        return -1;
    }
    struct lc_object *object = object_of(asked, count);
    lc_descriptor_point(LC_OP_FILE_POLL, object);
    refuse_inherited(asked, count);
    struct lc_descriptor_wait w;
    lc_descriptor_wait_init(&w, asked, fds, count);
    bool no_wait = timeout && !timeout->tv_sec && !timeout->tv_nsec;
    int64_t deadline_ns = timeout ? lc_deadline_in(timeout) : LC_NEVER;
    enum lc_wait_end end = LC_WAIT_READY;
    int result;
    for (;;) {
        if (end == LC_WAIT_INTERRUPTED || end == LC_WAIT_RESTART) { /* never restarted: signal(7) */
            result = -1;
            errno = EINTR;
            break;
        }
        result = attempt(argument, &w);
        if (result || no_wait || end == LC_WAIT_TIMED_OUT)
            break;
        if (!timeout && only_others(fds, count))
            syscall(SYS_ppoll, fds, count, NULL, NULL); /* the command will see that it blocks */
        else
            end = lc_descriptor_wait(&w, LC_OP_FILE_POLL, object, deadline_ns);
    }
    int saved = errno;
    lc_emit(LC_OP_FILE_DONE, object, result);
    lc_descriptor_wait_end(&w);
    errno = saved;
    return result;
}

/* During the wait the thread has another signal mask. */
struct mask_change {
    bool made;
    bool due; /* a signal was waiting for it */
    sigset_t before;
};

/* Returns the time-out of the wait. */
static const struct timespec *begin_mask(struct mask_change *m, const sigset_t *mask,
                                         const struct timespec *timeout)
{
    static const struct timespec none;
    m->made = mask != NULL;
    m->due = false;
    if (!mask)
        return timeout;
    uint64_t pending = 0;
    syscall(SYS_rt_sigpending, &pending, sizeof pending);
    m->due = ((lc_self->signals | pending) & ~mask->__val[0]) != 0;
    pthread_sigmask(SIG_SETMASK, mask, &m->before);
    return m->due ? &none : timeout;
}

static int end_mask(const struct mask_change *m, int result)
{
    if (!m->made)
        return result;
    int saved = result == 0 && m->due ? EINTR : errno;
    pthread_sigmask(SIG_SETMASK, &m->before, NULL);
    errno = saved;
    return result == 0 && m->due ? -1 : result;
}

/* ---- poll ---- */

struct poll_call {
    struct pollfd *out;
    nfds_t count;
};

static int attempt_poll(void *argument, struct lc_descriptor_wait *w)
{
    const struct poll_call *call = argument;
    int result = lc_poll_now(w->fds, w->count);
    for (nfds_t i = 0; i < call->count; i++)
        call->out[i].revents = w->fds[i].revents;
    return result;
}

/* Room for a copy of so many; freed by nobody: a thread that waits for many will do so again. */
static struct pollfd *large_copy(nfds_t count)
{
    struct lc_thread *me = lc_self;
    if (count > me->poll_room) {
        me->poll_room = count * 2;
        me->poll_copy = lc_allocate(me->poll_room * sizeof *me->poll_copy);
    }
    return me->poll_copy;
}

static int poll_all(struct pollfd *fds, nfds_t count, const struct timespec *timeout)
{
    struct pollfd on_stack[ON_STACK];
    struct poll_call call = {fds, count};
    return wait_for(fds, count <= ON_STACK ? on_stack : large_copy(count), count, timeout, attempt_poll,
                    &call);
}

LC_EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    if (!lc_controlled() || (!fds && count))
        return LC_REAL(ppoll)(fds, count, timeout, mask);
    if (timeout && (!lc_timespec_valid(timeout) || timeout->tv_sec < 0)) {
        errno = EINVAL;
        return -1;
    }
    struct mask_change change;
    timeout = begin_mask(&change, mask, timeout);
    return end_mask(&change, poll_all(fds, count, timeout));
}

LC_EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    if (!lc_controlled())
        return LC_REAL(poll)(fds, count, timeout_ms);
    struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * NS_PER_MS};
    return ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, NULL);
}

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t room);
LC_EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t room)
{
    if (!lc_controlled() || room / sizeof *fds < count)
        return LC_REAL(__poll_chk)(fds, count, timeout_ms, room);
    return poll(fds, count, timeout_ms);
}

int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                size_t room);
LC_EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                          const sigset_t *mask, size_t room)
{
    if (!lc_controlled() || room / sizeof *fds < count)
        return LC_REAL(__ppoll_chk)(fds, count, timeout, mask, room);
    return ppoll(fds, count, timeout, mask);
}

/* ---- select ---- */

static const struct {
    short asked, is; /* poll(2): the events that the three sets ask for, and those that put a bit into them */
} select_events[3] = {
    {POLLIN | POLLRDNORM | POLLRDBAND, POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR},
    {POLLOUT | POLLWRNORM | POLLWRBAND, POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR},
    {POLLPRI, POLLPRI}};

struct select_call {
    fd_set **sets;
    bool bad; /* a descriptor is not open */
};

/* Sets may be larger than an fd_set: select(2). */
static bool is_in(const fd_set *set, int fd)
{
    return set && (set->fds_bits[fd / NFDBITS] >> (fd % NFDBITS) & 1);
}

static bool belongs(const struct pollfd *p, int set)
{
    return (p->events & select_events[set].asked) && (p->revents & select_events[set].is);
}

static int attempt_select(void *argument, struct lc_descriptor_wait *w)
{
    struct select_call *call = argument;
    lc_poll_now(w->fds, w->count);
    int bits = 0;
    for (nfds_t i = 0; i < w->count; i++) {
        call->bad |= w->fds[i].revents & POLLNVAL;
        for (int set = 0; set < 3; set++)
            bits += belongs(&w->fds[i], set);
    }
    if (!call->bad)
        return bits;
    errno = EBADF;
    return -1;
}

static void put_results(fd_set **sets, int count, const struct pollfd *fds, nfds_t used)
{
    for (int set = 0; set < 3; set++)
        for (int word = 0; sets[set] && word < (count + NFDBITS - 1) / NFDBITS; word++)
            sets[set]->fds_bits[word] = 0;
    for (nfds_t i = 0; i < used; i++)
        for (int set = 0; set < 3; set++)
            if (belongs(&fds[i], set))
                sets[set]->fds_bits[fds[i].fd / NFDBITS] |= (fd_mask)(1ul << (fds[i].fd % NFDBITS));
}

static int select_all(int count, fd_set **sets, const struct timespec *timeout)
{
    nfds_t used = 0;
    for (int fd = 0; fd < count; fd++)
        used += is_in(sets[0], fd) || is_in(sets[1], fd) || is_in(sets[2], fd);
    struct pollfd on_stack[2 * ON_STACK];
    struct pollfd *asked = used <= ON_STACK ? on_stack : large_copy(2 * used), *fds = asked + used;
    nfds_t i = 0;
    for (int fd = 0; fd < count; fd++) {
        short events = 0;
        for (int set = 0; set < 3; set++)
            if (is_in(sets[set], fd))
                events |= select_events[set].asked;
        if (events)
            asked[i++] = (struct pollfd){.fd = fd, .events = events};
    }
    struct select_call call = {.sets = sets};
    int result = wait_for(asked, fds, used, timeout, attempt_select, &call);
    /* The numbers are the program's again, the answers are the last ones. */
    if (result >= 0)
        put_results(sets, count, fds, used);
    return result;
}

LC_EXPORT int pselect(int count, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,
                      const sigset_t *mask)
{
    if (!lc_controlled())
        return LC_REAL(pselect)(count, in, out, except, timeout, mask);
    if (count < 0 || (timeout && (!lc_timespec_valid(timeout) || timeout->tv_sec < 0))) {
        errno = EINVAL;
        return -1;
    }
    struct mask_change change;
    timeout = begin_mask(&change, mask, timeout);
    fd_set *sets[3] = {in, out, except};
    return end_mask(&change,
                    select_all(count < LC_MAX_DESCRIPTOR ? count : LC_MAX_DESCRIPTOR, sets, timeout));
}

LC_EXPORT int select(int count, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
    if (!lc_controlled())
        return LC_REAL(select)(count, in, out, except, timeout);
    if (!timeout)
        return pselect(count, in, out, except, NULL, NULL);
    struct timespec time = {timeout->tv_sec + timeout->tv_usec / 1000000,
                            timeout->tv_usec % 1000000 * NS_PER_US};
    int64_t end_ns = lc_deadline_in(&time);
    int result = pselect(count, in, out, except, &time, NULL);
    int64_t left_ns =
        end_ns > lc.now_ns ? end_ns - lc.now_ns : 0; /* Linux says how long it would have waited */
    if (end_ns != LC_NEVER)
        *timeout = (struct timeval){left_ns / NS_PER_S, left_ns % NS_PER_S / NS_PER_US};
    return result;
}

/* ---- epoll ---- */

LC_EXPORT int epoll_create1(int flags)
{
    if (!lc_controlled())
        return LC_REAL(epoll_create1)(flags);
    lc_descriptor_point(LC_OP_FILE_OPEN, NULL);
    int fd = LC_REAL(epoll_create1)(flags);
    if (fd >= 0)
        lc_file_new(fd, LC_FILE_EPOLL, "epoll instance", NULL);
    return fd;
}

LC_EXPORT int epoll_create(int size)
{
    if (!lc_controlled() || size <= 0)
        return LC_REAL(epoll_create)(size);
    return epoll_create1(0);
}

LC_EXPORT int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    if (!lc_descriptor_controlled(epoll))
        return LC_REAL(epoll_ctl)(epoll, operation, fd, event);
    struct lc_file *file = lc_descriptor_enter(epoll, LC_OP_FILE_CONTROL);
    int result = LC_REAL(epoll_ctl)(epoll, operation, fd, event);
    int saved = errno;
    if (file) {
        lc_descriptors_changed();
        lc_file_release(file);
    }
    errno = saved;
    return result;
}

struct epoll_call {
    struct epoll_event *events;
    int room;
};

static int attempt_epoll(void *argument, struct lc_descriptor_wait *w)
{
    const struct epoll_call *call = argument;
    return (int)syscall(SYS_epoll_pwait, w->fds[0].fd, call->events, call->room, 0, NULL, 8);
}

LC_EXPORT int epoll_pwait2(int epoll, struct epoll_event *events, int room, const struct timespec *timeout,
                           const sigset_t *mask)
{
    if (!lc_controlled())
        return LC_REAL(epoll_pwait2)(epoll, events, room, timeout, mask);
    if (timeout && (!lc_timespec_valid(timeout) || timeout->tv_sec < 0)) {
        errno = EINVAL;
        return -1;
    }
    struct mask_change change;
    timeout = begin_mask(&change, mask, timeout);
    struct epoll_call call = {events, room};
    struct pollfd asked = {.fd = epoll, .events = POLLIN}, fds;
    int result = wait_for(&asked, &fds, 1, timeout, attempt_epoll, &call);
    if (result > 0)
        lc_descriptors_changed(); /* what was due once may not be due any more */
    return end_mask(&change, result);
}

LC_EXPORT int epoll_pwait(int epoll, struct epoll_event *events, int room, int timeout_ms,
                          const sigset_t *mask)
{
    if (!lc_controlled())
        return LC_REAL(epoll_pwait)(epoll, events, room, timeout_ms, mask);
    struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * NS_PER_MS};
    return epoll_pwait2(epoll, events, room, timeout_ms < 0 ? NULL : &timeout, mask);
}

LC_EXPORT int epoll_wait(int epoll, struct epoll_event *events, int room, int timeout_ms)
{
    if (!lc_controlled())
        return LC_REAL(epoll_wait)(epoll, events, room, timeout_ms);
    return epoll_pwait(epoll, events, room, timeout_ms, NULL);
}
