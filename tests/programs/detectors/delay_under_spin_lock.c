/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A delay loop that is made of a sleep ends, and the thread sleeps once more while it holds the spin lock.
 *
 * Finding: sleep-in-atomic
 * Correct: it only delays.
 */
#include "detectors/threads.h"
#include <lockcheck.h>
#include <time.h>

static pthread_spinlock_t lock;

static void pause_briefly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000}, NULL);
}

static void work(void)
{
    pthread_spin_lock(&lock);
    lockcheck_event(LOCKCHECK_BUSY_BEGIN, NULL, 0);
    pause_briefly();
    lockcheck_event(LOCKCHECK_BUSY_END, NULL, 0);
    if (!CORRECT)
        pause_briefly();
    pthread_spin_unlock(&lock);
}

int main(void)
{
    pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
    together(work, work);
    pthread_spin_destroy(&lock);
    return 0;
}
