/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every access is under the lock, but test and withdrawal are two critical sections: the account goes below
 * 0.
 *
 * Class: check-then-act
 * Finding: assertion
 * Correct: the withdrawal tests again in its own critical section.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int balance = 100;

static int read_balance(void)
{
    pthread_mutex_lock(&mutex);
    int value = balance;
    pthread_mutex_unlock(&mutex);
    return value;
}

static void *withdraw(void *unused)
{
    (void)unused;
    if (read_balance() >= 100) {
        pthread_mutex_lock(&mutex);
        if (!CORRECT || balance >= 100)
            balance -= 100;
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, withdraw, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert(balance >= 0);
    return 0;
}
