/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * surw: the selectively uniform random walk (Zhao, Wolff, Mathur, Roychoudhury: Selectively uniform
 * concurrency testing, ASPLOS 2025).
 *
 * Of the steps of a program some are interesting. The next interesting step is taken by a thread that is
 * drawn beforehand with a chance in proportion to the interesting steps that it has left, itself and the
 * threads that it has yet to create; the others are held back before theirs. So each order of interesting
 * steps is equally likely, as far as the counts, which a profiling run takes, are right and nobody waits for
 * a lock. A random walk prefers orders in which threads take turns, and hardly ever shows a short thread
 * late. Between interesting steps the steps have random priorities, as in the authors' own implementation.
 *
 * What is interesting is drawn for each schedule: all steps, or those on one object that several threads
 * touch.
 *
 * Departures. One profiling run counts, and threads and objects that it did not meet count as having one step
 * left when they are about to take it. A thread that the walk waits for in vain (it waits for another one
 * itself, or the profile promised too much) is given up after a while, and then has half as many left. Where
 * all steps are interesting, time is one of the threads, and has left as many steps as the profiling run saw
 * it pass; elsewhere it has a priority, see priority.h.
 */
#include "lockcheck/strategy/priority.h"

#define ALL_ONE_IN 4u    /* schedules in which all steps are interesting */
#define WAIT_LEAST 1000u /* steps that the walk waits for the thread that it wants, at least */
#define NOBODY LC_NO_CHOICE

static struct lc_priorities priorities;
static uint64_t address; /* of the object whose steps are interesting; 0: all steps are */
/* Interesting steps that a thread has left, with those of the threads that it has yet to create. */
static uint64_t left[LC_PROFILE_THREADS];
static uint32_t creators[LC_PROFILE_THREADS];
static uint32_t profiled; /* threads from this number on are not in left */
static uint32_t met;      /* threads up to this number exist */
static uint32_t wanted;   /* takes the next interesting step */
static uint64_t wait, waited;

/* A row of the profile, of an object that several threads touch; LC_PROFILE_OBJECTS when there is none. */
static uint32_t draw_object(const struct lc_profile *p)
{
    uint32_t drawn = LC_PROFILE_OBJECTS, shared = 0;
    for (uint32_t i = 0; i < p->objects; i++)
        if (p->object_shared[i] && lc_random_below(&priorities.random, ++shared) == 0)
            drawn = i;
    return drawn;
}

static void count(const struct lc_profile *p, uint32_t row)
{
    uint64_t total = 0;
    profiled = p->threads + 1 < LC_PROFILE_THREADS ? p->threads + 1 : LC_PROFILE_THREADS - 1;
    for (uint32_t t = 0; t < profiled; t++) {
        total += left[t] = row < LC_PROFILE_OBJECTS ? p->object_steps[row][t] : p->thread_steps[t];
        creators[t] = p->creators[t];
    }
    for (uint32_t t = profiled; t-- > 1;)
        if (creators[t])
            left[creators[t]] += left[t];
    wait = WAIT_LEAST + 4 * p->steps / (total + 1);
}

static void begin(const struct lc_schedule_settings *settings)
{
    static const struct lc_profile nothing;
    const struct lc_profile *p = settings->profile ? settings->profile : &nothing;
    lc_priorities_begin(&priorities, settings, true);
    met = 0;
    wanted = NOBODY;
    uint32_t row = lc_random_below(&priorities.random, ALL_ONE_IN) == 0 ? LC_PROFILE_OBJECTS : draw_object(p);
    address = row < LC_PROFILE_OBJECTS ? p->object_addresses[row] : 0;
    count(p, row);
}

/* Takes what a new thread has left off its creator's, and the turn as well if it was for one of these. */
static void meet(uint32_t thread)
{
    uint32_t creator = thread < profiled ? creators[thread] : 0;
    if (!creator)
        return;
    uint64_t of_thread = left[thread] < left[creator] ? left[thread] : left[creator];
    if (wanted == creator && left[creator] &&
        lc_random_below(&priorities.random, (uint32_t)left[creator]) < of_thread)
        wanted = thread;
    left[creator] -= of_thread;
}

static bool interesting(const struct lc_choice *c, uint32_t thread)
{
    return !address || c->next(thread).address == address;
}

static uint32_t weight(const struct lc_choice *c, uint32_t thread)
{
    if (thread < profiled && left[thread])
        return (uint32_t)left[thread];
    return interesting(c, thread);
}

/* An enabled thread, or where all steps are interesting time, with a chance in proportion to its weight. */
static uint32_t draw(const struct lc_choice *c)
{
    bool time = c->time_possible && !address;
    uint32_t yields = c->yielded && c->count > 1 ? c->current : NOBODY;
    uint32_t total = time ? weight(c, LC_TIME) : 0;
    for (uint32_t i = 0; i < c->count; i++)
        if (c->enabled[i] != yields)
            total += weight(c, c->enabled[i]);
    if (total == 0)
        return NOBODY;
    uint32_t at = lc_random_below(&priorities.random, total);
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->enabled[i] == yields)
            continue;
        uint32_t w = weight(c, c->enabled[i]);
        if (at < w)
            return c->enabled[i];
        at -= w;
    }
    return LC_TIME;
}

/* The thread of the highest priority among those that are not held back; NOBODY when all are. */
static uint32_t highest_free(const struct lc_choice *c)
{
    uint32_t chosen = NOBODY;
    uint64_t highest = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        uint32_t t = c->enabled[i];
        if (priorities.of[t] > highest && (t == wanted || !interesting(c, t))) {
            highest = priorities.of[t];
            chosen = t;
        }
    }
    return chosen;
}

static uint32_t choose_selectively(const struct lc_choice *c)
{
    if (c->count == 0)
        return LC_TIME;
    if (wanted == NOBODY || ++waited > wait) {
        if (wanted < profiled)
            left[wanted] /= 2;
        wanted = draw(c);
        waited = 0;
    }
    uint32_t chosen = highest_free(c);
    if (chosen == NOBODY) { /* the one that is wanted cannot run */
        wanted = chosen = draw(c);
        waited = 0;
    }
    if (c->time_possible && priorities.of[LC_TIME] > priorities.of[chosen])
        return LC_TIME;
    return chosen;
}

static uint32_t choose(const struct lc_choice *c)
{
    lc_priorities_update(&priorities, c);
    for (; met < priorities.known; meet(++met))
        ;
    uint32_t chosen = address ? choose_selectively(c) : c->count ? draw(c) : LC_TIME;
    if ((chosen != LC_TIME || !address) && interesting(c, chosen)) {
        if (chosen < profiled && left[chosen])
            left[chosen]--;
        wanted = NOBODY;
    }
    if (chosen != LC_TIME)
        priorities.of[chosen] = lc_priority_random(&priorities);
    return lc_priorities_take(&priorities, chosen);
}

const struct lc_strategy lc_strategy_surw = {
    .name = "surw",
    .about = "orders of the steps on one object, or of all steps, equally likely",
    .profiles = true,
    .begin = begin,
    .choose = choose};
