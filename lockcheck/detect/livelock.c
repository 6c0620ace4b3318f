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
 * few times, and so may C++'s std::lock(). The second time has to be thousands of steps after the first. And
 * a strategy may starve the thread that all wait for, or go round in step with a loop that only looks up at
 * some moments. So who runs next is drawn by lot from then on, all being equally likely, until the execution
 * is there again thousands of steps later: whoever could end it has had every chance. Then it is followed
 * until it is there once more: these last steps, few as a rule, are told. When it does not come back the
 * strategy goes on. A replay finds the lots among the recorded choices.
 *
 * States cost much more than steps. They are looked at in windows, the first of which opens after more steps
 * than most executions have, and each of which opens after twice as many as the one before; and within a
 * window only where threads and their operations are what they were when it opened.
 *
 * Left out: what others could end. That is programs with descriptors to wait for, memory or locks that they
 * share with other processes, handlers for signals or waits for them, where none is sent by the program
 * itself; and those that make system calls or read clocks as they go round, or do nothing but sleep. Threads
 * that run on stacks of the program's own making, or have little of theirs left. Livelocks of many threads
 * may not come back to one state within a window. All of these end at the limit of steps. Threads that wait
 * by reading memory over and over are looked for in runtime/memory_access.c as well.
 */
#include "lockcheck/detect/livelock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lockcheck/detect/detect.h"
#include "lockcheck/strategy/random_number.h"

#define FIRST_WINDOW (1u << 17) /* steps of an execution before the first opens */
#define WINDOW_SHARE 8u         /* a window is as long as the execution so far, divided by this */
#define WARM_UP 1024u /* steps of a window before the state is taken: memory of the runtime settles */
#define APART 4096u   /* steps between two equal states, but for the last */
#define LOOKS 24u     /* at states, each time */
#define DEEDS 64u     /* told of the last round */
#define TOLD 8u       /* of each thread */

/* In which it is to come back: for the second time, by lot, and for the last time, by lot too. */
enum phase { OPENING, SECOND, BY_LOT, LAST };

static struct {
    enum phase phase;
    uint64_t end;                       /* the last step of the window */
    uint64_t first;                     /* the step that came after the state was seen first */
    uint64_t lots;                      /* the same, of the second time */
    uint64_t from;                      /* the same, of the last time */
    uint64_t threads;                   /* the state that is kept, of threads only */
    uint64_t learned;                   /* lc.learned then */
    uint32_t looks;                     /* left */
    const struct lc_strategy *strategy; /* which stands aside while lots are drawn, or NULL */
    uint64_t random;
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
    window.strategy = NULL;
}

static void begin_phase(enum phase phase)
{
    window.phase = phase;
    window.from = lc.channel->steps;
    window.end = lc.channel->steps + lc_livelock_at / WINDOW_SHARE;
    window.looks = LOOKS;
}

void lc_livelock_watch(void)
{
    lc.watched = true;
    begin_phase(OPENING);
}

static void close_window(void)
{
    lc.watched = false;
    lc_livelock_at *= 2;
    lc_cycles_end();
    if (window.strategy)
        lc.strategy = window.strategy;
    window.strategy = NULL;
}

/* ---- lots ---- */

static uint32_t draw(const struct lc_choice *choice)
{
    uint32_t lot = lc_random_below(&window.random, choice->count + choice->time_possible);
    return lot < choice->count ? choice->enabled[lot] : LC_TIME;
}

static void begin_lots(void)
{
    static struct lc_strategy by_lot;
    if (lc.strategy == &lc_strategy_replay)
        return;
    window.strategy = lc.strategy;
    window.random = lc.channel->steps;
    by_lot = *lc.strategy; /* what is to be done at the end is its business */
    by_lot.choose = draw;
    lc.strategy = &by_lot;
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
        uintptr_t until;
        bool c_librarys = sig > 31 && sig < SIGRTMIN;
        if (!is_synchronous(sig) && !c_librarys && lc_handles_signal(sig, &handler) &&
            !lc_is_runtimes((uintptr_t)handler, &until))
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
    if (window.phase == LAST && chosen != LC_TIME)
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
    lc_note(
        "The same state was there before steps %lu, %lu, %lu and %lu: what each thread does or waits for, "
        "all locks, all registers and all memory.",
        window.first, window.lots, window.from, step);
    lc_note("From step %lu on it was drawn by lot who runs next, so it is not for the order of the threads. "
            "Each that could run has run%s.",
            window.lots, could[LC_TIME] >= window.from ? ", and time has passed" : "");
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
    begin_phase(SECOND);
    window.first = window.from;
    window.learned = lc.learned;
    window.threads = lc_state_of_threads();
    return !others_could_end_it() && lc_quiet_begin() && lc_cycles_begin() && lc_state_keep();
}

/* It is there again. Returns false when that is none to be told. */
static bool come_back(void)
{
    switch (window.phase) {
    case SECOND:
        begin_phase(BY_LOT);
        window.lots = window.from;
        begin_lots();
        return true;
    case BY_LOT:
        begin_phase(LAST);
        deed_count = 0;
        return true;
    default:
        if (!only_sleep())
            report();
        return false;
    }
}

static bool may_be_back(void)
{
    uint64_t steps = lc.channel->steps - window.from;
    return steps >= (window.phase == LAST ? 1 : APART) && lc_state_of_threads() == window.threads &&
           (window.phase == SECOND || is_fair());
}

/* Returns false when the window is to be closed. */
static bool look(void)
{
    if (!lc_has_room_on_stack())
        return false;
    if (window.phase == OPENING)
        return lc.channel->steps < lc_livelock_at + WARM_UP || open_window();
    if (lc.channel->steps > window.end || lc.learned != window.learned || !lc_quiet_so_far())
        return false;
    if (!may_be_back())
        return true;
    if (!window.looks--)
        return false;
    enum lc_comparison comparison = lc_state_compare();
    return comparison == LC_SAME ? come_back() : comparison == LC_OTHER;
}

void lc_livelock_step(const struct lc_choice *choice, uint32_t chosen)
{
    if (look())
        note_step(choice, chosen);
    else
        close_window();
}
