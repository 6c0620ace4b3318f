/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lock- and memory-heavy program, to measure what watching it costs: four threads each count in a table of
 * their own, update a map of counters whose buckets have a lock each, and now and then sum up a part of it
 * under a read-write lock; a queue with a condition variable hands work from two to two. Prints the
 * nanoseconds that it took, of the kernel's clock.
 *
 *   busy_map [ROUNDS]
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define BUCKETS 64
#define SLOTS 32
#define DEFAULT_ROUNDS 400000
#define SUM_EVERY 64
#define HAND_EVERY 16
#define QUEUE 256
#define TABLE 65536 /* numbers of each thread's own */
#define TOUCHED 24  /* of them, in each round */

static struct bucket {
    pthread_mutex_t lock;
    uint64_t slots[SLOTS];
} buckets[BUCKETS];
static pthread_rwlock_t shape = PTHREAD_RWLOCK_INITIALIZER;

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_changed = PTHREAD_COND_INITIALIZER;
static uint64_t queue[QUEUE];
static unsigned queued;

static long rounds = DEFAULT_ROUNDS;

static uint64_t now(void)
{
    struct timespec t;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void update(uint64_t key)
{
    struct bucket *b = &buckets[key % BUCKETS];
    pthread_mutex_lock(&b->lock);
    for (unsigned i = 0; i < SLOTS; i++)
        b->slots[i] += key >> (i % 8);
    pthread_mutex_unlock(&b->lock);
}

static uint64_t count(uint64_t *table, uint64_t key)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < TOUCHED; i++) {
        total += table[key % TABLE]++;
        key = key * 6364136223846793005ull + 1442695040888963407ull;
    }
    return total;
}

static uint64_t sum(void)
{
    uint64_t total = 0;
    pthread_rwlock_rdlock(&shape);
    for (unsigned i = 0; i < BUCKETS; i += 8) {
        pthread_mutex_lock(&buckets[i].lock);
        total += buckets[i].slots[0];
        pthread_mutex_unlock(&buckets[i].lock);
    }
    pthread_rwlock_unlock(&shape);
    return total;
}

static void give(uint64_t key)
{
    pthread_mutex_lock(&queue_lock);
    while (queued == QUEUE)
        pthread_cond_wait(&queue_changed, &queue_lock);
    queue[queued++] = key;
    if (queued == 1)
        pthread_cond_broadcast(&queue_changed);
    pthread_mutex_unlock(&queue_lock);
}

static uint64_t take(void)
{
    pthread_mutex_lock(&queue_lock);
    while (queued == 0)
        pthread_cond_wait(&queue_changed, &queue_lock);
    uint64_t key = queue[--queued];
    if (queued == QUEUE - 1)
        pthread_cond_broadcast(&queue_changed);
    pthread_mutex_unlock(&queue_lock);
    return key;
}

static void *work(void *argument)
{
    uintptr_t me = (uintptr_t)argument;
    uint64_t key = 88172645463325252ull + me, total = 0;
    uint64_t *table = calloc(TABLE, sizeof *table);
    if (!table)
        abort();
    for (long i = 0; i < rounds; i++) {
        key ^= key << 13, key ^= key >> 7, key ^= key << 17;
        total += count(table, key);
        update(key);
        if (i % SUM_EVERY == 0)
            total += sum();
        if (i % HAND_EVERY == 0) {
            if (me % 2)
                give(key);
            else
                total += take();
        }
    }
    free(table);
    return (void *)(uintptr_t)total;
}

int main(int argc, char *argv[])
{
    if (argc > 1)
        rounds = atol(argv[1]);
    for (unsigned i = 0; i < BUCKETS; i++)
        pthread_mutex_init(&buckets[i].lock, NULL);
    pthread_t threads[THREADS];
    uint64_t begin = now();
    for (uintptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)i) != 0)
            abort();
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%llu\n", (unsigned long long)(now() - begin));
    return 0;
}
