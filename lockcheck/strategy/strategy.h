/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A strategy decides which thread takes the next step. It is three functions, one file, and nothing else of
 * lockcheck knows which strategy runs.
 */
#ifndef LOCKCHECK_STRATEGY_STRATEGY_H
#define LOCKCHECK_STRATEGY_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The "thread" whose step is the passing of time to the next deadline. */
#define LC_TIME 0u

/* What choose() returns when no choice it may make is possible; only replay does. */
#define LC_NO_CHOICE UINT32_MAX

/* What a schedule starts from. */
struct lc_schedule_settings {
    uint64_t seed;         /* of this schedule, already different for each schedule of a hunt */
    const uint8_t *replay; /* decisions to follow, see channel.h; owned by the channel */
    size_t replay_bytes;
};

/* What one step chooses from. Valid during the call only. */
struct lc_choice {
    const uint32_t *enabled; /* threads that can take a step, in ascending order of number */
    uint32_t count;          /* of enabled; may be 0 when time_possible */
    bool time_possible;      /* LC_TIME may be chosen: some thread waits for a deadline */
    bool yielded;            /* the current thread asked to let others run */
    uint32_t current;        /* the thread that took the step before */
    bool current_enabled;
    uint64_t step; /* number of this step, from 1 */
};

struct lc_strategy {
    const char *name;
    const char *about; /* one line for users */
    void (*begin)(const struct lc_schedule_settings *settings);
    /* Returns an element of choice->enabled, or LC_TIME where that is possible. */
    uint32_t (*choose)(const struct lc_choice *choice);
    void (*end)(void);
};

extern const struct lc_strategy lc_strategy_cooperative;
extern const struct lc_strategy lc_strategy_random;
extern const struct lc_strategy lc_strategy_replay;

/* Returns the strategy of that name, or NULL. */
const struct lc_strategy *lc_strategy_find(const char *name);

#endif
