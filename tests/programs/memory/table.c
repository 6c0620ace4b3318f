/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads add up a table while a third moves a part of one number to another: a sum may see half of that.
 *
 * Correct: nobody writes to the table, and the order of reads cannot matter.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

#define NUMBERS 8

int table[NUMBERS]; /* not static: a compiler may see that it is never changed */

static void *add_up(void *unused)
{
    (void)unused;
    int sum = 0;
    for (int i = 0; i < NUMBERS; i++)
        sum += table[i];
    assert(sum == NUMBERS);
    return NULL;
}

static void *move(void *unused)
{
    (void)unused;
    if (!CORRECT) {
        table[0]--;
        table[NUMBERS - 1]++;
    }
    return NULL;
}

int main(void)
{
    for (int i = 0; i < NUMBERS; i++)
        table[i] = 1;
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, i < 2 ? add_up : move, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
