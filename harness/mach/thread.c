/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads as Mach sees them. See <mach/mach_interface.h> for the calls, ipc.h for how an abort meets its
 * wait.
 *
 * A pthread gets a record when it first asks for a port of its own. Nobody can suspend or abort a thread
 * whose port it does not know, so threads without a record pay nothing.
 */
#include "harness/mach/ipc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lockcheck.h>

static _Thread_local struct mach_thread *current;

/* For the record's end with its thread. */
static pthread_key_t record_key;
static pthread_once_t record_key_once = PTHREAD_ONCE_INIT;

static void thread_ended(void *record)
{
    struct mach_thread *thread = record;
    current = NULL;
    if (thread->reply_port)
        mach_port_destroy(mach_task_self(), thread->reply_port);
    if (thread->slot) {
        struct slot *slot = thread->slot;
        pthread_mutex_lock(&slot->lock);
        slot->thread = NULL;
        slot_free(slot);
        pthread_mutex_unlock(&slot->lock);
    }
    free(thread);
}

static void make_record_key(void)
{
    int error = pthread_key_create(&record_key, thread_ended);
    assert(error == 0);
    (void)error;
}

struct mach_thread *mach_thread_current(void)
{
    return current;
}

struct mach_thread *mach_thread_record(void)
{
    if (current)
        return current;
    pthread_once(&record_key_once, make_record_key);
    struct mach_thread *thread = calloc(1, sizeof(*thread));
    if (!thread)
        return NULL;
    if (pthread_setspecific(record_key, thread) != 0) {
        free(thread);
        return NULL;
    }
    current = thread;
    return thread;
}

mach_port_t mach_thread_self(void)
{
    struct mach_thread *thread = mach_thread_record();
    if (!thread)
        return MACH_PORT_NULL;
    if (!thread->slot) {
        struct slot *slot = slot_allocate(SLOT_THREAD);
        if (!slot)
            return MACH_PORT_NULL;
        pthread_mutex_lock(&slot->lock);
        slot->thread = thread;
        pthread_mutex_unlock(&slot->lock);
        thread->slot = slot;
    }
    return thread->slot->name;
}

/* --- Reply ports --- */

mach_port_t mig_get_reply_port(void)
{
    struct mach_thread *thread = mach_thread_record();
    if (!thread)
        return MACH_PORT_NULL;
    if (!thread->reply_port)
        thread->reply_port = mach_reply_port();
    return thread->reply_port;
}

void mig_dealloc_reply_port(mach_port_t port)
{
    struct mach_thread *thread = mach_thread_current();
    if (!thread || !thread->reply_port || thread->reply_port != port)
        return;
    thread->reply_port = MACH_PORT_NULL;
    mach_port_destroy(mach_task_self(), port);
}

/* --- Suspension --- */

void mach_thread_stop_if_suspended(void)
{
    struct mach_thread *thread = mach_thread_current();
    if (!thread || !thread->slot || thread->slot->suspensions == 0)
        return;
    struct slot *slot = thread->slot;
    pthread_mutex_lock(&slot->lock);
    slot->receivers_waiting++;
    while (slot->suspensions > 0)
        pthread_cond_wait(&slot->receivers_cond, &slot->lock);
    slot->receivers_waiting--;
    pthread_mutex_unlock(&slot->lock);
}

/* Lock the slot of a living thread's port, or return NULL. */
static struct slot *thread_lock(thread_t name)
{
    struct slot *slot = slot_lock(name);
    if (slot && slot->kind != SLOT_THREAD) {
        pthread_mutex_unlock(&slot->lock);
        return NULL;
    }
    return slot;
}

kern_return_t thread_suspend(thread_t name)
{
    struct slot *slot = thread_lock(name);
    if (!slot)
        return KERN_INVALID_ARGUMENT;
    slot->suspensions++;
    bool self = current && slot->thread == current;
    pthread_mutex_unlock(&slot->lock);
    if (self)
        mach_thread_stop_if_suspended();
    return KERN_SUCCESS;
}

kern_return_t thread_resume(thread_t name)
{
    struct slot *slot = thread_lock(name);
    if (!slot)
        return KERN_INVALID_ARGUMENT;
    kern_return_t result = KERN_FAILURE;
    if (slot->suspensions > 0) {
        if (--slot->suspensions == 0)
            pthread_cond_signal(&slot->receivers_cond);
        result = KERN_SUCCESS;
    }
    pthread_mutex_unlock(&slot->lock);
    return result;
}

kern_return_t thread_abort(thread_t name)
{
    struct slot *slot = thread_lock(name);
    if (!slot)
        return KERN_INVALID_ARGUMENT;
    /* The record lives as long as the lock is held: its end takes the lock. */
    uintptr_t wait = 0;
    if (slot->thread)
        wait = slot->thread->waits_at;
    bool marked = wait != 0 && !(wait & WAIT_ABORTED) &&
                  atomic_compare_exchange_strong(&slot->thread->waits_at, &wait, wait | WAIT_ABORTED);
    pthread_mutex_unlock(&slot->lock);
    if (marked) {
        /* Whoever waits there looks; it is the marked one that leaves. The slot may have died and be
         * another's by now: then this wakes for nothing, which every wait allows. */
        struct slot *port = (struct slot *)wait;
        pthread_mutex_lock(&port->lock);
        pthread_cond_broadcast(&port->receivers_cond);
        pthread_cond_broadcast(&port->senders_cond);
        pthread_mutex_unlock(&port->lock);
    }
    return KERN_SUCCESS;
}

kern_return_t thread_priority(thread_t name, int priority, boolean_t set_max)
{
    (void)priority;
    (void)set_max;
    struct slot *slot = thread_lock(name);
    if (!slot)
        return KERN_INVALID_ARGUMENT;
    pthread_mutex_unlock(&slot->lock);
    return KERN_SUCCESS;
}

kern_return_t thread_set_name(thread_t name, const char *text)
{
    struct slot *slot = thread_lock(name);
    if (!slot)
        return KERN_INVALID_ARGUMENT;
    /* Read by the thread itself, and by nobody else. */
    bool self = current && slot->thread == current;
    if (self)
        snprintf(current->name, sizeof(current->name), "%s", text);
    pthread_mutex_unlock(&slot->lock);
    if (self)
        lockcheck_name_thread(text);
    return self ? KERN_SUCCESS : KERN_INVALID_ARGUMENT;
}
