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
 * with the older one then races with the newer one as well, so nothing is lost.
 *
 * Mostly what is left of each half are two plain accesses at most, one that writes and one that reads: a
 * cell. An access to cells takes a few instructions (race.h). Where the bytes of a half differ each has a
 * cell of its own, elsewhere. All else is kept as a set, element by element: several threads that read,
 * atomic accesses, races. A granule returns to the simpler form when newer accesses stand for what did not
 * fit.
 *
 * Neither two variables in one granule nor one that is accessed in parts are taken for what they are not.
 *
 * Shadow memory: a table by the address's upper bits leads to blocks, which exist where the program has been.
 *
 * Of an access only its site is kept, the number of a place in the program. Where a report is wanted with
 * evidence, the command says which access before it belongs to it (see struct lc_earlier), and of this one
 * the stack is taken.
 */
#include <string.h>

#include "lockcheck/detect/race.h"

#define LARGE 4096u /* granules; to be forgotten page by page */
#define PAGE ((uintptr_t)4096)
#define FIRST_SLOTS 1024u /* of the table of atomics; a power of two */
#define DEVICE_PLACES 16u

#define THREAD_SHIFT LC_ACCESS_THREAD_SHIFT
#define TIME_SHIFT LC_ACCESS_TIME_SHIFT

_Static_assert(LC_MAX_THREADS == 1u << (TIME_SHIFT - THREAD_SHIFT), "any number is that of a thread");

/* What an access is, besides when: its thread once more, its bytes and its kind. */
#define WRITE 1u
#define ATOMIC_ACCESS 2u
#define KIND (WRITE | ATOMIC_ACCESS)
#define MASK_SHIFT 2u
#define ALL_BYTES (0xffu << MASK_SHIFT)
#define WHO_SHIFT 10u

#define BYTES (1u << LC_GRANULE_SHIFT)
#define HALF (BYTES / 2)

static inline uint32_t thread_of(uint64_t when)
{
    return (uint32_t)when >> THREAD_SHIFT;
}

static inline uint32_t mask_of(uint32_t what)
{
    return what >> MASK_SHIFT & 0xffu;
}

/* Which halves of a granule are touched, if each is as a whole or not at all; else 0. */
static inline uint32_t halves(uint32_t mask)
{
    return mask == 0xff ? 3 : mask == 0x0f ? 1 : mask == 0xf0 ? 2 : 0;
}

static inline bool stands_for(uint32_t new, uint32_t old)
{
    return !(old & ~new &(ALL_BYTES | WRITE)) && !(new & ~old &ATOMIC_ACCESS);
}

static inline bool conflict(uint32_t a, uint32_t b)
{
    return (a & b & ALL_BYTES) && ((a | b) & WRITE) && !(a & b & ATOMIC_ACCESS);
}

/* A cell for each byte. */
struct bytes {
    union {
        struct lc_cell cell[BYTES];
        struct bytes *next_free;
    };
};

/* A set, with its elements one by one. */
struct set {
    union {
        uint32_t writes; /* elements that are some */
        struct set *next_free;
    };
    uint32_t count, room;
    uint64_t when[]; /* room of these, and then of `what` */
};
#define FIRST_ROOM 4u /* fits a line of the cache */
#define ROOMS 16u     /* each twice that before: one access of each kind to each byte by each thread */

LC_WRITTEN struct lc_block **lc_blocks;
struct lc_race_now lc_race_now;
static struct bytes *free_bytes;
static struct set *free_sets[ROOMS];

/* ---- shadow memory ---- */

static void *map(size_t bytes)
{
    void *range = lc_map(bytes);
    if (!range)
        lc_internal("cannot reserve address space to watch memory accesses");
    return range;
}

void lc_race_init(void)
{
    if (lc_blocks)
        return;
    lc_blocks = map(sizeof *lc_blocks << (LC_ADDRESS_BITS - LC_BLOCK_SHIFT));
    lc_sites = map(LC_SITES * sizeof *lc_sites);
}

static struct lc_block *block_of(uintptr_t address)
{
    struct lc_block **block = &lc_blocks[address >> LC_BLOCK_SHIFT];
    if (unlikely(!*block))
        *block = map(sizeof **block);
    return *block;
}

static inline struct lc_granule *granule_in(struct lc_block *block, uintptr_t address)
{
    return &block->granule[address >> LC_GRANULE_SHIFT & (LC_BLOCK_GRANULES - 1)];
}

static uint32_t *whats(struct set *set)
{
    return (uint32_t *)&set->when[set->room];
}

static struct set **free_list(uint32_t room)
{
    return &free_sets[__builtin_ctz(room / FIRST_ROOM)];
}

static struct set *new_set(uint32_t room)
{
    struct set **list = free_list(room), *set = *list;
    if (set)
        *list = set->next_free;
    else
        set = lc_allocate(sizeof *set + room * (sizeof *set->when + sizeof(uint32_t)));
    set->room = room;
    set->count = 0;
    set->writes = 0;
    return set;
}

static void free_set(struct set *set)
{
    struct set **list = free_list(set->room);
    set->next_free = *list;
    *list = set;
}

static struct bytes *new_bytes(void)
{
    struct bytes *bytes = free_bytes;
    if (!bytes)
        return lc_allocate(sizeof *bytes);
    free_bytes = bytes->next_free;
    return bytes;
}

/* What is not in the granule itself has its address in both cells in place of a write, of a time that never
 * comes: so the quick way ends there, but for what the running thread has just read and is in the set. */
#define ELSEWHERE (~0ull << LC_ADDRESS_BITS)
#define ELSEWHERE_BYTES (ELSEWHERE | 1u)

static inline bool has_bytes(const struct lc_granule *g)
{
    return (g->half[0].write & ELSEWHERE_BYTES) == ELSEWHERE_BYTES;
}

static inline bool has_set(const struct lc_granule *g)
{
    return (g->half[0].write & ELSEWHERE_BYTES) == ELSEWHERE;
}

static inline struct bytes *bytes_of(const struct lc_granule *g)
{
    return (struct bytes *)(g->half[0].write & ~ELSEWHERE_BYTES);
}

static inline struct set *set_of(const struct lc_granule *g)
{
    return (struct set *)(g->half[0].write & ~ELSEWHERE);
}

static inline void put_elsewhere(struct lc_granule *g, uint64_t address, uint64_t what)
{
    struct lc_cell cell = {.write = address | what};
    *g = (struct lc_granule){{cell, cell}};
}

/* What it has elsewhere is not used any more. */
static void give_back(const struct lc_granule *g)
{
    if (has_bytes(g)) {
        bytes_of(g)->next_free = free_bytes;
        free_bytes = bytes_of(g);
    } else if (has_set(g)) {
        free_set(set_of(g));
    }
}

static void forget(struct lc_block *block, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        struct lc_granule *g = &block->granule[i];
        const struct lc_cell *half = g->half;
        if (!(half[0].write | half[0].read | half[1].write | half[1].read))
            continue;
        give_back(g);
        *g = (struct lc_granule){0};
    }
}

/* Of many granules most have never been used: to look at each would make them exist. What they have
 * elsewhere is lost. */
static void forget_pages(struct lc_block *block, size_t from, size_t to)
{
    uintptr_t begin = (uintptr_t)&block->granule[from], end = (uintptr_t)&block->granule[to];
    uintptr_t first = (begin + PAGE - 1) & -PAGE, last = end & -PAGE;
    forget(block, from, from + (first - begin) / sizeof block->granule[0]);
    forget(block, to - (end - last) / sizeof block->granule[0], to);
    lc_unmap_pages((void *)first, last - first);
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

/* ---- sites ---- */

#define PROBES 64u

const void **lc_sites;

/* When there are very many, some take the places of others, whose accesses are then told wrongly. */
static __attribute__((noinline)) uint64_t find_site(const void *pc, uint64_t home)
{
    for (uint64_t i = 0; i < PROBES; i++) {
        uint64_t site = (home + i) & (LC_SITES - 1);
        if (!lc_sites[site])
            lc_sites[site] = pc;
        if (lc_sites[site] == pc)
            return site;
    }
    lc_sites[home] = pc;
    return home;
}

static inline uint64_t site_of(const void *pc)
{
    uint64_t home = lc_race_first_site(pc);
    return likely(lc_sites[home] == pc) ? home : find_site(pc, home);
}

static const void *place(uint64_t when)
{
    return lc_sites[when & (LC_SITES - 1)];
}

/* ---- races ---- */

/* What the running thread does now. */
struct access {
    uint64_t when;
    uint32_t what;
    uintptr_t address;
};

static size_t bytes_in_all; /* of an access to several granules; else 0 */

/* Where devices access memory by the word: few, since one function does it for all of them; then NULL. */
static const void *device_places[DEVICE_PLACES];

static const char *describe(uint32_t what)
{
    static const char *const words[] = {"reads", "writes", "reads atomically", "writes atomically"};
    return words[what & KIND];
}

static const char *describe_past(uint32_t what)
{
    static const char *const words[] = {"read", "wrote", "read atomically", "wrote atomically"};
    return words[what & KIND];
}

/* With evidence: the stack of the access before that the report is about, or of the last like it. */
static struct {
    uint32_t frames;
    void *frame[LC_MAX_STACK];
} earlier;

static void keep_earlier(uint64_t when)
{
    const struct lc_earlier *wanted = &lc.channel->earlier;
    if (when >> THREAD_SHIFT == wanted->when && (uint64_t)place(when) == wanted->pc)
        earlier.frames = lc_backtrace(earlier.frame, LC_MAX_STACK);
}

static void show_earlier(uint64_t when, uint32_t what)
{
    if (!earlier.frames) {
        earlier.frame[0] = (void *)place(when);
        earlier.frames = 1;
    }
    lc_show_stack(thread_of(when), earlier.frame, earlier.frames, "{t%u} %s it", thread_of(when),
                  describe_past(what));
}

static bool is_poll(const struct access *new, uint64_t when, uint32_t old);

static __attribute__((noinline)) void race(const struct access *new, uint64_t when, uint32_t old)
{
    if (unlikely(device_places[0]) && is_poll(new, when, old))
        return;
    uintptr_t a = (uintptr_t)place(new->when), b = (uintptr_t)place(when);
    uint64_t what = new->what &KIND, before = old &KIND;
    uint64_t key = a < b ? lc_mix(lc_mix(a << 2 | what) + (b << 2 | before))
                         : lc_mix(lc_mix(b << 2 | before) + (a << 2 | what));
    if (!lc_report_of_access(key, (struct lc_earlier){when >> THREAD_SHIFT, b}))
        return;
    uintptr_t granule = new->address & ~(uintptr_t)((1u << LC_GRANULE_SHIFT) - 1);
    struct lc_object *o = lc_memory_to_tell(granule + (uint32_t)__builtin_ctz(mask_of(new->what &old)));
    if (lc.evidence)
        show_earlier(when, old);
    size_t bytes = bytes_in_all ? bytes_in_all : (size_t)__builtin_popcount(mask_of(new->what));
    lc_finding("data-race", "{t%u} %s %zu byte%s of {o%u}, which {t%u} %s before, and nothing orders the two",
               lc_self->id, describe(new->what), bytes, bytes == 1 ? "" : "s", o->id, thread_of(when),
               describe_past(old));
}

/* ---- accesses, as elements of a set ---- */

static void append(struct lc_granule *g, uint64_t when, uint32_t what)
{
    struct set *set = set_of(g);
    if (unlikely(set->count == set->room)) {
        struct set *larger = new_set(2 * set->room);
        memcpy(larger->when, set->when, set->count * sizeof *set->when);
        memcpy(whats(larger), whats(set), set->count * sizeof(uint32_t));
        larger->count = set->count;
        larger->writes = set->writes;
        free_set(set);
        set = larger;
        put_elsewhere(g, (uintptr_t)set, ELSEWHERE);
    }
    set->when[set->count] = when;
    whats(set)[set->count++] = what;
    set->writes += (what & WRITE) != 0;
}

/* What is left of an older access when a new one comes, in *what; 0 when nothing is. A thread's accesses of
 * one place and time, a loop over the parts of the granule, become one: the new one. */
static inline uint32_t left_of(uint64_t when, uint32_t what, struct access *new)
{
    if (!lc_race_ordered(when)) {
        if (unlikely(conflict(new->what, what)))
            race(new, when, what);
        return what;
    }
    if (when == new->when && !((what ^ new->what) & KIND)) {
        new->what |= what;
        return 0;
    }
    if (!stands_for(new->what | ALL_BYTES, what))
        return what;
    what &= ~(new->what &ALL_BYTES);
    return what & ALL_BYTES ? what : 0;
}

/* Not what somebody has written since: a driver that polls reads a device's word again, and sees another. */
static bool is_known_in(struct set *set, uint32_t what)
{
    uint32_t left = what & ALL_BYTES;
    for (uint32_t i = 0; i < set->count; i++) {
        uint32_t before = whats(set)[i];
        if (!lc_race_is_now(set->when[i])) {
            if (conflict(before, what) && !lc_race_ordered(set->when[i]))
                return false;
        } else if (stands_for(before | ALL_BYTES, what)) {
            left &= ~before;
        }
    }
    return !left;
}

/* Does a new access race with an element, or take the place of one of now? */
static __attribute__((noinline)) bool concerns(struct set *set, const struct access *new)
{
    const uint32_t *what = whats(set);
    for (uint32_t i = 0; i < set->count; i++)
        if (conflict(what[i], new->what) && (!lc_race_ordered(set->when[i]) || lc_race_is_now(set->when[i])))
            return true;
    return false;
}

/* An access that the thread has made before, where all that it could race with is ordered and stays: mostly
 * one of several threads that read the same. Returns false when it is not such. */
static inline bool put_again(struct lc_granule *g, const struct access *new)
{
    struct set *set = set_of(g);
    const uint32_t *what = whats(set);
    uint32_t kind = new->what &KIND, own = 0;
    if (kind == WRITE || (unlikely(kind || set->writes) && concerns(set, new)))
        return false;
    while (own < set->count && what[own] != new->what)
        own++;
    if (own == set->count)
        return false;
    if (!lc_race_is_now(set->when[own]))
        set->when[own] = new->when;
    for (uint32_t i = 0; i < 2 && !kind; i++)
        if (halves(mask_of(new->what)) >> i & 1)
            g->half[i].read = new->when; /* for the quick way */
    return true;
}

static void put_into_set(struct lc_granule *g, struct access *new)
{
    struct set *set = set_of(g);
    uint32_t *what = whats(set), count = 0, writes = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        uint64_t when = set->when[i];
        uint32_t left = left_of(when, what[i], new);
        set->when[count] = when;
        what[count] = left;
        count += left != 0;
        writes += (left & WRITE) != 0;
    }
    set->count = count;
    set->writes = writes;
    put_elsewhere(g, (uintptr_t)set, ELSEWHERE);
    append(g, new->when, new->what);
}

/* ---- accesses, in cells ---- */

/* Puts a plain access into some of the cells, in the place of those before. Returns false when it does not
 * fit one. */
static bool put_into(struct lc_cell *cell, uint32_t mask, const struct access *new)
{
    bool write = new->what &WRITE;
    for (; mask; mask >>= 1, cell++) {
        if (!(mask & 1) || lc_race_is_known(cell, write))
            continue;
        if (!lc_race_is_past(cell))
            return false;
        lc_race_put(cell, write, new->when);
    }
    return true;
}

static inline bool is_same(const struct lc_cell *a, const struct lc_cell *b)
{
    return a->write == b->write && a->read == b->read;
}

static void put_cells(struct lc_granule *g, const struct lc_cell *cell)
{
    bool uniform = true;
    for (uint32_t i = 0; i < BYTES; i++)
        uniform &= is_same(&cell[i], &cell[i & HALF]);
    if (uniform) {
        *g = (struct lc_granule){{cell[0], cell[HALF]}};
        return;
    }
    struct bytes *bytes = new_bytes();
    memcpy(bytes->cell, cell, sizeof bytes->cell);
    put_elsewhere(g, (uintptr_t)bytes, ELSEWHERE_BYTES);
}

static void copy_cells(struct lc_cell *cell, const struct lc_granule *g)
{
    if (has_bytes(g)) {
        memcpy(cell, bytes_of(g)->cell, sizeof bytes_of(g)->cell);
        return;
    }
    for (uint32_t i = 0; i < BYTES; i++)
        cell[i] = g->half[i / HALF];
}

/* ---- from one form to another ---- */

static void put_byte(struct lc_granule *g, uint64_t when, uint32_t byte, uint32_t kind)
{
    if (!when)
        return;
    struct set *set = set_of(g);
    uint32_t mask = 1u << byte << MASK_SHIFT, what = thread_of(when) << WHO_SHIFT | kind;
    for (uint32_t i = 0; i < set->count; i++)
        if (set->when[i] == when && (whats(set)[i] & ~ALL_BYTES) == what) {
            whats(set)[i] |= mask;
            return;
        }
    append(g, when, what | mask);
}

static void make_set(struct lc_granule *g)
{
    struct lc_cell cell[BYTES];
    copy_cells(cell, g);
    give_back(g);
    put_elsewhere(g, (uintptr_t)new_set(FIRST_ROOM), ELSEWHERE);
    for (uint32_t i = 0; i < BYTES; i++) {
        put_byte(g, cell[i].write, i, WRITE);
        put_byte(g, cell[i].read, i, 0);
    }
}

/* If all fit. */
static void make_cells_of_set(struct lc_granule *g)
{
    struct set *set = set_of(g);
    struct lc_cell cell[BYTES] = {0};
    for (uint32_t i = 0; i < set->count; i++) {
        uint32_t what = whats(set)[i];
        if (what & ATOMIC_ACCESS)
            return;
        for (uint32_t b = 0; b < BYTES; b++) {
            uint64_t *place = what & WRITE ? &cell[b].write : &cell[b].read;
            if (!(mask_of(what) >> b & 1))
                continue;
            if (*place)
                return;
            *place = set->when[i];
        }
    }
    free_set(set);
    put_cells(g, cell);
}

static void make_bytes(struct lc_granule *g)
{
    struct bytes *bytes = new_bytes();
    copy_cells(bytes->cell, g);
    put_elsewhere(g, (uintptr_t)bytes, ELSEWHERE_BYTES);
}

/* If those of each half are the same. */
static void make_cells_of_bytes(struct lc_granule *g)
{
    const struct lc_cell *cell = bytes_of(g)->cell;
    for (uint32_t i = 0; i < BYTES; i++)
        if (!is_same(&cell[i], &cell[i & HALF]))
            return;
    struct lc_granule cells = {{cell[0], cell[HALF]}};
    give_back(g);
    *g = cells;
}

/* ---- an access to a granule ---- */

#define FEW 4u /* elements that may fit cells */

static void add_to_set(struct lc_granule *g, struct access *new)
{
    if (put_again(g, new))
        return;
    put_into_set(g, new);
    if (set_of(g)->count <= FEW)
        make_cells_of_set(g);
}

/* Returns false when it does not fit. */
static bool add_to_cells(struct lc_granule *g, const struct access *new)
{
    uint32_t mask = mask_of(new->what);
    if (new->what & ATOMIC_ACCESS)
        return false;
    if (!has_bytes(g)) {
        if (halves(mask))
            return put_into(g->half, halves(mask), new);
        make_bytes(g);
    }
    if (!put_into(bytes_of(g)->cell, mask, new))
        return false;
    if (halves(mask) || mask >> (BYTES - 1))
        make_cells_of_bytes(g); /* a loop may be through with it */
    return true;
}

/* Has the running thread made an access in this time that stands for a new one? */
static bool is_known(const struct lc_granule *g, uint32_t what)
{
    if (has_set(g))
        return is_known_in(set_of(g), what);
    const struct lc_cell *cell = g->half;
    uint32_t mask = mask_of(what);
    if (has_bytes(g))
        cell = bytes_of(g)->cell;
    else
        mask = (mask & 0x0f ? 1u : 0) | (mask & 0xf0 ? 2u : 0);
    for (; mask; mask >>= 1, cell++)
        if ((mask & 1) && !lc_race_is_known(cell, what & WRITE))
            return false;
    return true;
}

static void add(struct lc_granule *g, struct access *new)
{
    if (is_known(g, new->what))
        return;
    if (unlikely(lc.evidence))
        keep_earlier(new->when);
    if (!has_set(g)) {
        if (add_to_cells(g, new))
            return;
        make_set(g);
    }
    add_to_set(g, new);
}

/* Returns false when the running thread's accesses need no look: there was nobody else yet. */
static bool refresh(void)
{
    const struct lc_clock *clock = lc_clock_of(lc_self->id);
    struct lc_race_now *now = &lc_race_now;
    if (!clock->count)
        return false;
    if (now->self == lc_self)
        return true;
    for (uint32_t i = 0; i < clock->count; i++)
        now->last[i] = (uint64_t)clock->times[i] << TIME_SHIFT | UINT32_MAX;
    for (uint32_t i = clock->count; i < now->count; i++)
        now->last[i] = 0;
    now->count = clock->count;
    now->epoch = (uint64_t)clock->times[lc_self->id] << TIME_SHIFT | (uint64_t)lc_self->id << THREAD_SHIFT;
    now->self = lc.evidence ? NULL : lc_self; /* then none takes the quick way */
    return true;
}

LC_HOOK_TAIL void lc_race_slow_access(uintptr_t address, size_t bytes, bool write, const void *pc)
{
    if ((address & 7u) + bytes <= BYTES && !(address >> LC_ADDRESS_BITS)) {
        struct lc_granule *g = granule_in(block_of(address), address);
        uint32_t mask = ((1u << bytes) - 1) << (address & 7u);
        uint32_t what = lc_self->id << WHO_SHIFT | mask << MASK_SHIFT | (write ? WRITE : 0u);
        struct access new = {lc_race_now.epoch | site_of(pc), what, address};
        if (has_set(g) ? put_again(g, &new) : add_to_cells(g, &new))
            return;
    }
    lc_race_access(address, bytes, write, false, pc);
}

LC_HOOK_TAIL void lc_race_access(uintptr_t address, size_t bytes, bool write, bool atomic, const void *pc)
{
    uintptr_t end = address + bytes;
    /* No address of a program: the access itself will fail. */
    if (unlikely(end >> LC_ADDRESS_BITS || !refresh()))
        return;
    uint64_t when = lc_race_now.epoch | site_of(pc);
    uint32_t what = lc_self->id << WHO_SHIFT | (write ? WRITE : 0u) | (atomic ? ATOMIC_ACCESS : 0u);
    bytes_in_all = bytes;
    for (; address < end; address = (address | ((1u << LC_GRANULE_SHIFT) - 1)) + 1) {
        uint32_t offset = (uint32_t)address & 7u;
        uint32_t here = end - address < 8u - offset ? (uint32_t)(end - address) : 8u - offset;
        struct access new = {when, what | ((1u << here) - 1) << offset << MASK_SHIFT, address};
        add(granule_in(block_of(address), address), &new);
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

/* ---- devices: words that a driver polls ---- */

void lc_race_device_at(const void *pc)
{
    size_t i = 0;
    while (i < DEVICE_PLACES - 1 && device_places[i] && device_places[i] != pc)
        i++;
    device_places[i] = pc;
}

static bool is_of_device(uint64_t when, uint32_t what)
{
    size_t i = 0;
    while (i < DEVICE_PLACES && device_places[i] != place(when))
        i++;
    return (what & ATOMIC_ACCESS) && i < DEVICE_PLACES;
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
static bool is_poll(const struct access *new, uint64_t when, uint32_t old)
{
    bool now = is_of_device(new->when, new->what);
    if (now == is_of_device(when, old) || (new->what &old &WRITE))
        return false;
    if (now && (old & WRITE))
        lc_acquire_clock(&left_by_fence[thread_of(when)]);
    else if (!now && (old & WRITE))
        see_words(new->address);
    refresh();
    return true;
}
