/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Money moves from one account to another in two critical sections, and an audit between the two misses it.
 *
 * Class: bank transfer
 * Finding: assertion
 * Correct: transfer and audit hold both accounts.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

static struct account {
    pthread_mutex_t mutex;
    int balance;
} savings = {PTHREAD_MUTEX_INITIALIZER, 100}, current = {PTHREAD_MUTEX_INITIALIZER, 100};

static void *transfer(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&savings.mutex);
    savings.balance -= 10;
    if (!CORRECT)
        pthread_mutex_unlock(&savings.mutex);
    pthread_mutex_lock(&current.mutex);
    current.balance += 10;
    pthread_mutex_unlock(&current.mutex);
    if (CORRECT)
        pthread_mutex_unlock(&savings.mutex);
    return NULL;
}

static void *audit(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&savings.mutex);
    pthread_mutex_lock(&current.mutex);
    int total = savings.balance + current.balance;
    pthread_mutex_unlock(&current.mutex);
    pthread_mutex_unlock(&savings.mutex);
    assert(total == 200);
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
