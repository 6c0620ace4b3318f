/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One thread locks and unlocks, one tries to lock. Traces: 3, since the attempt comes before the lock,
 * between lock and unlock, or after. */
#include "traces/threads.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *lock_or_try(void *number)
{
    if (number ? pthread_mutex_trylock(&mutex) == 0 : pthread_mutex_lock(&mutex) == 0)
        pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    run_threads(2, lock_or_try);
    return 0;
}
