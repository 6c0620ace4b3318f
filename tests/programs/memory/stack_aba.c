/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lock-free stack of pointers (Treiber, IBM RJ 5118, 1986). While one thread is about to pop the first
 * node, another pops it and the next one and pushes the first again: the head looks unchanged, and what the
 * first thread makes the new head is in use.
 *
 * Correct: a tag beside the head, changed with it by one operation on 16 bytes.
 */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node {
    struct node *next;
    bool in_use;
};

struct head {
    struct node *first;
    uint64_t tag;
};

static union {
    struct head head;
    __int128 whole;
} stack;
static struct node nodes[3];

/* A 16-byte atomic is one call in code that is compiled for lockcheck, and the processor's instruction then.
 */
static struct head read_head(void)
{
    union {
        struct head head;
        __int128 whole;
    } now = {.whole = __atomic_load_n(&stack.whole, __ATOMIC_SEQ_CST)};
    return now.head;
}

static bool replace(struct head old, struct node *first)
{
    union {
        struct head head;
        __int128 whole;
    } expected = {.head = old}, wanted = {.head = {first, CORRECT ? old.tag + 1 : old.tag}};
    return __atomic_compare_exchange_n(&stack.whole, &expected.whole, wanted.whole, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

static struct node *pop(void)
{
    struct head old;
    do {
        old = read_head();
        if (!old.first)
            return NULL;
    } while (!replace(old, __atomic_load_n(&old.first->next, __ATOMIC_RELAXED)));
    assert(!old.first->in_use);
    old.first->in_use = true;
    return old.first;
}

static void push(struct node *n)
{
    struct head old;
    n->in_use = false;
    do {
        old = read_head();
        __atomic_store_n(&n->next, old.first, __ATOMIC_RELAXED);
    } while (!replace(old, n));
}

static void *one(void *unused)
{
    (void)unused;
    pop();
    return NULL;
}

static void *two(void *unused)
{
    (void)unused;
    struct node *first = pop();
    struct node *second = pop();
    if (first)
        push(first);
    (void)second;
    return NULL;
}

int main(void)
{
    for (int i = 0; i < 3; i++)
        push(&nodes[i]);
    pthread_t a, b;
    pthread_create(&a, NULL, one, NULL);
    pthread_create(&b, NULL, two, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    pop();
    return 0;
}
