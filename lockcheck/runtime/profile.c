/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The profiling run's counts, see struct lc_profile: which thread takes how many steps, on which objects. */
#include <string.h>

#include "lockcheck/runtime/runtime.h"

static bool of_one_thread(uint32_t threads)
{
    return (threads & (threads - 1)) == 0;
}

/* A row that may be given to a new object; LC_PROFILE_OBJECTS when all are of objects that threads share. */
static uint32_t row_to_reuse(const struct lc_profile *p)
{
    static uint32_t last; /* rows are taken in turn, so that each object stays for a while */
    for (uint32_t i = 0; i < LC_PROFILE_OBJECTS; i++) {
        last = (last + 1) % LC_PROFILE_OBJECTS;
        if (of_one_thread(p->object_threads[last]))
            return last;
    }
    return LC_PROFILE_OBJECTS;
}

static uint32_t row_of(struct lc_profile *p, uint64_t address)
{
    for (uint32_t i = 0; i < p->objects; i++)
        if (p->object_addresses[i] == address)
            return i;
    uint32_t row = p->objects < LC_PROFILE_OBJECTS ? p->objects++ : row_to_reuse(p);
    if (row == LC_PROFILE_OBJECTS)
        return row;
    p->object_addresses[row] = address;
    p->object_threads[row] = 0;
    memset(p->object_steps[row], 0, sizeof p->object_steps[row]);
    return row;
}

static uint32_t below(uint32_t value, uint32_t count)
{
    return value < count ? value : count - 1;
}

void lc_profile_step(const struct lc_choice *choice, uint32_t chosen)
{
    struct lc_profile *p = &lc.channel->profile;
    p->steps = lc.channel->steps;
    p->choices += choice->count + choice->time_possible > 1;
    p->threads = lc_thread_count();
    p->thread_steps[below(chosen, LC_PROFILE_THREADS)]++;
    if (chosen == LC_TIME)
        return;
    struct lc_next next = choice->next(chosen);
    if (next.op == LC_OP_THREAD_CREATE && p->threads + 1 < LC_PROFILE_THREADS)
        p->creators[p->threads + 1] = chosen;
    uint32_t row = next.address ? row_of(p, next.address) : LC_PROFILE_OBJECTS;
    if (row == LC_PROFILE_OBJECTS)
        return;
    uint32_t column = below(chosen, LC_PROFILE_OBJECT_THREADS);
    p->object_threads[row] |= 1u << column;
    p->object_steps[row][column]++;
}
