/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory accesses of code that was compiled with -fsanitize=thread. The compiler calls a function of
 * memory_hooks.h before each access, and instead of each atomic operation.
 *
 * How the calls get here: such code has undefined symbols __tsan_*. lockcheck-cc links it with
 * liblockcheck-memory.so in the place of libtsan; there the functions do nothing but the atomic operations,
 * and the program runs without lockcheck. Under lockcheck this library is preloaded, so it comes before that
 * one in the search of the dynamic linker, and its definitions are taken. A static library of stubs would
 * not do: the program's own definitions come before preloaded ones, so each stub would have to ask, at each
 * access, whether there is a runtime.
 *
 * What an access becomes. A thread's own stack and thread-local storage are private unless another thread
 * was seen there; so is everything as long as there is one thread. Any other access is an event. It is a
 * scheduling point as well
 *
 *   LC_POINTS_SYNC    never
 *   LC_POINTS_MEMORY  always
 *   LC_POINTS_AUTO    where two threads have been, and one has written: in this execution, or in the
 * profiling run
 *
 * In a point the access has the object of its granule: the 8 aligned bytes around it, at their address + 1,
 * where no lock can be. Two variables in one granule count as one, which can only make an order matter that
 * does not. An access to more than two granules names its first and its last.
 *
 * A thread that waits by reading memory over and over lets others run after a while, in every mode: without
 * that a program that spins could not be controlled, or an unfair strategy would never leave it. When every
 * thread that can run does nothing else, and no time-out is due, it is a livelock.
 *
 * Left out: accesses that the C library makes for the program (strcpy, read), except memcpy(), memmove() and
 * memset() called from code that lockcheck-cc linked.
 */
#include "lockcheck/detect/race.h"
#include "lockcheck/runtime/runtime.h"

/* In a section of their own, so that stacks begin at what called them: see stack.c. */
#define HOOK LC_EXPORT __attribute__((section(LC_MEMORY_HOOKS)))

#include "lockcheck/runtime/memory_hooks.h"

#define GRANULE_SHIFT 3u
#define SPIN_PLACES 4u  /* a loop that polls more places than these is not seen as one */
#define SPIN_READS 32u  /* repeated reads until others get their turn */
#define RUN_MAX 10000u  /* memory points of one thread in a row, for loops that write while they wait */
#define LIVELOCK 20000u /* reads of one thread while nothing changes at all */
#define ATOMIC_ORDER_MASK 0xff /* gcc has more bits for hardware lock elision */
#define TOLD 6u                /* granules told of in a report */
#define FIRST_SLOTS 4096u      /* of the table of granules */

bool lc_memory_hooks; /* the program has code that calls the hooks */

extern void *__libc_stack_end; /* of the dynamic linker: the main thread's first word */

/* ---- who has been where ---- */

/* One word for each granule: its number, whether one has written there, whether two threads have been there,
 * and the first that has. */
#define THREAD_BITS 12u
#define THREAD_MASK (LC_MAX_THREADS - 1)
#define SHARED (1ull << THREAD_BITS)
#define WRITTEN (2ull << THREAD_BITS)
#define CONTENDED (SHARED | WRITTEN) /* where the order of accesses can matter */
#define NUMBER_SHIFT (THREAD_BITS + 2)

_Static_assert(LC_MAX_THREADS == 1u << THREAD_BITS, "a thread's number fits its bits");

static uint64_t *table;
static size_t slots, used;

static size_t hash(uint64_t granule, size_t count)
{
    return (size_t)((granule * 0x9e3779b97f4a7c15ull) >> 32) & (count - 1);
}

static uint64_t *slot_of(uint64_t granule)
{
    size_t i = hash(granule, slots);
    while (table[i] && table[i] >> NUMBER_SHIFT != granule)
        i = (i + 1) & (slots - 1);
    return &table[i];
}

static void grow(void)
{
    uint64_t *old = table;
    size_t count = slots;
    slots = count ? count * 2 : FIRST_SLOTS;
    table = lc_allocate(slots * sizeof *table);
    for (size_t i = 0; i < count; i++)
        if (old[i])
            *slot_of(old[i] >> NUMBER_SHIFT) = old[i];
}

/* What the profiling run saw, the same for every execution of a hunt; see channel.h. */
static struct lc_shared_memory *profiled(void)
{
    return (struct lc_shared_memory *)((char *)lc.channel + LC_SHARED_OFFSET);
}

static size_t profiled_slot(uint64_t granule)
{
    const uint64_t *granules = profiled()->granules;
    size_t i = hash(granule, LC_SHARED_SLOTS);
    while (granules[i] && granules[i] != granule)
        i = (i + 1) & (LC_SHARED_SLOTS - 1);
    return i;
}

static bool is_profiled(uint64_t granule)
{
    return profiled()->count && profiled()->granules[profiled_slot(granule)] == granule;
}

static void keep_for_later_runs(uint64_t granule)
{
    struct lc_shared_memory *p = profiled();
    size_t i = profiled_slot(granule);
    if (!p->granules[i] && p->count < LC_SHARED_SLOTS / 4 * 3) {
        p->granules[i] = granule;
        p->count++;
    }
}

/* Is it on the stack, from `sp` up, or in the thread-local storage of that thread? The storage of all but
 * the main thread is at the end of the stack. */
static bool on_stack(uintptr_t address, uintptr_t sp, const struct lc_thread *t)
{
    return address >= sp && address < (t->is_main ? (uintptr_t)__libc_stack_end : t->tp);
}

/* The thread that a new granule belongs to: the caller, unless it is on somebody's stack. */
static uint32_t first_owner(uint64_t granule)
{
    for (uint32_t i = 1; i <= lc_thread_count(); i++) {
        const struct lc_thread *t = lc_thread_by_number(i);
        if (t != lc_self && t->state != LC_FINISHED &&
            on_stack((uintptr_t)granule << GRANULE_SHIFT, (uintptr_t)t->sp, t))
            return i;
    }
    return lc_self->id;
}

static bool is_contended(uint64_t s)
{
    return (s & CONTENDED) == CONTENDED;
}

/* The running thread is here. Have two threads been, and one has written? */
static bool visit(uint64_t granule, bool write)
{
    if (unlikely(used >= slots / 4 * 3))
        grow();
    uint64_t *s = slot_of(granule);
    if (!*s) {
        uint32_t owner = first_owner(granule);
        *s = granule << NUMBER_SHIFT | (owner != lc_self->id ? WRITTEN : 0) | owner; /* its stack */
        used++;
    }
    if (is_contended(*s))
        return true;
    *s |= (write ? WRITTEN : 0) | ((*s & THREAD_MASK) != lc_self->id ? SHARED : 0);
    if (!is_contended(*s))
        return false;
    if (lc.scheduled && (lc.channel->flags & LC_FLAG_PROFILE))
        keep_for_later_runs(granule);
    return true;
}

/* On the running thread's stack: has another thread been here? */
static bool visited_by_others(uint64_t granule)
{
    if (!slots)
        return false;
    uint64_t s = *slot_of(granule);
    return s && ((s & SHARED) || (s & THREAD_MASK) != lc_self->id);
}

/* ---- waiting by reading ---- */

struct spin {
    uintptr_t place[SPIN_PLACES];
    uint64_t value[SPIN_PLACES];
    uint32_t next;      /* place to forget first */
    uint32_t repeats;   /* reads that found what the thread knew, since it wrote or learned something */
    uint64_t epoch;     /* of the program, when `fruitless` began */
    uint32_t fruitless; /* as repeats, of atomic and volatile reads, while nothing at all changed */
    uintptr_t last;     /* the place that was read last */
};

static struct spin spins[LC_MAX_THREADS];
static uint64_t epoch;      /* grows whenever any thread does anything but read what it knows */
static uint64_t own_events; /* points that the hooks made */
static uint64_t other_events;

static struct lc_object *memory_object(uintptr_t address)
{
    uintptr_t key = address >> GRANULE_SHIFT << GRANULE_SHIFT | 1;
    struct lc_object *o = lc_object_at((void *)key, LC_KIND_MEMORY);
    if (!o->value)
        o->value = (int64_t)address; /* for its name */
    else if (o->value != (int64_t)address)
        o->kind_name = "memory and what is beside it";
    return o;
}

struct lc_object *lc_memory_to_tell(uintptr_t address)
{
    struct lc_object *o = lc_object_at((void *)(address | 1ull << 63), LC_KIND_MEMORY);
    o->value = (int64_t)address;
    return o;
}

static void point(enum lc_op op, struct lc_object *object)
{
    lc_point(op, object);
    own_events++;
}

static void something_changed(struct spin *s)
{
    s->repeats = 0;
    epoch++;
}

/* A fault here is the fault that the access itself would be. */
static uint64_t value_at(uintptr_t address, size_t bytes)
{
    switch (bytes) {
    case 1:
        return *(const volatile uint8_t *)address;
    case 2:
        return *(const volatile uint16_t *)address;
    case 4:
        return *(const volatile uint32_t *)address;
    default:
        return *(const volatile uint64_t *)address;
    }
}

/* The running thread reads, or tried to change, what is there now. */
static void learn(uintptr_t address, size_t bytes, enum lc_access how)
{
    struct spin *s = &spins[lc_self->id];
    uint64_t value = value_at(address, bytes);
    uint64_t others = lc.channel->events - own_events;
    s->last = address;
    if (others != other_events) {
        other_events = others;
        epoch++;
    }
    if (s->epoch != epoch) {
        s->epoch = epoch;
        s->fruitless = 0;
        s->repeats = 0;
    }
    uint32_t i = 0;
    while (i < SPIN_PLACES && s->place[i] != address)
        i++;
    if (i == SPIN_PLACES)
        i = s->next++ % SPIN_PLACES;
    if (s->place[i] != address || s->value[i] != value) {
        s->place[i] = address;
        s->value[i] = value;
        s->repeats = 0;
        s->fruitless = 0;
        return;
    }
    s->repeats++;
    if (how == PLAIN)
        return;
    s->fruitless++;
}

/* Does every thread that can run wait in such a loop? */
static bool all_spin(uint32_t *count)
{
    *count = 0;
    for (uint32_t i = 1; i <= lc_thread_count(); i++) {
        const struct lc_thread *t = lc_thread_by_number(i);
        if (t->deadline_ns != LC_NEVER)
            return false;
        if (t->state != LC_ENABLED)
            continue;
        if (spins[i].epoch != epoch || spins[i].fruitless < SPIN_READS)
            return false;
        ++*count;
    }
    return true;
}

static _Noreturn void livelock(uint32_t count)
{
    struct lc_object *o = lc_memory_to_tell(spins[lc_self->id].last);
    if (count == 1)
        lc_finding("livelock", "{t%u} reads {o%u} over and over, and no other thread can run to change it",
                   lc_self->id, o->id);
    for (uint32_t i = 1; i <= lc_thread_count(); i++)
        if (lc_thread_by_number(i)->state == LC_ENABLED)
            lc_note("{t%u} reads {o%u} over and over", i, lc_memory_to_tell(spins[i].last)->id);
    lc_finding("livelock",
               "each of the %u threads that can run reads memory over and over, {t%u} {o%u}: "
               "nothing will change",
               count, lc_self->id, o->id);
}

static void let_others_run(struct spin *s)
{
    uint32_t count;
    s->repeats = 0;
    if (unlikely(s->fruitless >= LIVELOCK && s->epoch == epoch && all_spin(&count)))
        livelock(count);
    point(LC_OP_YIELD, NULL);
}

/* ---- accesses ---- */

/* An access that is no point is an event without an object: it goes into the execution's hash with the next
 * other one. */
INLINED void note(size_t bytes, bool write)
{
    lc.accesses += 1ull << 32 | (write ? 64u : 0u) | (bytes & 63u);
}

static bool is_point(uint64_t granule, bool write, bool own, uint32_t points)
{
    if (own)
        return visited_by_others(granule) || is_profiled(granule);
    return visit(granule, write) || points == LC_POINTS_MEMORY || is_profiled(granule);
}

/* A scheduling point before the access, if there is to be one there. */
static bool stop_before(enum lc_op op, uintptr_t address, size_t bytes, bool own, uint32_t points)
{
    static uint32_t last_thread, run;
    uintptr_t first = 0, last = 0; /* granules that make it one */
    uint64_t end = (address + bytes - 1) >> GRANULE_SHIFT;
    for (uint64_t granule = address >> GRANULE_SHIFT; granule <= end; granule++) {
        if (!is_point(granule, op == LC_OP_WRITE, own, points))
            continue;
        last = (uintptr_t)granule << GRANULE_SHIFT;
        if (last < address)
            last = address;
        if (!first)
            first = last;
    }
    if (!first)
        return false;
    if (lc_self->id != last_thread) {
        last_thread = lc_self->id;
        run = 0;
    }
    if (unlikely(++run > RUN_MAX)) {
        run = 0;
        point(LC_OP_YIELD, NULL);
    }
    struct lc_thread *me = lc_self;
    struct lc_object *object = memory_object(first);
    me->object2 = last != first ? memory_object(last) : NULL;
    point(op, object);
    me->object2 = NULL;
    return true;
}

static void visit_all(uintptr_t address, size_t bytes, bool write)
{
    uint64_t end = (address + bytes - 1) >> GRANULE_SHIFT;
    for (uint64_t granule = address >> GRANULE_SHIFT; granule <= end; granule++)
        visit(granule, write);
}

static bool alone(void)
{
    return lc_thread_count() < 2;
}

static bool watching(size_t bytes)
{
    return likely(lc.active && lc.inside == 0) && !alone() && bytes;
}

/* The last thing that a hook does, which then needs no frame: it stands for the hook in stacks. */
LC_HOOK_TAIL static void access_memory(enum lc_op op, uintptr_t address, size_t bytes, enum lc_access how,
                                       const void *pc)
{
    if (!watching(bytes))
        return;
    struct spin *s = &spins[lc_self->id];
    bool own = on_stack(address, (uintptr_t)__builtin_frame_address(0), lc_self);
    if (unlikely(s->repeats >= SPIN_READS))
        let_others_run(s);
    bool stopped = false;
    if (!lc.scheduled) {
        if (!own)
            visit_all(address, bytes, op == LC_OP_WRITE);
    } else if (lc.channel->points != LC_POINTS_SYNC) {
        stopped = stop_before(op, address, bytes, own, lc.channel->points);
    }
    if (!stopped)
        note(bytes, op == LC_OP_WRITE);
    if (lc_order_kept && how != ATOMIC) /* else when its order is known: see order_atomic() */
        lc_race_access(address, bytes, op == LC_OP_WRITE, false, pc);
    if (op == LC_OP_READ && (how != PLAIN || stopped))
        learn(address, bytes, how);
    else if (how != ATOMIC && !own)
        something_changed(s);
}

struct lc_object *lc_memory_object(const void *address)
{
    bool points = lc_memory_hooks && lc.scheduled && lc.channel->points != LC_POINTS_SYNC;
    return points ? memory_object((uintptr_t)address) : NULL;
}

/* ---- evidence ---- */

/* The step of the last access, 0 when what is kept of the history is of one thread or of readers only. */
static uint64_t last_contended(const struct lc_object *o)
{
    bool several = false, written = false;
    uint64_t count = o->history_count < LC_HISTORY ? o->history_count : LC_HISTORY, last = 0;
    for (uint64_t i = 0; i < count; i++) {
        const struct lc_event *e = &o->history[i];
        several |= e->thread != o->history[0].thread;
        written |= e->op == LC_OP_WRITE;
        last = e->step > last ? e->step : last;
    }
    return several && written ? last : 0;
}

/* The step from which on a last access is among the TOLD latest. */
static uint64_t first_to_tell(void)
{
    uint64_t latest[TOLD] = {0}; /* descending */
    for (const struct lc_object *o = lc_objects; o; o = o->all_next) {
        uint64_t step = o->kind == LC_KIND_MEMORY ? last_contended(o) : 0;
        for (uint32_t i = 0; i < TOLD && step; i++)
            if (step > latest[i]) {
                uint64_t before = latest[i];
                latest[i] = step;
                step = before;
            }
    }
    return latest[TOLD - 1];
}

bool lc_memory_is_contended(const struct lc_object *object)
{
    static bool known; /* evidence is written once */
    static uint64_t first;
    if (!known)
        first = first_to_tell();
    known = true;
    uint64_t last = last_contended(object);
    return last && last >= first;
}

/* A plain access, where accesses are no points, is an event and nothing more but for races. */
INLINED void access_quickly(uintptr_t address, size_t bytes, bool write, enum lc_access how, const void *pc)
{
    if (how != PLAIN || !bytes || unlikely(!lc.plain_accesses || lc.inside)) {
        access_memory(write ? LC_OP_WRITE : LC_OP_READ, address, bytes, how, pc);
        return;
    }
    note(bytes, write);
    epoch += write;
    if (likely(lc_race_now.self == lc_self)) {
        if (unlikely(!lc_race_quick_access(address, bytes, write, pc)))
            lc_race_slow_access(address, bytes, write, pc);
    } else if (lc_order_kept) {
        lc_race_access(address, bytes, write, false, pc);
    }
}

INLINED void look_whether_withheld(uintptr_t address, size_t bytes, bool write)
{
    if (unlikely(lc_withheld_bytes) && watching(bytes))
        lc_withheld_access(address, bytes, write);
}

INLINED void before_read(const void *address, size_t bytes, enum lc_access how)
{
    look_whether_withheld((uintptr_t)address, bytes, false);
    access_quickly((uintptr_t)address, bytes, false, how, __builtin_return_address(0));
}

INLINED void before_write(const void *address, size_t bytes, enum lc_access how)
{
    look_whether_withheld((uintptr_t)address, bytes, true);
    access_quickly((uintptr_t)address, bytes, true, how, __builtin_return_address(0));
}

/* A load happens after what it acquires, a store before what it releases. */
static void order_access(uintptr_t address, size_t bytes, enum lc_atomic what, int order, const void *pc)
{
    order &= ATOMIC_ORDER_MASK;
    if (unlikely(lc_self->device))
        lc_race_device_at(pc);
    if (what != STORE)
        lc_race_load(address, order);
    lc_race_access(address, bytes, what != LOAD, true, pc);
    if (what != LOAD)
        lc_race_store(address, order, what == EXCHANGE);
}

INLINED void order_atomic(const void *address, size_t bytes, enum lc_atomic what, int order)
{
    if (lc_order_kept && watching(bytes))
        order_access((uintptr_t)address, bytes, what, order, __builtin_return_address(0));
}

INLINED void after_load(void) {}

static void order_fence(int order)
{
    if (lc_order_kept && watching(1))
        lc_race_fence(order & ATOMIC_ORDER_MASK);
}

static void after_update(const void *address, size_t bytes, bool changed)
{
    if (!watching(bytes))
        return;
    if (changed)
        something_changed(&spins[lc_self->id]);
    else
        learn((uintptr_t)address, bytes, ATOMIC);
}

HOOK void __tsan_init(void)
{
    lc_memory_hooks = true;
    lc_detect_init();
    if (lc.channel)
        lc.channel->memory_points = 1;
}
