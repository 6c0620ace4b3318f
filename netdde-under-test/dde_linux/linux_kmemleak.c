/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has been allocated and not been freed, see <linux/kmemleak.h>: a table of it, hashed by address.
 * Device memory can be in it several times, once for each mapping.
 */
#include <stdio.h>

#include <ddekit/memory.h>

#include <dde_linux/dde_linux.h>
#include <linux/bug.h>
#include <linux/kmemleak.h>

#include "netdde-under-test/dde_linux/internal.h"

#define BUCKETS 1024u
#define TOLD 4u /* of the pieces that are left */
#define TEXT_MAX 128

struct piece {
    struct piece *next;
    const void *memory;
    size_t size;
};

/* Like all memory, used by every thread in every context: a lock of DDEKit's, which no handler's spin lock
 * rules apply to. */
static ddekit_lock_t lock;
static struct piece *table[BUCKETS]; /* under the lock */
static bool watching;                /* set once, before there is anything to remember */

static struct piece **bucket_of(const void *memory)
{
    return &table[(uintptr_t)memory / 16 % BUCKETS];
}

void kmemleak_alloc(const void *memory, size_t size)
{
    struct piece *piece;

    if (!watching || !memory)
        return;
    piece = ddekit_simple_malloc(sizeof(*piece));
    if (!piece)
        return; /* it will not be missed */
    ddekit_lock_lock(&lock);
    *piece = (struct piece){.next = *bucket_of(memory), .memory = memory, .size = size};
    *bucket_of(memory) = piece;
    ddekit_lock_unlock(&lock);
}

void kmemleak_free(const void *memory)
{
    struct piece **link, *found;

    if (!watching || !memory)
        return;
    ddekit_lock_lock(&lock);
    link = bucket_of(memory);
    while (*link && (*link)->memory != memory)
        link = &(*link)->next;
    found = *link;
    if (found)
        *link = found->next;
    ddekit_lock_unlock(&lock);
    ddekit_simple_free(found);
}

void kmemleak_not_leak(const void *memory)
{
    kmemleak_free(memory);
}

void dde_linux_watch_memory(void)
{
    if (watching)
        return;
    ddekit_lock_init_unlocked(&lock);
    ddekit_lock_set_name(&lock, "kmemleak_lock");
    watching = true;
}

/* Returns how many pieces there are, with the first ones and the bytes of all. */
static unsigned int count_pieces(struct piece first[TOLD], size_t *bytes)
{
    unsigned int count = 0;

    ddekit_lock_lock(&lock);
    for (unsigned int i = 0; i < BUCKETS; i++) {
        for (const struct piece *piece = table[i]; piece; piece = piece->next) {
            if (count < TOLD)
                first[count] = *piece;
            count++;
            *bytes += piece->size;
        }
    }
    ddekit_lock_unlock(&lock);
    return count;
}

unsigned int dde_linux_report_leaks(void)
{
    struct piece first[TOLD];
    char text[TEXT_MAX];
    size_t bytes = 0;
    unsigned int count;

    if (!watching)
        return 0;
    count = count_pieces(first, &bytes);
    if (count == 0)
        return 0;
    for (unsigned int i = 0; i < count && i < TOLD; i++) {
        snprintf(text, sizeof(text), "%zu bytes that were not freed", first[i].size);
        linux_report_about(first[i].memory, "allocation", text);
    }
    snprintf(text, sizeof(text), "drivers have left %zu bytes in %u allocation%s", bytes, count,
             count == 1 ? "" : "s");
    linux_report("leak", NULL, text);
    return count;
}
