/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two accounts in opposite orders: the two transfers take the lock of the account that money leaves first.
 *
 * Finding: lock-order
 * Correct: the one at the lower address first, whichever it is.
 */
#include "detectors/threads.h"

static pthread_mutex_t locks[2];

static void make_locks(void)
{
    for (int i = 0; i < 2; i++)
        pthread_mutex_init(&locks[i], NULL);
}

static void transfer(int from, int to)
{
    int first = CORRECT && to < from ? to : from, second = from + to - first;
    pthread_mutex_lock(&locks[first]);
    pthread_mutex_lock(&locks[second]);
    pthread_mutex_unlock(&locks[second]);
    pthread_mutex_unlock(&locks[first]);
}

static void there(void)
{
    transfer(0, 1);
}

static void back(void)
{
    transfer(1, 0);
}

int main(void)
{
    make_locks();
    together(there, back);
    return 0;
}
