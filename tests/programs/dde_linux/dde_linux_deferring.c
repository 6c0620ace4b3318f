/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux's ways to put work off, under fire: tasklets, timers, delayed work and RCU's callbacks, scheduled and
 * cancelled by two threads at once. What was scheduled runs; what was cancelled does not run after the
 * cancelling has returned. No reader finds what a callback has ended.
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
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>

#include "harness/machine/machine.h"

#define USERS 2
#define ROUNDS 4

struct user {
    struct tasklet_struct tasklet;
    struct timer_list timer;
    struct delayed_work work;
    struct completion tasklet_ran;
    struct shared *shared;     /* what the other user reads */
    int timer_runs, work_runs; /* changed atomically */
    int dead;                  /* set when nothing of this user may run any more, atomically */
};

/* Replaced by its user again and again. */
struct shared {
    struct rcu_head rcu;
    int ended;
};

static struct user users[USERS];
static struct shared versions[USERS][ROUNDS + 1];
static struct completion used; /* once per user */

static void assert_alive(struct user *user)
{
    assert(!__atomic_load_n(&user->dead, __ATOMIC_SEQ_CST));
}

static void run_tasklet(struct tasklet_struct *tasklet)
{
    struct user *user = from_tasklet(user, tasklet, tasklet);

    assert_alive(user);
    complete(&user->tasklet_ran);
}

static void run_timer(struct timer_list *timer)
{
    struct user *user = from_timer(user, timer, timer);

    assert_alive(user);
    __atomic_fetch_add(&user->timer_runs, 1, __ATOMIC_SEQ_CST);
    schedule_delayed_work(&user->work, 1);
}

static void run_work(struct work_struct *work)
{
    struct user *user = container_of(work, struct user, work.work);

    assert_alive(user);
    __atomic_fetch_add(&user->work_runs, 1, __ATOMIC_SEQ_CST);
    schedule_delayed_work(&user->work, HZ);
}

static void end_version(struct rcu_head *head)
{
    container_of(head, struct shared, rcu)->ended = 1;
}

static void replace_version(struct user *user, int round)
{
    struct shared *old = user->shared;

    rcu_assign_pointer(user->shared, &versions[user - users][round + 1]);
    call_rcu(&old->rcu, end_version);
}

static void read_version(struct user *user)
{
    const struct shared *shared;

    rcu_read_lock();
    shared = rcu_dereference(user->shared);
    cpu_relax();
    assert(!shared->ended);
    rcu_read_unlock();
}

static int use(void *argument)
{
    struct user *user = argument;
    struct user *other = &users[USERS - 1 - (user - users)];

    for (int i = 0; i < ROUNDS; i++) {
        tasklet_schedule(&user->tasklet);
        mod_timer(&user->timer, jiffies + (unsigned long)i % 2);
        schedule_delayed_work(&user->work, (unsigned long)i % 3);
        wait_for_completion(&user->tasklet_ran);
        replace_version(user, i);
        read_version(other);
        if (i % 2)
            cancel_delayed_work_sync(&user->work);
    }
    mod_delayed_work(system_wq, &user->work, 0);
    flush_delayed_work(&user->work);
    del_timer_sync(&user->timer);
    cancel_delayed_work_sync(&user->work);
    tasklet_kill(&user->tasklet);
    rcu_barrier();
    for (int i = 0; i < ROUNDS; i++)
        assert(versions[user - users][i].ended);
    assert(!timer_pending(&user->timer) && !delayed_work_pending(&user->work));
    __atomic_store_n(&user->dead, 1, __ATOMIC_SEQ_CST);
    complete(&used);
    while (!kthread_should_stop())
        schedule_timeout_interruptible(HZ);
    return 0;
}

int main(int argc, char **argv)
{
    struct task_struct *threads[USERS];

    if (argc > 1 && ddekit_sync_select(argv[1]) != 0)
        return 2;
    machine_init();
    ddekit_init();
    ddekit_init_timers();
    dde_linux_init();
    for (int i = 0; i < USERS; i++) {
        tasklet_setup(&users[i].tasklet, run_tasklet);
        timer_setup(&users[i].timer, run_timer, 0);
        INIT_DELAYED_WORK(&users[i].work, run_work);
        init_completion(&users[i].tasklet_ran);
        users[i].shared = &versions[i][0];
    }
    init_completion(&used);
    machine_boot_finished();

    for (int i = 0; i < USERS; i++)
        threads[i] = kthread_run(use, &users[i], "use/%d", i);
    for (int i = 0; i < USERS; i++)
        wait_for_completion(&used);
    for (int i = 0; i < USERS; i++) {
        assert(kthread_stop(threads[i]) == 0);
        assert(users[i].work_runs > 0);
        printf("user %d: %d timer runs, %d work runs\n", i, users[i].timer_runs, users[i].work_runs);
    }
    return 0;
}
