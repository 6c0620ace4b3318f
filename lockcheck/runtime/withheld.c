/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that the program withholds from its threads for a while, such as what belongs to a device: see
 * LOCKCHECK_WITHHOLD in lockcheck.h. A bit for each byte, in a table of the pages that have had some. Only
 * code that was built by lockcheck-cc is seen to access it, so for other programs there is nothing to keep.
 */
#include <lockcheck.h>

#include "lockcheck/runtime/runtime.h"

#define PAGE_SHIFT 12u
#define WORD_SHIFT 6u /* a word of bits stands for 64 bytes */
#define WORDS (1u << (PAGE_SHIFT - WORD_SHIFT))
#define BUCKETS 1024u

struct page {
    uintptr_t number;
    struct page *next;
    uint64_t bits[WORDS];
};

size_t lc_withheld_bytes;
static struct page **buckets;
static const struct lockcheck_withheld_access *on_access;

void lc_withheld_on_access(const struct lockcheck_withheld_access *access)
{
    on_access = access;
}

static struct page *find_page(uintptr_t number)
{
    struct page *page = buckets[number % BUCKETS];
    while (page && page->number != number)
        page = page->next;
    return page;
}

static struct page *make_page(uintptr_t number)
{
    struct page *page = lc_allocate(sizeof *page), **bucket = &buckets[number % BUCKETS];
    page->number = number;
    page->next = *bucket;
    return *bucket = page;
}

/* The bits of what [address, end) has in common with the 64 bytes around address, whose end goes to *next. */
static uint64_t mask_of(uintptr_t address, uintptr_t end, uintptr_t *next)
{
    unsigned first = address % 64;
    *next = address - first + 64;
    if (*next > end)
        *next = end;
    return ~0ull >> (64 - (*next - address)) << first;
}

static uint64_t *word_in(struct page *page, uintptr_t address)
{
    return &page->bits[address >> WORD_SHIFT & (WORDS - 1)];
}

void lc_withheld_set(uintptr_t address, size_t bytes, bool withhold)
{
    if (!lc_memory_hooks)
        return;
    if (!buckets)
        buckets = lc_allocate(BUCKETS * sizeof(struct page *));
    for (uintptr_t end = address + bytes, next; address < end; address = next) {
        uint64_t mask = mask_of(address, end, &next);
        struct page *page = find_page(address >> PAGE_SHIFT);
        if (!page && withhold)
            page = make_page(address >> PAGE_SHIFT);
        if (!page)
            continue;
        uint64_t *word = word_in(page, address), before = *word;
        *word = withhold ? before | mask : before & ~mask;
        lc_withheld_bytes += (size_t)__builtin_popcountll(*word) - (size_t)__builtin_popcountll(before);
    }
}

static bool is_withheld(uintptr_t address, size_t bytes)
{
    for (uintptr_t end = address + bytes, next; address < end; address = next) {
        uint64_t mask = mask_of(address, end, &next);
        struct page *page = find_page(address >> PAGE_SHIFT);
        if (page && *word_in(page, address) & mask)
            return true;
    }
    return false;
}

void lc_withheld_access(uintptr_t address, size_t bytes, bool write)
{
    if (lc_self->device || !on_access || !is_withheld(address, bytes))
        return;
    const char *text = on_access->tell((const void *)address, bytes, write);
    if (text)
        lc_finding(on_access->kind, "%s", text);
}
