/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list with a lock in each node: a remover gives one node up before it has the next. Two neighbours that
 * are removed at once: the second remover changes a node that is off the list already.
 *
 * Class: fine-grained list
 * Finding: assertion
 * Detected: data-race
 * Points: memory
 * Correct: hand over hand, and the node that goes is locked too.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

struct node {
    pthread_mutex_t mutex;
    int key;
    struct node *next;
};

static struct node third = {PTHREAD_MUTEX_INITIALIZER, 3, NULL};
static struct node second = {PTHREAD_MUTEX_INITIALIZER, 2, &third};
static struct node first = {PTHREAD_MUTEX_INITIALIZER, 1, &second};
static struct node head = {PTHREAD_MUTEX_INITIALIZER, 0, &first};

static void *remove_key(void *argument)
{
    int key = *(int *)argument;
    struct node *before = &head;
    pthread_mutex_lock(&before->mutex);
    struct node *node = before->next;
    if (CORRECT)
        pthread_mutex_lock(&node->mutex);
    while (node->key != key) {
        pthread_mutex_unlock(&before->mutex);
        if (!CORRECT)
            pthread_mutex_lock(&node->mutex);
        before = node;
        node = node->next;
        if (CORRECT)
            pthread_mutex_lock(&node->mutex);
    }
    before->next = node->next;
    if (CORRECT)
        pthread_mutex_unlock(&node->mutex);
    pthread_mutex_unlock(&before->mutex);
    return NULL;
}

int main(void)
{
    static int keys[2] = {1, 2};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, remove_key, &keys[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert(head.next == &third);
    return 0;
}
