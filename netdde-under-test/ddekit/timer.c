/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit timers: a list ordered by expiry, and a thread that sleeps in a timed down of the notify semaphore
 * until the first timer is due.
 *
 * Whoever adds a timer that becomes the first ups the semaphore. The thread looks at the list after each
 * down, whether that took a token or timed out, so a token too many costs one more look and a wait that ends
 * early is begun again.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <ddekit/assert.h>
#include <ddekit/debug.h>
#include <ddekit/timer.h>
#include "clock.h"

/* The longest single wait, in ms; the thread begins another one after it. */
#define WAIT_MAX (3600 * 1000)
#define WAIT_FOR_EVER (-1)
#define NO_TIMER (-1)

struct timer {
    struct timer *next;
    int number;
    unsigned long timeout; /* jiffies */
    void (*fn)(void *);
    void *args;
};

/* There is one timer thread with one list. */
static struct {
    ddekit_thread_t *thread;
    ddekit_sem_t *notify;
    ddekit_lock_t lock;  /* for what follows */
    struct timer *first; /* ordered by timeout */
    int running;         /* the timer whose callback runs, or NO_TIMER */
    int last_number;
} timers;

/* Jiffies may wrap around, so their difference is what counts. */
static bool is_later(unsigned long a, unsigned long b)
{
    return (long)(a - b) > 0;
}

/* timers.lock is held. Returns whether the timer is the first now. */
static bool insert(struct timer *timer)
{
    struct timer **link = &timers.first;

    while (*link && !is_later((*link)->timeout, timer->timeout))
        link = &(*link)->next;
    timer->next = *link;
    *link = timer;
    return timers.first == timer;
}

/* timers.lock is held. The link that points to the timer of that number, or to NULL. */
static struct timer **find(int number)
{
    struct timer **link = &timers.first;

    while (*link && (*link)->number != number)
        link = &(*link)->next;
    return link;
}

/* timers.lock is held. Milliseconds until the first timer is due, rounded up: 0 when it is due now or was
 * before. */
static int milliseconds_to_first(void)
{
    uint64_t now = clock_microseconds();
    long jiffies;
    uint64_t microseconds;

    if (!timers.first)
        return WAIT_FOR_EVER;
    jiffies = (long)(timers.first->timeout - now / MICROSECONDS_PER_JIFFY);
    if (jiffies <= 0)
        return 0;
    if ((unsigned long)jiffies > WAIT_MAX / (1000 / HZ))
        return WAIT_MAX;
    microseconds = (uint64_t)jiffies * MICROSECONDS_PER_JIFFY - now % MICROSECONDS_PER_JIFFY;
    return (int)((microseconds + 999) / 1000);
}

/* timers.lock is held, and dropped while the callback runs. */
static void run_first(void)
{
    struct timer *timer = timers.first;

    timers.first = timer->next;
    timers.running = timer->number;
    ddekit_lock_unlock(&timers.lock);
    timer->fn(timer->args);
    free(timer);
    ddekit_lock_lock(&timers.lock);
    timers.running = NO_TIMER;
}

static void timer_thread(void *unused)
{
    (void)unused;
    ddekit_lock_lock(&timers.lock);
    for (;;) {
        int milliseconds = milliseconds_to_first();

        if (milliseconds == 0) {
            run_first();
            continue;
        }
        ddekit_lock_unlock(&timers.lock);
        if (milliseconds == WAIT_FOR_EVER)
            ddekit_sem_down(timers.notify);
        else
            ddekit_sem_down_timed(timers.notify, milliseconds);
        ddekit_lock_lock(&timers.lock);
    }
}

void ddekit_init_timers(void)
{
    if (timers.notify)
        return;
    ddekit_lock_init(&timers.lock);
    ddekit_lock_set_name(&timers.lock, "timer list lock");
    timers.running = NO_TIMER;
    timers.notify = ddekit_sem_init(0);
    ddekit_sem_set_name(timers.notify, "timer notify semaphore");
    timers.thread = ddekit_thread_create(timer_thread, NULL, "ddekit_timer");
    ddekit_assert(timers.thread);
}

int ddekit_add_timer(void (*fn)(void *), void *args, unsigned long timeout)
{
    struct timer *timer;
    int number;
    bool is_first;

    if (!timers.notify)
        return -1;
    timer = malloc(sizeof *timer);
    if (!timer)
        return -1;
    timer->timeout = timeout;
    timer->fn = fn;
    timer->args = args;

    ddekit_lock_lock(&timers.lock);
    timers.last_number = timers.last_number == INT_MAX ? 0 : timers.last_number + 1;
    number = timer->number = timers.last_number;
    is_first = insert(timer);
    ddekit_lock_unlock(&timers.lock);

    if (is_first)
        ddekit_sem_up(timers.notify);
    return number;
}

int ddekit_del_timer(int number)
{
    struct timer **link, *timer;
    int state;

    if (!timers.notify)
        return DDEKIT_TIMER_GONE;
    ddekit_lock_lock(&timers.lock);
    link = find(number);
    timer = *link;
    if (timer) {
        *link = timer->next;
        state = DDEKIT_TIMER_DELETED;
    } else {
        state = number != NO_TIMER && timers.running == number ? DDEKIT_TIMER_RUNNING : DDEKIT_TIMER_GONE;
    }
    ddekit_lock_unlock(&timers.lock);
    free(timer);
    return state;
}

int ddekit_timer_pending(int number)
{
    int pending;

    if (!timers.notify)
        return 0;
    ddekit_lock_lock(&timers.lock);
    pending = *find(number) != NULL;
    ddekit_lock_unlock(&timers.lock);
    return pending;
}

ddekit_thread_t *ddekit_get_timer_thread(void)
{
    return timers.thread;
}
