/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lockcheck hears of DDEKit through harness/instrument. This program takes lockcheck's place: it defines
 * the entry point of the client requests and writes down what comes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <lockcheck.h>
#include <ddekit/ddekit.h>
#include <ddekit/debug.h>
#include <ddekit/interrupt.h>
#include <ddekit/semaphore.h>
#include <ddekit/sync.h>
#include <ddekit/thread.h>
#include <ddekit/timer.h>
#include "harness/machine/irq.h"
#include "harness/machine/machine.h"

#define IRQ 3
#define EVENTS_MAX 1024

struct event {
    enum lockcheck_request request;
    const void *object;
    long argument;
    char text[64];
    char kind[16];
};

static pthread_mutex_t events_lock = PTHREAD_MUTEX_INITIALIZER;
static struct event events[EVENTS_MAX]; /* events_lock */
static size_t event_count;              /* events_lock */

void lockcheck_request(enum lockcheck_request request, const void *object, long argument, const char *text,
                       const char *kind)
{
    pthread_mutex_lock(&events_lock);
    if (event_count < EVENTS_MAX) {
        struct event *event = &events[event_count++];

        *event = (struct event){.request = request, .object = object, .argument = argument};
        snprintf(event->text, sizeof event->text, "%s", text ? text : "");
        snprintf(event->kind, sizeof event->kind, "%s", kind ? kind : "");
    }
    pthread_mutex_unlock(&events_lock);
}

static int forget_events(void **state)
{
    (void)state;
    pthread_mutex_lock(&events_lock);
    event_count = 0;
    pthread_mutex_unlock(&events_lock);
    return 0;
}

/* The events about an object, in order, as "REQUEST:argument ...". */
static const char *events_of(const void *object)
{
    static char text[1024];
    size_t length = 0;

    text[0] = '\0';
    pthread_mutex_lock(&events_lock);
    for (size_t i = 0; i < event_count; i++) {
        if (events[i].object == object)
            length += (size_t)snprintf(text + length, sizeof text - length, "%s%d:%ld", length ? " " : "",
                                       (int)events[i].request, events[i].argument);
    }
    pthread_mutex_unlock(&events_lock);
    return text;
}

static const char *expected(const char *format, ...)
{
    static char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return text;
}

static bool has_event(enum lockcheck_request request, const void *object, const char *kind, const char *text)
{
    bool found = false;

    pthread_mutex_lock(&events_lock);
    for (size_t i = 0; i < event_count; i++) {
        found |= events[i].request == request && events[i].object == object &&
                 !strcmp(events[i].text, text) && !strcmp(events[i].kind, kind);
    }
    pthread_mutex_unlock(&events_lock);
    return found;
}

static void semaphore_calls_are_heard(void **state)
{
    ddekit_sem_t *sem;

    ddekit_sync_select(*state);
    sem = ddekit_sem_init(1);
    ddekit_sem_down(sem);
    ddekit_sem_up(sem);
    ddekit_sem_down_try(sem);
    ddekit_sem_down_try(sem);
    ddekit_sem_down_timed(sem, 5);
    ddekit_sem_down_timed(sem, -7);
    ddekit_sem_deinit(sem);
    assert_string_equal(events_of(sem),
                        expected("%d:1 %d:-1 %d:0 %d:0 %d:0 %d:0 %d:0 %d:0 %d:1 %d:5 %d:1 %d:0 %d:1 %d:0",
                                 LOCKCHECK_SEM_INIT, LOCKCHECK_SEM_DOWN_BEGIN, LOCKCHECK_SEM_DOWN_END,
                                 LOCKCHECK_SEM_UP_BEGIN, LOCKCHECK_SEM_UP_END, LOCKCHECK_SEM_DOWN_BEGIN,
                                 LOCKCHECK_SEM_DOWN_END, LOCKCHECK_SEM_DOWN_BEGIN, LOCKCHECK_SEM_DOWN_END,
                                 LOCKCHECK_SEM_DOWN_BEGIN, LOCKCHECK_SEM_DOWN_END, LOCKCHECK_SEM_DOWN_BEGIN,
                                 LOCKCHECK_SEM_DOWN_END, LOCKCHECK_SEM_DESTROY));
}

static void do_nothing(void *done)
{
    ddekit_sem_up(done);
}

static void thread_names_are_heard_whole(void **state)
{
    ddekit_sem_t *done = ddekit_sem_init(0);

    (void)state;
    ddekit_thread_create(do_nothing, done, "a name of more than 15 bytes");
    ddekit_sem_down(done);
    assert_true(has_event(LOCKCHECK_NAME_THREAD, NULL, "", "a name of more than 15 bytes"));
    ddekit_sem_deinit(done);
}

static void object_names_are_heard(void **state)
{
    ddekit_lock_t lock;
    ddekit_sem_t *sem = ddekit_sem_init(0);
    ddekit_condvar_t *condvar = ddekit_condvar_init();

    (void)state;
    ddekit_lock_init(&lock);
    ddekit_lock_set_name(&lock, "a lock");
    ddekit_sem_set_name(sem, "a semaphore");
    ddekit_condvar_set_name(condvar, "a condition");
    assert_true(has_event(LOCKCHECK_NAME_OBJECT, lock, "mutex", "a lock"));
    assert_true(has_event(LOCKCHECK_NAME_OBJECT, sem, "semaphore", "a semaphore"));
    assert_true(has_event(LOCKCHECK_NAME_OBJECT, condvar, "cond", "a condition"));
    ddekit_lock_deinit(&lock);
    ddekit_sem_deinit(sem);
    ddekit_condvar_deinit(condvar);
}

/* DDEKit's own calls are heard, too: the files of the timers and of the semaphores are different ones. */
static void timers_notify_is_heard(void **state)
{
    (void)state;
    ddekit_init_timers();
    pthread_mutex_lock(&events_lock);
    for (size_t i = 0; i < event_count; i++) {
        if (events[i].request == LOCKCHECK_SEM_INIT) {
            pthread_mutex_unlock(&events_lock);
            return;
        }
    }
    pthread_mutex_unlock(&events_lock);
    fail_msg("no semaphore was made");
}

static unsigned source;

static void handle(void *done)
{
    irq_line_deassert(IRQ, source);
    ddekit_sem_up(done);
}

static void handlers_are_heard(void **state)
{
    ddekit_sem_t *done = ddekit_sem_init(0);
    char order[64] = "";

    (void)state;
    source = irq_source_allocate("card");
    assert_non_null(ddekit_interrupt_attach(IRQ, 1, NULL, handle, done));
    irq_line_assert(IRQ, source);
    ddekit_sem_down(done);
    ddekit_interrupt_detach(IRQ);

    pthread_mutex_lock(&events_lock);
    for (size_t i = 0; i < event_count; i++) {
        if (events[i].request == LOCKCHECK_IRQ_ENTER && events[i].argument == IRQ)
            strcat(order, "enter ");
        if (events[i].request == LOCKCHECK_SEM_UP_BEGIN && events[i].object == done)
            strcat(order, "up ");
        if (events[i].request == LOCKCHECK_IRQ_EXIT && events[i].argument == IRQ)
            strcat(order, "exit");
    }
    pthread_mutex_unlock(&events_lock);
    assert_string_equal(order, "enter up exit");
    ddekit_sem_deinit(done);
}

static int power_on(void **state)
{
    (void)state;
    machine_init();
    ddekit_init();
    return 0;
}

#define WITH(generation)                                                                                     \
    {                                                                                                        \
        "semaphore_calls_are_heard (" generation ")", semaphore_calls_are_heard, forget_events, NULL,        \
            generation                                                                                       \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH("legacy"),
        WITH("drain"),
        WITH("posix"),
        cmocka_unit_test_setup(thread_names_are_heard_whole, forget_events),
        cmocka_unit_test_setup(object_names_are_heard, forget_events),
        cmocka_unit_test_setup(timers_notify_is_heard, forget_events),
        cmocka_unit_test_setup(handlers_are_heard, forget_events),
    };

    return cmocka_run_group_tests(tests, power_on, NULL);
}
