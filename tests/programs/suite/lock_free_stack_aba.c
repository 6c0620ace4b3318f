/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stack by compare and swap: while one thread is about to pop the first node, another pops it and the
 * second one and pushes the first again. The head looks unchanged, and the second node is on the stack and in
 * use.
 *
 * Class: ABA
 * Finding: assertion
 * Points: memory
 * Correct: each push and pop changes a tag beside the head.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NODES = 3, NONE = 0xff };

static _Atomic uint32_t head; /* number of the first node; above bit 8 the tag */
static atomic_uint next[NODES];
static atomic_bool in_use[NODES];

static uint32_t with_tag(uint32_t node, uint32_t old_head)
{
    return CORRECT ? node | ((old_head >> 8) + 1) << 8 : node;
}

static uint32_t pop(void)
{
    uint32_t old = head;
    while ((old & 0xff) != NONE) {
        uint32_t node = old & 0xff;
        if (atomic_compare_exchange_strong(&head, &old, with_tag(next[node], old))) {
            assert(!atomic_exchange(&in_use[node], true));
            return node;
        }
    }
    return NONE;
}

static void push(uint32_t node)
{
    in_use[node] = false;
    uint32_t old = head;
    do {
        next[node] = old & 0xff;
    } while (!atomic_compare_exchange_strong(&head, &old, with_tag(node, old)));
}

static void *one_user(void *unused)
{
    (void)unused;
    pop();
    return NULL;
}

static void *two_user(void *unused)
{
    (void)unused;
    uint32_t first = pop();
    pop();
    if (first != NONE)
        push(first);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    for (unsigned node = 0; node < NODES; node++)
        next[node] = node + 1 < NODES ? node + 1 : NONE;
    pthread_create(&a, NULL, one_user, NULL);
    pthread_create(&b, NULL, two_user, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    while (pop() != NONE)
        ;
    return 0;
}
