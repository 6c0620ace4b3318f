/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lock-order: locks that are taken in orders which together make a circle, so that threads could come to wait
 * for each other, although in this execution they did not. Seen on executions that end well.
 *
 * Whenever a thread takes a lock while it holds others there is an edge from each of these to the new one
 * (Havelund: Using runtime analysis to guide model checking of Java programs, SPIN 2000). A circle of edges
 * is a finding when the threads could really be at them at the same time (Bensalem, Havelund: Dynamic
 * deadlock analysis of multi-threaded programs, PADTAD 2005):
 *
 *   - each edge is of another thread;
 *   - no lock, a gate, is held at two of them, unless for reading at both;
 *   - none is over before another's thread is made, or comes after it was joined;
 *   - no rwlock stands between two that only read it.
 *
 * A lock that was taken by a try or with a time limit leads away from, and not to: who takes it so does not
 * wait for ever.
 *
 * Circles are looked for twice: among the locks themselves, and among their classes, since an order that is
 * wrong for two kinds of locks shows with any two pairs of them. Locks are of one class when a client request
 * gave them one name, or else when one place in the program made them; a static one is a class of its own.
 * Edges within one class count among locks only: ordering those by address, say, is right.
 *
 * A new edge is looked at once: for each pair of locks, each thread and each set of locks that it held.
 */
#include <stdio.h>
#include <string.h>

#include "lockcheck/detect/held.h"

#define LONGEST_CIRCLE 16u
#define VISITS 20000u     /* edges looked at for one new one */
#define FIRST_SLOTS 1024u /* of the tables; powers of two */

/* ---- what came before what, by the making and joining of threads alone ---- */

/* A moment of a thread: how many threads it had made and joined by then. */
struct moment {
    uint32_t thread, count;
};

static struct life {
    uint32_t count;
    struct moment made, joined; /* thread 0: by nobody */
} lives[LC_MAX_THREADS];

static bool before(struct moment a, struct moment b)
{
    if (a.thread == b.thread)
        return a.count <= b.count;
    const struct life *end = &lives[a.thread], *begin = &lives[b.thread];
    if (begin->made.thread && before(a, begin->made))
        return true;
    return end->joined.thread && before(end->joined, b);
}

static struct moment now(void)
{
    return (struct moment){lc_self->id, lives[lc_self->id].count};
}

static void made(uint32_t thread)
{
    lives[thread].made = now();
    lives[lc_self->id].count++;
}

static void joined(uint32_t thread)
{
    lives[lc_self->id].count++;
    lives[thread].joined = now();
}

/* ---- edges ---- */

struct gate {
    uint32_t lock;
    bool read;
};

struct edge {
    struct edge *next_of_lock, *next_of_class; /* with the same origin */
    uint32_t from, to;                         /* numbers of the locks, which may be gone */
    uint64_t from_class, to_class;
    bool from_read, to_read;
    struct lc_thread *thread;
    struct moment moment;
    struct gate *gates; /* all locks held, `from` too */
    uint32_t gate_count;
    /* Evidence. */
    uint64_t from_step, to_step;
    uint32_t from_frames, to_frames;
    void **from_stack, **to_stack;
};

/* Heads of lists of edges by their origin: a lock's number, or a class with the top bit. */
struct head {
    uint64_t key; /* 0: free */
    struct edge *first;
};
static struct head *heads;
static size_t head_slots, head_count;

/* Edges that were looked at. */
static uint64_t *seen;
static size_t seen_slots, seen_count;

static uint64_t *seen_slot(uint64_t key)
{
    size_t i = key & (seen_slots - 1);
    while (seen[i] && seen[i] != key)
        i = (i + 1) & (seen_slots - 1);
    return &seen[i];
}

/* Adds the key. Was it there? */
static bool was_seen(uint64_t key)
{
    if (unlikely(seen_count >= seen_slots / 2)) {
        uint64_t *old = seen;
        size_t slots = seen_slots;
        seen_slots = slots ? slots * 2 : FIRST_SLOTS;
        seen = lc_allocate(seen_slots * sizeof *seen);
        for (size_t i = 0; i < slots; i++)
            if (old[i])
                *seen_slot(old[i]) = old[i];
    }
    uint64_t *slot = seen_slot(key);
    if (*slot)
        return true;
    *slot = key;
    seen_count++;
    return false;
}

static struct head *head_of(uint64_t key)
{
    size_t i = lc_mix(key) & (head_slots - 1);
    while (heads[i].key && heads[i].key != key)
        i = (i + 1) & (head_slots - 1);
    return &heads[i];
}

static struct head *head_for(uint64_t key)
{
    if (head_count >= head_slots / 2) {
        struct head *old = heads;
        size_t slots = head_slots;
        head_slots = slots ? slots * 2 : FIRST_SLOTS;
        heads = lc_allocate(head_slots * sizeof *heads);
        for (size_t i = 0; i < slots; i++)
            if (old[i].key)
                *head_of(old[i].key) = old[i];
    }
    struct head *h = head_of(key);
    if (!h->key) {
        h->key = key;
        head_count++;
    }
    return h;
}

/* ---- circles ---- */

static const struct edge *path[LONGEST_CIRCLE];
static uint32_t length;
static uint32_t visits;
static bool by_class;

static uint64_t origin(const struct edge *e)
{
    return by_class ? e->from_class : e->from;
}

static uint64_t goal(const struct edge *e)
{
    return by_class ? e->to_class : e->to;
}

static bool share_a_gate(const struct edge *a, const struct edge *b)
{
    for (uint32_t i = 0; i < a->gate_count; i++)
        for (uint32_t k = 0; k < b->gate_count; k++)
            if (a->gates[i].lock == b->gates[k].lock && !(a->gates[i].read && b->gates[k].read))
                return true;
    return false;
}

static bool at_once(const struct edge *a, const struct edge *b)
{
    return a->thread != b->thread && !share_a_gate(a, b) && !before(a->moment, b->moment) &&
           !before(b->moment, a->moment);
}

/* Does the thread at `a` wait for what the one at `b` holds? */
static bool waits(const struct edge *a, const struct edge *b)
{
    return !(a->to_read && b->from_read);
}

static bool extends(const struct edge *e)
{
    if (!waits(path[length - 1], e))
        return false;
    for (uint32_t i = 0; i < length; i++)
        if (!at_once(path[i], e))
            return false;
    return true;
}

/* Is there a way from the end of the path to its beginning? Leaves it in the path. */
static bool leads_back(void)
{
    if (length == LONGEST_CIRCLE)
        return false;
    for (const struct edge *e = head_of(goal(path[length - 1]))->first; e;
         e = by_class ? e->next_of_class : e->next_of_lock) {
        if (++visits > VISITS)
            return false;
        if ((by_class && e->from_class == e->to_class) || !extends(e))
            continue;
        path[length++] = e;
        if (goal(e) == origin(path[0]) ? waits(e, path[0]) : leads_back())
            return true;
        length--;
    }
    return false;
}

static void tell(const struct edge *e)
{
    lc_note("{t%u} took {o%u} at step %lu, and held it when it took {o%u} at step %lu.", e->thread->id,
            e->from, e->from_step, e->to, e->to_step);
    lc_show_stack(e->thread->id, e->from_stack, e->from_frames, "{t%u} took {o%u}", e->thread->id, e->from);
    lc_show_stack(e->thread->id, e->to_stack, e->to_frames, "{t%u} took {o%u} while it held {o%u}",
                  e->thread->id, e->to, e->from);
}

static void report(void)
{
    uint64_t key = 0;
    for (uint32_t i = 0; i < length; i++)
        key += lc_mix(path[i]->from_class ^ lc_mix(path[i]->to_class));
    if (!lc_report(key))
        return;
    char text[1024];
    size_t n = 0;
    for (uint32_t i = 0; i < length; i++) {
        const char *join = i == 0 ? "" : i + 1 == length ? ", and " : ", ";
        if (n < sizeof text)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s{t%u} takes {o%u} while it holds {o%u}", join,
                                  path[i]->thread->id, path[i]->to, path[i]->from);
        tell(path[i]);
    }
    if (by_class)
        lc_note(
            "These are not all the same locks, but locks that one place in the program made, or that have "
            "one name, are taken for each other here.");
    lc_finding("lock-order", "%s: they could come to wait for each other", text);
}

static void look(struct edge *e)
{
    path[0] = e;
    visits = 0;
    length = 1;
    by_class = false;
    if (leads_back()) {
        report();
        return;
    }
    if (e->from_class == e->to_class)
        return;
    length = 1;
    by_class = true;
    if (leads_back())
        report();
}

/* ---- events ---- */

static void *copy(const void *from, size_t bytes)
{
    void *to = lc_allocate(bytes);
    memcpy(to, from, bytes);
    return to;
}

static void add(const struct lc_held_locks *held, const struct lc_held *h, struct lc_object *lock, bool read)
{
    struct edge *e = lc_allocate(sizeof *e);
    *e = (struct edge){.from = h->lock->id,
                       .to = lock->id,
                       .from_class = lc_lock_class(h->lock),
                       .to_class = lc_lock_class(lock),
                       .from_read = h->read,
                       .to_read = read,
                       .thread = lc_self,
                       .moment = now(),
                       .gates = lc_allocate(held->count * sizeof *e->gates),
                       .gate_count = held->count,
                       .from_step = h->step,
                       .to_step = lc.channel->steps};
    for (uint32_t i = 0; i < held->count; i++)
        e->gates[i] = (struct gate){held->locks[i].lock->id, held->locks[i].read};
    if (lc.evidence) {
        e->from_frames = h->frames;
        e->from_stack = h->stack;
        e->to_frames = lc_self->frames;
        e->to_stack = copy(lc_self->stack, lc_self->frames * sizeof *e->to_stack);
    }
    struct head *of_lock = head_for(h->lock->id);
    e->next_of_lock = of_lock->first;
    of_lock->first = e;
    struct head *of_class = head_for(e->from_class);
    e->next_of_class = of_class->first;
    of_class->first = e;
    head_for(lock->id); /* so that each goal has a head */
    head_for(e->to_class);
    look(e);
}

static void taken(struct lc_object *lock)
{
    const struct lc_held_locks *held = lc_held_by(lc_self);
    if (likely(held->count == 0))
        return;
    bool read = lc_takes_for_reading(lock);
    for (uint32_t i = 0; i < held->count; i++)
        if (held->locks[i].lock == lock)
            return; /* taken before: it does not wait */
    for (uint32_t i = 0; i < held->count; i++) {
        const struct lc_held *h = &held->locks[i];
        uint64_t pair = ((uint64_t)h->lock->id << 32 | lock->id) * 0xd6e8feb86659fd93ull;
        uint64_t key = lc_mix((pair ^ pair >> 32) + held->sum +
                              ((uint64_t)lc_self->id << 34 | (uint64_t)h->read << 33 | (uint64_t)read << 32));
        if (unlikely(!was_seen(key | 1)))
            add(held, h, lock, read);
    }
}

static void event(unsigned op, struct lc_object *object, int64_t argument)
{
    struct lc_object *lock;
    if (object && object->kind == LC_KIND_THREAD) {
        if (op == LC_OP_INIT)
            made((uint32_t)argument);
        else if (op == LC_OP_JOINED)
            joined((uint32_t)object->value);
    } else if (lc_lock_event(op, object, &lock) == LC_LOCK_TAKEN) {
        taken(lock);
    }
}

const struct lc_detector lc_detector_lock_order = {.name = "lock-order",
                                                   .serves = LC_DETECT_LOCK_ORDER,
                                                   .ops = LC_BIT(LC_OP_LOCKED) | LC_BIT(LC_OP_JOINED) |
                                                          LC_BIT(LC_OP_INIT),
                                                   .event = event};
