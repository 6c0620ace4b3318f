/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring for one producer and one consumer, without a lock: the producer moves its index before it fills the
 * place.
 *
 * Class: circular buffer
 * Finding: assertion
 * Points: memory
 * Correct: it fills the place first.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

enum { PLACES = 2, ITEMS = 2, LOOKS = 3 };

static atomic_int ring[PLACES];
static atomic_uint head, tail; /* the producer's and the consumer's index */

static void *producer(void *unused)
{
    (void)unused;
    for (int item = 1; item <= ITEMS; item++) {
        unsigned at = head;
        if (at - tail == PLACES)
            break;
        if (CORRECT)
            ring[at % PLACES] = item;
        head = at + 1;
        if (!CORRECT)
            ring[at % PLACES] = item;
    }
    return NULL;
}

static void *consumer(void *unused)
{
    (void)unused;
    int last = 0;
    for (int i = 0; i < LOOKS; i++) {
        unsigned at = tail;
        if (at == head)
            continue;
        int item = ring[at % PLACES];
        tail = at + 1;
        assert(item == last + 1);
        last = item;
    }
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, producer, NULL);
    pthread_create(&b, NULL, consumer, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
