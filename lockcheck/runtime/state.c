/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state that the program is in: all that decides how it goes on, but for what the scheduler chooses. A
 * program that comes back to one can do the same again. It is kept and compared as numbers, one for each
 * couple of megabytes, so that to look at it ends soon where it is another one.
 *
 * It is of what each thread is about to do or waits for, with deadlines counted from now; of locks,
 * conditions and semaphores with those who wait for them, in their order; of the registers of each thread as
 * it called the runtime; and of all memory that is written to, but for the runtime's own and what is left
 * below the threads' stack pointers. The threads' frames in the runtime hold what does not matter, such as
 * the number of the step, so registers are unwound from there.
 *
 * Left out: the kernel. Whoever compares states has to see to it that the program made no system calls in
 * between (quiet.c), and read no clocks, whose values are other ones each time. Memory that is shared with
 * other processes has no state that could be known.
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "lockcheck/detect/detect.h"
#include "lockcheck/runtime/pages.h"
#include "lockcheck/runtime/runtime.h"

#define PAGE 4096u
#define RANGES_MAX 512u
#define LOOKED_AT_MAX 262144u /* pages */
#define ENTRIES 512u          /* of /proc/PID/pagemap, read at a time */
#define CHECKS 1024u
#define SMALL (16u << 20) /* bytes */

/* ---- threads and objects ---- */

static uint64_t left_of(const struct lc_thread *t)
{
    if (t->deadline_ns == LC_NEVER)
        return 1;
    return t->timed_out ? 2 : (uint64_t)(t->deadline_ns - lc.now_ns) << 2;
}

static uint64_t of_thread(const struct lc_thread *t)
{
    if (t->state == LC_FINISHED)
        return lc_mix((uint64_t)t->id << 32 | (uint64_t)t->joined << 8 | LC_FINISHED);
    uint64_t flags = (uint64_t)t->timed_out | (uint64_t)t->woken << 1 | (uint64_t)t->event_wait << 2 |
                     (uint64_t)t->cancellable << 3 | (uint64_t)t->interruptible << 4 |
                     (uint64_t)t->cancel_requested << 5 | (uint64_t)t->cancel_disabled << 6 |
                     (uint64_t)t->cancel_async << 7 | (uint64_t)t->exiting << 8 | (uint64_t)t->detached << 9 |
                     (uint64_t)t->interrupted << 10;
    uint64_t h = lc_mix((uint64_t)t->id << 32 | (uint64_t)t->state << 24 | (uint64_t)t->op << 16 | flags);
    h = lc_mix(h ^ (t->object ? t->object->address : 0));
    h = lc_mix(h ^ (t->object2 ? t->object2->address : 0));
    h = lc_mix(h ^ left_of(t));
    h = lc_mix(h ^ t->signals ^ t->signals_awaited << 1);
    return lc_mix(h ^ t->mask);
}

uint64_t lc_state_of_threads(void)
{
    uint64_t sum = 0;
    for (uint32_t i = 1; i <= lc_thread_count(); i++) {
        const struct lc_thread *t = lc_thread_by_number(i);
        sum += of_thread(t);
        if (t != lc_self && t->state != LC_FINISHED)
            sum += lc_mix((uintptr_t)t->sp); /* it is elsewhere when it calls from elsewhere */
    }
    return sum;
}

static uint64_t of_object(const struct lc_object *o)
{
    int64_t value = o->kind == LC_KIND_COND ? 0 : o->value; /* which is a detector's */
    uint64_t h = lc_mix(o->address ^ (uint64_t)o->kind << 56);
    uint64_t sum = lc_mix(h ^ (uint64_t)value);
    sum += lc_mix(h ^ ((uint64_t)(o->owner ? o->owner->id : 0) << 32 | (uint64_t)(o->type & 0xff) << 8 |
                       (uint64_t)o->inconsistent << 1 | 1));
    for (const struct lc_reader *r = o->readers; r; r = r->next)
        sum += lc_mix(h ^ ((uint64_t)r->thread->id << 32 | r->count) ^ 1ull << 62);
    uint64_t place = 1ull << 63;
    for (const struct lc_thread *t = o->waiters.first; t; t = t->queue_next)
        sum += lc_mix(h ^ (place++ << 16 | t->id));
    return sum;
}

static uint64_t of_objects(void)
{
    uint64_t sum = 0;
    for (const struct lc_object *o = lc_objects; o; o = o->all_next)
        if (!o->destroyed && o->kind != LC_KIND_MEMORY && o->kind != LC_KIND_NAMED)
            sum += of_object(o);
    return sum;
}

/* ---- memory ---- */

/* What is below the stack pointer of a thread. */
struct unused {
    uintptr_t start, end;
};
static struct unused unused[LC_MAX_THREADS];
static uint32_t unused_count;

/* Equal to nothing when it is all zero, as a page is that was never written to. */
static uint64_t of_words(const uint64_t *words, size_t count)
{
    uint64_t a = 1, b = 2, any = 0;
    size_t i = 0;
    for (; i + 1 < count; i += 2) {
        any |= words[i] | words[i + 1];
        a = (a ^ words[i]) * 0x9e3779b97f4a7c15ull;
        b = (b ^ words[i + 1]) * 0xd6e8feb86659fd93ull;
        a ^= a >> 32;
        b ^= b >> 32;
    }
    for (; i < count; i++) {
        any |= words[i];
        a = (a ^ words[i]) * 0x9e3779b97f4a7c15ull;
    }
    return any ? lc_mix(a ^ lc_mix(b)) : 0;
}

static uint64_t of_page(uintptr_t page)
{
    uintptr_t start = page, end = page + PAGE;
    for (uint32_t i = 0; i < unused_count && start < end; i++)
        if (unused[i].start <= start && start < unused[i].end)
            start = unused[i].end < end ? unused[i].end : end;
    if (start == end)
        return 0;
    uint64_t h = of_words((const uint64_t *)start, (end - start) / sizeof(uint64_t));
    return h ? lc_mix(h ^ page) : 0;
}

/* One look at the state. */
struct look {
    bool compares; /* with the one that is kept, else it takes its place */
    bool differs;
    uint64_t sum;
    uint32_t checks;     /* made so far */
    uint64_t looked_at;  /* pages */
    int memory, pagemap; /* of /proc/self */
};
static uint64_t kept[CHECKS]; /* sums on the way */
static uint64_t kept_sum;

/* Where a look may end early, for much memory takes long to look at. Returns false when it does. */
static bool check(struct look *look)
{
    if (look->checks == CHECKS)
        return true;
    uint64_t *before = &kept[look->checks++];
    if (look->compares)
        look->differs = *before != look->sum;
    else
        *before = look->sum;
    return !look->differs;
}

/* Read through the kernel, which finds what nobody has touched yet, and knows where the file ends. */
static void add_files_pages(struct look *look, uintptr_t start, uintptr_t end)
{
    static uint64_t words[PAGE / sizeof(uint64_t)];
    for (uintptr_t page = start; page < end; page += PAGE)
        if (lc_quiet_call(SYS_pread64, look->memory, (long)words, PAGE, (long)page) == PAGE)
            look->sum += lc_mix(of_words(words, PAGE / sizeof *words) ^ page);
}

/* These return false when the look ends here: it differs, or cannot be known. */

static bool add_pages(struct look *look, uintptr_t start, uintptr_t end)
{
    static uint64_t entries[ENTRIES];
    while (start < end) {
        size_t left = (end - start) / PAGE, count = left < ENTRIES ? left : ENTRIES;
        long bytes = (long)(count * sizeof *entries);
        if (lc_quiet_call(SYS_pread64, look->pagemap, (long)entries, bytes,
                          (long)(start / PAGE * sizeof *entries)) != bytes)
            return false;
        for (size_t i = 0; i < count; i++)
            if (entries[i] & (LC_PAGE_PRESENT | LC_PAGE_SWAPPED))
                look->sum += of_page(start + i * PAGE);
        start += count * PAGE;
        if (!check(look))
            return false;
    }
    return true;
}

/* What is the program's of a range. */
static bool add_range(struct look *look, const struct lc_range *r)
{
    uintptr_t until, end;
    for (uintptr_t start = r->start; start < r->end; start = end) {
        bool runtimes = lc_is_runtimes(start, &until);
        end = until < r->end ? until : r->end;
        if (runtimes)
            continue;
        look->looked_at += (end - start) / PAGE;
        if (look->looked_at > LOOKED_AT_MAX)
            return false;
        if (r->of_file)
            add_files_pages(look, start, end);
        else if (!add_pages(look, start, end))
            return false;
        if (!check(look))
            return false;
    }
    return true;
}

static long open_own(const char *path)
{
    return lc_quiet_call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);
}

/* Small ranges first: that is where what changes is found soonest, variables and stacks. */
static bool add_memory(struct look *look, const struct lc_range *ranges, uint32_t count)
{
    look->memory = (int)open_own("/proc/self/mem");
    look->pagemap = (int)open_own("/proc/self/pagemap");
    bool good = look->memory >= 0 && look->pagemap >= 0;
    for (uint32_t i = 0; i < 2 * count && good; i++) {
        const struct lc_range *r = &ranges[i % count];
        if ((r->end - r->start > SMALL) == (i >= count))
            good = add_range(look, r);
    }
    lc_quiet_call(SYS_close, look->memory, 0, 0, 0);
    lc_quiet_call(SYS_close, look->pagemap, 0, 0, 0);
    return good;
}

/* ---- the whole ---- */

static void add_unused(const struct lc_thread *t, uintptr_t sp)
{
    struct lc_own_stack stack = lc_stack_of(t);
    if (stack.bottom <= sp && sp < stack.top) /* not on a stack of the program's own making */
        unused[unused_count++] = (struct unused){stack.bottom, sp};
}

static bool add_registers(struct look *look)
{
    unused_count = 0;
    for (uint32_t i = 1; i <= lc_thread_count(); i++) {
        const struct lc_thread *t = lc_thread_by_number(i);
        uint64_t registers[LC_CALLER_REGISTERS];
        if (t->state == LC_FINISHED)
            continue;
        if (!lc_callers_registers(t, registers))
            return false;
        add_unused(t, registers[LC_CALLER_RSP]);
        uint64_t h = i;
        for (uint32_t k = 0; k < LC_CALLER_REGISTERS; k++)
            h = lc_mix(h ^ registers[k]);
        look->sum += h;
    }
    return check(look);
}

/* Returns false when it ends early. */
static bool look_at_all(struct look *look)
{
    static struct lc_range ranges[RANGES_MAX];
    uint32_t count;
    bool shared;
    if (!lc_ranges_list(ranges, RANGES_MAX, &count, &shared) || shared)
        return false;
    look->sum = of_objects();
    for (uint32_t i = 1; i <= lc_thread_count(); i++)
        look->sum += of_thread(lc_thread_by_number(i));
    return add_registers(look) && add_memory(look, ranges, count);
}

bool lc_state_keep(void)
{
    struct look look = {0};
    bool known = look_at_all(&look);
    kept_sum = look.sum;
    return known;
}

enum lc_comparison lc_state_compare(void)
{
    struct look look = {.compares = true};
    if (look_at_all(&look))
        return look.sum == kept_sum ? LC_SAME : LC_OTHER;
    return look.differs ? LC_OTHER : LC_UNKNOWN;
}
