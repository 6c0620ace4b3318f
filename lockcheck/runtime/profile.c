/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The profiling run's counts, see struct lc_profile: which thread takes how many steps, on which objects. */
#include <string.h>

#include "lockcheck/runtime/runtime.h"
#include "lockcheck/strategy/random_number.h"

#define BUCKETS (2 * LC_PROFILE_OBJECTS)

/* The rows by their object's address: lists, each from a bucket, of row numbers + 1. A profile is of one
 * process, and so is this. */
static uint32_t buckets[BUCKETS], following[LC_PROFILE_OBJECTS];
static uint32_t shared; /* rows of objects that threads share */

static uint32_t *bucket_of(uint64_t address)
{
    return &buckets[lc_mix64(address) % BUCKETS];
}

static void unlink_row(const struct lc_profile *p, uint32_t row)
{
    uint32_t *link = bucket_of(p->object_addresses[row]);
    while (*link != row + 1)
        link = &following[*link - 1];
    *link = following[row];
}

static void link_row(const struct lc_profile *p, uint32_t row)
{
    uint32_t *bucket = bucket_of(p->object_addresses[row]);
    following[row] = *bucket;
    *bucket = row + 1;
}

/* A row that may be given to a new object; LC_PROFILE_OBJECTS when all are of objects that threads share. */
static uint32_t row_to_reuse(const struct lc_profile *p)
{
    static uint32_t last; /* rows are taken in turn, so that each object stays for a while */
    if (shared == LC_PROFILE_OBJECTS)
        return LC_PROFILE_OBJECTS;
    for (uint32_t i = 0; i < LC_PROFILE_OBJECTS; i++) {
        last = (last + 1) % LC_PROFILE_OBJECTS;
        if (!p->object_shared[last]) {
            unlink_row(p, last);
            return last;
        }
    }
    return LC_PROFILE_OBJECTS;
}

static uint32_t row_of(struct lc_profile *p, uint64_t address, uint32_t thread)
{
    for (uint32_t i = *bucket_of(address); i; i = following[i - 1])
        if (p->object_addresses[i - 1] == address)
            return i - 1;
    uint32_t row = p->objects < LC_PROFILE_OBJECTS ? p->objects++ : row_to_reuse(p);
    if (row == LC_PROFILE_OBJECTS)
        return row;
    p->object_addresses[row] = address;
    link_row(p, row);
    p->object_first[row] = thread;
    p->object_shared[row] = false;
    memset(p->object_steps[row], 0, sizeof p->object_steps[row]);
    return row;
}

void lc_profile_step(const struct lc_choice *choice, uint32_t chosen)
{
    struct lc_profile *p = &lc.channel->profile;
    p->steps = lc.channel->steps;
    p->choices += choice->count + choice->time_possible > 1;
    p->threads = lc_thread_count();
    uint32_t column = chosen < LC_PROFILE_THREADS ? chosen : LC_PROFILE_THREADS - 1;
    p->thread_steps[column]++;
    if (chosen == LC_TIME)
        return;
    struct lc_next next = choice->next(chosen);
    if (next.op == LC_OP_THREAD_CREATE && p->threads + 1 < LC_PROFILE_THREADS)
        p->creators[p->threads + 1] = chosen;
    /* A thread ends before it is joined, in any order: it is no object whose steps have orders to show. */
    if (!next.address || next.op == LC_OP_THREAD_EXIT)
        return;
    uint32_t row = row_of(p, next.address, chosen);
    if (row == LC_PROFILE_OBJECTS)
        return;
    if (chosen != p->object_first[row] && !p->object_shared[row]) {
        p->object_shared[row] = true;
        shared++;
    }
    p->object_steps[row][column]++;
}
