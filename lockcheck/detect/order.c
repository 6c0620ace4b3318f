/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See order.h. The edges, from a release to an acquire:
 *
 *   mutex, spin lock       unlock, condition wait -> lock
 *   rwlock                 a writer's unlock -> any lock; a reader's unlock -> a writer's lock
 *   semaphore              post -> wait
 *   barrier                each arrival -> each departure of the same round
 *   once                   the end of the routine -> each return
 *   thread                 create -> start; end -> join
 *   futex                  wake -> return of the waiter
 *   descriptor             each write -> each later read, of whatever file
 *   client requests        up of a semaphore -> down that took a token; message sent -> the same received;
 *                          a device's word -> the driver that polls it, and back: see race.c
 *   memory_access.c        atomic operations, by their memory order
 *   static_local.c         the making of a static local variable of C++ -> its later uses
 *
 * A signal of a condition variable makes none: what a waiter finds is ordered by the mutex, or not at all.
 */
#include <lockcheck.h>
#include <string.h>

#include "lockcheck/detect/held.h"
#include "lockcheck/detect/race.h"

#define FIRST_ROOM 16u
#define MESSAGES 4096u /* on their way at once; of older ones the edge is lost */

struct lc_clock lc_clocks[LC_MAX_THREADS];
bool lc_order_kept;

/* ---- clocks ---- */

static void make_room(struct lc_clock *c, uint32_t count)
{
    if (count <= c->room)
        return;
    uint32_t room = c->room ? c->room : FIRST_ROOM;
    while (room < count)
        room *= 2;
    uint32_t *larger = lc_allocate(room * sizeof *larger);
    if (c->count)
        memcpy(larger, c->times, c->count * sizeof *larger);
    c->times = larger;
    c->room = room;
}

void lc_clock_join(struct lc_clock *to, const struct lc_clock *from)
{
    make_room(to, from->count);
    for (; to->count < from->count; to->count++)
        to->times[to->count] = 0;
    for (uint32_t i = 0; i < from->count; i++)
        to->times[i] = to->times[i] > from->times[i] ? to->times[i] : from->times[i];
}

void lc_clock_set(struct lc_clock *to, const struct lc_clock *from)
{
    to->count = 0;
    lc_clock_join(to, from);
}

void lc_clock_clear(struct lc_clock *clock)
{
    clock->count = 0;
}

/* Its own time is 1 from its first event on: 0 is before everything. */
static void begin_clock(uint32_t thread)
{
    struct lc_clock *c = &lc_clocks[thread];
    make_room(c, thread + 1);
    for (; c->count <= thread; c->count++)
        c->times[c->count] = 0;
    c->times[thread]++;
}

static void next_time(void)
{
    lc_race_now.self = NULL;
    lc_clocks[lc_self->id].times[lc_self->id]++;
}

void lc_release(struct lc_clock *clock)
{
    lc_clock_join(clock, &lc_clocks[lc_self->id]);
    next_time();
}

void lc_release_alone(struct lc_clock *clock)
{
    lc_clock_set(clock, &lc_clocks[lc_self->id]);
    next_time();
}

void lc_acquire_clock(const struct lc_clock *clock)
{
    lc_race_now.self = NULL;
    lc_clock_join(&lc_clocks[lc_self->id], clock);
}

/* ---- what an object carries ---- */

struct lc_order {
    struct lc_clock all;     /* left by those that exclude everybody */
    struct lc_clock readers; /* rwlock: left by readers */
    struct lc_clock tokens;  /* left by ups that client requests tell of; a lock may be at the same address */
};

static struct lc_order *order_of(struct lc_object *o)
{
    if (!o->order)
        o->order = lc_allocate(sizeof *o->order);
    return o->order;
}

static void release(struct lc_object *o)
{
    struct lc_order *order = order_of(o);
    if (o->kind == LC_KIND_RWLOCK && o->owner != lc_self)
        lc_release(&order->readers);
    else if (o->kind == LC_KIND_MUTEX || o->kind == LC_KIND_SPINLOCK)
        lc_release_alone(&order->all); /* it took over what was there when it took the lock */
    else
        lc_release(&order->all);
}

static void acquire(struct lc_object *o)
{
    if (!o->order)
        return;
    lc_acquire_clock(&o->order->all);
    if (o->kind == LC_KIND_RWLOCK && !lc_takes_for_reading(o))
        lc_acquire_clock(&o->order->readers);
}

/* All that arrived for this round know of each other. */
static void arrive(struct lc_object *barrier)
{
    struct lc_order *order = order_of(barrier);
    lc_release(&order->all);
    if (barrier->value + 1 < barrier->type)
        return;
    for (struct lc_thread *t = barrier->waiters.first; t; t = t->queue_next)
        lc_clock_join(&lc_clocks[t->id], &order->all);
    lc_acquire_clock(&order->all);
    lc_clock_clear(&order->all);
}

static void made(struct lc_thread *t)
{
    lc_clock_set(&lc_clocks[t->id], &lc_clocks[lc_self->id]);
    begin_clock(t->id);
    next_time();
}

/* ---- messages ---- */

static struct lc_clock files; /* one for all: what is written here may be read there, by way of the kernel */

static struct {
    int64_t number;
    struct lc_clock clock;
} messages[MESSAGES];

static void sent(int64_t number)
{
    messages[(uint64_t)number % MESSAGES].number = number;
    lc_release_alone(&messages[(uint64_t)number % MESSAGES].clock);
}

static void received(int64_t number)
{
    if (messages[(uint64_t)number % MESSAGES].number == number)
        lc_acquire_clock(&messages[(uint64_t)number % MESSAGES].clock);
}

/* ---- events ---- */

static void event(unsigned op, struct lc_object *o, int64_t argument)
{
    if (unlikely(!lc_clocks[lc_self->id].count))
        begin_clock(lc_self->id); /* the first thread */
    struct lc_object *lock;
    switch (op) {
    case LC_OP_INIT:
        if (o->kind == LC_KIND_THREAD)
            made(lc_thread_by_number((uint32_t)argument));
        break;
    case LC_OP_ACQUIRED:
    case LC_OP_LOCKED:
    case LC_OP_JOINED:
        acquire(o);
        break;
    case LC_OP_WOKEN:
        if (o && o->kind == LC_KIND_FUTEX)
            acquire(o);
        break;
    case LC_OP_UNLOCK:
    case LC_OP_SEM_POST:
    case LC_OP_THREAD_EXIT:
    case LC_OP_FUTEX_WAKE:
        release(o);
        break;
    case LC_OP_WAIT:
    case LC_OP_TIMEDWAIT:
        if (lc_lock_event(op, o, &lock) == LC_LOCK_GIVEN)
            release(lock);
        break;
    case LC_OP_BARRIER_WAIT:
        arrive(o);
        break;
    case LC_OP_FILE_DONE:
        if (lc_self->op != LC_OP_FILE_WRITE)
            lc_acquire_clock(&files);
        if (lc_self->op != LC_OP_FILE_READ && lc_self->op != LC_OP_FILE_POLL)
            lc_release(&files);
        break;
    case LC_OP_REQUEST + LOCKCHECK_SEM_UP_BEGIN:
        lc_release(&order_of(o)->tokens);
        break;
    case LC_OP_REQUEST + LOCKCHECK_SEM_DOWN_END:
        if (argument == 0 && o->order)
            lc_acquire_clock(&o->order->tokens);
        break;
    case LC_OP_REQUEST + LOCKCHECK_MSG_SEND:
        sent(argument);
        break;
    case LC_OP_REQUEST + LOCKCHECK_MSG_RECEIVE:
        received(argument);
        break;
    default:
        break;
    }
}

const struct lc_detector lc_detector_order = {
    .name = "order",
    .serves = LC_DETECT_DATA_RACE,
    .ops = LC_BIT(LC_OP_INIT) | LC_BIT(LC_OP_ACQUIRED) | LC_BIT(LC_OP_LOCKED) | LC_BIT(LC_OP_JOINED) |
           LC_BIT(LC_OP_WOKEN) | LC_BIT(LC_OP_UNLOCK) | LC_BIT(LC_OP_SEM_POST) | LC_BIT(LC_OP_THREAD_EXIT) |
           LC_BIT(LC_OP_FUTEX_WAKE) | LC_BIT(LC_OP_WAIT) | LC_BIT(LC_OP_TIMEDWAIT) |
           LC_BIT(LC_OP_BARRIER_WAIT) | LC_BIT(LC_OP_FILE_DONE),
    .event = event,
};
