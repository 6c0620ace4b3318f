/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads take two locks in opposite orders: a deadlock of two.
 *
 * Class: ABBA
 * Finding: deadlock
 * Detected: lock-order
 * Correct: both take the accounts first.
 */
#include <pthread.h>
#include <stddef.h>

pthread_mutex_t accounts_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t ledger_lock = PTHREAD_MUTEX_INITIALIZER;
static int balance, entries;

static void *transfer(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&accounts_lock);
    balance--;
    pthread_mutex_lock(&ledger_lock);
    entries++;
    pthread_mutex_unlock(&ledger_lock);
    pthread_mutex_unlock(&accounts_lock);
    return NULL;
}

static void *audit(void *unused)
{
    (void)unused;
    if (CORRECT)
        pthread_mutex_lock(&accounts_lock);
    pthread_mutex_lock(&ledger_lock);
    entries++;
    if (!CORRECT)
        pthread_mutex_lock(&accounts_lock);
    balance++;
    pthread_mutex_unlock(&accounts_lock);
    pthread_mutex_unlock(&ledger_lock);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, transfer, NULL);
    pthread_create(&b, NULL, audit, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
