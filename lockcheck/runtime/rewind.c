/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rewinding: a process that has run its schedule to a plain end goes back to the checkpoint and runs the next
 * one, where that is the same as a new process. To fork one and to have it end takes several times as long as
 * many a schedule.
 *
 * What a schedule changes is its memory and what the kernel keeps for the process. The latter takes a system
 * call, so the first one ends the rewinding of the process: see quiet.c.
 *
 * Memory is put back page by page. Which pages schedules write to is learned: at the end of each schedule all
 * that is writable is looked through for pages that the process has for itself, which after a fork are those
 * written to since (/proc/PID/pagemap, bit 56: Documentation/admin-guide/mm/pagemap.rst). When one is among
 * them that is not known, it is noted and the process ends; its successors copy the known ones when they
 * begin, and put these copies back. Bit 56 may be set for others too, which costs only time.
 *
 * All that is kept here lies in the channel, which is shared and so stays as it is.
 *
 * Left out, and forked for each schedule as ever: processors without FSGSBASE, programs with much writable
 * memory, and those that handle or block SIGSYS.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "lockcheck/runtime/pages.h"
#include "lockcheck/runtime/runtime.h"

#define PAGE 4096u
#define PAGES_MAX 1024u       /* that schedules write to */
#define RANGES_MAX 512u       /* writable mappings */
#define LOOKED_AT_MAX 131072u /* pages looked through at the end of a schedule */
#define ENTRIES 4096u         /* of /proc/PID/pagemap, read at a time */
#define STACK_BYTES 16384u
#define IN_VAIN 4u      /* processes in a row that could not go on */
#define TRIED_EACH 256u /* after that, one of so many processes tries again */

struct area {
    bool prepared, unusable;
    uint32_t sleepers; /* the mappings are those with so many */
    uint32_t in_vain, skipped;
    int pagemap;
    uint32_t range_count, page_count;
    bool armed; /* the process is to be rewound, and there are copies of the pages */
    bool noisy; /* the process has made a system call */
    uint32_t mxcsr;
    uint16_t control;
    uintptr_t tp;
    uintptr_t memory_end; /* of the runtime's, the greatest of the process's schedules */
    void *place[5];
    struct lc_range ranges[RANGES_MAX];
    uintptr_t pages[PAGES_MAX]; /* ascending */
    uint64_t entries[ENTRIES];
    char stack[STACK_BYTES] __attribute__((aligned(64)));
    char copies[PAGES_MAX][PAGE] __attribute__((aligned(4096)));
};

_Static_assert(sizeof(struct area) <= LC_REWIND_SIZE, "what rewinding keeps does not fit its area");

static struct area *area(void)
{
    return (struct area *)((char *)lc.channel + LC_REWIND_OFFSET);
}

/* ---- in the template ---- */

void lc_rewind_prepare(void)
{
    struct area *a = area();
    if (a->unusable || (a->prepared && a->sleepers == lc.channel->sleepers))
        return;
    a->prepared = true;
    a->sleepers = lc.channel->sleepers;
    a->page_count = 0;
    a->tp = lc_self->tp;
    bool shared;
    a->unusable = !lc_has_fsgsbase || !lc_ranges_list(a->ranges, RANGES_MAX, &a->range_count, &shared);
}

/* ---- at the beginning of a process ---- */

static bool is_worth_while(struct area *a)
{
    const struct lc_channel *c = lc.channel;
    if (!a->prepared || a->unusable || c->flags || c->stop_at_step || c->stop_at_report || c->batch < 2 ||
        !lc_quiet_possible())
        return false;
    if (a->in_vain < IN_VAIN || ++a->skipped == TRIED_EACH) {
        a->skipped = 0;
        return true;
    }
    return false;
}

bool lc_rewind_wanted(void)
{
    struct area *a = area();
    a->armed = a->noisy = false;
    if (!is_worth_while(a))
        return false;
    a->pagemap =
        (int)lc_system_call(SYS_openat, AT_FDCWD, (long)"/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    a->unusable = a->pagemap < 0;
    return !a->unusable;
}

void **lc_rewind_place(void)
{
    return area()->place;
}

void lc_rewind_arm(void)
{
    struct area *a = area();
    a->memory_end = lc_memory_end();
    __asm__("stmxcsr %0\n\tfnstcw %1" : "=m"(a->mxcsr), "=m"(a->control));
    for (uint32_t i = 0; i < a->page_count; i++)
        memcpy(a->copies[i], (const void *)a->pages[i], PAGE);
    a->unusable = !lc_quiet_begin();
    a->armed = !a->unusable;
}

/* ---- during a schedule ---- */

void lc_rewind_noise(void)
{
    struct area *a = area();
    if (!lc.channel || !a->armed || a->noisy)
        return;
    a->noisy = true;
    lc_system_call(SYS_close, a->pagemap, 0, 0, 0); /* the number may be what the program gets now */
}

/* ---- at its end ---- */

static void note(struct area *a, uint32_t at, uintptr_t page)
{
    if (a->page_count == PAGES_MAX) {
        a->unusable = true;
        return;
    }
    memmove(a->pages + at + 1, a->pages + at, (a->page_count - at) * sizeof *a->pages);
    a->pages[at] = page;
    a->page_count++;
}

/* Are all pages known that have been written to? */
static bool look_through(struct area *a)
{
    uint32_t known = a->page_count, at = 0, looked_at = 0;
    for (const struct lc_range *r = a->ranges; r < a->ranges + a->range_count; r++) {
        uintptr_t end = r->runtimes ? (a->memory_end + PAGE - 1) & ~(uintptr_t)(PAGE - 1) : r->end;
        for (uintptr_t start = r->start; start < end;) {
            uint32_t count = (uint32_t)((end - start) / PAGE < ENTRIES ? (end - start) / PAGE : ENTRIES);
            if (looked_at + count > LOOKED_AT_MAX ||
                lc_quiet_call(SYS_pread64, a->pagemap, (long)a->entries, count * sizeof *a->entries,
                              (long)(start / PAGE * sizeof *a->entries)) !=
                    (long)(count * sizeof *a->entries)) {
                a->unusable = true;
                return false;
            }
            looked_at += count;
            for (uint32_t i = 0; i < count; i++) {
                uint64_t entry = a->entries[i];
                if (likely(!entry) || (!(entry & LC_PAGE_SWAPPED) &&
                                       ((entry & LC_PAGE_OF_FILE) || !(entry & LC_PAGE_EXCLUSIVE))))
                    continue;
                uintptr_t page = start + (uintptr_t)i * PAGE;
                while (at < a->page_count && a->pages[at] < page)
                    at++;
                if (at == a->page_count || a->pages[at] != page)
                    note(a, at, page);
                if (a->unusable)
                    return false;
            }
            start += (uintptr_t)count * PAGE;
        }
    }
    return a->page_count == known;
}

/* On a stack in the channel. */
static _Noreturn void put_back(void)
{
    struct area *a = area();
    for (uint32_t i = 0; i < a->page_count; i++)
        memcpy((void *)a->pages[i], a->copies[i], PAGE);
    lc_set_thread_pointer(a->tp);
    __asm__ volatile("fninit\n\tfldcw %0\n\tldmxcsr %1" : : "m"(a->control), "m"(a->mxcsr));
    __builtin_longjmp(a->place, 1);
}

void lc_rewind(void)
{
    struct area *a = area();
    if (!lc.channel || !a->armed)
        return;
    if (a->memory_end < lc_memory_end())
        a->memory_end = lc_memory_end();
    if (a->noisy || !look_through(a)) {
        a->in_vain++;
        return;
    }
    a->in_vain = 0;
    if (lc_batch_goes_on())
        lc_call_on(a->stack + STACK_BYTES, put_back);
}
