/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread waits for a condition variable with a mutex that it does not hold.
 *
 * Finding: lock-misuse
 * Correct: it takes it first.
 */
#include <pthread.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

int main(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    if (CORRECT)
        pthread_mutex_lock(&mutex);
    pthread_cond_timedwait(&changed, &mutex, &until);
    pthread_mutex_unlock(&mutex);
    return 0;
}
