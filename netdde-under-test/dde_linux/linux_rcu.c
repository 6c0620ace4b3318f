/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read-copy-update with two reader counters, after Paul E. McKenney's "Sleepable RCU" (LWN, 2006).
 *
 * A reader enters the counter that is current. synchronize_rcu makes the other one current and waits until
 * the old one is empty; it does so twice, because a reader may have picked its counter before the first
 * change and entered it only after the wait.
 *
 * Left out: callbacks, expedited and polled grace periods.
 */
#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/wait.h>

#include "netdde-under-test/dde_linux/internal.h"

static atomic_t readers[2];
static int current_index;              /* 0 or 1; written under synchronize_mutex, atomically */
static atomic_t waiting;               /* whether a synchronize_rcu waits */
static DECLARE_WAIT_QUEUE_HEAD(empty); /* woken when a counter becomes 0 while somebody waits */
static DEFINE_MUTEX(synchronize_mutex);

void rcu_read_lock(void)
{
    struct task_struct *task = current;

    if (task->rcu_nesting++ > 0)
        return;
    task->rcu_index = __atomic_load_n(&current_index, __ATOMIC_SEQ_CST);
    atomic_inc(&readers[task->rcu_index]);
}

void rcu_read_unlock(void)
{
    struct task_struct *task = current;

    if (--task->rcu_nesting > 0)
        return;
    if (atomic_dec_and_test(&readers[task->rcu_index]) && atomic_read(&waiting))
        wake_up_all(&empty);
}

static void flip_and_wait(void)
{
    int old = current_index;

    __atomic_store_n(&current_index, 1 - old, __ATOMIC_SEQ_CST);
    wait_event(empty, atomic_read(&readers[old]) == 0);
}

void synchronize_rcu(void)
{
    mutex_lock(&synchronize_mutex);
    atomic_set(&waiting, 1);
    flip_and_wait();
    flip_and_wait();
    atomic_set(&waiting, 0);
    mutex_unlock(&synchronize_mutex);
}
