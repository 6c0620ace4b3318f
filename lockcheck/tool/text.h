/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages, memory and small text work of the command.
 *
 * The allocator policy is one: these functions never return NULL; out of memory ends the command with exit
 * code 3. Every message of the command to its user on standard error goes through complain() or warn().
 */
#ifndef LOCKCHECK_TOOL_TEXT_H
#define LOCKCHECK_TOOL_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Exit codes of the command. */
enum exit_code {
    EXIT_CLEAN = 0,
    EXIT_FINDING = 1,
    EXIT_USAGE = 2,
    EXIT_UNCONTROLLED = 3,
    EXIT_INTERRUPTED = 128, /* only inside: see end_by_interrupt() of launch.h */
};

/* Writes "lockcheck: MESSAGE" on standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Writes "lockcheck: warning: MESSAGE" on standard error. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

void *allocate(size_t bytes);
void *reallocate(void *memory, size_t bytes);
/* The caller frees what these return. */
char *copy_text(const char *text);
void *copy_bytes(const void *bytes, size_t length);
char *print_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The ending of the noun after a number: "s", or "" after 1. */
const char *plural(uint64_t count);

/* Replaces what is not UTF-8, and control characters but newline and tab, by '?'. In place; length in bytes.
 */
void make_utf8(char *text, size_t length);
/* 1 when the text is valid UTF-8. */
int is_utf8(const char *text);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t now_ns(void);

/* The largest file that is read. */
#define READ_LIMIT (1ll << 30)

/* Reads a whole file. Returns memory that the caller frees, with a NUL after the content, or NULL with errno:
 * EISDIR also for any other file that is not a regular one (it could block, or have no end), EFBIG above
 * READ_LIMIT. read_problem() says what is wrong with errno in a phrase. */
char *read_whole_file(const char *path, size_t *length);
const char *read_problem(int error);

#endif
