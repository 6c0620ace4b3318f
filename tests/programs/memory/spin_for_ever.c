/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads wait for each other's flag by reading it over and over; each sets its own afterwards.
 *
 * Correct: one of them sets its own first.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

atomic_bool left_ready, right_ready; /* not static: a compiler may see that they are never set */

static void *left(void *unused)
{
    (void)unused;
    if (CORRECT)
        left_ready = true;
    while (!right_ready)
        ;
    left_ready = true;
    return NULL;
}

static void *right(void *unused)
{
    (void)unused;
    while (!left_ready)
        ;
    right_ready = true;
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, left, NULL);
    pthread_create(&b, NULL, right, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
