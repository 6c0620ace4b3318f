/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work for race detectors: four threads post entries to the pages of a ledger, each page under a lock of its
 * own, and do sums of their own in between. Half of the accesses are to shared memory, half to the thread's
 * own; a lock is taken once in about 200 of them. Also what programs do all the time: a table that all only
 * read, an atomic counter, a block of the heap for each 64 entries, and a structure that is copied.
 *
 * usage: ledger [ENTRIES of each thread]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define PAGES 16
#define LINES 256
#define OWN 4096

struct page {
    pthread_mutex_t lock;
    long lines[LINES];
    struct {
        long sum, entries;
    } total;
};

static struct page pages[PAGES];
static int rates[256]; /* written before the threads are made */
static atomic_long posted;
static long entries = 20000;

static unsigned next(unsigned *random)
{
    *random = *random * 1103515245u + 12345u;
    return *random >> 16;
}

static void post(struct page *page, const int *own, unsigned from)
{
    pthread_mutex_lock(&page->lock);
    for (unsigned i = 0; i < 64; i++)
        page->lines[(from + i) % LINES] += own[(from + i) % OWN];
    page->total.sum += own[from % OWN];
    page->total.entries++;
    pthread_mutex_unlock(&page->lock);
}

static void *clerk(void *number)
{
    unsigned random = (unsigned)(size_t)number + 1;
    int *own = calloc(OWN, sizeof *own), *notes = NULL;
    for (long n = 0; n < entries; n++) {
        unsigned from = next(&random);
        post(&pages[from % PAGES], own, from);
        for (unsigned i = 0; i < 64; i++)
            own[(from + 7 * i) % OWN] ^= rates[i] + (int)n;
        if (n % 64 == 0) {
            free(notes);
            notes = malloc(64 * sizeof *notes);
            memcpy(notes, own, 64 * sizeof *notes);
            atomic_fetch_add_explicit(&posted, 64, memory_order_relaxed);
        }
        own[from % OWN] += notes[from % 64];
    }
    long sum = 0;
    for (unsigned i = 0; i < OWN; i++)
        sum += own[i];
    free(notes);
    free(own);
    return (void *)sum;
}

int main(int argc, char *argv[])
{
    if (argc > 1)
        entries = atol(argv[1]);
    for (int i = 0; i < 256; i++)
        rates[i] = i * i;
    for (int i = 0; i < PAGES; i++)
        pthread_mutex_init(&pages[i].lock, NULL);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, clerk, (void *)i);
    long sum = 0, made = 0;
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        sum += (long)result;
    }
    for (int i = 0; i < PAGES; i++) {
        made += pages[i].total.entries;
        pthread_mutex_destroy(&pages[i].lock);
    }
    printf("%ld\n", sum);
    return made != THREADS * entries;
}
