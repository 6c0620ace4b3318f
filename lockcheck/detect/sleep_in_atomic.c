/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sleep-in-atomic: a thread does what may put it to sleep while it holds a spin lock, which others would
 * then spin on, or in an interrupt handler, which nobody could wake (Linux's might_sleep()). It need not
 * sleep this time: a semaphore that has a token is one that may have none.
 *
 * What may sleep: sleeps, waits for a condition, a semaphore, a barrier, a thread's end, downs that client
 * requests tell of, unless they only try, and what a client request says of itself. To take a mutex is not counted: environments that put
 * Linux's spin locks on mutexes do so everywhere. Nor is what a delay loop is made of, which a program tells of.
 */
#include <lockcheck.h>
#include <stdio.h>

#include "lockcheck/detect/atomic.h"

#define FRAMES 8u /* of the stack, to tell places apart */

static uint64_t place(void)
{
    void *stack[LC_MAX_STACK];
    uint32_t frames = lc_backtrace(stack, FRAMES);
    uint64_t key = 0;
    for (uint32_t i = 0; i < frames; i++)
        key = lc_mix(key ^ (uintptr_t)stack[i]);
    return key;
}

static void may_sleep(const char *what, const struct lc_object *object)
{
    const struct lc_held_locks *held = lc_held_by(lc_self);
    const struct lc_held *spin = NULL;
    for (uint32_t i = 0; i < held->count; i++)
        if (lc_is_spin_lock(held->locks[i].lock))
            spin = &held->locks[i];
    const struct lc_context *context = lc_context();
    if ((!spin && !context->interrupts) || !lc_report(lc_mix(place() ^ (spin ? 2 : 3))))
        return;
    char about[32] = "";
    if (object)
        snprintf(about, sizeof about, " {o%u}", object->id);
    if (!spin)
        lc_finding("sleep-in-atomic", "{t%u} %s%s in a handler of interrupt %ld: it may have to sleep there",
                   lc_self->id, what, about, context->line);
    lc_show_stack(lc_self->id, spin->stack, spin->frames, "{t%u} took {o%u}", lc_self->id, spin->lock->id);
    lc_finding("sleep-in-atomic",
               "{t%u} %s%s while it holds {o%u}: it may have to sleep, and others would spin", lc_self->id,
               what, about, spin->lock->id);
}

static void event(unsigned op, struct lc_object *object, int64_t argument)
{
    if (op < LC_OP_REQUEST && lc_in_semaphore(lc_self))
        return; /* that is told of the down, or not at all */
    if (lc_context()->busy)
        return;
    switch (op) {
    case LC_OP_ACQUIRED:
        if (lc_self->op == LC_OP_SEM_WAIT)
            may_sleep("waits for", object);
        break;
    case LC_OP_WAIT:
    case LC_OP_TIMEDWAIT:
        may_sleep("waits for", object);
        break;
    case LC_OP_SLEEP:
        may_sleep("sleeps", NULL);
        break;
    case LC_OP_BARRIER_WAIT:
        may_sleep("waits at", object);
        break;
    case LC_OP_JOINED:
        if (lc_self->op == LC_OP_THREAD_JOIN)
            may_sleep("waits for the end of", object);
        break;
    case LC_OP_REQUEST + LOCKCHECK_SEM_DOWN_BEGIN:
        if (argument != 0)
            may_sleep("waits for", object);
        break;
    case LC_OP_REQUEST + LOCKCHECK_MIGHT_SLEEP:
        may_sleep("passes a might_sleep()", NULL);
        break;
    default:
        break;
    }
}

const struct lc_detector lc_detector_sleep_in_atomic = {
    .name = "sleep-in-atomic",
    .serves = LC_DETECT_SLEEP_IN_ATOMIC,
    .ops = LC_BIT(LC_OP_ACQUIRED) | LC_BIT(LC_OP_WAIT) | LC_BIT(LC_OP_TIMEDWAIT) |
           LC_BIT(LC_OP_BARRIER_WAIT) | LC_BIT(LC_OP_JOINED) | LC_BIT(LC_OP_SLEEP),
    .event = event};
