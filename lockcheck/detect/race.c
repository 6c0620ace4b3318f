/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * data-race: two accesses to the same memory by two threads, at least one of them a write and at least one
 * not atomic, that nothing orders (C17 5.1.2.4). Found by happens-before, as FastTrack does it (Flanagan,
 * Freund: FastTrack: efficient and precise dynamic race detection, PLDI 2009): an access is written down as
 * an epoch, the thread and its time, and compared with the clock of whoever comes next.
 *
 * What is kept of 8 aligned bytes, a granule, is a set of accesses, each with the bytes that it touched. An
 * older one is dropped when a newer one stands for it: it happened before, it touched no other bytes, it was
 * no write unless the newer one is one too, and no plain access unless the newer one is too. Whatever races
 * with the older one then races with the newer one as well, so nothing is lost, and mostly one or two are
 * left.
 *
 * Neither two variables in one granule nor one that is accessed in parts are taken for what they are not.
 *
 * Shadow memory: a table by the address's upper bits leads to blocks, which exist where the program has been.
 *
 * Of an access only its place in the program is kept. Where a report is wanted with evidence, the command
 * says which access before it belongs to it (see struct lc_earlier), and of this one the stack is taken.
 */
#include <string.h>
#include <sys/mman.h>

#include "lockcheck/detect/race.h"

#define LARGE 4096u /* granules; to be forgotten page by page */
#define PAGE ((uintptr_t)4096)
#define MOST 64u          /* accesses kept of a granule */
#define FIRST_SLOTS 1024u /* of the tables; powers of two */

_Static_assert(LC_MAX_THREADS <= 1u << (LC_ACCESS_TIME_SHIFT - LC_ACCESS_THREAD_SHIFT),
               "a thread's number fits");

#define WRITE LC_ACCESS_WRITE
#define ATOMIC_ACCESS LC_ACCESS_ATOMIC
#define KIND 0xfu
#define ALL_BYTES ((uint64_t)0xff << LC_ACCESS_MASK_SHIFT)
#define MASK_SHIFT LC_ACCESS_MASK_SHIFT
#define THREAD_SHIFT LC_ACCESS_THREAD_SHIFT
#define TIME_SHIFT LC_ACCESS_TIME_SHIFT

static inline uint32_t time_of(uint64_t access)
{
    return (uint32_t)(access >> TIME_SHIFT);
}

static inline uint32_t thread_of(uint64_t access)
{
    return (uint32_t)(access >> THREAD_SHIFT) & 0xfffu;
}

static inline uint32_t mask_of(uint64_t access)
{
    return (uint32_t)(access >> MASK_SHIFT) & 0xffu;
}

static inline bool stands_for(uint64_t new, uint64_t old)
{
    return !(mask_of(old) & ~mask_of(new)) && ((new &WRITE) || !(old & WRITE)) &&
           (!(new &ATOMIC_ACCESS) || (old & ATOMIC_ACCESS));
}

static inline bool conflict(uint64_t a, uint64_t b)
{
    return (mask_of(a) & mask_of(b)) && ((a | b) & WRITE) && !(a & b & ATOMIC_ACCESS);
}

struct more {
    struct more *next;
    uint64_t access;
    const void *where;
};

/* Of each inline access: its place in the program. */
struct lc_places {
    const void *where[LC_INLINE_ACCESSES];
    struct more *more;
};

LC_WRITTEN struct lc_block **lc_blocks;
uint64_t lc_race_epoch;
const struct lc_thread *lc_race_self;
static struct more *free_list;

/* ---- shadow memory ---- */

struct granule {
    uint64_t *access; /* LC_INLINE_ACCESSES */
    struct lc_places *places;
};

static void *map(size_t bytes)
{
    void *range =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED)
        lc_internal("cannot reserve address space to watch memory accesses");
    return range;
}

void lc_race_init(void)
{
    if (!lc_blocks)
        lc_blocks = map(sizeof *lc_blocks << (LC_ADDRESS_BITS - LC_BLOCK_SHIFT));
}

static struct lc_block *block_of(uintptr_t address)
{
    struct lc_block **block = &lc_blocks[address >> LC_BLOCK_SHIFT];
    if (unlikely(!*block)) {
        struct lc_block *b = map(sizeof *b);
        b->places = map(LC_BLOCK_GRANULES * sizeof *b->places);
        *block = b;
    }
    return *block;
}

static struct granule granule_at(struct lc_block *block, uintptr_t address)
{
    size_t i = address >> LC_GRANULE_SHIFT & (LC_BLOCK_GRANULES - 1);
    return (struct granule){block->access[i], &block->places[i]};
}

static struct more *new_more(void)
{
    struct more *m = free_list;
    if (!m)
        return lc_allocate(sizeof *m);
    free_list = m->next;
    return m;
}

static void free_more(struct more *m)
{
    m->next = free_list;
    free_list = m;
}

static void forget(struct lc_block *block, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (!block->access[i][0])
            continue;
        memset(block->access[i], 0, sizeof block->access[i]);
        struct lc_places *places = &block->places[i];
        for (struct more *m = places->more, *next; m; m = next) {
            next = m->next;
            free_more(m);
        }
        places->more = NULL;
    }
}

/* Of many granules most have never been used: to look at each would make them exist. */
static void forget_pages(struct lc_block *block, size_t from, size_t to)
{
    uintptr_t begin = (uintptr_t)block->access[from], end = (uintptr_t)block->access[to];
    uintptr_t first = (begin + PAGE - 1) & -PAGE, last = end & -PAGE;
    forget(block, from, from + (first - begin) / sizeof block->access[0]);
    forget(block, to - (end - last) / sizeof block->access[0], to);
    madvise((void *)first, last - first, MADV_DONTNEED);
    begin = (uintptr_t)&block->places[from];
    end = (uintptr_t)&block->places[to];
    first = (begin + PAGE - 1) & -PAGE;
    last = end & -PAGE;
    if (last > first) /* more of those that were there is lost */
        madvise((void *)first, last - first, MADV_DONTNEED);
    /* Places of the pages at the ends may still have more: of accesses that are gone. */
}

void lc_race_forget(uintptr_t address, size_t bytes)
{
    if (!lc_blocks || !bytes)
        return;
    uintptr_t end = address + bytes;
    while (address < end) {
        uintptr_t block_end = ((address >> LC_BLOCK_SHIFT) + 1) << LC_BLOCK_SHIFT;
        uintptr_t stop = block_end < end ? block_end : end;
        struct lc_block *block = lc_blocks[address >> LC_BLOCK_SHIFT];
        size_t from = address >> LC_GRANULE_SHIFT & (LC_BLOCK_GRANULES - 1);
        size_t to = ((stop - 1) >> LC_GRANULE_SHIFT & (LC_BLOCK_GRANULES - 1)) + 1;
        if (block)
            to - from >= LARGE ? forget_pages(block, from, to) : forget(block, from, to);
        address = stop;
    }
}

/* ---- races ---- */

/* What the running thread does now. */
struct access {
    uint64_t access;
    uintptr_t address;
    size_t bytes;
    const void *where; /* its place in the program */
    const struct lc_clock *now;
};

static const char *describe(uint64_t access)
{
    static const char *const words[] = {"reads", "writes", "reads atomically", "writes atomically"};
    return words[access & 3u];
}

static const char *describe_past(uint64_t access)
{
    static const char *const words[] = {"read", "wrote", "read atomically", "wrote atomically"};
    return words[access & 3u];
}

/* With evidence: the stack of the access before that the report is about, or of the last like it. */
static struct {
    uint32_t frames;
    void *frame[LC_MAX_STACK];
} earlier;

static void keep_earlier(const struct access *a)
{
    const struct lc_earlier *wanted = &lc.channel->earlier;
    if (a->access >> THREAD_SHIFT == wanted->when && (uint64_t)a->where == wanted->pc)
        earlier.frames = lc_backtrace(earlier.frame, LC_MAX_STACK);
}

static void show_earlier(uint64_t access, const void *where)
{
    if (!earlier.frames) {
        earlier.frame[0] = (void *)where;
        earlier.frames = 1;
    }
    lc_show_stack(thread_of(access), earlier.frame, earlier.frames, "{t%u} %s it", thread_of(access),
                  describe_past(access));
}

static __attribute__((noinline)) void race(const struct access *new, uint64_t old, const void *old_where)
{
    uintptr_t a = (uintptr_t) new->where, b = (uintptr_t)old_where;
    uint64_t what = new->access &KIND, before = old &KIND;
    uint64_t key = a < b ? lc_mix(lc_mix(a << 2 | what) + (b << 2 | before))
                         : lc_mix(lc_mix(b << 2 | before) + (a << 2 | what));
    if (!lc_report_of_access(key, (struct lc_earlier){old >> THREAD_SHIFT, (uint64_t)old_where}))
        return;
    uintptr_t granule = new->address & ~(uintptr_t)((1u << LC_GRANULE_SHIFT) - 1);
    struct lc_object *o =
        lc_memory_to_tell(granule + (uint32_t)__builtin_ctz(mask_of(new->access) & mask_of(old)));
    if (lc.evidence)
        show_earlier(old, old_where);
    lc_finding("data-race", "{t%u} %s %zu byte%s of {o%u}, which {t%u} %s before, and nothing orders the two",
               lc_self->id, describe(new->access), new->bytes, new->bytes == 1 ? "" : "s", o->id,
               thread_of(old), describe_past(old));
}

/* What is left of an older access when `new` comes, of the bytes that it touched: 0 when nothing is. */
static inline uint64_t left_of(uint64_t old, uint64_t new)
{
    if (!stands_for(new | ALL_BYTES, old))
        return old;
    old &= ~(new &ALL_BYTES);
    return mask_of(old) ? old : 0;
}

static inline bool ordered(const struct lc_clock *now, uint64_t old)
{
    uint32_t thread = thread_of(old);
    return thread < now->count && now->times[thread] >= time_of(old);
}

/* Looks at an older access. Returns what is left of it; *known: it stands for the new one, and *new is not to
 * be kept. */
static inline __attribute__((always_inline)) uint64_t meet(const struct access *a, uint64_t old,
                                                           const void *old_where, uint64_t *new, bool *known)
{
    if (old >> THREAD_SHIFT == *new >> THREAD_SHIFT) {
        if (stands_for(old, *new)) {
            *known = true;
            return old;
        }
        if (old_where == a->where && !((old ^ *new) & KIND)) {
            *new |= old; /* a loop over the parts of the granule */
            return 0;
        }
        return left_of(old, *new);
    }
    if (ordered(a->now, old))
        return left_of(old, *new);
    if (conflict(*new, old))
        race(a, old, old_where);
    return old;
}

/* With more accesses than fit inline. */
static __attribute__((noinline)) void add_to_many(const struct access *a, struct granule g)
{
    struct more *list = g.places->more;
    uint64_t new = a->access;
    bool known = false;
    for (uint32_t i = LC_INLINE_ACCESSES; i-- > 0;) {
        if (!g.access[i])
            continue;
        struct more *m = new_more();
        *m = (struct more){list, g.access[i], g.places->where[i]};
        list = m;
    }
    for (struct more **at = &list, *m; (m = *at);) {
        m->access = meet(a, m->access, m->where, &new, &known);
        if (m->access) {
            at = &m->next;
            continue;
        }
        *at = m->next;
        free_more(m);
    }
    if (!known) {
        struct more *m = new_more();
        *m = (struct more){list, new, a->where};
        list = m;
    }
    for (uint32_t i = 0; i < LC_INLINE_ACCESSES; i++) {
        struct more *m = list;
        g.access[i] = m ? m->access : 0;
        g.places->where[i] = m ? m->where : NULL;
        if (m) {
            list = m->next;
            free_more(m);
        }
    }
    g.places->more = list;
}

static __attribute__((noinline)) void add(struct access *a, struct granule g)
{
    if (unlikely(lc.evidence))
        keep_earlier(a);
    uint64_t new = a->access, kept[LC_INLINE_ACCESSES];
    const void *where[LC_INLINE_ACCESSES];
    uint32_t count = 0;
    bool known = false;
    if (!g.access[0])
        g.places->more = NULL; /* of memory that was forgotten by the page */
    if (unlikely(g.places->more)) {
        add_to_many(a, g);
        return;
    }
    for (uint32_t i = 0; i < LC_INLINE_ACCESSES && g.access[i]; i++) {
        uint64_t left = meet(a, g.access[i], g.places->where[i], &new, &known);
        kept[count] = left;
        where[count] = g.places->where[i];
        count += left != 0;
    }
    if (known)
        return; /* and nothing else has changed: whatever it drops was dropped when the other came */
    if (unlikely(count == LC_INLINE_ACCESSES)) {
        struct more *m = new_more();
        count--;
        *m = (struct more){NULL, kept[count], where[count]};
        g.places->more = m;
    }
    for (uint32_t i = count; i-- > 0;) {
        g.access[i + 1] = kept[i];
        g.places->where[i + 1] = where[i];
    }
    for (uint32_t i = count + 1; i < LC_INLINE_ACCESSES; i++)
        g.access[i] = 0;
    g.access[0] = new;
    g.places->where[0] = a->where;
}

static void refresh(void)
{
    const struct lc_clock *clock = lc_clock_of(lc_self->id);
    lc_race_self = lc_self;
    lc_race_epoch = !clock->count ? 0
                                  : (uint64_t)clock->times[lc_self->id] << TIME_SHIFT | (uint64_t)lc_self->id
                                                                                            << THREAD_SHIFT;
}

/* Mostly one access is kept, and not needed any longer. */
static inline bool replaces(const struct lc_clock *now, const uint64_t *kept, uint64_t new)
{
    uint64_t old = kept[0];
    return old && !kept[1] && stands_for(new, old) && !lc.evidence &&
           (thread_of(old) == thread_of(new) || ordered(now, old));
}

void lc_race_access(uintptr_t address, size_t bytes, bool write, bool atomic, const void *pc)
{
    if (unlikely(lc_race_self != lc_self))
        refresh();
    uintptr_t end = address + bytes;
    if (unlikely(end >> LC_ADDRESS_BITS || !lc_race_epoch))
        return; /* no address of a program: the access itself will fail. Or there was nobody else yet. */
    struct access a = {.bytes = bytes, .now = lc_clock_of(lc_self->id)};
    uint64_t kind = lc_race_epoch | (write ? WRITE : 0u) | (atomic ? ATOMIC_ACCESS : 0u);
    for (; address < end; address = (address | ((1u << LC_GRANULE_SHIFT) - 1)) + 1) {
        uint32_t offset = (uint32_t)address & 7u;
        uint32_t here = end - address < 8u - offset ? (uint32_t)(end - address) : 8u - offset;
        struct granule g = granule_at(block_of(address), address);
        a.access = kind | (uint64_t)(((1u << here) - 1) << offset) << MASK_SHIFT;
        if (likely(replaces(a.now, g.access, a.access))) {
            g.access[0] = a.access;
            g.places->where[0] = pc;
            continue;
        }
        a.address = address;
        a.where = pc;
        add(&a, g);
    }
}

/* ---- atomic operations: what a store leaves for the loads that read it (C17 7.17.3, release sequences) ----
 */

struct atomic {
    uintptr_t address; /* 0: free */
    struct lc_clock clock;
};
static struct atomic *atomics;
static size_t slots, used;

/* Of each thread: what relaxed loads have seen, for an acquire fence; what a release fence has left, for
 * relaxed stores. */
static struct lc_clock seen_relaxed[LC_MAX_THREADS], left_by_fence[LC_MAX_THREADS];

static struct atomic *slot_of(uintptr_t address)
{
    size_t i = lc_mix(address) & (slots - 1);
    while (atomics[i].address && atomics[i].address != address)
        i = (i + 1) & (slots - 1);
    return &atomics[i];
}

static struct lc_clock *left_at(uintptr_t address)
{
    if (used >= slots / 2) {
        struct atomic *old = atomics;
        size_t count = slots;
        slots = count ? 2 * count : FIRST_SLOTS;
        atomics = lc_allocate(slots * sizeof *atomics);
        for (size_t i = 0; i < count; i++)
            if (old[i].address)
                *slot_of(old[i].address) = old[i];
    }
    struct atomic *a = slot_of(address);
    if (!a->address) {
        a->address = address;
        used++;
    }
    return &a->clock;
}

static bool acquires(int order)
{
    return order != __ATOMIC_RELAXED && order != __ATOMIC_RELEASE;
}

static bool releases(int order)
{
    return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

void lc_race_load(uintptr_t address, int order)
{
    const struct lc_clock *left = left_at(address);
    if (acquires(order))
        lc_acquire_clock(left);
    else
        lc_clock_join(&seen_relaxed[lc_self->id], left);
}

void lc_race_store(uintptr_t address, int order, bool exchanges)
{
    struct lc_clock *left = left_at(address);
    const struct lc_clock *fence = &left_by_fence[lc_self->id];
    if (exchanges) /* it goes on what was begun by the store that it has read */
        releases(order) ? lc_release(left) : lc_clock_join(left, fence);
    else
        releases(order) ? lc_release_alone(left) : lc_clock_set(left, fence);
}

void lc_race_fence(int order)
{
    if (acquires(order))
        lc_acquire_clock(&seen_relaxed[lc_self->id]);
    if (releases(order))
        lc_release_alone(&left_by_fence[lc_self->id]);
}
