/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit timers under fire: two threads add timers and delete some, while the timer thread runs others. Each
 * timer either runs once, and not before its time, or is deleted.
 */
#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#include <ddekit/ddekit.h>
#include <ddekit/debug.h>
#include <ddekit/semaphore.h>
#include <ddekit/sync.h>
#include <ddekit/thread.h>
#include <ddekit/timer.h>
#include "harness/machine/machine.h"

#define USERS 2
#define TIMERS_EACH 4

struct user_timer {
    int number;
    unsigned long due;
    _Atomic int runs;
};

static struct user_timer timers[USERS][TIMERS_EACH];
static ddekit_sem_t *ran, *finished;
static _Atomic int deleted;

static void run(void *argument)
{
    struct user_timer *timer = argument;

    assert(fetch_jiffies() >= timer->due);
    timer->runs++;
    ddekit_sem_up(ran);
}

/* The times are such that later additions come before earlier ones, behind them, and at the same jiffy. */
static void use_timers(void *argument)
{
    static const unsigned delays[TIMERS_EACH] = {3, 1, 3, 0};
    struct user_timer *mine = argument;

    for (int i = 0; i < TIMERS_EACH; i++) {
        mine[i].due = fetch_jiffies() + delays[i];
        mine[i].number = ddekit_add_timer(run, &mine[i], mine[i].due);
    }
    for (int i = 0; i < TIMERS_EACH; i += 2) {
        switch (ddekit_del_timer(mine[i].number)) {
        case DDEKIT_TIMER_DELETED:
            assert(mine[i].runs == 0);
            deleted++;
            break;
        case DDEKIT_TIMER_GONE:
            assert(mine[i].runs == 1);
            break;
        }
    }
    ddekit_sem_up(finished);
}

int main(int argc, char **argv)
{
    if (argc != 2 || ddekit_sync_select(argv[1])) {
        fprintf(stderr, "usage: ddekit_timers legacy|drain|posix\n");
        return 2;
    }
    machine_init();
    ddekit_init();
    ddekit_init_timers();
    ran = ddekit_sem_init(0);
    ddekit_sem_set_name(ran, "timers that ran");
    finished = ddekit_sem_init(0);
    ddekit_sem_set_name(finished, "finished");
    machine_boot_finished();

    for (int i = 0; i < USERS; i++)
        ddekit_thread_create(use_timers, timers[i], "timer user");
    for (int i = 0; i < USERS; i++)
        ddekit_sem_down(finished);
    for (int i = deleted; i < USERS * TIMERS_EACH; i++)
        ddekit_sem_down(ran);
    for (int i = 0; i < USERS * TIMERS_EACH; i++)
        assert(timers[i / TIMERS_EACH][i % TIMERS_EACH].runs <= 1);
    assert(ddekit_sem_down_try(ran));
    return 0;
}
