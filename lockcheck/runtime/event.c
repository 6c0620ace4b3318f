/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event stream: every event goes into the execution's hash, to the detectors, into the trace when
 * there is one, and, when evidence is taken, into the history of its object.
 *
 * The hash is over numbers that do not depend on addresses: thread, operation, object number, argument. Equal
 * hashes mean the same execution.
 */
#include <lockcheck.h>
#include <string.h>

#include "lockcheck/detect/detect.h"
#include "lockcheck/runtime/runtime.h"

static void keep(unsigned op, struct lc_object *object, int64_t argument)
{
    if (!object->history)
        object->history = lc_allocate(LC_HISTORY * sizeof *object->history);
    struct lc_event *e = &object->history[object->history_count++ % LC_HISTORY];
    *e = (struct lc_event){.step = lc.channel->steps,
                           .time_ns = lc.now_ns,
                           .thread = lc_self->id,
                           .op = op,
                           .argument = argument};
    if (op >= LC_OP_REQUEST) {
        e->frames = lc_backtrace(e->stack, LC_MAX_STACK);
    } else {
        e->frames = lc_self->frames;
        memcpy(e->stack, lc_self->stack, lc_self->frames * sizeof *e->stack);
    }
}

void lc_accesses_end(void)
{
    lc.channel->hash = (lc.channel->hash ^ lc.accesses) * 0x9e3779b97f4a7c15ull;
    lc.accesses = 0;
}

/* Not inlined: most events go no further than the hash. */
__attribute__((noinline)) static void pass_on(unsigned op, struct lc_object *object, int64_t argument)
{
    if (lc.tracing)
        lc_trace_event(op, object, argument);
    if (lc.evidence && object)
        keep(op, object, argument);
    if (op >= LC_OP_REQUEST || (lc_detect_ops >> op & 1))
        lc_detect_event(op, object, argument);
    if (lc.watched)
        lc_clear_stack();
}

void lc_emit(unsigned op, struct lc_object *object, int64_t argument)
{
    if (unlikely(lc.accesses))
        lc_accesses_end();
    uint64_t h = lc.channel->hash;
    h = (h ^ ((uint64_t)lc_self->id << 48 | (uint64_t)op << 32 | (object ? object->id : 0))) *
        0x9e3779b97f4a7c15ull;
    h = ((h ^ (h >> 29)) + (uint64_t)argument) * 0xbf58476d1ce4e5b9ull;
    lc.channel->hash = h ^ (h >> 32);
    lc.channel->events++;
    if (unlikely(lc.evidence | lc.tracing || op >= LC_OP_REQUEST || (lc_detect_ops >> op & 1)))
        pass_on(op, object, argument);
}
