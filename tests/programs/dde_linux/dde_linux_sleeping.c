/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux's ways to wait, under fire: completions with and without time limits, a wait queue, kernel threads
 * that are stopped. Nothing that was completed is lost, whatever times out meanwhile.
 *
 * Takes the generation of semaphores; posix without.
 */
#include <assert.h>
#include <stdio.h>

#include <ddekit/ddekit.h>
#include <ddekit/sync.h>
#include <ddekit/timer.h>
#include <dde_linux/dde_linux.h>
#include <linux/completion.h>
#include <linux/kthread.h>

#include "harness/machine/machine.h"

#define ITEMS 6

static struct completion items, room;
static DECLARE_WAIT_QUEUE_HEAD(changed);
static int phase; /* changed atomically */
static int timeouts;

/* Takes each item, patient at times and impatient at others. */
static int consume(void *unused __always_unused)
{
    for (int i = 0; i < ITEMS; i++) {
        if (i % 2)
            wait_for_completion(&items);
        else
            while (!wait_for_completion_timeout(&items, 1))
                timeouts++;
        complete(&room);
    }
    while (!kthread_should_stop())
        schedule_timeout_interruptible(HZ);
    return ITEMS;
}

/* Goes through the phases in step with main. */
static int follow(void *unused __always_unused)
{
    wait_event(changed, __atomic_load_n(&phase, __ATOMIC_SEQ_CST) == 1);
    __atomic_store_n(&phase, 2, __ATOMIC_SEQ_CST);
    wake_up_all(&changed);
    wait_event_timeout(changed, __atomic_load_n(&phase, __ATOMIC_SEQ_CST) == 3, 1);
    wait_event(changed, __atomic_load_n(&phase, __ATOMIC_SEQ_CST) == 3);
    while (!kthread_should_stop()) {
        set_current_state(TASK_INTERRUPTIBLE);
        if (!kthread_should_stop())
            schedule();
        set_current_state(TASK_RUNNING);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct task_struct *consumer, *follower;

    if (argc > 1 && ddekit_sync_select(argv[1]) != 0)
        return 2;
    machine_init();
    ddekit_init();
    ddekit_init_timers();
    dde_linux_init();
    init_completion(&items);
    init_completion(&room);
    machine_boot_finished();

    consumer = kthread_run(consume, NULL, "consume");
    follower = kthread_run(follow, NULL, "follow");
    __atomic_store_n(&phase, 1, __ATOMIC_SEQ_CST);
    wake_up_all(&changed);
    for (int i = 0; i < ITEMS; i++) {
        complete(&items);
        if (i % 2)
            wait_for_completion(&room);
    }
    wait_event(changed, __atomic_load_n(&phase, __ATOMIC_SEQ_CST) == 2);
    __atomic_store_n(&phase, 3, __ATOMIC_SEQ_CST);
    wake_up_all(&changed);
    assert(kthread_stop(follower) == 0);
    for (int i = 0; i < ITEMS / 2; i++)
        wait_for_completion(&room);
    assert(kthread_stop(consumer) == ITEMS);
    assert(!try_wait_for_completion(&items) && !try_wait_for_completion(&room));
    printf("%d items, %d time-outs\n", ITEMS, timeouts);
    return 0;
}
