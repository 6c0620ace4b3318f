/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event stream: every event goes into the execution's hash, to the detectors, and, when evidence is
 * taken, into the history of its object.
 *
 * The hash is over numbers that do not depend on addresses: thread, operation, object number, argument. Equal
 * hashes mean the same execution.
 */
#include <lockcheck.h>
#include <string.h>

#include "lockcheck/detect/detect.h"
#include "lockcheck/runtime/runtime.h"

const char *lc_op_name(unsigned op)
{
    static const char *const names[] = {
        [LC_OP_NONE] = "nothing",
        [LC_OP_THREAD_CREATE] = "create",
        [LC_OP_THREAD_START] = "start",
        [LC_OP_THREAD_EXIT] = "exit",
        [LC_OP_THREAD_JOIN] = "join",
        [LC_OP_THREAD_DETACH] = "detach",
        [LC_OP_THREAD_CANCEL] = "cancel",
        [LC_OP_YIELD] = "yield",
        [LC_OP_SLEEP] = "sleep",
        [LC_OP_LOCK] = "lock",
        [LC_OP_TRYLOCK] = "trylock",
        [LC_OP_TIMEDLOCK] = "timed lock",
        [LC_OP_UNLOCK] = "unlock",
        [LC_OP_READ_LOCK] = "read lock",
        [LC_OP_WRITE_LOCK] = "write lock",
        [LC_OP_WAIT] = "wait",
        [LC_OP_TIMEDWAIT] = "timed wait",
        [LC_OP_SIGNAL] = "signal",
        [LC_OP_BROADCAST] = "broadcast",
        [LC_OP_SEM_WAIT] = "semaphore wait",
        [LC_OP_SEM_POST] = "semaphore post",
        [LC_OP_SEM_TRYWAIT] = "semaphore try",
        [LC_OP_BARRIER_WAIT] = "barrier wait",
        [LC_OP_ONCE] = "once",
        [LC_OP_FUTEX_WAIT] = "futex wait",
        [LC_OP_FUTEX_WAKE] = "futex wake",
        [LC_OP_READ] = "read",
        [LC_OP_WRITE] = "write",
        [LC_OP_INIT] = "init",
        [LC_OP_DESTROY] = "destroy",
        [LC_OP_KILL] = "kill",
        [LC_OP_SIGNAL_WAIT] = "wait for a signal",
        [LC_OP_PROCESS_EXIT] = "end of the process",
        [LC_OP_FILE_OPEN] = "open",
        [LC_OP_FILE_READ] = "read from",
        [LC_OP_FILE_WRITE] = "write to",
        [LC_OP_FILE_POLL] = "poll",
        [LC_OP_FILE_ACCEPT] = "accept",
        [LC_OP_FILE_CONNECT] = "connect",
        [LC_OP_FILE_CONTROL] = "control",
        [LC_OP_FILE_CLOSE] = "close",
        [LC_OP_ACQUIRED] = "acquired",
        [LC_OP_LOCKED] = "acquired",
        [LC_OP_JOINED] = "joined",
        [LC_OP_BUSY] = "busy",
        [LC_OP_FILE_DONE] = "result",
        [LC_OP_WOKEN] = "woken",
        [LC_OP_TIMED_OUT] = "timed out",
        [LC_OP_TIME] = "time passes",
        [LC_OP_REQUEST + LOCKCHECK_NAME_THREAD] = "name",
        [LC_OP_REQUEST + LOCKCHECK_NAME_OBJECT] = "name",
        [LC_OP_REQUEST + LOCKCHECK_PROGRESS] = "progress",
        [LC_OP_REQUEST + LOCKCHECK_OUTSTANDING] = "outstanding work",
        [LC_OP_REQUEST + LOCKCHECK_IRQ_ENTER] = "interrupt begins",
        [LC_OP_REQUEST + LOCKCHECK_IRQ_EXIT] = "interrupt ends",
        [LC_OP_REQUEST + LOCKCHECK_SEM_INIT] = "semaphore init",
        [LC_OP_REQUEST + LOCKCHECK_SEM_DESTROY] = "semaphore destroy",
        [LC_OP_REQUEST + LOCKCHECK_SEM_UP_BEGIN] = "up begins",
        [LC_OP_REQUEST + LOCKCHECK_SEM_UP_END] = "up ends",
        [LC_OP_REQUEST + LOCKCHECK_SEM_DOWN_BEGIN] = "down begins",
        [LC_OP_REQUEST + LOCKCHECK_SEM_DOWN_END] = "down ends",
        [LC_OP_REQUEST + LOCKCHECK_MSG_SEND] = "message sent",
        [LC_OP_REQUEST + LOCKCHECK_MSG_RECEIVE] = "message received",
        [LC_OP_REQUEST + LOCKCHECK_MSG_DROP] = "message dropped",
        [LC_OP_REQUEST + LOCKCHECK_FINDING] = "finding",
        [LC_OP_REQUEST + LOCKCHECK_HAND_OVER] = "handed over",
        [LC_OP_REQUEST + LOCKCHECK_INPUT] = "input",
        [LC_OP_REQUEST + LOCKCHECK_IRQ_DISABLE] = "interrupts disabled",
        [LC_OP_REQUEST + LOCKCHECK_IRQ_ENABLE] = "interrupts enabled",
    };
    return op < sizeof names / sizeof *names && names[op] ? names[op] : "?";
}

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
    if (lc.evidence && object)
        keep(op, object, argument);
    if (op >= LC_OP_REQUEST || (lc_detect_ops >> op & 1))
        lc_detect_event(op, object, argument);
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
    if (unlikely(lc.evidence || op >= LC_OP_REQUEST || (lc_detect_ops >> op & 1)))
        pass_on(op, object, argument);
}
