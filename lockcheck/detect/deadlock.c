/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deadlock: a cycle in the wait-for graph (Coffman, Elphick, Shoshani: System deadlocks, ACM Computing
 * Surveys 1971), looked for at the moment a thread blocks for ever on something that has a holder: a mutex, a
 * spin lock, a rwlock, a thread's end. It is found while other threads still run.
 *
 * A thread that waits for a rwlock's readers waits for each of them, so one reader in a cycle is enough. A
 * wait with a time-out is no edge: it ends by itself.
 */
#include <stdio.h>

#include "lockcheck/detect/detect.h"

#define LONGEST_CYCLE 64u

LC_WRITTEN static struct lc_thread *path[LONGEST_CYCLE];
LC_WRITTEN static uint32_t length;

static bool waits_for_holder(const struct lc_thread *t)
{
    return t->state == LC_BLOCKED && !t->event_wait && t->object && t->deadline_ns == LC_NEVER;
}

static bool on_path(const struct lc_thread *t)
{
    for (uint32_t i = 0; i < length; i++)
        if (path[i] == t)
            return true;
    return false;
}

/* Does a chain of waits lead from `t` back to path[0]? Leaves the cycle in path. */
static bool leads_back(struct lc_thread *t)
{
    if (length == LONGEST_CYCLE || !waits_for_holder(t))
        return false;
    path[length++] = t;
    struct lc_object *o = t->object;
    struct lc_thread *holder = o->kind == LC_KIND_THREAD ? lc_thread_by_number((uint32_t)o->value) : o->owner;
    if (holder && (holder == path[0] || (!on_path(holder) && leads_back(holder))))
        return true;
    for (struct lc_reader *r = o->readers; r; r = r->next)
        if (r->thread == path[0] || (!on_path(r->thread) && leads_back(r->thread)))
            return true;
    length--;
    return false;
}

static void block(struct lc_thread *thread)
{
    const struct lc_object *o = thread->object;
    if (!o || (!o->owner && !o->readers && o->kind != LC_KIND_THREAD))
        return;
    length = 0;
    if (!leads_back(thread))
        return;
    char text[2048];
    size_t n = 0;
    for (uint32_t i = 0; i < length && n < sizeof text; i++) {
        struct lc_thread *next = path[(i + 1) % length];
        const char *join = i == 0 ? "" : i + 1 == length ? ", and " : ", ";
        if (path[i]->object->kind == LC_KIND_THREAD)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s{t%u} waits for the end of {t%u}", join,
                                  path[i]->id, next->id);
        else
            n += (size_t)snprintf(text + n, sizeof text - n, "%s{t%u} waits for {o%u}, which {t%u} holds",
                                  join, path[i]->id, path[i]->object->id, next->id);
    }
    if (length == 1)
        lc_finding("deadlock", "{t%u} waits for {o%u}, which it holds itself", path[0]->id,
                   path[0]->object->id);
    lc_finding("deadlock", "%s", text);
}

const struct lc_detector lc_detector_deadlock = {.name = "deadlock", .block = block};
