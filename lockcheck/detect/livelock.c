/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * livelock: threads run for ever and get nowhere. An execution is one when it comes back to a state that it
 * was in before (state.c: threads, locks, registers, memory), and when it was fair on the way: every thread
 * that could run has run, and time has passed if it could. What happened in between can then happen again,
 * for ever, and no thread is to blame the scheduler for it (Musuvathi, Qadeer: Fair stateless model checking,
 * PLDI 2008, call it a fair cycle). That is a proof, not a guess from how long it takes: a loop that counts,
 * waits for a moment of the clock, or draws other numbers each time, comes to other states.
 *
 * To come back once is not enough, though: threads that get out of each other's way by chance may fail to a
 * few times, and so may C++'s std::lock(). The second time has to be thousands of steps after the first, and
 * then the execution is followed until it is there for the third time: these last steps, few as a rule, are
 * told.
 *
 * States cost much more than steps. They are looked at in windows, the first of which opens after more steps
 * than most executions have, and each of which opens after twice as many as the one before; and within a
 * window only where threads and their operations are what they were when it opened.
 *
 * Left out: what others could end. That is programs with descriptors to wait for, memory or locks that they
 * share with other processes, handlers for signals or waits for them, where none is sent by the program
 * itself; and those that make system calls or read clocks as they go round, or do nothing but sleep.
 * Livelocks of many threads that are scheduled at random may not come back to one state within a window. All
 * of these end at the limit of steps. Threads that wait by reading memory over and over are looked for in
 * runtime/memory_access.c as well.
 */
#include "lockcheck/detect/livelock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lockcheck/detect/detect.h"

#define FIRST_WINDOW (1u << 17) /* steps of an execution before the first opens */
#define WINDOW_SHARE 8u         /* a window is as long as the execution so far, divided by this */
#define WARM_UP 1024u /* steps of a window before the state is taken: memory of the runtime settles */
#define APART 4096u   /* steps between the first two equal states */
#define LOOKS 24u     /* at states, for the second and for the third */
#define DEEDS 64u     /* told of the last round */
#define TOLD 8u       /* of each thread */

enum phase { OPENING, SECOND, THIRD };

static struct {
    enum phase phase;
    uint64_t end;     /* the last step of the window */
    uint64_t first;   /* the step that came after the state was seen first */
    uint64_t from;    /* the same, of the last time */
    uint64_t threads; /* the state, of threads only */
    uint64_t state;   /* the whole */
    uint64_t learned; /* lc.learned then */
    uint32_t looks;   /* left */
} window;

uint64_t lc_livelock_at;

/* By thread, and for time at 0: the steps at which it last could run, and did. */
static uint64_t could[LC_MAX_THREADS], ran[LC_MAX_THREADS];

/* What threads do in the last round, each once. */
static struct deed {
    uint32_t thread, op, frames;
    struct lc_object *object;
    void *stack[LC_MAX_STACK];
} deeds[DEEDS];
static uint32_t deed_count;

/* ---- windows ---- */

void lc_livelock_begin(void)
{
    lc.watched = false;
    lc_livelock_at = lc.channel->detect & LC_DETECT_LIVELOCK ? FIRST_WINDOW : UINT64_MAX;
}

static void close_window(void)
{
    lc.watched = false;
    lc_livelock_at *= 2;
}

void lc_livelock_watch(void)
{
    window.phase = OPENING;
    window.end = lc_livelock_at + lc_livelock_at / WINDOW_SHARE;
    window.looks = LOOKS;
    lc.watched = true;
}

/* ---- could anybody else end it? ---- */

/* Those are of the program's own doing. */
static bool is_synchronous(int sig)
{
    return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL || sig == SIGABRT ||
           sig == SIGTRAP || sig == SIGSYS;
}

static bool handles_signals(void)
{
    for (int sig = 1; sig < SIGRTMAX; sig++) {
        const void *handler;
        bool c_librarys = sig > 31 && sig < SIGRTMIN;
        if (!is_synchronous(sig) && !c_librarys && lc_handles_signal(sig, &handler) &&
            !lc_is_runtimes((uintptr_t)handler))
            return true;
    }
    return false;
}

static bool awaits_others(const struct lc_thread *t)
{
    if (t->state != LC_BLOCKED)
        return false;
    return (t->op == LC_OP_SIGNAL_WAIT && !lc_sends_signals) ||
           (t->object && (t->object->kind == LC_KIND_DESCRIPTOR || t->object->shared));
}

static bool others_could_end_it(void)
{
    if (lc_made_processes || handles_signals())
        return true;
    for (uint32_t i = 1; i <= lc_thread_count(); i++)
        if (awaits_others(lc_thread_by_number(i)))
            return true;
    return false;
}

/* ---- the rounds ---- */

/* while (1) sleep(1); is how some programs wait to be ended from outside. */
static bool only_sleep(void)
{
    for (uint32_t i = 0; i < deed_count; i++)
        if (deeds[i].op != LC_OP_SLEEP)
            return false;
    return true;
}

static bool is_fair(void)
{
    for (uint32_t i = 0; i <= lc_thread_count(); i++)
        if (could[i] >= window.from && ran[i] < window.from)
            return false;
    return true;
}

/* The place in the program that it was called from, after the runtime's own; NULL without evidence. */
static const void *caller(uint32_t frames, void *const *stack)
{
    return frames > 1 ? stack[1] : NULL;
}

static void add_deed(const struct lc_thread *t)
{
    const void *from = caller(t->frames, t->stack);
    for (uint32_t i = 0; i < deed_count; i++)
        if (deeds[i].thread == t->id && deeds[i].op == t->op && deeds[i].object == t->object &&
            caller(deeds[i].frames, deeds[i].stack) == from)
            return;
    if (deed_count == DEEDS || t->op == LC_OP_WOKEN)
        return;
    struct deed *d = &deeds[deed_count++];
    *d = (struct deed){.thread = t->id, .op = t->op, .object = t->object, .frames = t->frames};
    memcpy(d->stack, t->stack, t->frames * sizeof *d->stack);
}

static void note_step(const struct lc_choice *choice, uint32_t chosen)
{
    uint64_t step = lc.channel->steps;
    ran[chosen] = step;
    if (choice->time_possible)
        could[LC_TIME] = step;
    for (uint32_t i = 0; i < choice->count; i++)
        could[choice->enabled[i]] = step;
    if (window.phase == THIRD && chosen != LC_TIME)
        add_deed(lc_thread_by_number(chosen));
}

/* ---- the finding ---- */

static void tell(uint32_t thread)
{
    char text[384] = "";
    size_t n = 0;
    uint32_t told = 0;
    for (uint32_t i = 0; i < deed_count; i++) {
        const struct deed *d = &deeds[i];
        if (d->thread != thread || n >= sizeof text)
            continue;
        if (++told > TOLD) {
            snprintf(text + n, sizeof text - n, ", and so on");
            break;
        }
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? ", " : "", lc_op_name(d->op));
        if (d->object && n < sizeof text)
            n += (size_t)snprintf(text + n, sizeof text - n, " {o%u}", d->object->id);
        lc_show_stack(thread, d->stack, d->frames, "{t%u}: %s, each time round", thread, lc_op_name(d->op));
    }
    lc_note("{t%u} goes round: %s.", thread, text);
}

static _Noreturn void report(void)
{
    uint64_t step = lc.channel->steps;
    uint32_t threads = 0;
    lc_note("The same state was there before steps %lu, %lu and %lu: what each thread does or waits for, all "
            "locks, all registers and all memory. In between whoever could run has run%s.",
            window.first, window.from, step, could[LC_TIME] >= window.from ? ", and time has passed" : "");
    for (uint32_t i = 1; i <= lc_thread_count(); i++)
        if (ran[i] >= window.from) {
            threads++;
            tell(i);
        }
    if (threads == 1)
        lc_finding("livelock",
                   "a thread goes round and round and gets nowhere, and no other can run: after %lu step%s "
                   "everything is as it was",
                   step - window.from, step - window.from == 1 ? "" : "s");
    lc_finding("livelock",
               "%u threads go round and round and get nowhere: after %lu steps everything is as it was",
               threads, step - window.from);
}

/* ---- steps ---- */

/* The state is taken from here on. Returns false when it cannot be known whether it comes again. */
static bool open_window(void)
{
    window.learned = lc.learned;
    window.threads = lc_state_of_threads();
    window.first = window.from = lc.channel->steps;
    window.phase = SECOND;
    return !others_could_end_it() && lc_quiet_begin() && lc_state(&window.state);
}

/* It is there again. */
static void come_back(void)
{
    if (window.phase == THIRD && !only_sleep())
        report();
    if (window.phase == THIRD) {
        close_window();
        return;
    }
    window.phase = THIRD;
    window.from = lc.channel->steps;
    window.looks = LOOKS;
    deed_count = 0;
}

static bool may_be_back(void)
{
    uint64_t steps = lc.channel->steps - window.from;
    return steps >= (window.phase == SECOND ? APART : 1) && lc_state_of_threads() == window.threads &&
           is_fair();
}

void lc_livelock_step(const struct lc_choice *choice, uint32_t chosen)
{
    uint64_t state;
    if (window.phase == OPENING) {
        if (lc.channel->steps < lc_livelock_at + WARM_UP)
            return;
        if (!open_window()) {
            close_window();
            return;
        }
    } else if (lc.channel->steps > window.end || lc.learned != window.learned || !lc_quiet_so_far()) {
        close_window();
        return;
    } else if (may_be_back()) {
        if (!window.looks-- || !lc_state(&state)) {
            close_window();
            return;
        }
        if (state == window.state)
            come_back();
    }
    note_step(choice, chosen);
}
