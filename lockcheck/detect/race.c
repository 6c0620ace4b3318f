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
 * Of an access only its place in the program is kept: the address within one of a few regions of code. Where
 * a report is wanted with evidence, the command says which access before it belongs to it (see struct
 * lc_earlier), and of this one the stack is taken.
 */
#include <string.h>
#include <sys/mman.h>

#include "lockcheck/detect/race.h"

#define LARGE 4096u /* granules; to be forgotten page by page */
#define PAGE ((uintptr_t)4096)
#define FIRST_SLOTS 1024u /* of the tables; powers of two */
#define DEVICE_PLACES 16u

_Static_assert(LC_MAX_THREADS <= 1u << (LC_ACCESS_TIME_SHIFT - LC_ACCESS_THREAD_SHIFT),
               "a thread's number fits");

#define WRITE LC_ACCESS_WRITE
#define ATOMIC_ACCESS LC_ACCESS_ATOMIC
#define KIND (WRITE | ATOMIC_ACCESS)
#define ALL_BYTES ((uint64_t)0xff << LC_ACCESS_MASK_SHIFT)
#define MASK_SHIFT LC_ACCESS_MASK_SHIFT
#define THREAD_SHIFT LC_ACCESS_THREAD_SHIFT
#define TIME_SHIFT LC_ACCESS_TIME_SHIFT

/* A place: its region and the address within, of which the upper part is in the access itself. */
#define PLACE_BITS 31u
#define PLACE_LOW_BITS 21u
#define REGION_SHIFT 29u
#define REGIONS (1u << (PLACE_BITS - REGION_SHIFT))
#define PLACE_LOW ((1u << PLACE_LOW_BITS) - 1)
#define PLACE_HIGH (((1ull << (PLACE_BITS - PLACE_LOW_BITS)) - 1) << LC_ACCESS_PLACE_SHIFT)

_Static_assert(LC_INLINE_ACCESSES *PLACE_LOW_BITS == 63, "the lower parts and one bit fit a word");

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

/* The older accesses of a granule, where they do not fit inline. */
struct kept {
    uint64_t access;
    uint32_t low; /* part of its place */
};

struct many {
    struct many *next_free;
    uint32_t count, room;
    struct kept of[];
};
#define FIRST_ROOM 6u
#define ROOMS 12u /* each twice that before: more than there can be threads */

LC_WRITTEN struct lc_block **lc_blocks;
struct lc_race_now lc_race_now;
static struct many *free_lists[ROOMS];

/* ---- shadow memory ---- */

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
    if (unlikely(!*block))
        *block = map(sizeof **block);
    return *block;
}

static uint32_t class_of(uint32_t room)
{
    return (uint32_t)__builtin_ctz(room / FIRST_ROOM);
}

static struct many *new_many(uint32_t room)
{
    struct many **list = &free_lists[class_of(room)], *many = *list;
    if (many)
        *list = many->next_free;
    else
        many = lc_allocate(sizeof *many + room * sizeof *many->of);
    many->room = room;
    many->count = 0;
    return many;
}

static void free_many(struct many *many)
{
    struct many **list = &free_lists[class_of(many->room)];
    many->next_free = *list;
    *list = many;
}

static struct many *many_of(const struct lc_granule *g)
{
    return (struct many *)g->access[1];
}

static void forget(struct lc_block *block, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        struct lc_granule *g = &block->granule[i];
        if (!g->access[0])
            continue;
        if (unlikely(g->places & LC_GRANULE_MORE))
            free_many(many_of(g));
        *g = (struct lc_granule){0};
    }
}

/* Of many granules most have never been used: to look at each would make them exist. Lists are lost. */
static void forget_pages(struct lc_block *block, size_t from, size_t to)
{
    uintptr_t begin = (uintptr_t)&block->granule[from], end = (uintptr_t)&block->granule[to];
    uintptr_t first = (begin + PAGE - 1) & -PAGE, last = end & -PAGE;
    forget(block, from, from + (first - begin) / sizeof block->granule[0]);
    forget(block, to - (end - last) / sizeof block->granule[0], to);
    madvise((void *)first, last - first, MADV_DONTNEED);
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

/* ---- places ---- */

/* The upper parts of code addresses: mostly the program and its libraries. When there are more regions than
 * fit, the last one stands for several, and older places in it are told wrongly. */
static uintptr_t regions[REGIONS];
static uint32_t last_region;

static __attribute__((noinline)) void find_region(uintptr_t region)
{
    last_region = 0;
    while (last_region < REGIONS - 1 && regions[last_region] && regions[last_region] != region)
        last_region++;
    regions[last_region] = region;
}

static inline uint32_t place_in(const void *pc, uint32_t region)
{
    return region << REGION_SHIFT | (uint32_t)((uintptr_t)pc & ((1u << REGION_SHIFT) - 1));
}

static uint32_t place_of(const void *pc)
{
    if ((uintptr_t)pc >> REGION_SHIFT != regions[last_region])
        find_region((uintptr_t)pc >> REGION_SHIFT);
    return place_in(pc, last_region);
}

static inline uint64_t upper_part(uint32_t place)
{
    return (uint64_t)(place >> PLACE_LOW_BITS) << LC_ACCESS_PLACE_SHIFT;
}

static inline uint32_t low_part(const struct lc_granule *g, uint32_t i)
{
    return (uint32_t)(g->places >> i * PLACE_LOW_BITS) & PLACE_LOW;
}

static const void *place(uint64_t access, uint32_t low)
{
    uint64_t place = (access & PLACE_HIGH) >> LC_ACCESS_PLACE_SHIFT << PLACE_LOW_BITS | low;
    return (const void *)(regions[place >> REGION_SHIFT] << REGION_SHIFT |
                          (place & ((1u << REGION_SHIFT) - 1)));
}

/* ---- races ---- */

/* What the running thread does now. */
struct access {
    uint64_t access;
    uintptr_t address;
    uint32_t low; /* part of its place */
};

static size_t bytes_in_all; /* of an access to several granules; else 0 */

/* Where devices access memory by the word: few, since one function does it for all of them; then NULL. */
static const void *device_places[DEVICE_PLACES];

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

static void keep_earlier(uint64_t access, const void *pc)
{
    const struct lc_earlier *wanted = &lc.channel->earlier;
    if (access >> THREAD_SHIFT == wanted->when && (uint64_t)pc == wanted->pc)
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

static bool is_poll(const struct access *new, const void *where, uint64_t old, const void *old_where);

static __attribute__((noinline)) void race(const struct access *new, uint64_t old, uint32_t old_low)
{
    const void *old_where = place(old, old_low), *where = place(new->access, new->low);
    if (unlikely(device_places[0]) && is_poll(new, where, old, old_where))
        return;
    uintptr_t a = (uintptr_t)where, b = (uintptr_t)old_where;
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
    size_t bytes = bytes_in_all ? bytes_in_all : (size_t)__builtin_popcount(mask_of(new->access));
    lc_finding("data-race", "{t%u} %s %zu byte%s of {o%u}, which {t%u} %s before, and nothing orders the two",
               lc_self->id, describe(new->access), bytes, bytes == 1 ? "" : "s", o->id, thread_of(old),
               describe_past(old));
}

/* Does an older access stand for the new one, in the same time of the same thread? */
static inline bool is_known(uint64_t old, uint64_t new)
{
    return old >> THREAD_SHIFT == new >> THREAD_SHIFT &&stands_for(old, new);
}

/* Are both of a loop over the parts of the granule? If the lower parts of their places are the same as well.
 */
static inline bool is_same_loop(uint64_t old, uint64_t new)
{
    return !((old ^ new) & ~ALL_BYTES);
}

/* What is left of an older access when `new` comes, of the bytes that it touched: 0 when nothing is. */
static inline uint64_t left_of(uint64_t old, uint64_t new)
{
    if (!stands_for(new | ALL_BYTES, old))
        return old;
    old &= ~(new &ALL_BYTES);
    return mask_of(old) ? old : 0;
}

static inline bool is_same_thread(uint64_t a, uint64_t b)
{
    return !((a ^ b) >> THREAD_SHIFT & 0xfffu);
}

/* Did the older access, or none, happen before what the running thread does now? */
static inline bool ordered(uint64_t old)
{
    uint32_t thread = thread_of(old);
    return thread == thread_of(lc_race_now.epoch) ||
           (thread < lc_race_now.count && lc_race_now.times[thread] >= time_of(old));
}

/* Looks at an older access. Returns what is left of it; *known: it stands for the new one, and *new is not to
 * be kept. */
static inline __attribute__((always_inline)) uint64_t meet(const struct access *a, uint64_t old, uint32_t low,
                                                           uint64_t *new, bool *known)
{
    if (is_known(old, *new)) {
        *known = true;
        return old;
    }
    if (old >> THREAD_SHIFT == *new >> THREAD_SHIFT) {
        if (is_same_loop(old, *new) && low == a->low) {
            *new |= old;
            return 0;
        }
        return left_of(old, *new);
    }
    if (ordered(old))
        return left_of(old, *new);
    if (unlikely(conflict(*new, old)))
        race(a, old, low);
    return old;
}

static void append(struct lc_granule *g, struct kept older)
{
    struct many *many = many_of(g);
    if (unlikely(many->count == many->room)) {
        struct many *larger = new_many(2 * many->room);
        memcpy(larger->of, many->of, many->count * sizeof *many->of);
        larger->count = many->count;
        free_many(many);
        many = larger;
        g->access[1] = (uint64_t)many;
    }
    many->of[many->count++] = older;
}

/* By its parts, as it was written: so the processor need not wait until they are in the cache. */
static inline void copy(struct kept *to, const struct kept *from)
{
    *(volatile uint64_t *)&to->access = from->access;
    *(volatile uint32_t *)&to->low = from->low;
}

/* Few are left: they need no room elsewhere. */
static void fit_inline(struct lc_granule *g)
{
    struct many *many = many_of(g);
    if (likely(many->count >= LC_INLINE_ACCESSES))
        return;
    g->places &= PLACE_LOW;
    g->access[1] = 0;
    for (uint32_t i = 0; i < many->count; i++) {
        g->access[i + 1] = many->of[i].access;
        g->places |= (uint64_t)many->of[i].low << (i + 1) * PLACE_LOW_BITS;
    }
    free_many(many);
}

/* With more accesses than fit inline. */
static void add_to_many(const struct access *a, struct lc_granule *g)
{
    struct many *many = many_of(g);
    uint64_t new = a->access;
    struct kept newest = {g->access[0], low_part(g, 0)};
    bool known = false;
    uint64_t left = meet(a, newest.access, newest.low, &new, &known);
    uint32_t count = 0;
    for (uint32_t i = 0; i < many->count; i++) {
        struct kept k = many->of[i];
        k.access = meet(a, k.access, k.low, &new, &known);
        if (k.access)
            many->of[count++] = k;
    }
    many->count = count;
    if (known)
        return;
    newest.access = left;
    if (left)
        append(g, newest);
    g->access[0] = new;
    g->places = a->low | LC_GRANULE_MORE;
    fit_inline(g);
}

/* The three older ones go elsewhere. */
static __attribute__((noinline)) void overflow(struct lc_granule *g, const struct kept *older)
{
    struct many *many = new_many(FIRST_ROOM);
    for (; many->count < LC_INLINE_ACCESSES; many->count++)
        copy(&many->of[many->count], &older[many->count]);
    g->access[1] = (uint64_t)many;
    g->access[2] = 0;
    g->places = (g->places & PLACE_LOW) | LC_GRANULE_MORE;
}

static __attribute__((noinline)) void add(const struct access *a, struct lc_granule *g)
{
    if (unlikely(g->places & LC_GRANULE_MORE)) {
        add_to_many(a, g);
        return;
    }
    uint64_t new = a->access;
    struct kept older[LC_INLINE_ACCESSES] = {0};
    uint32_t count = 0;
    bool known = false;
    for (uint32_t i = 0; i < LC_INLINE_ACCESSES && g->access[i]; i++) {
        uint32_t low = low_part(g, i);
        older[count] = (struct kept){meet(a, g->access[i], low, &new, &known), low};
        count += older[count].access != 0;
    }
    if (known)
        return; /* and nothing else has changed: whatever it drops was dropped when the other came */
    g->access[0] = new;
    g->places = a->low;
    if (unlikely(count == LC_INLINE_ACCESSES)) {
        overflow(g, older);
        return;
    }
    g->access[1] = count > 0 ? older[0].access : 0;
    g->access[2] = count > 1 ? older[1].access : 0;
    g->places |= (uint64_t)older[0].low << PLACE_LOW_BITS | (uint64_t)older[1].low << 2 * PLACE_LOW_BITS;
}

/* Returns false when the running thread's accesses need no look: there was nobody else yet. */
static bool refresh(void)
{
    const struct lc_clock *clock = lc_clock_of(lc_self->id);
    if (!clock->count)
        return false;
    lc_race_now = (struct lc_race_now){
        .self = lc.evidence ? NULL : lc_self, /* then none takes the quick way */
        .epoch = (uint64_t)clock->times[lc_self->id] << TIME_SHIFT | (uint64_t)lc_self->id << THREAD_SHIFT,
        .times = clock->times,
        .count = clock->count,
    };
    return true;
}

/* What stays of an older access, or none, beside the new one. Returns false when they race. */
static inline bool go_together(uint64_t *old, uint64_t new)
{
    if (unlikely(!ordered(*old)))
        return !conflict(new, *old);
    *old = left_of(*old, new);
    return true;
}

/* Where there are two or three, none of which races. Returns false otherwise. */
static inline bool add_to_several(struct lc_granule *g, uint64_t new, uint32_t low)
{
    uint64_t a = g->access[0], b = g->access[1], c = g->access[2], newest = a;
    uint32_t low_a = low_part(g, 0), low_b = low_part(g, 1), low_c = low_part(g, 2);
    if (is_known(b, new) || is_known(c, new))
        return true;
    if (unlikely(!go_together(&a, new) || !go_together(&b, new) || !go_together(&c, new)))
        return false;
    if (is_same_loop(newest, new) && low == low_a) {
        g->access[0] = newest | new;
        return true;
    }
    g->access[0] = new;
    g->places = low;
    if (a && b && c) {
        overflow(g, (struct kept[]){{a, low_a}, {b, low_b}, {c, low_c}});
        return true;
    }
    if (!b) {
        b = c, low_b = low_c;
        c = 0;
    }
    if (!a) {
        a = b, low_a = low_b;
        b = c, low_b = low_c;
    }
    g->access[1] = a;
    g->access[2] = b;
    g->places |= (uint64_t)low_a << PLACE_LOW_BITS | (b ? (uint64_t)low_b : 0) << 2 * PLACE_LOW_BITS;
    return true;
}

/* Where there are more, none of which races. Returns false otherwise. */
static inline bool add_without_race(struct lc_granule *g, uint64_t new, uint32_t low)
{
    struct many *many = many_of(g);
    struct kept newest = {g->access[0], low_part(g, 0)};
    if (is_same_loop(newest.access, new) && newest.low == low) {
        new |= newest.access;
        newest.access = 0;
    }
    if (!go_together(&newest.access, new))
        return false;
    for (uint32_t i = 0; i < many->count;) {
        struct kept *k = &many->of[i];
        if (!((k->access | new) & WRITE) && !is_same_thread(k->access, new)) {
            i++; /* one of many that read: at the next write it goes */
            continue;
        }
        if (is_known(k->access, new))
            return true;
        if (!go_together(&k->access, new))
            return false;
        if (k->access) {
            i++;
        } else if (newest.access) {
            copy(k, &newest);
            newest.access = 0;
            i++;
        } else {
            copy(k, &many->of[--many->count]);
        }
    }
    if (newest.access)
        append(g, newest);
    g->access[0] = new;
    g->places = low | LC_GRANULE_MORE;
    fit_inline(g);
    return true;
}

static __attribute__((noinline)) void add_to_older(struct lc_granule *g, uint64_t new, uint32_t low,
                                                   uintptr_t address)
{
    if (g->places & LC_GRANULE_MORE ? add_without_race(g, new, low) : add_to_several(g, new, low))
        return;
    add(&(struct access){new, address, low}, g);
}

static inline __attribute__((always_inline)) void add_to(struct lc_granule *g, uint64_t new, uint32_t place,
                                                         uintptr_t address)
{
    uint64_t old = g->access[0], places = g->places;
    uint32_t low = place & PLACE_LOW;
    new |= upper_part(place);
    if (unlikely(g->access[1] || !ordered(old) || is_same_loop(old, new))) {
        add_to_older(g, new, low, address);
        return;
    }
    bool stays = !stands_for(new, old);
    g->access[0] = new;
    g->access[1] = stays ? old : 0;
    g->places = low | (stays ? (places & PLACE_LOW) << PLACE_LOW_BITS : 0);
}

void lc_race_access_within(uintptr_t address, uint64_t what, const void *pc)
{
    /* No address of a program: the access itself will fail. */
    if (address >> LC_ADDRESS_BITS || !refresh())
        return;
    struct lc_granule *g = lc_granule_in(block_of(address), address);
    what |= lc_race_now.epoch;
    if (is_known(g->access[0], what))
        return;
    if (unlikely(lc.evidence))
        keep_earlier(what, pc);
    add_to(g, what, place_of(pc), address);
}

void lc_race_access_to(struct lc_granule *g, uint64_t what, const void *pc, uintptr_t address)
{
    if (unlikely((uintptr_t)pc >> REGION_SHIFT != regions[last_region]))
        lc_race_access_within(address, what, pc);
    else
        add_to(g, lc_race_now.epoch | what, place_in(pc, last_region), address);
}

void lc_race_access(uintptr_t address, size_t bytes, bool write, bool atomic, const void *pc)
{
    uintptr_t end = address + bytes;
    if (unlikely(end >> LC_ADDRESS_BITS || !refresh()))
        return;
    uint64_t kind = lc_race_now.epoch | (write ? WRITE : 0u) | (atomic ? ATOMIC_ACCESS : 0u);
    uint32_t place = place_of(pc);
    if (unlikely(lc.evidence))
        keep_earlier(kind, pc);
    bytes_in_all = bytes;
    for (; address < end; address = (address | ((1u << LC_GRANULE_SHIFT) - 1)) + 1) {
        uint32_t offset = (uint32_t)address & 7u;
        uint32_t here = end - address < 8u - offset ? (uint32_t)(end - address) : 8u - offset;
        uint64_t mask = (uint64_t)(((1u << here) - 1) << offset) << MASK_SHIFT;
        add_to(lc_granule_in(block_of(address), address), kind | mask, place, address);
    }
    bytes_in_all = 0;
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

/* ---- devices: words that a driver polls ---- */

void lc_race_device_at(const void *pc)
{
    size_t i = 0;
    while (i < DEVICE_PLACES - 1 && device_places[i] && device_places[i] != pc)
        i++;
    device_places[i] = pc;
}

static bool is_of_device(uint64_t access, const void *where)
{
    size_t i = 0;
    while (i < DEVICE_PLACES && device_places[i] != where)
        i++;
    return (access & ATOMIC_ACCESS) && i < DEVICE_PLACES;
}

/* The running thread reads, relaxed, what was stored to words in this granule. */
static void see_words(uintptr_t address)
{
    uintptr_t granule = address & ~(uintptr_t)((1u << LC_GRANULE_SHIFT) - 1);
    for (uintptr_t at = granule; at < granule + (1u << LC_GRANULE_SHIFT); at++)
        if (slot_of(at)->address)
            lc_clock_join(&seen_relaxed[lc_self->id], &slot_of(at)->clock);
}

/*
 * Is one of two unordered accesses a device's, to a word that the driver polls? A driver accesses such words
 * plainly, and makes order by barriers: what it reads is as if by a relaxed load, for an acquire fence behind
 * it, and what it writes is as if by a relaxed store, behind a release fence (Linux
 * Documentation/memory-barriers.txt, dma_rmb() and dma_wmb()). Where both write, one of them is lost.
 */
static bool is_poll(const struct access *new, const void *where, uint64_t old, const void *old_where)
{
    bool now = is_of_device(new->access, where);
    if (now == is_of_device(old, old_where) || (new->access &old &WRITE))
        return false;
    if (now && (old & WRITE))
        lc_acquire_clock(&left_by_fence[thread_of(old)]);
    else if (!now && (old & WRITE))
        see_words(new->address);
    return true;
}
