/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See held.h. */
#include <string.h>

#include "lockcheck/detect/held.h"

#define FIRST_ROOM 8u

static struct lc_held_locks held[LC_MAX_THREADS];

const struct lc_held_locks *lc_held_by(const struct lc_thread *thread)
{
    return &held[thread->id];
}

static bool is_lock(const struct lc_object *o)
{
    return o && (o->kind == LC_KIND_MUTEX || o->kind == LC_KIND_SPINLOCK || o->kind == LC_KIND_RWLOCK);
}

enum lc_lock_event lc_lock_event(unsigned op, struct lc_object *object, struct lc_object **lock)
{
    *lock = object;
    switch (op) {
    case LC_OP_LOCKED:
        return lc_self->op == LC_OP_TRYLOCK || lc_self->deadline_ns != LC_NEVER ? LC_LOCK_TRIED
                                                                                : LC_LOCK_TAKEN;
    case LC_OP_UNLOCK:
        return is_lock(object) ? LC_LOCK_GIVEN : LC_LOCK_NONE;
    case LC_OP_WAIT:
    case LC_OP_TIMEDWAIT:
        *lock = lc_self->object2;
        return is_lock(*lock) ? LC_LOCK_GIVEN : LC_LOCK_NONE;
    default:
        return LC_LOCK_NONE;
    }
}

bool lc_takes_for_reading(const struct lc_object *lock)
{
    return lock->kind == LC_KIND_RWLOCK && lc_self->op != LC_OP_WRITE_LOCK && lock->owner != lc_self;
}

bool lc_is_spin_lock(const struct lc_object *lock)
{
    return lock->kind == LC_KIND_SPINLOCK || (lock->kind == LC_KIND_MUTEX && lock->called_spin_lock);
}

static uint64_t class_of(const struct lc_object *lock)
{
    uint64_t class = lock->site ? lock->site : lock->address;
    if (lock->name) {
        class = 1;
        for (const char *c = lock->name; *c; c++)
            class = lc_mix(class ^ (unsigned char)*c);
    }
    return lc_mix(class) | 1ull << 63;
}

uint64_t lc_lock_class(struct lc_object *lock)
{
    if (!lock->class)
        lock->class = class_of(lock);
    return lock->class;
}

static struct lc_held *find(struct lc_held_locks *h, const struct lc_object *lock)
{
    for (uint32_t i = h->count; i-- > 0;)
        if (h->locks[i].lock == lock)
            return &h->locks[i];
    return NULL;
}

static void take(struct lc_object *lock, bool tried)
{
    struct lc_held_locks *h = &held[lc_self->id];
    struct lc_held *l = find(h, lock);
    if (l) {
        l->depth++;
        return;
    }
    if (h->count == h->room) {
        uint32_t room = h->room ? 2 * h->room : FIRST_ROOM;
        struct lc_held *larger = lc_allocate(room * sizeof *larger);
        if (h->count)
            memcpy(larger, h->locks, h->count * sizeof *larger);
        h->locks = larger;
        h->room = room;
    }
    l = &h->locks[h->count++];
    *l = (struct lc_held){.lock = lock,
                          .depth = 1,
                          .read = lc_takes_for_reading(lock),
                          .tried = tried,
                          .step = lc.channel->steps};
    if (lc.evidence) {
        l->frames = lc_self->frames;
        l->stack = lc_allocate(l->frames * sizeof *l->stack);
        memcpy(l->stack, lc_self->stack, l->frames * sizeof *l->stack);
    }
    h->sum += lc_mix(lock->id + 1ull);
}

/* Of whichever thread: a plain mutex may be unlocked by another one than its owner. */
static void give(struct lc_object *lock, bool whole)
{
    struct lc_held_locks *h = &held[lc_self->id];
    struct lc_held *l = find(h, lock);
    if (!l && lock->owner) {
        h = &held[lock->owner->id];
        l = find(h, lock);
    }
    if (!l || (--l->depth && !whole))
        return;
    h->sum -= lc_mix(lock->id + 1ull);
    h->count--;
    memmove(l, l + 1, (size_t)(&h->locks[h->count] - l) * sizeof *l);
}

static void event(unsigned op, struct lc_object *object, int64_t argument)
{
    (void)argument;
    struct lc_object *lock;
    enum lc_lock_event what = lc_lock_event(op, object, &lock);
    switch (what) {
    case LC_LOCK_TAKEN:
    case LC_LOCK_TRIED:
        take(lock, what == LC_LOCK_TRIED);
        break;
    case LC_LOCK_GIVEN:
        give(lock, op != LC_OP_UNLOCK);
        break;
    case LC_LOCK_NONE:
        break;
    }
}

const struct lc_detector lc_detector_held = {.name = "held",
                                             .serves = LC_DETECT_REPORTS,
                                             .ops = LC_BIT(LC_OP_LOCKED) | LC_BIT(LC_OP_UNLOCK) |
                                                    LC_BIT(LC_OP_WAIT) | LC_BIT(LC_OP_TIMEDWAIT),
                                             .event = event};
