/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A variable is written under a rwlock that is held for reading.
 *
 * Finding: data-race
 * Correct: for writing.
 */
#include "detectors/threads.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static int value;

static void write_it(void)
{
    CORRECT ? pthread_rwlock_wrlock(&lock) : pthread_rwlock_rdlock(&lock);
    value++;
    pthread_rwlock_unlock(&lock);
}

static void read_then_write(void)
{
    pthread_rwlock_rdlock(&lock);
    int seen = value;
    pthread_rwlock_unlock(&lock);
    if (seen < 2)
        write_it();
}

int main(void)
{
    together(write_it, read_then_write);
    return 0;
}
