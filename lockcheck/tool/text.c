/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages, memory and small text work of the command: see text.h. */
#include "lockcheck/tool/text.h"
#include "lockcheck/tool/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void say(const char *prefix, const char *format, va_list arguments)
{
    progress_clear();
    fflush(stdout);
    fprintf(stderr, "lockcheck: %s", prefix);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say("", format, arguments);
    va_end(arguments);
}

void warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say("warning: ", format, arguments);
    va_end(arguments);
}

static void *insist(void *memory)
{
    if (!memory) {
        complain("out of memory");
        exit(EXIT_UNCONTROLLED);
    }
    return memory;
}

void *allocate(size_t bytes)
{
    return insist(calloc(1, bytes ? bytes : 1));
}

void *reallocate(void *memory, size_t bytes)
{
    return insist(realloc(memory, bytes ? bytes : 1));
}

char *copy_text(const char *text)
{
    return insist(strdup(text));
}

void *copy_bytes(const void *bytes, size_t length)
{
    void *copy = allocate(length + 1);
    if (length)
        memcpy(copy, bytes, length);
    return copy;
}

char *print_text(const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    return insist(text);
}

const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* Bytes of the UTF-8 character at text (Unicode 15, table 3-7), 0 when it is none. */
static size_t utf8_character(const unsigned char *text, size_t length)
{
    unsigned char first = text[0];
    if (first < 0x80)
        return 1;
    size_t bytes = first >= 0xc2 && first <= 0xdf   ? 2
                   : first >= 0xe0 && first <= 0xef ? 3
                   : first >= 0xf0 && first <= 0xf4 ? 4
                                                    : 0;
    if (!bytes || bytes > length)
        return 0;
    for (size_t i = 1; i < bytes; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] > 0x9f) ||
        (first == 0xf0 && text[1] < 0x90) || (first == 0xf4 && text[1] > 0x8f))
        return 0;
    return bytes;
}

void make_utf8(char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        unsigned char c = (unsigned char)text[i];
        size_t bytes = utf8_character((unsigned char *)text + i, length - i);
        if (!bytes || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
            text[i] = '?';
            bytes = 1;
        }
        i += bytes;
    }
}

int is_utf8(const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0, bytes; i < length; i += bytes)
        if (!(bytes = utf8_character((const unsigned char *)text + i, length - i)))
            return 0;
    return 1;
}

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A regular file opened for reading, or -1 with errno. A FIFO would block without O_NONBLOCK. */
static int open_regular(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    int error = fstat(fd, &st) != 0       ? errno
                : !S_ISREG(st.st_mode)    ? EISDIR
                : st.st_size > READ_LIMIT ? EFBIG
                                          : 0;
    if (!error)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

/* Appends what can be read up to the limit. Returns 0, or -1 with errno. */
static int read_to_end(int fd, char **content, size_t *length)
{
    size_t room = 65536;
    *content = allocate(room);
    for (;;) {
        ssize_t n = read(fd, *content + *length, room - *length - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        *length += (size_t)n;
        if (*length > (size_t)READ_LIMIT) { /* it grows, or its size is not known to the system */
            errno = EFBIG;
            return -1;
        }
        if (room - *length < 2)
            *content = reallocate(*content, room *= 2);
    }
}

char *read_whole_file(const char *path, size_t *length)
{
    char *content = NULL;
    size_t used = 0;
    int fd = open_regular(path);
    if (fd < 0)
        return NULL;
    int result = read_to_end(fd, &content, &used), error = errno;
    close(fd);
    if (result != 0) {
        free(content);
        errno = error;
        return NULL;
    }
    content[used] = 0;
    if (length)
        *length = used;
    return content;
}

const char *read_problem(int error)
{
    return error == EISDIR  ? "not a regular file"
           : error == EFBIG ? "larger than 1 GiB, which no file of lockcheck's is"
                            : strerror(error);
}
