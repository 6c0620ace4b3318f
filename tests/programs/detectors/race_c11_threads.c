/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two C11 threads count in one variable.
 *
 * Finding: data-race
 * Correct: under a mtx_t.
 */
#include <stddef.h>
#include <threads.h>

static mtx_t lock;
static int count;

static int increment(void *unused)
{
    (void)unused;
    if (CORRECT)
        mtx_lock(&lock);
    count++;
    if (CORRECT)
        mtx_unlock(&lock);
    return 0;
}

int main(void)
{
    thrd_t one, other;
    mtx_init(&lock, mtx_plain);
    thrd_create(&one, increment, NULL);
    thrd_create(&other, increment, NULL);
    thrd_join(one, NULL);
    thrd_join(other, NULL);
    mtx_destroy(&lock);
    return 0;
}
