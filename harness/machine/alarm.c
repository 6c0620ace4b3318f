/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one-shot timer. See alarm.h.
 */
#define _GNU_SOURCE /* pthread_setname_np */
#include "harness/machine/alarm.h"

#include <assert.h>
#include <pthread.h>

#include <lockcheck.h>

#include "harness/machine/irq.h"
#include "harness/machine/machine.h"

/* There is one in a machine. */
static struct {
    unsigned irq_source;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows, and the line */
    pthread_cond_t changed;
    uint64_t deadline_ns; /* MACHINE_NEVER: not set */
} timer = {.lock = PTHREAD_MUTEX_INITIALIZER, .deadline_ns = MACHINE_NEVER};

static void *run(void *unused)
{
    (void)unused;
    pthread_setname_np(pthread_self(), "alarm");
    pthread_mutex_lock(&timer.lock);
    for (;;) {
        if (timer.deadline_ns == MACHINE_NEVER || machine_now_ns() < timer.deadline_ns) {
            machine_condition_wait(&timer.changed, &timer.lock, timer.deadline_ns);
            continue;
        }
        timer.deadline_ns = MACHINE_NEVER;
        irq_line_assert(ALARM_LINE, timer.irq_source);
    }
    return NULL;
}

void alarm_create(void)
{
    int error;

    timer.irq_source = irq_source_allocate("alarm");
    machine_condition_init(&timer.changed);
    lockcheck_name_object(&timer.lock, "mutex", "alarm lock");
    lockcheck_name_object(&timer.changed, "cond", "alarm set");
    error = pthread_create(&timer.thread, NULL, run, NULL);
    assert(error == 0);
    (void)error;
}

void alarm_set(uint64_t deadline_ns)
{
    pthread_mutex_lock(&timer.lock);
    timer.deadline_ns = deadline_ns;
    pthread_cond_signal(&timer.changed);
    pthread_mutex_unlock(&timer.lock);
}

bool alarm_acknowledge(void)
{
    bool pulled;

    pthread_mutex_lock(&timer.lock);
    pulled = irq_source_asserted(ALARM_LINE, timer.irq_source);
    irq_line_deassert(ALARM_LINE, timer.irq_source);
    pthread_mutex_unlock(&timer.lock);
    return pulled;
}
