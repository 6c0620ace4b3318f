/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How controlled descriptors come to be, get other numbers, and go: pipe(), eventfd(), dup(), close().
 * Closing does not wake those that wait for the file in a system call, as Linux does not; its number is free
 * at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lockcheck/runtime/descriptor.h"

/* ---- new ones ---- */

/* libunwind keeps a pipe for itself, and what numbers the program gets must not depend on whether stacks are
 * taken. */
static int pipe_of_others(int fds[2], int flags)
{
    int result = LC_REAL(pipe2)(fds, flags);
    for (int i = 0; result == 0 && lc.unwinding && i < 2; i++)
        fds[i] = lc_hide(fds[i]);
    return result;
}

LC_EXPORT int pipe2(int fds[2], int flags)
{
    if (!lc_controlled())
        return pipe_of_others(fds, flags);
    lc_descriptor_point(LC_OP_FILE_OPEN, NULL);
    int result = LC_REAL(pipe2)(fds, flags);
    if (result)
        return result;
    struct lc_file *reading = lc_file_new(fds[0], LC_FILE_PIPE, "pipe", NULL);
    struct lc_file *writing = lc_file_new(fds[1], LC_FILE_PIPE, "pipe", reading ? reading->object : NULL);
    if (!reading || !writing)
        return result;
    reading->writes = writing->reads = false;
    reading->nonblocking = writing->nonblocking = flags & O_NONBLOCK;
    lc_file_pair(reading, writing);
    return result;
}

LC_EXPORT int pipe(int fds[2])
{
    if (!lc_controlled())
        return LC_REAL(pipe)(fds);
    return pipe2(fds, 0);
}

LC_EXPORT int eventfd(unsigned value, int flags)
{
    if (!lc_controlled())
        return LC_REAL(eventfd)(value, flags);
    lc_descriptor_point(LC_OP_FILE_OPEN, NULL);
    int fd = LC_REAL(eventfd)(value, flags);
    struct lc_file *file = fd < 0 ? NULL : lc_file_new(fd, LC_FILE_EVENTFD, "eventfd", NULL);
    if (file) {
        file->nonblocking = flags & EFD_NONBLOCK;
        file->semaphore = flags & EFD_SEMAPHORE;
    }
    return fd;
}

LC_EXPORT int eventfd_read(int fd, eventfd_t *value)
{
    return read(fd, value, sizeof *value) == sizeof *value ? 0 : -1;
}

LC_EXPORT int eventfd_write(int fd, eventfd_t value)
{
    return write(fd, &value, sizeof value) == sizeof value ? 0 : -1;
}

/* ---- other numbers for the same ---- */

/* fd is a second number of the file now, or an error. */
static int also(struct lc_file *file, int fd)
{
    int saved = errno;
    if (fd >= 0)
        lc_descriptor_set(fd, file);
    lc_file_release(file);
    lc_descriptors_changed();
    errno = saved;
    return fd;
}

LC_EXPORT int dup(int fd)
{
    struct lc_file *file = lc_descriptor_controlled(fd) ? lc_descriptor_enter(fd, LC_OP_FILE_CONTROL) : NULL;
    int copy = LC_REAL(dup)(fd);
    return file ? also(file, copy) : copy;
}

static int dup_to(int fd, int to, int flags, bool with_flags)
{
    bool known = lc_descriptor_controlled(fd), replaces = fd != to && lc_descriptor_controlled(to);
    struct lc_file *file = NULL;
    if (known)
        file = lc_descriptor_enter(fd, LC_OP_FILE_CONTROL);
    else if (replaces)
        lc_descriptor_point(LC_OP_FILE_CLOSE, lc_file_at(to) == LC_CLOSED ? NULL : lc_file_at(to)->object);
    if (fd != to && (known || replaces))
        lc_descriptor_keep_for_waits(to);
    int copy = with_flags ? LC_REAL(dup3)(fd, to, flags) : LC_REAL(dup2)(fd, to);
    if (file)
        return also(file, copy);
    if (replaces && copy >= 0) {
        lc_descriptor_set(to, NULL);
        lc_descriptors_changed();
    }
    return copy;
}

LC_EXPORT int dup2(int fd, int to)
{
    return dup_to(fd, to, 0, false);
}

LC_EXPORT int dup3(int fd, int to, int flags)
{
    return dup_to(fd, to, flags, true);
}

static int control(int (*real)(int, int, ...), int fd, int command, void *argument)
{
    if (!lc_descriptor_controlled(fd))
        return real(fd, command, argument);
    struct lc_file *file;
    int result;
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        file = lc_descriptor_enter(fd, LC_OP_FILE_CONTROL);
        result = real(fd, command, argument);
        return file ? also(file, result) : result;
    case F_SETFL:
        file = lc_descriptor_enter(fd, LC_OP_FILE_CONTROL);
        result = real(fd, command, argument);
        if (file && result == 0)
            file->nonblocking = (uintptr_t)argument & O_NONBLOCK;
        if (file)
            lc_file_release(file);
        return result;
    default:
        return real(fd, command, argument);
    }
}

LC_EXPORT int fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return control(LC_REAL(fcntl), fd, command, argument);
}

LC_EXPORT int fcntl64(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return control(LC_REAL(fcntl64), fd, command, argument);
}

LC_EXPORT int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    struct lc_file *file = lc_descriptor_controlled(fd) ? lc_descriptor_enter(fd, LC_OP_FILE_CONTROL) : NULL;
    int result = LC_REAL(ioctl)(fd, request, argument);
    if (file && request == FIONBIO && result == 0)
        file->nonblocking = *(int *)argument != 0;
    if (file)
        lc_file_release(file);
    return result;
}

/* ---- the end ---- */

/* The template's connection to the command is none of the program's descriptors. */
static bool is_ours(int fd)
{
    return unlikely(lc.active && fd == lc.socket && lc.generation == 0 && lc.inside == 0);
}

LC_EXPORT int close(int fd)
{
    if (is_ours(fd)) {
        errno = EBADF;
        return -1;
    }
    if (!lc_descriptor_controlled(fd))
        return LC_REAL(close)(fd);
    lc_test_cancel();
    struct lc_file *file = lc_file_at(fd);
    lc_descriptor_point(LC_OP_FILE_CLOSE, file == LC_CLOSED ? NULL : file->object);
    lc_descriptor_keep_for_waits(fd);
    int result = LC_REAL(close)(fd);
    int saved = errno;
    lc_descriptor_set(fd, NULL);
    lc_descriptors_changed();
    errno = saved;
    return result;
}

LC_EXPORT int fclose(FILE *stream)
{
    int fd = lc_highest_descriptor >= 0 ? fileno(stream) : -1;
    if (!lc_descriptor_controlled(fd))
        return LC_REAL(fclose)(stream);
    struct lc_file *file = lc_file_at(fd);
    lc_descriptor_point(LC_OP_FILE_CLOSE, file == LC_CLOSED ? NULL : file->object);
    lc_descriptor_keep_for_waits(fd);
    int result = LC_REAL(fclose)(stream);
    int saved = errno;
    lc_descriptor_set(fd, NULL);
    lc_descriptors_changed();
    errno = saved;
    return result;
}

/* What the runtime keeps there is spared, and with it what else the program may have among those numbers and
 * we do not control. */
LC_EXPORT int close_range(unsigned first, unsigned last, int flags)
{
    if (!lc_controlled() || flags || first > last)
        return LC_REAL(close_range)(first, last, flags);
    for (int fd = (int)(first < INT_MAX ? first : INT_MAX);
         fd <= lc_highest_descriptor && (unsigned)fd <= last; fd++)
        if (lc_file_at(fd) && lc_file_at(fd) != LC_CLOSED && !lc_descriptor_is_kept(fd))
            close(fd);
    unsigned end = LC_FIRST_HIDDEN_FD + LC_HIDDEN_FDS;
    if (first < LC_FIRST_HIDDEN_FD)
        LC_REAL(close_range)(first, last < LC_FIRST_HIDDEN_FD ? last : LC_FIRST_HIDDEN_FD - 1, 0);
    if (last >= end)
        LC_REAL(close_range)(first > end ? first : end, last, 0);
    return 0;
}

LC_EXPORT void closefrom(int first)
{
    if (!lc_controlled())
        LC_REAL(closefrom)(first);
    else
        close_range(first < 0 ? 0 : (unsigned)first, UINT_MAX, 0);
}
