/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What DDEKit keeps of each thread; private to DDEKit.
 *
 * A record is reached in two ways only: by its own thread, through thread_self(), and by others through its
 * number while threads_lock is held (thread.c). It is freed by its own thread, after that thread has left the
 * list of threads, so nobody ever follows a pointer to a thread that has ended.
 */
#ifndef DDEKIT_THREAD_RECORD_H
#define DDEKIT_THREAD_RECORD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <ddekit/thread.h>
#include "sync/waiter.h"

struct thread_record {
    int id;                                  /* never used twice */
    char name[DDEKIT_THREAD_NAME_MAX];       /* threads_lock; changed by its own thread only */
    char asked_name[DDEKIT_THREAD_NAME_MAX]; /* of the other thread whose name this one asked for last */
    _Atomic(void *) data;
    void (*fun)(void *);
    void *arg;

    pthread_cond_t wakeup;      /* with threads_lock */
    bool woken;                 /* threads_lock; a wake-up that no sleep has used yet */
    _Atomic bool asked_to_end;  /* set under threads_lock */
    struct thread_record *next; /* threads_lock; list of all threads */

    struct waiter waiter; /* in the list of the semaphore that the thread waits for (legacy, drain) */
};

/* The calling thread's record, made if there is none yet. */
struct thread_record *thread_self(void);

#endif
