/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The schedule file: everything that is needed to run one execution again.
 *
 *     lockcheck-schedule 1
 *     program: "/usr/bin/something"            JSON text
 *     argv: ["something", "--option"]          JSON
 *     cwd: "/home/me"                          JSON text
 *     build-id: 0123abcd
 *     seed: 1
 *     strategy: random
 *     schedule: 17                             its number; 0: it ended before the checkpoint
 *     sleepers: 3                              threads held ready; without this line, 0
 *     points: memory                           or auto; without this line, sync
 *     detect: lock-order,data-race             detectors asked for; without this line, none
 *     report: 1                                it ends with the execution's report of this number; without this
 *                                              line, where the execution cannot go on
 *     passed: 1                                findings that it has gone on after, see LC_PASSED_MAX; without
 *                                              this line, none
 *     earlier: 12ab 4011d3                     of a report: struct lc_earlier, in hexadecimal
 *     kind: deadlock                           what it ended with; "clean" for nothing
 *     steps: 1234
 *     execution-hash: 0123456789abcdef
 *     decisions:
 *     1*12 3*1 0*1 2*5                         THREAD*COUNT, in lines of up to 100 characters
 *     end crc32=01234567
 *
 * The headers come in this order, each once; those of `sleepers` to `earlier` may be missing. A decision is the thread
 * that ran (0: time passed to the next deadline) and how many times in a row. The CRC-32 (zlib's) is over all
 * bytes before the last line; nothing follows that line. Lines end with a line feed. So any change to the
 * file is noticed.
 */
#ifndef LOCKCHECK_TOOL_SCHEDULE_H
#define LOCKCHECK_TOOL_SCHEDULE_H

#include "lockcheck/runtime/channel.h"

#include <stddef.h>
#include <stdint.h>

#define SCHEDULE_FILE_VERSION 1

struct schedule {
    char *program;
    char **argv; /* NULL at the end */
    char *cwd;
    char *build_id;
    uint64_t seed;
    char *strategy;
    uint64_t number;
    uint64_t sleepers; /* see lockcheck/tool/launch.h */
    uint32_t points;   /* enum lc_points */
    uint32_t detect;   /* set of LC_DETECT_* */
    struct lc_earlier earlier;
    uint64_t report; /* 0 to LC_REPORTS */
    uint64_t passed; /* 0 to LC_PASSED_MAX */
    char *kind;
    uint64_t steps;
    uint64_t hash;
    uint8_t *decisions; /* varint pairs, as in the channel */
    size_t decisions_bytes;
};

/* The file's text. Returns memory that the caller frees and its length, or NULL if the decisions are not
 * whole pairs. */
char *schedule_print(const struct schedule *schedule, size_t *length);

/*
 * Reads a file's text, which need not end with a NUL. Returns NULL and fills in schedule, or returns what is
 * wrong, naming the line, as text that the caller frees.
 */
char *schedule_parse(struct schedule *schedule, const char *text, size_t length);

/* Reads a file for a replay. Returns 0, or -1 after saying what is wrong. */
int schedule_read(struct schedule *schedule, const char *path);

void schedule_free(struct schedule *schedule);

/* 1 when the file begins as schedules do, 0 when it does not, -1 with errno when it cannot be read. */
int schedule_begins(const char *path);

#endif
