/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thread waits for a flag by reading it over and over. The flag is set before the data that it announces.
 *
 * Correct: after it.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

static atomic_bool flag;
static int data;

static void *producer(void *unused)
{
    (void)unused;
    if (CORRECT)
        data = 1;
    flag = true;
    if (!CORRECT)
        data = 1;
    return NULL;
}

static void *consumer(void *unused)
{
    (void)unused;
    while (!flag)
        ;
    assert(data == 1);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&b, NULL, consumer, NULL);
    pthread_create(&a, NULL, producer, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
