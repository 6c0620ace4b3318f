/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Figures of the schedules of a hunt. They end in any order and are summed up in the order of their numbers,
 * so that sums over the schedules up to some number do not depend on the number of jobs.
 */
#ifndef LOCKCHECK_TOOL_TALLY_H
#define LOCKCHECK_TOOL_TALLY_H

#include "lockcheck/tool/distinct.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENDED_GROUPS 16u /* findings of one execution that are counted */

/* One schedule that has ended. */
struct ended {
    uint64_t schedule, steps, hash;
    bool truncated;                /* given up at the step limit */
    bool cut;                      /* given up by the strategy */
    uint32_t groups[ENDED_GROUPS]; /* of its findings, each once, from 1; then 0 */
};

/* The schedule showed a finding of that group. */
void ended_add(struct ended *ended, uint32_t group);

struct tally {
    uint64_t next;      /* the lowest number that is not summed up */
    uint64_t stride;    /* numbers of this hunt lie so far apart: the number of shards */
    uint64_t schedules; /* summed up, and of these: */
    uint64_t truncated, cut;
    uint64_t steps;
    uint64_t hash;            /* sum of the mixed execution hashes: it does not depend on the order */
    struct distinct distinct; /* executions, by hash */
    uint64_t *found;          /* how many showed a finding of group i + 1 */
    size_t groups;
    struct ended *waiting; /* ended, but one before them has not; in the order of their numbers */
    size_t waiting_count, waiting_room;
};

/* Has every schedule been given up, so that the hunt tells nothing? Those that the strategy cut off are not
 * counted: they are equal to others. */
bool tally_all_truncated(const struct tally *tally);

/* A hunt that takes first, first + stride, first + 2 * stride, ... */
void tally_init(struct tally *tally, uint64_t first, uint64_t stride);
void tally_free(struct tally *tally);

/* A schedule has ended; it and those waiting for it are summed up as far as `last`. */
void tally_add(struct tally *tally, struct ended ended, uint64_t last);

/* Is that number waiting to be summed up? */
bool tally_waits(const struct tally *tally, uint64_t schedule);

/* The highest number that waits, 0 when none does. */
uint64_t tally_last_waiting(const struct tally *tally);

/* Those that wait and come after `last` are forgotten: they are still to be explored. */
void tally_forget(struct tally *tally, uint64_t last);

/* Those that wait are summed up although numbers before them are missing. */
void tally_settle(struct tally *tally);

/* How many of those summed up showed a finding of that group. */
uint64_t tally_found(const struct tally *tally, uint32_t group);

/* Nothing summed up showed a finding of that group, and the groups after it move up by one. */
void tally_drop_group(struct tally *tally, uint32_t group);

/* The whole of it as JSON, new, and back. tally_parse() returns 0, or -1 when json is not that. */
json_t *tally_print(const struct tally *tally);
int tally_parse(struct tally *tally, const json_t *json);

/* Adds what another tally has summed up, but for findings; what waits there is not looked at. */
void tally_join(struct tally *tally, const struct tally *other);

#endif
