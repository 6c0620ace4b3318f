/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a debugger needs of the process that it watches: to be waited for, to be told by a breakpoint
 * instruction of our own that a step or the end is near, and to read at any moment, from the evidence, which
 * threads there are and with which registers each goes on.
 *
 * The debugger is the command (lockcheck/tool/debug.c), which traces the process and speaks with gdb.
 */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lockcheck/runtime/runtime.h"

#define TELL_STACK (256u << 10)

/* Not allocated: what the program allocates must be where it is without a debugger. */
static char tell_stack[TELL_STACK] __attribute__((aligned(16)));

/* The carrier is in a trap that only a debugger understands. */
__attribute__((noinline)) static void trap(enum lc_debug_stop why)
{
    lc.channel->debug_stop = why;
    __asm__ volatile("int3" ::: "memory");
    lc.channel->debug_stop = LC_DEBUG_RUNS;
}

/* Where the debugger lets the carrier go on when it wants the evidence of this moment: on a stack of our own,
 * with all registers put back afterwards. */
static _Noreturn void tell(void)
{
    lc.inside++;
    uint8_t quiet = lc_quiet_pause();
    lc_evidence_write(lc.channel->finding_kind);
    lc_quiet_resume(quiet);
    lc.inside--;
    trap(LC_DEBUG_TOLD);
    __builtin_unreachable();
}

void lc_debugger_wait(void)
{
    struct lc_channel *c = lc.channel;
    if (!(c->flags & LC_FLAG_DEBUGGER))
        return;
    c->debug_stop = LC_DEBUG_RUNS;
    c->debug_self = (uintptr_t)&lc_self;
    c->debug_self_id = offsetof(struct lc_thread, id);
    c->debug_tell = (uintptr_t)tell;
    /* As at a function's first instruction: a return address off alignment. */
    c->debug_tell_stack = (uintptr_t)tell_stack + TELL_STACK - 8;
    const struct timespec moment = {.tv_nsec = 1000000};
    while (!__atomic_load_n(&c->debugger, __ATOMIC_ACQUIRE))
        syscall(SYS_nanosleep, &moment, NULL);
}

void lc_debugger_stop(enum lc_debug_stop why)
{
    if (lc.channel->flags & LC_FLAG_DEBUGGER)
        trap(why);
}

void lc_debugger_exit(void)
{
    if (lc.channel->flags & LC_FLAG_STEPS) /* what it takes to read them */
        lc_evidence_write("clean");
    lc_debugger_stop(LC_DEBUG_EXIT);
}

void lc_debugger_at_step(void)
{
    struct lc_channel *c = lc.channel;
    if (!c->stop_at_step || c->stop_at_step != c->steps)
        return;
    if (c->flags & LC_FLAG_DEBUGGER)
        trap(LC_DEBUG_STEP);
    else
        lc_stopped_at_step();
}

/* ---- evidence ---- */

/* Registers of a thread that does not run, in the order of enum lc_debug_register: see lc_switch and
 * lc_fiber_trampoline. */
void lc_debugger_context(const struct lc_thread *t, uint64_t registers[LC_DEBUG_REGISTERS])
{
    const uintptr_t *frame = t->sp;
    registers[LC_DEBUG_CONTROL] = frame[0];
    registers[LC_DEBUG_R15] = frame[1];
    registers[LC_DEBUG_R14] = frame[2];
    registers[LC_DEBUG_R13] = frame[3];
    registers[LC_DEBUG_R12] = frame[4];
    registers[LC_DEBUG_RBX] = frame[5];
    registers[LC_DEBUG_RBP] = frame[6];
    registers[LC_DEBUG_RIP] = (uintptr_t)lc_switch_return;
    registers[LC_DEBUG_RSP] = (uintptr_t)(frame + 7);
    registers[LC_DEBUG_RDI] = registers[LC_DEBUG_RDI_KNOWN] = 0;
    if (t->state == LC_FINISHED) {
        /* Its stack may be another's by now. */
        registers[LC_DEBUG_RIP] = (uintptr_t)lc_no_stack;
    } else if (t->op == LC_OP_THREAD_START) {
        /* As if it had just been called, which the trampoline is about to bring about. */
        registers[LC_DEBUG_RIP] = (uintptr_t)t->start;
        registers[LC_DEBUG_RDI] = (uintptr_t)t->argument;
        registers[LC_DEBUG_RDI_KNOWN] = 1;
        registers[LC_DEBUG_RBP] = 0;
    }
}
