/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A deque whose owner takes from the bottom and whose thief takes from the top: for the last item the owner
 * does not compete with the thief, and both get it.
 *
 * Class: work-stealing queue
 * Finding: assertion
 * Points: memory
 * Correct: the owner takes the last item from the top as the thief does, by compare and swap.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

enum { ITEMS = 3, NOTHING = -1 };

static atomic_int top, bottom;
static atomic_int items[ITEMS];
static atomic_int taken[ITEMS];

static void push(int item)
{
    int at = bottom;
    items[at] = item;
    bottom = at + 1;
}

static int pop(void)
{
    int at = bottom - 1;
    bottom = at;
    int first = top;
    if (first > at) {
        bottom = first;
        return NOTHING;
    }
    int item = items[at];
    if (first < at)
        return item;
    if (CORRECT) {
        if (!atomic_compare_exchange_strong(&top, &first, at + 1))
            item = NOTHING;
    } else {
        top = at + 1;
    }
    bottom = at + 1;
    return item;
}

static int steal(void)
{
    int first = top;
    if (first >= bottom)
        return NOTHING;
    int item = items[first];
    return atomic_compare_exchange_strong(&top, &first, first + 1) ? item : NOTHING;
}

static void take(int item)
{
    if (item != NOTHING)
        assert(atomic_fetch_add(&taken[item], 1) == 0);
}

static void *thief(void *unused)
{
    (void)unused;
    for (int i = 0; i < 2; i++)
        take(steal());
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, thief, NULL);
    for (int item = 0; item < ITEMS; item++)
        push(item);
    for (int i = 0; i < ITEMS; i++)
        take(pop());
    pthread_join(thread, NULL);
    for (int item = 0; item < ITEMS; item++)
        assert(taken[item] == 1);
    return 0;
}
