/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rewinding: a process that has run its schedule to a plain end goes back to the checkpoint and runs the next
 * one, where that is the same as a new process. To fork one and to have it end takes several times as long as
 * many a schedule.
 *
 * What a schedule changes is its memory and what the kernel keeps for the process. The latter takes a system
 * call, so the first one ends the rewinding of the process: with Syscall User Dispatch (Linux 5.11,
 * Documentation/admin-guide/syscall-user-dispatch.rst) it is a SIGSYS instead, whose handler notes it and has
 * it done after all. Exempt are the runtime's own that leave nothing behind, see lc_quiet_call().
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
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "lockcheck/runtime/interpose.h"

#define BY_DISPATCH 2 /* si_code of such a SIGSYS: SYS_USER_DISPATCH */

#define PAGE 4096u
#define PAGES_MAX 1024u       /* that schedules write to */
#define RANGES_MAX 512u       /* writable mappings */
#define LOOKED_AT_MAX 131072u /* pages looked through at the end of a schedule */
#define ENTRIES 4096u         /* of /proc/PID/pagemap, read at a time */
#define STACK_BYTES 16384u
#define IN_VAIN 4u      /* processes in a row that could not go on */
#define TRIED_EACH 256u /* after that, one of so many processes tries again */

struct range {
    uintptr_t start, end;
    bool runtimes; /* the runtime's memory, used up to lc_memory_end() */
};

struct area {
    bool prepared, unusable;
    uint32_t sleepers; /* the mappings are those with so many */
    uint32_t in_vain, skipped;
    int pagemap;
    uint32_t range_count, page_count;
    bool armed; /* the process is to be rewound, and there are copies of the pages */
    volatile uint8_t selector;
    uint32_t mxcsr;
    uint16_t control;
    uintptr_t tp;
    uintptr_t memory_end; /* of the runtime's, the greatest of the process's schedules */
    void *place[5];
    struct range ranges[RANGES_MAX];
    uintptr_t pages[PAGES_MAX]; /* ascending */
    uint64_t entries[ENTRIES];
    char text[65536]; /* /proc/self/maps */
    char stack[STACK_BYTES] __attribute__((aligned(64)));
    char copies[PAGES_MAX][PAGE] __attribute__((aligned(4096)));
};

_Static_assert(sizeof(struct area) <= LC_REWIND_SIZE, "what rewinding keeps does not fit its area");

static struct area *area(void)
{
    return (struct area *)((char *)lc.channel + LC_REWIND_OFFSET);
}

/* ---- in the template ---- */

static uintptr_t hexadecimal(const char **at)
{
    uintptr_t value = 0;
    for (;; (*at)++) {
        if (**at >= '0' && **at <= '9')
            value = value * 16 + (uintptr_t)(**at - '0');
        else if (**at >= 'a' && **at <= 'f')
            value = value * 16 + (uintptr_t)(**at - 'a') + 10;
        else
            return value;
    }
}

/* The main thread's stack grows without a system call. */
static uintptr_t stack_bottom(uintptr_t end, uintptr_t above)
{
    struct rlimit limit;
    if (lc_system_call(SYS_prlimit64, 0, RLIMIT_STACK, 0, (long)&limit) != 0 || limit.rlim_cur >= end)
        return above;
    uintptr_t bottom = (end - limit.rlim_cur) & ~(uintptr_t)(PAGE - 1);
    return bottom > above ? bottom : above;
}

/* One line of /proc/self/maps. Returns false when there is no room for another range. */
static bool add_range(struct area *a, const char *line, uintptr_t *mapped_to)
{
    const char *at = line;
    struct range range = {.start = hexadecimal(&at)};
    at++;
    range.end = hexadecimal(&at);
    at++;
    bool written = at[1] == 'w' && at[3] == 'p';
    const char *name = at, *end = strchr(line, '\n');
    while (name < end && !(*name == '[' && end - name >= 7 && memcmp(name, "[stack]", 7) == 0))
        name++;
    if (name < end)
        range.start = stack_bottom(range.end, *mapped_to);
    *mapped_to = range.end;
    if (!written)
        return true;
    range.runtimes = range.end == lc_memory_limit();
    if (a->range_count == RANGES_MAX)
        return false;
    a->ranges[a->range_count++] = range;
    return true;
}

static bool list_ranges(struct area *a)
{
    long fd = lc_system_call(SYS_openat, AT_FDCWD, (long)"/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    size_t length = 0;
    long got;
    while ((got = lc_system_call(SYS_read, fd, (long)a->text + (long)length,
                                 (long)(sizeof a->text - 1 - length), 0)) > 0)
        length += (size_t)got;
    lc_system_call(SYS_close, fd, 0, 0, 0);
    a->text[length] = 0;
    if (got != 0 || length == sizeof a->text - 1)
        return false;
    a->range_count = 0;
    uintptr_t mapped_to = 0;
    for (const char *line = a->text; *line; line = strchr(line, '\n') + 1)
        if (!add_range(a, line, &mapped_to))
            return false;
    return true;
}

static bool handles_sigsys(void)
{
    struct sigaction action;
    return sigaction(SIGSYS, NULL, &action) != 0 || action.sa_sigaction != lc_crashed;
}

void lc_rewind_prepare(void)
{
    struct area *a = area();
    if (a->unusable || (a->prepared && a->sleepers == lc.channel->sleepers))
        return;
    a->prepared = true;
    a->sleepers = lc.channel->sleepers;
    a->page_count = 0;
    a->tp = lc_self->tp;
    a->unusable = !lc_has_fsgsbase || handles_sigsys() || !list_ranges(a);
}

/* ---- at the beginning of a process ---- */

static bool is_worth_while(struct area *a)
{
    const struct lc_channel *c = lc.channel;
    if (!a->prepared || a->unusable || c->flags || c->stop_at_step || c->stop_at_report || c->batch < 2)
        return false;
    if (lc_carriers_mask & 1ull << (SIGSYS - 1))
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
    a->armed = false;
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
    a->selector = SYSCALL_DISPATCH_FILTER_BLOCK;
    int saved = errno;
    int result = prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, lc_quiet_call_start,
                       lc_quiet_call_end - lc_quiet_call_start, &a->selector);
    errno = saved;
    if (result != 0) {
        a->selector = SYSCALL_DISPATCH_FILTER_ALLOW;
        a->unusable = true;
        return;
    }
    a->armed = true;
}

/* ---- during a schedule ---- */

bool lc_rewind_system_call(const siginfo_t *info, void *context)
{
    if (info->si_code != BY_DISPATCH || !lc.channel)
        return false;
    area()->selector = SYSCALL_DISPATCH_FILTER_ALLOW;
    lc_system_call(SYS_close, area()->pagemap, 0, 0, 0); /* the number may be what the program gets now */
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] -= 2; /* to the SYSCALL instruction */
    return true;
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

#define PRESENT (1ull << 63)
#define SWAPPED (1ull << 62)
#define FILES (1ull << 61)
#define EXCLUSIVE (1ull << 56)

/* Are all pages known that have been written to? */
static bool look_through(struct area *a)
{
    uint32_t known = a->page_count, at = 0, looked_at = 0;
    for (const struct range *r = a->ranges; r < a->ranges + a->range_count; r++) {
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
                if (likely(!entry) || (!(entry & SWAPPED) && ((entry & FILES) || !(entry & EXCLUSIVE))))
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
    bool quiet = a->selector == SYSCALL_DISPATCH_FILTER_BLOCK;
    if (!quiet || !look_through(a)) {
        a->in_vain++;
        return;
    }
    a->in_vain = 0;
    if (lc_batch_goes_on())
        lc_call_on(a->stack + STACK_BYTES, put_back);
}
