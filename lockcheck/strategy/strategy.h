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

/* What choose() returns when no choice that it may make is possible. */
#define LC_NO_CHOICE UINT32_MAX

#define LC_PROFILE_THREADS 256u /* threads above this number count as the last */

/*
 * What is known of the program before the hunt: written by the runtime during the profiling run (one schedule
 * under `random` with a seed of its own), the same in every process of a hunt, and only read by strategies.
 * All zero when there was no profiling run.
 */
struct lc_profile {
    uint64_t steps;
    uint32_t threads;                          /* the highest number of a thread */
    uint64_t thread_steps[LC_PROFILE_THREADS]; /* by number of the thread; [0] is the passing of time */
};

/* What a schedule starts from. */
struct lc_schedule_settings {
    uint64_t seed;         /* of this schedule, already different for each schedule of a hunt */
    uint64_t schedule;     /* its number, from 1 */
    const uint8_t *replay; /* decisions to follow, see channel.h; owned by the channel */
    size_t replay_bytes;
    uint32_t depth;      /* pct: ordering constraints to hit, at least 1; 0 for the strategy's default */
    int32_t preemptions; /* dfs: bound of preemptions, -1 for none */
    const struct lc_profile *profile;
    /* Memory that keeps its content from one schedule of a hunt to the next, zero before the first. Only for
     * a strategy whose schedules are taken one after the other (see `sequential`). */
    void *memory;
    size_t memory_bytes;
};

/* What a thread would do in its next step. */
struct lc_next {
    uint32_t op;      /* enum lc_op of the runtime; equal for equal kinds of operations */
    uint32_t object;  /* the object it touches, by number; 0 for none */
    uint32_t object2; /* a second one, as the mutex of a condition wait; 0 for none */
    bool reads_only;  /* two operations that only read one object do not depend on each other */
};

/* Two steps of different threads depend on each other: their order can matter. Time depends on everything. */
static inline bool lc_next_dependent(const struct lc_next *a, const struct lc_next *b)
{
    if (a->reads_only && b->reads_only)
        return false;
    return (a->object && (a->object == b->object || a->object == b->object2)) ||
           (a->object2 && (a->object2 == b->object || a->object2 == b->object2));
}

/* What one step chooses from. Valid during the call only. */
struct lc_choice {
    const uint32_t *enabled; /* threads that can take a step, in ascending order of number */
    uint32_t count;          /* of enabled; may be 0 when time_possible */
    bool time_possible;      /* LC_TIME may be chosen: some thread waits for a deadline */
    bool yielded;            /* the current thread asked to let others run */
    uint32_t current;        /* the thread that took the step before */
    bool current_enabled;
    uint64_t step;                           /* number of this step, from 1 */
    struct lc_next (*next)(uint32_t thread); /* what an enabled thread would do */
};

struct lc_strategy {
    const char *name;
    const char *about; /* one line for users */
    bool profiles;     /* wants a profiling run before the first schedule */
    bool sequential;   /* each schedule depends on those before it: one process, one after the other */
    void (*begin)(const struct lc_schedule_settings *settings);
    /* Returns an element of choice->enabled, or LC_TIME where that is possible; LC_NO_CHOICE ends the
     * execution. */
    uint32_t (*choose)(const struct lc_choice *choice);
    /* May be missing. Called when the program exits or has a finding; a crash that nobody caught leaves it
     * out. */
    void (*end)(void);
    /* May be missing. Called after begin(): true when there is nothing left to explore, and no step is taken.
     */
    bool (*exhausted)(void);
};

extern const struct lc_strategy lc_strategy_cooperative;
extern const struct lc_strategy lc_strategy_random;
extern const struct lc_strategy lc_strategy_replay;

/* Returns the strategy of that name, or NULL. */
const struct lc_strategy *lc_strategy_find(const char *name);
/* The strategies in the order in which users see them: the index-th from 0, NULL after the last. */
const struct lc_strategy *lc_strategy_at(size_t index);

#endif
