/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lost-wakeup, of a condition variable: nothing can run any more, a thread waits for a condition, and the
 * last signal of it came before that thread began to wait and found nobody. A condition variable remembers
 * nothing: had the thread been there, or looked at what the signal was about, it would have gone on. (For
 * semaphores that client requests tell of, see semaphore.c.)
 *
 * A hang is called so only where this explains it: every other thread that is left waits for something of the
 * same kind, or for one that does. Condition variables with a name of the program's own kind, such as ports,
 * are how something else is made, and are left to what knows that.
 */
#include "lockcheck/detect/lost_wakeup.h"
#include "lockcheck/detect/detect.h"

static bool missed_its_signal(const struct lc_thread *t)
{
    const struct lc_object *o = t->object;
    return t->event_wait && o && o->kind == LC_KIND_COND && !o->kind_name && o->value &&
           !lc_semaphore_of_down(t);
}

/* For a lock or the end of a thread that is not over. */
static bool waits_for_another(const struct lc_thread *t)
{
    const struct lc_object *o = t->object;
    return !t->event_wait && o &&
           (o->kind == LC_KIND_THREAD || o->readers || (o->owner && o->owner->state != LC_FINISHED));
}

/* The one that began to wait last; NULL when that would not explain it. */
static const struct lc_thread *victim(void)
{
    const struct lc_thread *found = NULL;
    for (uint32_t i = 1; i <= lc_thread_count(); i++) {
        const struct lc_thread *t = lc_thread_by_number(i);
        if (t->state != LC_BLOCKED)
            continue;
        if (missed_its_signal(t))
            found = !found || t->blocked_step > found->blocked_step ? t : found;
        else if (!waits_for_another(t))
            return NULL;
    }
    return found;
}

static const struct lc_event *event_of(const struct lc_object *o, uint64_t step)
{
    uint64_t kept = o->history_count < LC_HISTORY ? o->history_count : LC_HISTORY;
    for (uint64_t i = 0; i < kept; i++)
        if (o->history[i].step == step &&
            (o->history[i].op == LC_OP_SIGNAL || o->history[i].op == LC_OP_BROADCAST))
            return &o->history[i];
    return NULL;
}

static void quiescent(void)
{
    const struct lc_thread *t = victim();
    if (!t)
        return;
    uint32_t o = t->object->id, by = (uint32_t)t->object->value & ((1u << LC_SIGNAL_THREAD_BITS) - 1);
    uint64_t step = (uint64_t)t->object->value >> LC_SIGNAL_THREAD_BITS;
    const struct lc_event *e = event_of(t->object, step);
    lc_note("{t%u} signalled {o%u} at step %lu, when nobody waited for it.", by, o, step);
    lc_note("{t%u} has waited for it since step %lu.", t->id, t->blocked_step);
    if (e)
        lc_show_stack(by, e->stack, e->frames, "{t%u} signalled {o%u}", by, o);
    char work[256];
    size_t n = lc_outstanding_write(work, sizeof work, false);
    lc_finding("lost-wakeup",
               "nothing can run: {t%u} waits for {o%u}, which {t%u} signalled last before that, when nobody "
               "waited%s%s%s",
               t->id, o, by, n ? " (outstanding: " : "", work, n ? ")" : "");
}

const struct lc_detector lc_detector_lost_wakeup = {.name = "lost-wakeup", .quiescent = quiescent};
