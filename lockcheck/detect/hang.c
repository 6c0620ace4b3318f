/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hang: no thread can run, no deadline is due, and the program has not ended. Time cannot help, so this is
 * exact: there is no watchdog and no guess. Where another process could help, it is no finding.
 */
#include <stdio.h>

#include "lockcheck/detect/detect.h"

/* Does the thread wait for a lock or a thread's end whose holder is alive? Then its trouble is the holder's.
 */
static bool waits_for_the_living(const struct lc_thread *t)
{
    if (t->event_wait || !t->object)
        return false;
    const struct lc_object *o = t->object;
    if (o->kind == LC_KIND_THREAD)
        return true;
    return o->readers || (o->owner && o->owner->state != LC_FINISHED);
}

/* The thread that most likely missed something: it waits for nobody in particular, and it blocked last. */
static struct lc_thread *culprit(uint32_t *blocked)
{
    struct lc_thread *best = NULL;
    *blocked = 0;
    for (uint32_t i = 1; i <= lc_thread_count(); i++) {
        struct lc_thread *t = lc_thread_by_number(i);
        if (t->state != LC_BLOCKED)
            continue;
        ++*blocked;
        if (!best || waits_for_the_living(best) > waits_for_the_living(t) ||
            (waits_for_the_living(best) == waits_for_the_living(t) && t->blocked_step > best->blocked_step))
            best = t;
    }
    return best;
}

static bool waits_for_shared(const struct lc_thread *t)
{
    return t->state == LC_BLOCKED && t->object && t->object->shared;
}

/* Another process of the program's could end such a wait, and it runs where nobody sees it. */
static void leave_to_other_processes(void)
{
    struct lc_thread *t = lc_self; /* its stack can be told */
    if (!lc_made_processes)
        return;
    for (uint32_t i = 1; i <= lc_thread_count() && !waits_for_shared(t); i++)
        t = lc_thread_by_number(i);
    if (!waits_for_shared(t))
        return;
    if (t == lc_self)
        t->frames = lc_backtrace(t->stack, LC_MAX_STACK);
    lc_uncontrolled(
        "nothing can run: {t%u} waits for {o%u}, which the program shares with a process that it has "
        "made, and lockcheck does not control what other processes do",
        t->id, t->object->id);
}

/* A program that sends itself no signals, and whose main thread waits for one or for the thread that does,
 * waits for somebody outside. */
static void leave_to_the_outside(void)
{
    const struct lc_thread *main = lc_thread_by_number(1), *t = main;
    if (main->state == LC_BLOCKED && main->op == LC_OP_THREAD_JOIN)
        t = lc_thread_by_number((uint32_t)main->object->value);
    if (!lc_sends_signals && t->state == LC_BLOCKED && t->op == LC_OP_SIGNAL_WAIT)
        lc_uncontrolled("nothing can run: {t%u} waits for a signal, and the program sends none", t->id);
}

static void quiescent(void)
{
    leave_to_other_processes();
    leave_to_the_outside();
    uint32_t blocked;
    struct lc_thread *t = culprit(&blocked);
    if (!t)
        lc_finding("hang", "no thread is left and the program has not ended");
    char work[256], wait[128] = "waits for something that will never come";
    size_t n = lc_outstanding_write(work, sizeof work, false);
    if (t->object && t->object->owner && t->object->owner->state == LC_FINISHED)
        snprintf(wait, sizeof wait, "waits for {o%u}, whose holder {t%u} has ended", t->object->id,
                 t->object->owner->id);
    else if (t->object)
        snprintf(wait, sizeof wait, "waits for {o%u}", t->object->id);
    else if (t->op == LC_OP_SIGNAL_WAIT)
        snprintf(wait, sizeof wait, "waits for a signal that will never come");
    lc_finding("hang", "nothing can run: {t%u} %s%s%s%s%s", t->id, wait,
               blocked == 1   ? ""
               : blocked == 2 ? ", and another thread is blocked"
                              : ", and all other threads are blocked",
               n ? " (outstanding: " : "", work, n ? ")" : "");
}

const struct lc_detector lc_detector_hang = {.name = "hang", .quiescent = quiescent};
