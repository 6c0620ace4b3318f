/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The counts of account.h. They are global because the machine has one network, and because who delivers a
 * frame and who accepted it know nothing of each other.
 */
#include "harness/wire/account.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include <lockcheck.h>

#define WORK "frames" /* what lockcheck_outstanding counts */

static _Atomic uint64_t accepted, delivered, dropped[ACCOUNT_DROPS];

/* Threads in account_wait_outstanding, and the most frames that any of them waits for. They are raised before
 * the waiter looks at the counts, and read after these have changed, so that one of the two sees the other;
 * likewise, of the frames' ends the last sees all. */
static atomic_int waiters;
static _Atomic uint64_t enough; /* written under the lock */
static pthread_mutex_t waiters_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fewer = PTHREAD_COND_INITIALIZER;

static void tell_waiters(void)
{
    if (!atomic_load(&waiters) || account_outstanding() > atomic_load(&enough))
        return;
    pthread_mutex_lock(&waiters_lock);
    pthread_cond_broadcast(&fewer);
    pthread_mutex_unlock(&waiters_lock);
}

void account_frame_accepted(void)
{
    atomic_fetch_add(&accepted, 1);
    lockcheck_outstanding(WORK, 1);
}

void account_frame_delivered(void)
{
    atomic_fetch_add(&delivered, 1);
    lockcheck_outstanding(WORK, -1);
    tell_waiters();
}

void account_frame_dropped(enum account_drop where)
{
    assert(where < ACCOUNT_DROPS);
    atomic_fetch_add(&dropped[where], 1);
    lockcheck_outstanding(WORK, -1);
    tell_waiters();
}

struct account account_read(void)
{
    struct account account = {.delivered = atomic_load(&delivered)};

    for (unsigned i = 0; i < ACCOUNT_DROPS; i++)
        account.dropped[i] = atomic_load(&dropped[i]);
    account.accepted = atomic_load(&accepted); /* last, so that it is never less than what became of them */
    return account;
}

uint64_t account_outstanding(void)
{
    struct account account = account_read();
    uint64_t gone = account.delivered;

    for (unsigned i = 0; i < ACCOUNT_DROPS; i++)
        gone += account.dropped[i];
    return account.accepted - gone;
}

void account_wait_outstanding(uint64_t most)
{
    pthread_mutex_lock(&waiters_lock);
    if (atomic_load(&waiters) == 0 || most > atomic_load(&enough))
        atomic_store(&enough, most);
    atomic_fetch_add(&waiters, 1);
    while (account_outstanding() > most)
        pthread_cond_wait(&fewer, &waiters_lock);
    atomic_fetch_sub(&waiters, 1);
    pthread_mutex_unlock(&waiters_lock);
}

const char *account_drop_name(enum account_drop where)
{
    static const char *const names[ACCOUNT_DROPS] = {
        [ACCOUNT_DROP_NIC] = "unread when the NIC was reset",
        [ACCOUNT_DROP_DRIVER] = "the driver had no use for it",
        [ACCOUNT_DROP_NO_FILTER] = "no client's filter matched",
        [ACCOUNT_DROP_PORT_FULL] = "the client's port was full",
        [ACCOUNT_DROP_CLIENT_GONE] = "the client was gone",
    };

    assert(where < ACCOUNT_DROPS);
    return names[where];
}
