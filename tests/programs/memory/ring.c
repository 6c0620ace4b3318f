/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring of one producer and one consumer without a lock: the producer moves the head before the slot holds
 * the item.
 *
 * Correct: after it.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

enum { SLOTS = 2, ITEMS = 4 };

static int slots[SLOTS];
static atomic_uint head, tail;

static void *producer(void *unused)
{
    (void)unused;
    for (int i = 1; i <= ITEMS; i++) {
        unsigned h = head;
        while (h - tail == SLOTS)
            ;
        if (!CORRECT)
            head = h + 1;
        slots[h % SLOTS] = i;
        if (CORRECT)
            head = h + 1;
    }
    return NULL;
}

static void *consumer(void *unused)
{
    (void)unused;
    for (int i = 1; i <= ITEMS; i++) {
        unsigned t = tail;
        while (head == t)
            ;
        assert(slots[t % SLOTS] == i);
        tail = t + 1;
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
