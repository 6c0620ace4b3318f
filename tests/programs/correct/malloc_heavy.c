/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory of all sizes is allocated, handed to other threads and freed there; nothing is overwritten. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 3, ROUNDS = 12, SHELF = 8 };

struct block {
    size_t size;
    unsigned char mark;
    unsigned char data[];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct block *shelf[SHELF];

static struct block *make(size_t size, unsigned char mark)
{
    struct block *block = malloc(sizeof *block + size);
    assert(block);
    block->size = size;
    block->mark = mark;
    memset(block->data, mark, size);
    return block;
}

static void check_and_free(struct block *block)
{
    if (!block)
        return;
    for (size_t i = 0; i < block->size; i++)
        assert(block->data[i] == block->mark);
    free(block);
}

static void *worker(void *argument)
{
    unsigned seed = *(unsigned *)argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        static const size_t sizes[] = {1, 24, 100, 1000, 5000, 40000, 300000};
        seed = seed * 1103515245u + 12345u;
        struct block *block = make(sizes[(seed >> 16) % 7], (unsigned char)(seed >> 8));
        pthread_mutex_lock(&mutex);
        struct block **place = &shelf[(seed >> 20) % SHELF];
        struct block *old = *place;
        *place = block;
        pthread_mutex_unlock(&mutex);
        if (old && old->size > 100) {
            old = realloc(old, sizeof *old + 100);
            assert(old);
            old->size = 100;
        }
        check_and_free(old);
        free(calloc(3, i + 1));
    }
    return NULL;
}

int main(void)
{
    static unsigned seeds[THREADS] = {1, 22, 333};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert(pthread_create(&threads[i], NULL, worker, &seeds[i]) == 0);
    for (int i = 0; i < THREADS; i++)
        assert(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < SHELF; i++)
        check_and_free(shelf[i]);
    return 0;
}
