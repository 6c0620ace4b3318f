/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client requests: see lockcheck.h. */
#include <errno.h>
#include <lockcheck.h>
#include <stdio.h>

#include "lockcheck/runtime/runtime.h"

static _Noreturn void finding_about(const struct lc_object *object, const char *kind, const char *text)
{
    if (object->history_count) {
        const struct lc_event *last = &object->history[(object->history_count - 1) % LC_HISTORY];
        lc_note("{o%u}: %s by {t%u} at step %lu", object->id, lc_op_name(last->op), last->thread, last->step);
    }
    lc_finding(kind, "%s ({o%u})", text, object->id);
}

/* May the execution go on after this finding? Then it does as if nothing had been told about it. */
static bool passes_over(bool survived)
{
    struct lc_channel *c = lc.channel;
    if (!survived || !lc.scheduled || c->passed_count >= c->pass_over || c->passed_count >= LC_PASSED_MAX)
        return false;
    if (lc.accesses)
        lc_accesses_end();
    c->passed[c->passed_count++] = c->hash;
    lc_forget_notes();
    return true;
}

static bool changes_hands(const struct lc_event *event)
{
    return event->op == LC_OP_REQUEST + LOCKCHECK_HAND_OVER ||
           event->op == LC_OP_REQUEST + LOCKCHECK_TAKE_BACK;
}

/* Without evidence there is no history, and no report that would show it. */
static void tell_of(const struct lc_object *object, long steps, const char *text)
{
    lc_note("%s: {o%u}", text, object->id);
    for (uint64_t i = object->history_count; i > 0 && object->history_count - i < LC_HISTORY && steps > 0;
         i--) {
        const struct lc_event *event = &object->history[(i - 1) % LC_HISTORY];
        if (!changes_hands(event))
            continue;
        lc_show_stack(event->thread, event->stack, event->frames, "{o%u}, %s by {t%u} at step %lu",
                      object->id, lc_op_name(event->op), event->thread, event->step);
        steps--;
    }
}

/* Requests that are no events, and name no object. Returns false for all others. */
static bool is_about_memory(enum lockcheck_request request, const void *address, long argument)
{
    switch (request) {
    case LOCKCHECK_WITHHOLD:
    case LOCKCHECK_GRANT:
        lc_withheld_set((uintptr_t)address, (size_t)argument, request == LOCKCHECK_WITHHOLD);
        return true;
    case LOCKCHECK_ON_WITHHELD_ACCESS:
        lc_withheld_on_access(address);
        return true;
    default:
        return false;
    }
}

LC_EXPORT void lockcheck_request(enum lockcheck_request request, const void *address, long argument,
                                 const char *text, const char *kind)
{
    if (!lc_controlled())
        return;
    if (is_about_memory(request, address, argument))
        return;
    int saved = errno;
    struct lc_object *object = address ? lc_object_at(address, LC_KIND_NONE) : NULL;
    switch (request) {
    case LOCKCHECK_NAME_THREAD:
        snprintf(lc_self->name, sizeof lc_self->name, "%s", text);
        if (lc.tracing)
            lc_trace_thread(lc_self);
        break;
    case LOCKCHECK_NAME_OBJECT:
        lc_object_name(object, kind, text);
        break;
    case LOCKCHECK_PROGRESS:
        lc.learned++;
        break;
    case LOCKCHECK_OUTSTANDING:
        lc.learned++;
        lc_outstanding(text, argument);
        break;
    case LOCKCHECK_FINDING:
        if (passes_over(argument))
            break;
        if (object)
            finding_about(object, kind, text);
        lc_finding(kind, "%s", text);
    case LOCKCHECK_INPUT:
        lc.learned++;
        lc_input(text, argument, kind);
        break;
    case LOCKCHECK_DEVICE_BEGIN:
    case LOCKCHECK_DEVICE_END:
        lc_self->device = request == LOCKCHECK_DEVICE_BEGIN;
        break;
    case LOCKCHECK_TELL_OF:
        tell_of(object, argument, text);
        errno = saved;
        return;
    case LOCKCHECK_SEM_INIT:
        object = lc_object_new_made(address, LC_KIND_NAMED);
        break;
    default:
        break;
    }
    lc_emit(LC_OP_REQUEST + request, object, argument);
    if (request == LOCKCHECK_SEM_DESTROY)
        lc_object_forget(object);
    errno = saved;
}
