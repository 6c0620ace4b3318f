/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scheduler. Before every operation a thread stops here, and the strategy says who takes the next step:
 * one of the enabled threads, or time, which passes to the next deadline.
 *
 * A thread is enabled when its next operation can be done: one that is about to lock a held mutex is not.
 * Waits are of two kinds. A lock wait ends when the object is available; all that wait for it compete with
 * everybody else, as on a real machine. An event wait ends by another thread's act (signal, wake) or by its
 * deadline. A deadline that has passed makes a thread enabled; whether it then finds its lock or its wake-up
 * after all is decided by what happens before it is chosen.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "lockcheck/detect/detect.h"
#include "lockcheck/detect/livelock.h"
#include "lockcheck/runtime/runtime.h"
#include "lockcheck/strategy/random_number.h"

/* Ascending. After the small variables: most programs have few threads. */
__attribute__((section("lc_written_arrays"))) static uint32_t enabled[LC_MAX_THREADS];
LC_WRITTEN static uint32_t enabled_count;
LC_WRITTEN static uint32_t deadline_count; /* threads with a deadline that has not passed */

LC_WRITTEN static bool observed; /* observe_step() has work to do */

/* The run of equal decisions that is being written. */
LC_WRITTEN static uint64_t run_thread;
LC_WRITTEN static uint64_t run_count; /* 0 before the first decision */
LC_WRITTEN static uint8_t *run_count_at;

/* ---- who can run ---- */

void lc_enable(struct lc_thread *t)
{
    if (t->state == LC_ENABLED)
        return;
    t->state = LC_ENABLED;
    t->enabled_step = lc.channel->steps;
    uint32_t i = enabled_count++;
    for (; i > 0 && enabled[i - 1] > t->id; i--)
        enabled[i] = enabled[i - 1];
    enabled[i] = t->id;
}

static void disable(struct lc_thread *t, enum lc_state state)
{
    if (t->state == LC_ENABLED) {
        uint32_t i = 0;
        while (enabled[i] != t->id)
            i++;
        for (enabled_count--; i < enabled_count; i++)
            enabled[i] = enabled[i + 1];
    }
    t->state = state;
}

static void queue(struct lc_thread *t, struct lc_object *o)
{
    t->queued_on = o;
    t->queue_next = NULL;
    t->queue_previous = o->waiters.last;
    *(o->waiters.last ? &o->waiters.last->queue_next : &o->waiters.first) = t;
    o->waiters.last = t;
}

void lc_unqueue(struct lc_thread *t)
{
    struct lc_object *o = t->queued_on;
    if (!o)
        return;
    *(t->queue_previous ? &t->queue_previous->queue_next : &o->waiters.first) = t->queue_next;
    *(t->queue_next ? &t->queue_next->queue_previous : &o->waiters.last) = t->queue_previous;
    t->queued_on = NULL;
}

static bool cancelled(const struct lc_thread *t)
{
    return (t->cancellable && t->cancel_requested && !t->cancel_disabled && !t->exiting) || t->interrupted;
}

/* ---- decisions ---- */

#define LARGEST_RUN 24u /* bytes of one run of equal decisions */
#define PAGE 4096u
#define ROOM_AT_ONCE (1u << 20)

LC_WRITTEN static uint64_t last_step;
LC_WRITTEN static uint64_t
    next_stop;                   /* the first step that is not plain: the last, or one of detect/livelock.c */
LC_WRITTEN static uint64_t room; /* decisions_bytes from which on there is less than LARGEST_RUN left */

/* Pages of the channel are mapped as many as there have been, which costs less than one by one. */
static void make_room(void)
{
    struct lc_channel *c = lc.channel;
    uint64_t end = room + LARGEST_RUN;
    if (end >= LC_DECISIONS_SIZE)
        lc_limit_reached();
    uint64_t more = end < ROOM_AT_ONCE ? end : ROOM_AT_ONCE;
    lc_quiet_call(SYS_madvise, (long)c + LC_DECISIONS_OFFSET + (long)end, (long)more, MADV_POPULATE_WRITE, 0);
    room += more;
}

static void observe(void)
{
    const struct lc_channel *c = lc.channel;
    observed = (c->flags & (LC_FLAG_STEPS | LC_FLAG_PROFILE | LC_FLAG_DEBUGGER | LC_FLAG_TRACE)) ||
               c->stop_at_step || lc.watched;
    next_stop = lc.watched || last_step < lc_livelock_at ? last_step : lc_livelock_at;
}

static void stop_at_step(void)
{
    if (lc.channel->steps > last_step)
        lc_limit_reached();
    lc_livelock_watch();
    observe();
}

/* The channel holds every decision from the moment it is taken, so that the schedule of a crash is whole. */
static void record(uint32_t choice)
{
    struct lc_channel *c = lc.channel;
    c->steps++;
    if (!lc.scheduled)
        return;
    if (unlikely(c->steps > next_stop))
        stop_at_step();
    if (unlikely(c->decisions_bytes > room))
        make_room();
    uint8_t *start = (uint8_t *)c + LC_DECISIONS_OFFSET;
    if (run_count == 0 || choice != run_thread) {
        run_thread = choice;
        run_count = 0;
        run_count_at = start + c->decisions_bytes;
        run_count_at += lc_varint_put(run_count_at, choice);
    }
    if (likely(++run_count < 0x80)) {
        *run_count_at = (uint8_t)run_count; /* as lc_varint_put() does */
        c->decisions_bytes = (uint64_t)(run_count_at + 1 - start);
        return;
    }
    size_t bytes = lc_varint_put(run_count_at, run_count);
    c->decisions_bytes = (uint64_t)(run_count_at + bytes - start);
}

static void drop_deadline(struct lc_thread *t)
{
    if (t->deadline_ns != LC_NEVER && !t->timed_out)
        deadline_count--;
    t->deadline_ns = LC_NEVER;
}

static void set_deadline(struct lc_thread *t, int64_t deadline_ns)
{
    t->timed_out = deadline_ns <= lc.now_ns;
    t->deadline_ns = deadline_ns;
    if (deadline_ns != LC_NEVER && !t->timed_out)
        deadline_count++;
}

/* Time passes to the first deadline. */
static void pass_time(void)
{
    int64_t first = LC_NEVER;
    uint32_t count = lc_thread_count();
    for (uint32_t i = 1; i <= count; i++) {
        struct lc_thread *t = lc_thread_by_number(i);
        if (!t->timed_out && t->deadline_ns < first)
            first = t->deadline_ns;
    }
    if (first > lc.now_ns)
        lc.now_ns = first;
    lc.channel->virtual_ns = (uint64_t)lc.now_ns;
    lc_emit(LC_OP_TIME, NULL, lc.now_ns);
    for (uint32_t i = 1; i <= count; i++) {
        struct lc_thread *t = lc_thread_by_number(i);
        if (!t->timed_out && t->deadline_ns <= lc.now_ns) {
            t->timed_out = true;
            deadline_count--;
            lc_enable(t);
        }
    }
    lc_descriptors_look();
}

void lc_deliver_signals(void)
{
    struct lc_thread *t = lc_self;
    uint64_t due;
    while ((due = t->signals & ~t->mask)) {
        t->signals &= ~(due & -due);
        lc_raise(__builtin_ctzll(due) + 1);
    }
}

static bool holds_for_reading(const struct lc_thread *t, const struct lc_object *o)
{
    struct lc_reader *r = o->readers;
    while (r && r->thread != t)
        r = r->next;
    return r != NULL;
}

/* Can no thread that waits for t's object take it before t has done its next operation, or another has that
 * depends on it? */
static bool closed(const struct lc_thread *t, const struct lc_object *o)
{
    switch (o->kind) {
    case LC_KIND_MUTEX:
        return o->owner && (o->owner == t || o->type != PTHREAD_MUTEX_RECURSIVE);
    case LC_KIND_SPINLOCK:
    case LC_KIND_ONCE:
        return o->owner;
    case LC_KIND_RWLOCK:
        return o->owner || (t->op == LC_OP_UNLOCK && holds_for_reading(t, o));
    case LC_KIND_SEMAPHORE:
        return o->value == 0;
    case LC_KIND_THREAD:
        return lc_thread_by_number((uint32_t)o->value)->state != LC_FINISHED;
    default:
        return false;
    }
}

static bool only_reads(const struct lc_thread *t)
{
    switch (t->op) {
    case LC_OP_READ:
    case LC_OP_READ_LOCK:
        return true;
    case LC_OP_UNLOCK: /* readers come and go in any order */
        return holds_for_reading(t, t->object);
    case LC_OP_ONCE: /* done before */
        return t->object->value != 0;
    default:
        return false;
    }
}

static struct lc_next next_of(uint32_t id)
{
    const struct lc_thread *t = lc_thread_by_number(id);
    struct lc_next next = {.op = t->op,
                           .everything = t->op == LC_OP_THREAD_CANCEL || t->op == LC_OP_KILL ||
                                         t->op == LC_OP_PROCESS_EXIT};
    if (t->state == LC_FINISHED)
        return (struct lc_next){.op = LC_OP_NONE};
    /* What ends an event wait is up to others: until then the step has no object. */
    if (!t->object || (t->state == LC_BLOCKED && t->event_wait))
        return next;
    next.object = t->object->id;
    next.object2 = t->object2 ? t->object2->id : 0;
    next.reads_only = only_reads(t);
    next.waits = t->queued_on == t->object && !t->event_wait && !t->timed_out && !cancelled(t);
    next.closed = closed(t, t->object);
    next.closed2 = t->object2 && closed(t, t->object2);
    next.address = t->object->address;
    return next;
}

/* The stack's number in the table; 0 when there is none, or no room. */
static uint32_t stack_number(const struct lc_thread *t)
{
    static uint32_t numbers[2 * (LC_STACKS_MAX + 1)]; /* by hash; linear probing; 0: free */
    const uint32_t slots = sizeof numbers / sizeof *numbers;
    struct lc_stacks *stacks = (struct lc_stacks *)((char *)lc.channel + LC_STACKS_OFFSET);
    uint32_t frames = t->frames < LC_STACK_FRAMES ? t->frames : LC_STACK_FRAMES;
    if (!frames)
        return 0;
    uint64_t h = frames;
    for (uint32_t i = 0; i < frames; i++)
        h = (h ^ (uintptr_t)t->stack[i]) * 0x9e3779b97f4a7c15ull;
    for (uint32_t slot = (uint32_t)(h >> 32) % slots;; slot = (slot + 1) % slots) {
        uint32_t number = numbers[slot];
        if (number && (stacks->entries[number].frames != frames ||
                       memcmp(stacks->entries[number].pcs, t->stack, frames * sizeof *t->stack) != 0))
            continue;
        if (!number && stacks->count < LC_STACKS_MAX) {
            number = numbers[slot] = ++stacks->count;
            stacks->entries[number].frames = frames;
            memcpy(stacks->entries[number].pcs, t->stack, frames * sizeof *t->stack);
        }
        return number;
    }
}

static void record_step(const struct lc_choice *c, uint32_t chosen)
{
    struct lc_channel *channel = lc.channel;
    uint64_t place = channel->steps - 1;
    if (channel->steps_room)
        place %= channel->steps_room;
    if ((place + 1) * sizeof(struct lc_step) > LC_STEPS_SIZE)
        return;
    struct lc_step *s = (struct lc_step *)((char *)channel + LC_STEPS_OFFSET) + place;
    struct lc_next next = chosen == LC_TIME ? (struct lc_next){.op = LC_OP_TIME} : next_of(chosen);
    const struct lc_thread *t = chosen == LC_TIME ? NULL : lc_thread_by_number(chosen), *left = lc_self;
    *s = (struct lc_step){.thread = chosen,
                          .op = next.op,
                          .object = next.object,
                          .object2 = next.object2,
                          .enabled = c->count,
                          .switched = chosen == c->current ? 0
                                      : c->current_enabled ? 2
                                                           : 1,
                          .time_ns = lc.now_ns,
                          .able_since = t ? t->enabled_step : 0,
                          .stack = t ? stack_number(t) : 0,
                          .left = left->id,
                          .left_op = left->op,
                          .left_object = left->object ? left->object->id : 0,
                          .left_stack = stack_number(left),
                          .left_ended = left->state == LC_FINISHED};
}

/* Steps are counted anew from the checkpoint on. */
static void begin_recording(void)
{
    ((struct lc_stacks *)((char *)lc.channel + LC_STACKS_OFFSET))->count = 0;
    for (uint32_t i = 1; i <= lc_thread_count(); i++)
        lc_thread_by_number(i)->enabled_step = 0;
}

/* What only some executions want to know of each step. */
static void observe_step(const struct lc_choice *c, uint32_t chosen)
{
    if (!lc.scheduled)
        return;
    uint32_t flags = lc.channel->flags;
    if (flags & LC_FLAG_STEPS)
        record_step(c, chosen);
    if (flags & LC_FLAG_PROFILE)
        lc_profile_step(c, chosen);
    if (lc.tracing)
        lc_trace_switch(c, chosen);
    if (lc.watched) {
        lc_livelock_step(c, chosen);
        if (!lc.watched)
            observe();
    }
    if (chosen == LC_TIME)
        lc_debugger_at_step();
}

/* Let the strategy choose who takes the next step; return when the caller is chosen. */
static void schedule(bool yielded)
{
    struct lc_thread *me = lc_self;
    static struct lc_choice choice = {.enabled = enabled, .next = next_of};
    choice.yielded = yielded;
    choice.current = me->id;
    for (;;) {
        choice.count = enabled_count;
        choice.time_possible = deadline_count > 0;
        choice.current_enabled = me->state == LC_ENABLED;
        choice.step = lc.channel->steps + 1;
        if (unlikely(enabled_count == 0 && deadline_count == 0)) {
            if (!lc_descriptors_rescue())
                lc_detect_quiescent();
            continue;
        }
        uint32_t chosen = lc.strategy->choose(&choice);
        if (unlikely(chosen == LC_NO_CHOICE))
            lc_no_choice();
        record(chosen);
        if (unlikely(observed))
            observe_step(&choice, chosen);
        if (chosen == LC_TIME) {
            pass_time();
            continue;
        }
        if (chosen != me->id) {
            struct lc_thread *next = lc_thread_by_number(chosen);
            lc_self = next;
            lc_switch(&me->sp, next->sp, next->tp);
            lc_mask_of_running();
        }
        if (unlikely(observed)) {
            lc_debugger_at_step();
            if (lc.watched)
                lc_clear_stack();
        }
        if (unlikely(me->signals & ~me->mask))
            lc_deliver_signals();
        return;
    }
}

void lc_schedule_away(void)
{
    struct lc_thread *me = lc_self;
    drop_deadline(me);
    disable(me, LC_FINISHED);
    schedule(false);
    lc_internal("a finished thread was chosen");
}

static const struct lc_strategy *coming; /* the strategy of the schedules to come */

void lc_schedules_prepare(void)
{
    coming = lc_strategy_find(lc.channel->strategy);
    if (!coming)
        lc_internal("no strategy is called \"%.31s\"", lc.channel->strategy);
}

void lc_schedule_begin(void)
{
    struct lc_channel *c = lc.channel;
    c->steps = 0;
    c->events = 0;
    c->sleepers_used = 0;
    c->hash = 0x6c6f636b63686563ull;
    lc_reports_write();
    run_count = 0;
    last_step = c->max_steps ? c->max_steps : UINT64_MAX;
    room = PAGE - LARGEST_RUN;
    lc.scheduled = true;
    lc.plain_accesses = c->points == LC_POINTS_SYNC;
    lc.accesses = 0;
    lc_livelock_begin();
    observe();
    if (c->flags & LC_FLAG_STEPS)
        begin_recording();
    if (c->flags & LC_FLAG_PROFILE)
        memset(&c->profile, 0, sizeof c->profile);
    lc_trace_begin();
    const struct lc_strategy *strategy = lc.strategy = coming;
    struct lc_schedule_settings settings = {.seed = lc_schedule_seed(c->seed, c->schedule),
                                            .schedule = c->schedule,
                                            .replay = (uint8_t *)c + LC_REPLAY_OFFSET,
                                            .replay_bytes = c->replay_bytes,
                                            .depth = c->depth,
                                            .preemptions = c->preemptions,
                                            .max_steps = c->max_steps,
                                            .profile = &c->profile,
                                            .memory = (uint8_t *)c + LC_MEMORY_OFFSET,
                                            .memory_bytes = LC_MEMORY_SIZE};
    strategy->begin(&settings);
    if (strategy->exhausted && strategy->exhausted())
        lc_exhausted();
}

static void about_to(enum lc_op op, struct lc_object *object)
{
    struct lc_thread *me = lc_self;
    me->op = op;
    me->object = object;
    me->clock_reads = 0;
    if (unlikely(lc.evidence))
        me->frames = lc_backtrace(me->stack, LC_MAX_STACK);
}

void lc_point(enum lc_op op, struct lc_object *object)
{
    about_to(op, object);
    if (unlikely(lc_self->cancel_async))
        lc_test_cancel();
    schedule(op == LC_OP_YIELD);
    lc_emit(op, object, 0);
}

/* ---- event waits ---- */

static void block(struct lc_thread *me)
{
    disable(me, LC_BLOCKED);
    me->blocked_step = lc.channel->steps;
    if (me->op == LC_OP_WRITE_LOCK) /* readers may have to let it go first */
        lc_availability_changed(me->object);
    lc_detect_block(me);
}

bool lc_wait(enum lc_op op, struct lc_object *object, int64_t deadline_ns)
{
    struct lc_thread *me = lc_self;
    me->op = op;
    me->object = object;
    me->woken = false;
    set_deadline(me, deadline_ns);
    if (object)
        queue(me, object);
    if (!me->timed_out && !cancelled(me)) {
        me->event_wait = true;
        block(me);
    }
    schedule(false);
    while (!me->woken && !me->timed_out && !cancelled(me)) { /* it only ran a signal handler */
        me->op = op;
        me->object = object;
        block(me);
        schedule(false);
    }
    me->event_wait = false;
    if (me->woken) {
        lc_emit(LC_OP_WOKEN, object, 0);
    } else {
        lc_unqueue(me);
        lc_emit(LC_OP_TIMED_OUT, object, lc.now_ns);
    }
    drop_deadline(me);
    return me->woken;
}

void lc_wake(struct lc_thread *t)
{
    lc_unqueue(t);
    drop_deadline(t);
    t->woken = true;
    t->event_wait = false;
    /* What is left of its operation touches nothing. */
    t->op = LC_OP_WOKEN;
    t->object = NULL;
    lc_enable(t);
}

/* ---- lock waits ---- */

static bool writer_waits(const struct lc_object *o)
{
    for (const struct lc_thread *t = o->waiters.first; t; t = t->queue_next)
        if (t->op == LC_OP_WRITE_LOCK && t->state == LC_BLOCKED)
            return true;
    return false;
}

bool lc_available(enum lc_op op, const struct lc_object *o, const struct lc_thread *t)
{
    if (o->kind == LC_KIND_SEMAPHORE) /* here, and next, what is waited for most */
        return o->value > 0;
    if (o->kind == LC_KIND_MUTEX)
        return !o->owner || (o->owner == t && o->type == PTHREAD_MUTEX_RECURSIVE);
    switch (o->kind) {
    case LC_KIND_SPINLOCK:
    case LC_KIND_ONCE:
        return !o->owner;
    case LC_KIND_RWLOCK:
        if (op == LC_OP_READ_LOCK)
            return !o->owner && !(o->type == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP && writer_waits(o));
        return !o->owner && !o->readers;
    case LC_KIND_THREAD:
        return lc_thread_by_number((uint32_t)o->value)->state == LC_FINISHED;
    case LC_KIND_DESCRIPTOR:
        return lc_descriptors_ready(t);
    default:
        lc_internal("object kind %d cannot be waited for as a lock", (int)o->kind);
    }
}

void lc_set_available(struct lc_thread *t, bool available)
{
    if (available)
        lc_enable(t);
    else if (t->state == LC_ENABLED && t != lc_self && !t->timed_out && !cancelled(t))
        disable(t, LC_BLOCKED);
}

void lc_availability_changed(struct lc_object *o)
{
    for (struct lc_thread *t = o->waiters.first; t; t = t->queue_next)
        lc_set_available(t, lc_available(t->op, o, t));
}

/* The event of taking it. */
static unsigned taking(const struct lc_object *o)
{
    switch (o->kind) {
    case LC_KIND_MUTEX:
    case LC_KIND_SPINLOCK:
    case LC_KIND_RWLOCK:
        return LC_OP_LOCKED;
    case LC_KIND_THREAD:
        return LC_OP_JOINED;
    default:
        return LC_OP_ACQUIRED;
    }
}

/* The caller is queued on `o`, or can take it at once; wait until it is its turn to. */
static bool compete(struct lc_object *o)
{
    struct lc_thread *me = lc_self;
    for (;;) {
        schedule(false);
        bool available = lc_available(me->op, o, me);
        if (available || me->timed_out || cancelled(me)) {
            lc_unqueue(me);
            lc_emit(available ? taking(o) : LC_OP_TIMED_OUT, o, 0);
            drop_deadline(me);
            if (!available && me->op == LC_OP_WRITE_LOCK)
                lc_availability_changed(o); /* readers need not wait for it any more */
            return available;
        }
        if (!me->queued_on)
            queue(me, o);
        block(me);
    }
}

bool lc_acquire(enum lc_op op, struct lc_object *o, int64_t deadline_ns)
{
    struct lc_thread *me = lc_self;
    about_to(op, o);
    if (unlikely(me->cancel_async))
        lc_test_cancel();
    set_deadline(me, deadline_ns);
    queue(me, o);
    if (!lc_available(op, o, me) && !me->timed_out && !cancelled(me))
        block(me);
    return compete(o);
}

void lc_wake_to_acquire(struct lc_thread *t, struct lc_object *lock)
{
    lc_unqueue(t);
    drop_deadline(t);
    t->timed_out = false; /* it may have been late, and is in time after all */
    t->woken = true;
    t->cancellable = false; /* a cancellation that comes after the wake-up waits for the next wait */
    t->event_wait = false;
    t->op = LC_OP_LOCK;
    t->object = lock;
    queue(t, lock);
    if (lc_available(LC_OP_LOCK, lock, t)) {
        lc_enable(t);
    } else {
        disable(t, LC_BLOCKED);
        t->blocked_step = lc.channel->steps;
        lc_detect_block(t);
    }
}

void lc_acquire_requeued(struct lc_object *lock)
{
    /* lc_wait() has returned because this thread was chosen: because the lock was available, or to run a
     * signal handler. */
    while (!lc_available(LC_OP_LOCK, lock, lc_self)) {
        lc_self->op = LC_OP_LOCK;
        lc_self->object = lock;
        block(lc_self);
        schedule(false);
    }
    lc_unqueue(lc_self);
    lc_emit(LC_OP_LOCKED, lock, 0);
}
