/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A walk along a list gives the lock up for each node's visit; the node may be gone when it goes on from it.
 *
 * Class: atomicity violation
 * Finding: assertion
 * Correct: the walker pins the node, and a remover waits for the pin.
 */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct node {
    bool linked;
    int pins;
    struct node *next;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t unpinned = PTHREAD_COND_INITIALIZER;
static struct node third = {true, 0, NULL}, second = {true, 0, &third}, first = {true, 0, &second};
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static int visits;

static void *walker(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    for (struct node *node = &first; node; node = node->next) {
        node->pins++;
        pthread_mutex_unlock(&mutex);
        pthread_mutex_lock(&log_lock);
        visits++;
        pthread_mutex_unlock(&log_lock);
        pthread_mutex_lock(&mutex);
        assert(node->linked);
        node->pins--;
        pthread_cond_signal(&unpinned);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void *remover(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    while (CORRECT && second.pins > 0)
        pthread_cond_wait(&unpinned, &mutex);
    first.next = second.next;
    second.linked = false;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, walker, NULL);
    pthread_create(&b, NULL, remover, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
