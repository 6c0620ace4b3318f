/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit threads on pthreads.
 *
 * What others see of a thread is its number in the form of a pointer. Whatever somebody does to another
 * thread looks for that number in the list of living threads under threads_lock, so that a thread which has
 * just ended is not found instead of used.
 *
 * Left out: priorities.
 */
#define _GNU_SOURCE /* pthread_setname_np */
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <mach.h>
#include <ddekit/assert.h>
#include "thread_record.h"

#define PTHREAD_NAME_BYTES 16 /* what pthread_setname_np() takes, with the final zero */

/* Every thread of the process is in here; there is one process. */
static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;
static struct thread_record *threads; /* threads_lock */
static int last_id;                   /* threads_lock */

/* The calling thread's record; also held by record_key, whose destructor frees it. */
static _Thread_local struct thread_record *self;
static pthread_key_t record_key;
static pthread_once_t record_key_once = PTHREAD_ONCE_INIT;

static ddekit_thread_t *handle_of(const struct thread_record *record)
{
    return (ddekit_thread_t *)(intptr_t)record->id;
}

/* threads_lock is held. NULL for a thread that has ended. */
static struct thread_record *find_thread(const ddekit_thread_t *handle)
{
    struct thread_record *record = threads;

    while (record && handle_of(record) != handle)
        record = record->next;
    return record;
}

static struct thread_record *record_create(const char *name)
{
    struct thread_record *record = calloc(1, sizeof *record);

    if (!record)
        return NULL;
    snprintf(record->name, sizeof record->name, "%s", name);
    pthread_cond_init(&record->wakeup, NULL);
    pthread_mutex_lock(&threads_lock);
    record->id = ++last_id;
    record->next = threads;
    threads = record;
    pthread_mutex_unlock(&threads_lock);
    return record;
}

static void record_destroy(struct thread_record *record)
{
    struct thread_record **link = &threads;

    pthread_mutex_lock(&threads_lock);
    while (*link != record)
        link = &(*link)->next;
    *link = record->next;
    pthread_mutex_unlock(&threads_lock);

    waiter_destroy(&record->waiter);
    pthread_cond_destroy(&record->wakeup);
    free(record);
}

/* The calling thread ends. Should another destructor use DDEKit after this one, it gets a new record, and
 * this is called again. */
static void forget_self(void *record)
{
    self = NULL;
    record_destroy(record);
}

static void create_record_key(void)
{
    int error = pthread_key_create(&record_key, forget_self);

    ddekit_assert(!error);
}

/* Makes the record that of the calling thread. */
static void adopt(struct thread_record *record)
{
    pthread_once(&record_key_once, create_record_key);
    pthread_setspecific(record_key, record);
    self = record;
    thread_set_name(mach_thread_self(), record->name);
}

struct thread_record *thread_self(void)
{
    if (!self) {
        char name[PTHREAD_NAME_BYTES] = "";
        struct thread_record *record;

        pthread_getname_np(pthread_self(), name, sizeof name);
        record = record_create(name);
        if (!record)
            ddekit_panic("no memory for the record of a thread");
        adopt(record);
    }
    return self;
}

static void set_pthread_name(const char *name)
{
    char short_name[PTHREAD_NAME_BYTES];

    snprintf(short_name, sizeof short_name, "%.*s", PTHREAD_NAME_BYTES - 1, name);
    pthread_setname_np(pthread_self(), short_name);
}

static void *thread_main(void *argument)
{
    struct thread_record *record = argument;

    adopt(record);
    set_pthread_name(record->name);
    record->fun(record->arg);
    return NULL;
}

void ddekit_init_threads(void)
{
    static bool done;

    if (done)
        return;
    done = true;
    ddekit_thread_setup_myself("main");
}

ddekit_thread_t *ddekit_thread_setup_myself(const char *name)
{
    struct thread_record *record = thread_self();

    pthread_mutex_lock(&threads_lock);
    snprintf(record->name, sizeof record->name, "%s", name);
    pthread_mutex_unlock(&threads_lock);
    set_pthread_name(name);
    thread_set_name(mach_thread_self(), name);
    return handle_of(record);
}

ddekit_thread_t *ddekit_thread_create(void (*fun)(void *), void *arg, const char *name)
{
    struct thread_record *record = record_create(name);
    ddekit_thread_t *handle;
    pthread_attr_t attributes;
    pthread_t thread;
    int error;

    if (!record)
        return NULL;
    record->fun = fun;
    record->arg = arg;
    handle =
        handle_of(record); /* the thread may have ended, and freed its record, before this function ends */

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    error = pthread_create(&thread, &attributes, thread_main, record);
    pthread_attr_destroy(&attributes);
    if (error) {
        record_destroy(record);
        return NULL;
    }
    return handle;
}

ddekit_thread_t *ddekit_thread_myself(void)
{
    return handle_of(thread_self());
}

void ddekit_thread_set_data(ddekit_thread_t *thread, void *data)
{
    struct thread_record *record;

    pthread_mutex_lock(&threads_lock);
    record = find_thread(thread);
    if (record)
        atomic_store(&record->data, data);
    pthread_mutex_unlock(&threads_lock);
}

void ddekit_thread_set_my_data(void *data)
{
    atomic_store(&thread_self()->data, data);
}

void *ddekit_thread_get_data(ddekit_thread_t *thread)
{
    struct thread_record *record;
    void *data;

    pthread_mutex_lock(&threads_lock);
    record = find_thread(thread);
    data = record ? atomic_load(&record->data) : NULL;
    pthread_mutex_unlock(&threads_lock);
    return data;
}

void *ddekit_thread_get_my_data(void)
{
    return atomic_load(&thread_self()->data);
}

static void end_if_asked(void)
{
    if (self && atomic_load(&self->asked_to_end))
        ddekit_thread_exit();
}

static void sleep_for(unsigned long seconds, unsigned long nanoseconds)
{
    struct timespec time = {.tv_sec = (time_t)seconds, .tv_nsec = (long)nanoseconds};

    end_if_asked();
    while (nanosleep(&time, &time) && errno == EINTR) {
    }
    end_if_asked();
}

void ddekit_thread_msleep(unsigned long msecs)
{
    sleep_for(msecs / 1000, msecs % 1000 * 1000000);
}

void ddekit_thread_usleep(unsigned long usecs)
{
    sleep_for(usecs / 1000000, usecs % 1000000 * 1000);
}

void ddekit_thread_nsleep(unsigned long nsecs)
{
    sleep_for(nsecs / 1000000000, nsecs % 1000000000);
}

void ddekit_thread_sleep(ddekit_lock_t *lock)
{
    struct thread_record *record = thread_self();

    /* A wake-up between these two lines is not lost: it leaves woken set. */
    ddekit_lock_unlock(lock);
    pthread_mutex_lock(&threads_lock);
    while (!record->woken && !atomic_load(&record->asked_to_end))
        pthread_cond_wait(&record->wakeup, &threads_lock);
    record->woken = false;
    pthread_mutex_unlock(&threads_lock);
    end_if_asked();
    ddekit_lock_lock(lock);
}

void ddekit_thread_wakeup(ddekit_thread_t *thread)
{
    struct thread_record *record;

    pthread_mutex_lock(&threads_lock);
    record = find_thread(thread);
    if (record) {
        record->woken = true;
        pthread_cond_signal(&record->wakeup);
    }
    pthread_mutex_unlock(&threads_lock);
}

void ddekit_thread_exit(void)
{
    pthread_exit(NULL);
}

void ddekit_thread_terminate(ddekit_thread_t *thread)
{
    struct thread_record *record;

    pthread_mutex_lock(&threads_lock);
    record = find_thread(thread);
    if (record) {
        atomic_store(&record->asked_to_end, true);
        pthread_cond_signal(&record->wakeup);
    }
    pthread_mutex_unlock(&threads_lock);
}

const char *ddekit_thread_get_name(ddekit_thread_t *thread)
{
    struct thread_record *me = thread_self(), *record;

    if (thread == handle_of(me))
        return me->name;
    /* A copy, since the other thread may end at any time. */
    pthread_mutex_lock(&threads_lock);
    record = find_thread(thread);
    memcpy(me->asked_name, record ? record->name : "", record ? sizeof record->name : 1);
    pthread_mutex_unlock(&threads_lock);
    return me->asked_name;
}

int ddekit_thread_get_id(ddekit_thread_t *thread)
{
    return (int)(intptr_t)thread;
}

void ddekit_thread_schedule(void)
{
    end_if_asked();
    sched_yield();
}

void ddekit_yield(void)
{
    ddekit_thread_schedule();
}
