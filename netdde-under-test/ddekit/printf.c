/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit messages: each is made in memory and written by one system call.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <ddekit/panic.h>
#include <ddekit/printf.h>

/* The console of the one system there is. */
static _Atomic int console = STDERR_FILENO;

void ddekit_print_to(int fd)
{
    console = fd;
}

static void write_to(int fd, const char *text, size_t size)
{
    int saved = errno;

    while (fd >= 0 && size) {
        ssize_t written = write(fd, text, size);

        if (written < 0 && errno != EINTR)
            break; /* there is nobody left to tell */
        if (written > 0) {
            text += written;
            size -= (size_t)written;
        }
    }
    errno = saved;
}

int ddekit_print(const char *msg)
{
    size_t size = strlen(msg);

    write_to(console, msg, size);
    return (int)size;
}

int ddekit_vprintf(const char *fmt, va_list va)
{
    char text[DDEKIT_PRINT_MAX];

    vsnprintf(text, sizeof text, fmt, va);
    return ddekit_print(text);
}

int ddekit_printf(const char *fmt, ...)
{
    va_list va;
    int size;

    va_start(va, fmt);
    size = ddekit_vprintf(fmt, va);
    va_end(va);
    return size;
}

/* Writes the message as a line of its own, even when messages go nowhere: what follows is the end. */
void ddekit_panic(const char *fmt, ...)
{
    char text[DDEKIT_PRINT_MAX];
    va_list va;

    va_start(va, fmt);
    vsnprintf(text, sizeof text, fmt, va);
    va_end(va);
    write_to(STDERR_FILENO, "ddekit: ", 8);
    write_to(STDERR_FILENO, text, strlen(text));
    write_to(STDERR_FILENO, "\n", 1);
    abort();
}

void ddekit_debug(const char *fmt, ...)
{
    va_list va;

    va_start(va, fmt);
    ddekit_vprintf(fmt, va);
    va_end(va);
    ddekit_print("\n");
}
