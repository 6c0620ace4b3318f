/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks of two kinds, an account's and a ledger's, in opposite orders. It is never the same pair, and
 * still the two functions disagree.
 *
 * Finding: lock-order
 * Correct: both take the account's lock first.
 */
#include "detectors/threads.h"
#include <stdlib.h>

#define ACCOUNTS 10

struct account {
    pthread_mutex_t lock, ledger;
    long money;
};

static struct account *accounts[ACCOUNTS];

/* One place in the program makes all accounts' locks, another one all ledgers'. */
static void make(struct account *account)
{
    pthread_mutex_init(&account->lock, NULL);
    pthread_mutex_init(&account->ledger, NULL);
}

static void account_first(void)
{
    pthread_mutex_lock(&accounts[0]->lock);
    pthread_mutex_lock(&accounts[0]->ledger);
    accounts[0]->money++;
    pthread_mutex_unlock(&accounts[0]->ledger);
    pthread_mutex_unlock(&accounts[0]->lock);
}

static void ledger_first(void)
{
    pthread_mutex_t *outer = &accounts[1]->ledger, *inner = &accounts[1]->lock;
    pthread_mutex_lock(CORRECT ? inner : outer);
    pthread_mutex_lock(CORRECT ? outer : inner);
    accounts[1]->money++;
    pthread_mutex_unlock(CORRECT ? outer : inner);
    pthread_mutex_unlock(CORRECT ? inner : outer);
}

int main(void)
{
    for (int i = 0; i < ACCOUNTS; i++) {
        accounts[i] = calloc(1, sizeof *accounts[i]);
        make(accounts[i]);
    }
    together(account_first, ledger_first);
    for (int i = 0; i < ACCOUNTS; i++)
        free(accounts[i]);
    return 0;
}
