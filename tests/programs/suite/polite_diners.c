/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two diners share a spoon, and whoever has it hands it over when the other is hungry too: if both are, it goes to
 * and fro for ever, and nobody eats.
 *
 * Class: livelock
 * Finding: livelock
 * Correct: each gives way once.
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static bool hungry[2];
static int spoon;

/* Returns whether the diner has eaten. */
static bool try_to_eat(int me, bool *gave_way)
{
    if (spoon != me)
        return false;
    bool gives_way = hungry[1 - me] && !(CORRECT && *gave_way);
    if (gives_way)
        *gave_way = true;
    else
        hungry[me] = false;
    spoon = 1 - me;
    return !gives_way;
}

static void *dine(void *argument)
{
    int me = *(int *)argument;
    bool eaten = false, gave_way = false;
    pthread_mutex_lock(&table);
    hungry[me] = true;
    pthread_mutex_unlock(&table);
    while (!eaten) {
        pthread_mutex_lock(&table);
        eaten = try_to_eat(me, &gave_way);
        pthread_mutex_unlock(&table);
        sched_yield();
    }
    return NULL;
}

int main(void)
{
    static int numbers[2] = {0, 1};
    pthread_t other;
    pthread_create(&other, NULL, dine, &numbers[1]);
    dine(&numbers[0]);
    pthread_join(other, NULL);
    return 0;
}
