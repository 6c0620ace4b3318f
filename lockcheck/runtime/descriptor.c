/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors through which the threads of the program wait for each other: pipes, eventfds, sockets, and
 * epoll instances over them. This file knows which numbers are controlled and how a thread waits for them;
 * the operations are in descriptor_open.c, descriptor_transfer.c, descriptor_socket.c, descriptor_poll.c.
 *
 * The kernel keeps the truth: what is in a pipe, who has closed what, which events are due. An operation is a
 * scheduling point and then a system call that cannot block. Where it would have blocked the thread waits in
 * the scheduler, and after every operation on any controlled descriptor one poll() over all that wait says
 * who can run. So a thread is enabled exactly when the kernel would have woken it.
 *
 * A wait in which nobody but this process takes part is like any other: when nothing can run it is a hang.
 * Where the world outside is the only one who can end it (standard input, a child's pipe, a connection to
 * another program), the thread blocks for real, and the command's watchdog names it. Where both can, it waits
 * in the scheduler until nothing can run, and for real then.
 *
 * Left out: FIFOs (open() of one blocks in the kernel), timerfd, signalfd, inotify, message queues,
 * terminals, asynchronous I/O, io_uring: these are the world outside. Operations that the C library makes
 * inside of itself, above all those of a FILE, are not seen; what they did is noticed at the next operation
 * that is seen, when time passes, or when nothing else can run.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lockcheck/detect/detect.h"
#include "lockcheck/runtime/descriptor.h"

#define SETTLE_MS 100 /* TCP over the loopback may take that long to arrive */

struct lc_file **lc_files_by_number;
struct lc_file lc_closed_file;
int lc_highest_descriptor = -1;
struct lc_file *lc_files;

static struct lc_file *free_files;
static struct lc_object *table_object;   /* stands for the meaning of all numbers */
static struct lc_descriptor_wait *waits; /* newest first */
static uint64_t changes;                 /* operations on controlled descriptors so far */
static struct pollfd *look;              /* for the look at all waits at once */
static nfds_t look_room;

int lc_poll_now(struct pollfd *fds, nfds_t count)
{
    return (int)syscall(SYS_poll, fds, count, 0);
}

/* ---- numbers and files ---- */

static struct lc_object *the_table(void)
{
    if (!table_object) {
        table_object = lc_object_new(&table_object, LC_KIND_DESCRIPTOR);
        table_object->kind_name = "descriptor table";
        lc_object_name(table_object, NULL, "the table of descriptors");
    }
    return table_object;
}

void lc_descriptor_point(enum lc_op op, struct lc_object *object)
{
    struct lc_object *table = the_table();
    lc_self->object2 = object ? table : NULL;
    lc_point(op, object ? object : table);
    lc_self->object2 = NULL;
}

struct lc_file *lc_descriptor_enter(int fd, enum lc_op op)
{
    struct lc_file *file = lc_file_at(fd);
    lc_descriptor_point(op, file == LC_CLOSED ? NULL : file->object);
    file = lc_file_at(fd);
    if (!file || file == LC_CLOSED)
        return NULL;
    if (unlikely(file->inherited))
        lc_uncontrolled(
            "{t%u} uses descriptor %d, {o%u}, made before the checkpoint: all schedules would share "
            "it",
            lc_self->id, fd, file->object->id);
    file->references++;
    return file;
}

struct lc_file *lc_file_new(int fd, enum lc_file_type type, const char *kind, struct lc_object *object)
{
    if (fd >= LC_MAX_DESCRIPTOR)
        return NULL;
    if (!lc_files_by_number)
        lc_files_by_number = lc_allocate(LC_MAX_DESCRIPTOR * sizeof *lc_files_by_number);
    struct lc_file *file = free_files;
    if (file)
        free_files = file->next;
    else
        file = lc_allocate(sizeof *file);
    *file = (struct lc_file){.next = lc_files, .type = type, .reads = true, .writes = true};
    lc_files = file;
    if (!object) {
        /* An address that is the same in every schedule where the program does the same. */
        const void *address = &lc_files_by_number[fd];
        const struct lc_object *old = lc_object_find(address);
        object = lc_object_new(old ? (void *)file : address, LC_KIND_DESCRIPTOR);
        object->kind_name = kind;
    }
    file->object = object;
    object->value++;
    lc_descriptor_set(fd, file);
    lc_emit(LC_OP_INIT, object, fd);
    return file;
}

void lc_file_pair(struct lc_file *a, struct lc_file *b)
{
    a->peer = b;
    b->peer = a;
    a->paired = b->paired = true;
}

void lc_file_release(struct lc_file *file)
{
    if (--file->references)
        return;
    if (file->peer)
        file->peer->peer = NULL;
    if (--file->object->value == 0) {
        lc_emit(LC_OP_DESTROY, file->object, 0);
        lc_object_forget(file->object);
    }
    struct lc_file **link = &lc_files;
    while (*link != file)
        link = &(*link)->next;
    *link = file->next;
    file->next = free_files;
    free_files = file;
}

void lc_descriptor_set(int fd, struct lc_file *file)
{
    if (fd < 0 || fd >= LC_MAX_DESCRIPTOR || !lc_files_by_number)
        return;
    struct lc_file *before = lc_files_by_number[fd];
    if (file)
        file->references++;
    lc_files_by_number[fd] = file ? file : before ? LC_CLOSED : NULL;
    if (file && fd > lc_highest_descriptor)
        lc_highest_descriptor = fd;
    if (before && before != LC_CLOSED)
        lc_file_release(before);
}

int lc_descriptor_of(const struct lc_file *file)
{
    for (int fd = 0; fd <= lc_highest_descriptor; fd++)
        if (lc_files_by_number[fd] == file)
            return fd;
    return -1;
}

/* It came in a message of this process, perhaps from itself: KCMP_FILE of kcmp(2) tells. */
void lc_descriptor_received(int fd)
{
    pid_t pid = (pid_t)syscall(SYS_getpid);
    for (struct lc_file *file = lc_files; file; file = file->next) {
        int other = lc_descriptor_of(file);
        if (other >= 0 && other != fd && syscall(SYS_kcmp, pid, pid, 0, fd, other) == 0) {
            lc_descriptor_set(fd, file);
            return;
        }
    }
    lc_descriptor_set(fd, NULL);
}

/* ---- who can end a wait ---- */

/* An epoll instance reaches as far as what is in it: proc(5), /proc/PID/fdinfo. */
static enum lc_reach reach_of_epoll(const struct lc_file *file)
{
    char path[64], text[16384];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", lc_descriptor_of(file));
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    ssize_t length = fd < 0 ? -1 : syscall(SYS_read, fd, text, sizeof text - 1);
    if (fd >= 0)
        syscall(SYS_close, fd);
    if (length < 0)
        return LC_REACH_BOTH;
    text[length] = 0;
    for (const char *line = text; (line = strstr(line, "tfd:")); line++) {
        int target;
        if (sscanf(line, "tfd: %d", &target) != 1)
            continue;
        const struct lc_file *inside = lc_file_at(target);
        if (inside == LC_CLOSED || (inside && inside->type == LC_FILE_EPOLL))
            continue;
        if (lc_file_reach(inside) != LC_REACH_OWN)
            return LC_REACH_BOTH;
    }
    return LC_REACH_OWN;
}

enum lc_reach lc_file_reach(const struct lc_file *file)
{
    if (!file || file == LC_CLOSED || file->remote)
        return LC_REACH_OTHERS;
    if (file->paired && !file->peer)
        return LC_REACH_OTHERS; /* the kernel would report an end that nobody has */
    if (file->shared)
        return LC_REACH_BOTH;
    if (file->type == LC_FILE_EPOLL)
        return reach_of_epoll(file);
    if (file->type != LC_FILE_SOCKET || file->paired || file->connected || file->accepted_own)
        return LC_REACH_OWN;
    return LC_REACH_BOTH;
}

static enum lc_reach reach_of_wait(const struct lc_descriptor_wait *w)
{
    bool own = false, others = false;
    for (nfds_t i = 0; i < w->count; i++) {
        if (w->fds[i].fd < 0)
            continue;
        enum lc_reach reach = lc_file_reach(lc_file_at(w->fds[i].fd));
        own |= reach != LC_REACH_OTHERS;
        others |= reach != LC_REACH_OWN;
    }
    return !others ? LC_REACH_OWN : own ? LC_REACH_BOTH : LC_REACH_OTHERS;
}

void lc_descriptors_shared(void)
{
    for (struct lc_file *file = lc_files; file; file = file->next)
        file->shared = true;
}

/* Children that have all been waited for share nothing any more. */
static void forget_children(void)
{
    siginfo_t info;
    int saved = errno;
    if (syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT, NULL) < 0 && errno == ECHILD)
        for (struct lc_file *file = lc_files; file; file = file->next)
            file->shared = false;
    errno = saved;
}

/* ---- waits ---- */

/* The descriptors of a wait into `to`. Files of the world outside are looked at only when nothing can run:
 * until then an execution is not to depend on them. */
static void fill(struct pollfd *to, const struct lc_descriptor_wait *w, bool everything)
{
    for (nfds_t i = 0; i < w->count; i++) {
        const struct lc_file *file = lc_file_at(w->fds[i].fd);
        to[i] = w->fds[i];
        to[i].revents = 0;
        if (!everything && (!file || file == LC_CLOSED || file->remote))
            to[i].fd = -1;
    }
}

static struct pollfd *room_to_look(nfds_t count)
{
    if (count > look_room) {
        look_room = count < 64 ? 64 : count * 2;
        look = lc_allocate(look_room * sizeof *look);
    }
    return look;
}

static bool can_go_on(const struct lc_descriptor_wait *w)
{
    return w->block || (w->ready && (w->seen != changes || w->came_unseen));
}

/* Look at all waits. timeout_ms: the kernel's, in real time. */
static void look_at_all(bool everything, int timeout_ms)
{
    nfds_t count = 0;
    for (struct lc_descriptor_wait *w = waits; w; w = w->next)
        count += w->count;
    struct pollfd *p = room_to_look(count);
    for (struct lc_descriptor_wait *w = waits; w; p += w->count, w = w->next)
        fill(p, w, everything);
    syscall(SYS_poll, look, count, timeout_ms);
    p = look;
    for (struct lc_descriptor_wait *w = waits; w; w = w->next) {
        w->ready = false;
        for (nfds_t i = 0; i < w->count; i++)
            w->ready |= (p++)->revents != 0;
    }
}

void lc_descriptors_look(void)
{
    if (!waits)
        return;
    int saved = errno;
    look_at_all(false, 0);
    for (struct lc_descriptor_wait *w = waits; w; w = w->next)
        lc_set_available(w->thread, can_go_on(w));
    errno = saved;
}

void lc_descriptors_changed(void)
{
    changes++;
    lc_descriptors_look();
}

bool lc_descriptors_ready(const struct lc_thread *t)
{
    struct lc_descriptor_wait *w = t->descriptor_wait;
    struct pollfd *p = room_to_look(w->count);
    fill(p, w, w->came_unseen);
    w->ready = lc_poll_now(p, w->count) != 0;
    return can_go_on(w);
}

static bool tcp_is_used(void)
{
    for (const struct lc_file *file = lc_files; file; file = file->next)
        if (file->type == LC_FILE_SOCKET && file->domain != AF_UNIX)
            return true;
    return false;
}

/* Nothing can run and no deadline is due. Is it so that something has happened out of our sight, or that the
 * world outside has to act? Then lets a thread go on. */
bool lc_descriptors_rescue(void)
{
    if (!waits)
        return false;
    int saved = errno;
    bool found = false;
    look_at_all(true, tcp_is_used() ? SETTLE_MS : 0);
    for (struct lc_descriptor_wait *w = waits; w; w = w->next) {
        if (!w->ready || w->unseen == changes + 1)
            continue;
        w->came_unseen = found = true;
        w->unseen = changes + 1;
        lc_enable(w->thread);
    }
    if (!found)
        forget_children();
    for (struct lc_descriptor_wait *w = waits; w && !found; w = w->next) {
        if (reach_of_wait(w) == LC_REACH_OWN)
            continue;
        w->block = found = true;
        lc_enable(w->thread);
    }
    errno = saved;
    return found;
}

void lc_descriptor_wait_init(struct lc_descriptor_wait *w, const struct pollfd *asked, struct pollfd *fds,
                             nfds_t count)
{
    *w = (struct lc_descriptor_wait){.thread = lc_self, .asked = asked, .fds = fds, .count = count};
    memcpy(fds, asked, count * sizeof *fds);
}

void lc_descriptor_wait_end(struct lc_descriptor_wait *w)
{
    bool closed = false;
    for (nfds_t i = 0; i < w->count; i++)
        if (w->fds[i].fd != w->asked[i].fd) {
            lc_descriptor_set(w->fds[i].fd, NULL);
            syscall(SYS_close, w->fds[i].fd);
            w->fds[i].fd = w->asked[i].fd;
            closed = true;
        }
    if (closed)
        lc_descriptors_changed();
}

/* The program is about to close the number: those that wait for its file keep the file. */
void lc_descriptor_keep_for_waits(int fd)
{
    for (struct lc_descriptor_wait *w = waits; w; w = w->next)
        for (nfds_t i = 0; i < w->count; i++) {
            if (w->fds[i].fd != fd)
                continue;
            int hidden = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, LC_FIRST_HIDDEN_FD);
            if (hidden < 0)
                continue;
            lc_descriptor_set(hidden, lc_file_at(fd));
            w->fds[i].fd = hidden;
        }
}

bool lc_descriptor_is_kept(int fd)
{
    for (const struct lc_descriptor_wait *w = waits; w; w = w->next)
        for (nfds_t i = 0; i < w->count; i++)
            if (w->fds[i].fd == fd && w->asked[i].fd != fd)
                return true;
    return false;
}

/* Until the world outside does something to anybody who waits for it. */
static void block_for_real(void)
{
    look_at_all(true, -1);
    changes++;
    for (struct lc_descriptor_wait *w = waits; w; w = w->next) {
        w->came_unseen = w->ready;
        w->unseen = changes + 1;
        lc_set_available(w->thread, can_go_on(w));
    }
}

static void link_wait(struct lc_descriptor_wait *w)
{
    w->next = waits;
    waits = w;
    w->thread->descriptor_wait = w;
}

static void unlink_wait(struct lc_descriptor_wait *w)
{
    struct lc_descriptor_wait **link = &waits;
    while (*link != w)
        link = &(*link)->next;
    *link = w->next;
    w->thread->descriptor_wait = NULL;
}

enum lc_wait_end lc_descriptor_wait(struct lc_descriptor_wait *w, enum lc_op op, struct lc_object *object,
                                    int64_t deadline_ns)
{
    struct lc_thread *me = lc_self;
    w->ready = w->came_unseen = w->block = false;
    w->seen = changes;
    link_wait(w);
    me->object2 = object == table_object ? NULL : table_object;
    me->cancellable = me->interruptible = me->event_wait = true;
    me->interrupted = LC_NOT_INTERRUPTED;
    bool ready = lc_acquire(op, object, deadline_ns);
    me->cancellable = me->interruptible = me->event_wait = false;
    me->object2 = NULL;
    if (w->block)
        block_for_real();
    unlink_wait(w);
    enum lc_interruption interrupted = me->interrupted;
    me->interrupted = LC_NOT_INTERRUPTED;
    /* The kernel gives the call up before the handler runs. */
    if (interrupted != LC_NOT_INTERRUPTED)
        return interrupted == LC_INTERRUPTED ? LC_WAIT_INTERRUPTED : LC_WAIT_RESTART;
    if (ready)
        return LC_WAIT_READY;
    if (me->cancel_requested && !me->cancel_disabled) {
        lc_descriptor_wait_end(w);
        lc_test_cancel();
    }
    return LC_WAIT_TIMED_OUT;
}

/* ---- the story of a hang ---- */

static void tell_of_one(const struct lc_thread *t, const struct pollfd *asked, int number)
{
    const struct lc_file *file = lc_file_at(number);
    if (!file || file == LC_CLOSED)
        return;
    const char *what = asked->events & (POLLIN | POLLPRI) ? "something comes out of" : "there is room in";
    char peer[64] = "";
    if (file->paired && file->peer)
        snprintf(peer, sizeof peer, "; its other end is descriptor %d", lc_descriptor_of(file->peer));
    lc_note("{t%u} waits until %s descriptor %d, {o%u}%s%s", t->id, what, asked->fd, file->object->id,
            number != asked->fd ? ", which has been closed since" : "", peer);
}

static void explain(void)
{
    for (uint32_t id = 1; id <= lc_thread_count(); id++) {
        const struct lc_thread *t = lc_thread_by_number(id);
        const struct lc_descriptor_wait *w = t->descriptor_wait;
        for (nfds_t i = 0; w && t->state == LC_BLOCKED && i < w->count; i++)
            tell_of_one(t, &w->asked[i], w->fds[i].fd);
    }
}

const struct lc_detector lc_detector_descriptor = {.name = "descriptor", .explain = explain};
