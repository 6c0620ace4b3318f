/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors from before the checkpoint. The processes of all schedules would share their open files with
 * the template, and what one schedule left in a pipe the next would find there. So each schedule begins by
 * putting new files under the same numbers, in the state in which the template's are: pipes with what is in
 * them, eventfds with their count, socket pairs, and epoll instances over the new files.
 *
 * What cannot be made twice is refused when a schedule uses it: sockets other than empty pairs, epoll
 * instances inside of others, and what the program has shared with another process. An edge-triggered epoll
 * reports anew what was reported before the checkpoint and is still there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lockcheck/runtime/descriptor.h"

static int get_flags(int fd)
{
    return (int)syscall(SYS_fcntl, fd, F_GETFL);
}

static int unread(int fd)
{
    int bytes = 0;
    syscall(SYS_ioctl, fd, FIONREAD, &bytes);
    return bytes;
}

/* All numbers of the file (which may be none of ours, NULL) stand for the kernel's new file `fd`, with their
 * flags; fd itself is closed. */
static void put_under_its_numbers(const struct lc_file *file, int fd, int flags)
{
    for (int number = 0; file && number <= lc_highest_descriptor; number++)
        if (lc_files_by_number[number] == file) {
            bool on_exec = syscall(SYS_fcntl, number, F_GETFD) & FD_CLOEXEC;
            syscall(SYS_dup3, fd, number, on_exec ? O_CLOEXEC : 0);
        }
    syscall(SYS_fcntl, fd, F_SETFL, flags);
    syscall(SYS_close, fd);
}

static bool renew_pipe(const struct lc_file *file)
{
    const struct lc_file *reading = file->reads ? file : file->peer;
    const struct lc_file *writing = file->reads ? file->peer : file;
    int in = reading ? lc_descriptor_of(reading) : -1, out = writing ? lc_descriptor_of(writing) : -1;
    int any = in >= 0 ? in : out, bytes = in >= 0 ? unread(in) : 0;
    int fds[2];
    if (syscall(SYS_pipe2, fds, get_flags(any) & O_DIRECT) != 0)
        return false;
    long size = syscall(SYS_fcntl, any, F_GETPIPE_SZ);
    if (size != syscall(SYS_fcntl, fds[0], F_GETPIPE_SZ))
        syscall(SYS_fcntl, fds[0], F_SETPIPE_SZ, size);
    if (bytes && syscall(SYS_tee, in, fds[1], (size_t)bytes, SPLICE_F_NONBLOCK) != bytes) {
        syscall(SYS_close, fds[0]);
        syscall(SYS_close, fds[1]);
        return false;
    }
    int in_flags = in >= 0 ? get_flags(in) : 0, out_flags = out >= 0 ? get_flags(out) : 0;
    put_under_its_numbers(reading, fds[0], in_flags);
    put_under_its_numbers(writing, fds[1], out_flags);
    return true;
}

/* A line of the descriptor's entry in /proc: proc(5), /proc/PID/fdinfo. The text is valid until the next
 * call. */
static const char *information(int fd)
{
    static char text[16384];
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    ssize_t length = file < 0 ? 0 : syscall(SYS_read, file, text, sizeof text - 1);
    if (file >= 0)
        syscall(SYS_close, file);
    text[length > 0 ? length : 0] = 0;
    return text;
}

static bool renew_eventfd(const struct lc_file *file)
{
    int old = lc_descriptor_of(file);
    const char *line = strstr(information(old), "eventfd-count:");
    unsigned long count;
    if (!line || sscanf(line, "eventfd-count: %lx", &count) != 1)
        return false;
    int fd = (int)syscall(SYS_eventfd2, 0, file->semaphore ? EFD_SEMAPHORE : 0);
    if (fd < 0)
        return false;
    if (count && syscall(SYS_write, fd, &count, sizeof count) != sizeof count)
        lc_internal("cannot set an eventfd to its value at the checkpoint");
    put_under_its_numbers(file, fd, get_flags(old));
    return true;
}

static void copy_option(int from, int to, int option, int divisor)
{
    char value[64];
    socklen_t size = sizeof value;
    if (syscall(SYS_getsockopt, from, SOL_SOCKET, option, value, &size) != 0)
        return;
    if (divisor != 1)
        *(int *)value /= divisor;
    syscall(SYS_setsockopt, to, SOL_SOCKET, option, value, size);
}

static bool renew_pair(const struct lc_file *a)
{
    const struct lc_file *ends[2] = {a, a->peer};
    if (!a->paired || !a->peer)
        return false;
    int fds[2], old[2] = {lc_descriptor_of(a), lc_descriptor_of(a->peer)};
    struct pollfd p[2] = {{.fd = old[0], .events = POLLIN | POLLRDHUP},
                          {.fd = old[1], .events = POLLIN | POLLRDHUP}};
    if (lc_poll_now(p, 2) != 0 || /* something is in it, or it has been shut down */
        syscall(SYS_socketpair, a->domain, a->socket_type, a->protocol, fds) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        copy_option(old[i], fds[i], SO_RCVTIMEO, 1);
        copy_option(old[i], fds[i], SO_SNDTIMEO, 1);
        copy_option(old[i], fds[i], SO_PASSCRED, 1);
        copy_option(old[i], fds[i], SO_SNDBUF, 2); /* socket(7): the kernel doubles what it is given */
        copy_option(old[i], fds[i], SO_RCVBUF, 2);
        put_under_its_numbers(ends[i], fds[i], get_flags(old[i]));
    }
    return true;
}

static bool renew_epoll(const struct lc_file *file)
{
    int old = lc_descriptor_of(file), fd = (int)syscall(SYS_epoll_create1, 0);
    if (fd < 0)
        return false;
    for (const char *line = information(old); (line = strstr(line, "tfd:")); line++) {
        int target;
        struct epoll_event event;
        unsigned events;
        unsigned long data;
        if (sscanf(line, "tfd: %d events: %x data: %lx", &target, &events, &data) != 3)
            continue;
        const struct lc_file *inside = lc_file_at(target);
        if (inside && inside->type == LC_FILE_EPOLL) {
            syscall(SYS_close, fd);
            return false;
        }
        event.events = events;
        event.data.u64 = data;
        syscall(SYS_epoll_ctl, fd, EPOLL_CTL_ADD, target, &event);
    }
    put_under_its_numbers(file, fd, get_flags(old));
    return true;
}

static bool renew(const struct lc_file *file)
{
    if (file->shared)
        return false;
    switch (file->type) {
    case LC_FILE_PIPE:
        return renew_pipe(file);
    case LC_FILE_EVENTFD:
        return renew_eventfd(file);
    case LC_FILE_SOCKET:
        return renew_pair(file);
    default:
        return false;
    }
}

/* Both ends of a pair are made at once: at the one that comes first in the list. */
static bool comes_later(const struct lc_file *file)
{
    for (const struct lc_file *f = lc_files; f && f != file; f = f->next)
        if (f == file->peer)
            return true;
    return false;
}

void lc_descriptors_renew(void)
{
    for (struct lc_file *file = lc_files; file; file = file->next)
        if (file->type != LC_FILE_EPOLL && !comes_later(file) && !renew(file)) {
            file->inherited = true;
            if (file->peer)
                file->peer->inherited = true;
        }
    /* Last, as they are to hold the new files. */
    for (struct lc_file *file = lc_files; file; file = file->next)
        if (file->type == LC_FILE_EPOLL)
            file->inherited = !renew_epoll(file);
}
