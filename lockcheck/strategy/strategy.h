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

/* For small variables that are written in every schedule: they lie together, since each page that a schedule
 * writes to is copied for its process. */
#define LC_WRITTEN __attribute__((section("lc_written")))

/* The "thread" whose step is the passing of time to the next deadline. */
#define LC_TIME 0u

/* What choose() returns when no choice that it may make is possible. */
#define LC_NO_CHOICE UINT32_MAX

#define LC_MAX_THREADS 4096u /* numbers of threads are below this */

#define LC_PROFILE_THREADS 256u /* threads from this number on count as the last */
#define LC_PROFILE_OBJECTS 256u /* objects that are counted */

/*
 * What is known of the program before the hunt: written by the runtime during the profiling run (one schedule
 * under `random` with a seed of its own), the same in every process of a hunt, and only read by strategies.
 * All zero when there was no profiling run.
 */
struct lc_profile {
    uint64_t steps;
    uint64_t choices;                          /* steps at which there was more than one choice */
    uint32_t threads;                          /* the highest number of a thread */
    uint64_t thread_steps[LC_PROFILE_THREADS]; /* by number of the thread; [0] is the passing of time */
    uint32_t creators[LC_PROFILE_THREADS];     /* who made the thread; 0: it was there at the checkpoint */

    /* What was done with which object. When there is no room, an object that only one thread has touched so
     * far gives way to a new one. */
    uint32_t objects;
    uint64_t object_addresses[LC_PROFILE_OBJECTS];
    uint32_t object_first[LC_PROFILE_OBJECTS]; /* the thread that was the first to touch it */
    bool object_shared[LC_PROFILE_OBJECTS];    /* another one has touched it too */
    uint32_t object_steps[LC_PROFILE_OBJECTS][LC_PROFILE_THREADS];
};

/* What a schedule starts from. */
struct lc_schedule_settings {
    uint64_t seed;         /* of this schedule, already different for each schedule of a hunt */
    uint64_t schedule;     /* its number, from 1 */
    const uint8_t *replay; /* decisions to follow, see channel.h; owned by the channel */
    size_t replay_bytes;
    uint32_t depth;      /* pct: ordering constraints to hit, at least 1; 0 for the strategy's default */
    int32_t preemptions; /* dfs: bound of preemptions, -1 for none */
    uint64_t max_steps;  /* of an execution, 0 for no limit */
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
    bool everything;  /* depends on every other step: it ends the process, or reaches into another thread */
    bool waits;       /* it can be done when the object can be taken; its time has not run out */
    bool closed;      /* no thread that `waits` for object can take it before this step, in any order */
    bool closed2;     /* the same for object2 */
    uint64_t address; /* of object: what it is known by in other schedules, where numbers may differ */
};

/* Two steps of different threads depend on each other: their order can matter. Time depends on everything. */
static inline bool lc_next_dependent(const struct lc_next *a, const struct lc_next *b)
{
    if (a->everything || b->everything)
        return true;
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
    struct lc_next (*next)(uint32_t thread); /* what a thread would do that has been enabled once */
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
    /* May be missing. When exhausted(): NULL if every interleaving has been explored, else what was left
     * out, as a phrase. */
    const char *(*left_out)(void);
};

extern const struct lc_strategy lc_strategy_cooperative;
extern const struct lc_strategy lc_strategy_dfs;
extern const struct lc_strategy lc_strategy_guided;
extern const struct lc_strategy lc_strategy_pct;
extern const struct lc_strategy lc_strategy_portfolio;
extern const struct lc_strategy lc_strategy_pos;
extern const struct lc_strategy lc_strategy_random;
extern const struct lc_strategy lc_strategy_replay;
extern const struct lc_strategy lc_strategy_surw;

/* Returns the strategy of that name, or NULL. */
const struct lc_strategy *lc_strategy_find(const char *name);
/* The strategies in the order in which users see them: the index-th from 0, NULL after the last. */
const struct lc_strategy *lc_strategy_at(size_t index);

#endif
