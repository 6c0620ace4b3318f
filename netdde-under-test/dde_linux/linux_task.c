/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads as Linux code sees them: current, sleeping and waking. The protocol is told in <linux/sched.h>.
 *
 * Left out: signals, priorities, accounting. DDEKit does not tell when a thread ends, so the record of a
 * thread that Linux has not made stays.
 */
#include <limits.h>
#include <stdio.h>

#include <ddekit/memory.h>

#include <dde_linux/dde_linux.h>
#include <linux/delay.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "netdde-under-test/dde_linux/internal.h"

#define MS_PER_JIFFY (1000 / HZ)

/* Each thread's own; NULL until its first Linux call. */
static __thread struct task_struct *current_task;

struct task_struct *task_create(const char *name)
{
    /* Not kmalloc: it asks for the current thread, of which this may be the record; nor would a leak be a
     * driver's. */
    struct task_struct *task = ddekit_simple_malloc(sizeof(*task));

    if (!task)
        return NULL;
    memset(task, 0, sizeof(*task));
    strscpy(task->comm, name, sizeof(task->comm));
    atomic_set(&task->usage, 1);
    init_completion(&task->exited);
    return task;
}

void task_put(struct task_struct *task)
{
    if (!atomic_dec_and_test(&task->usage))
        return;
    if (task->sleep)
        ddekit_sem_deinit(task->sleep);
    frag_release(task);
    ddekit_simple_free(task);
}

void task_set_current(struct task_struct *task)
{
    current_task = task;
    task->stack = __builtin_frame_address(0);
}

int dde_linux_adopt_thread(const char *name)
{
    if (current_task)
        return 0;
    current_task = task_create(name);
    if (!current_task)
        return -ENOMEM;
    current_task->stack = __builtin_frame_address(0);
    return 0;
}

struct task_struct *get_current(void)
{
    if (unlikely(!current_task) && dde_linux_adopt_thread(ddekit_thread_get_name(ddekit_thread_myself())))
        BUG();
    return current_task;
}

bool task_stack_has(const void *memory)
{
    const char *here = __builtin_frame_address(0), *stack = current->stack;

    return stack > here && lies_in(memory, here, (size_t)(stack - here));
}

/* Most threads never sleep in Linux code: the semaphore is made when its thread first says that it will. */
static void prepare_sleep(struct task_struct *task)
{
    char name[sizeof("sleep of ") + TASK_NAME_MAX];

    snprintf(name, sizeof(name), "sleep of %s", task->comm);
    task->sleep = ddekit_sem_init(0);
    ddekit_sem_set_name(task->sleep, name);
}

void set_current_state(long state)
{
    struct task_struct *task = current;
    long old;

    if (state != TASK_RUNNING && !task->sleep)
        prepare_sleep(task);
    old = __atomic_exchange_n(&task->state, state, __ATOMIC_SEQ_CST);

    /* Somebody claimed us since we set a sleeping state: his token is ours, and must not stay behind. */
    if (task->armed && old == TASK_RUNNING)
        ddekit_sem_down(task->sleep);
    task->armed = state != TASK_RUNNING;
}

void task_wait(struct task_struct *task)
{
    if (!task->armed) {
        ddekit_yield();
        return;
    }
    ddekit_sem_down(task->sleep);
    task->armed = false;
}

void schedule(void)
{
    struct task_struct *task = current;

    might_sleep();
    task_wait(task);
}

long schedule_timeout(long timeout)
{
    struct task_struct *task = current;
    unsigned long expire;
    long left = timeout;

    if (timeout == MAX_SCHEDULE_TIMEOUT) {
        schedule();
        return timeout;
    }
    might_sleep();
    if (!task->armed) {
        ddekit_yield();
        return timeout;
    }
    expire = jiffies + (unsigned long)timeout;
    while (left > 0) {
        long chunk = min(left, (long)(INT_MAX / MS_PER_JIFFY));

        if (ddekit_sem_down_timed(task->sleep, (int)chunk * MS_PER_JIFFY) == 0) {
            task->armed = false;
            break;
        }
        left = (long)(expire - jiffies);
    }
    /* Timed out, unless somebody claims us right now: then his token is taken as in any wake-up. */
    if (task->armed)
        set_current_state(TASK_RUNNING);
    left = (long)(expire - jiffies);
    return left > 0 ? left : 0;
}

long schedule_timeout_interruptible(long timeout)
{
    set_current_state(TASK_INTERRUPTIBLE);
    return schedule_timeout(timeout);
}

long schedule_timeout_uninterruptible(long timeout)
{
    set_current_state(TASK_UNINTERRUPTIBLE);
    return schedule_timeout(timeout);
}

int wake_up_process(struct task_struct *task)
{
    long seen = __atomic_load_n(&task->state, __ATOMIC_SEQ_CST);

    do {
        if (seen == TASK_RUNNING)
            return 0;
    } while (!__atomic_compare_exchange_n(&task->state, &seen, TASK_RUNNING, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    ddekit_sem_up(task->sleep);
    return 1;
}

void local_irq_disable(void)
{
    current->irqs_off++;
}

void local_irq_enable(void)
{
    struct task_struct *task = current;

    /* Linux has no objection against enabling what is enabled. */
    if (task->irqs_off > 0)
        task->irqs_off--;
}

unsigned long linux_local_irq_save(void)
{
    return (unsigned long)current->irqs_off++;
}

void local_irq_restore(unsigned long flags)
{
    current->irqs_off = (int)flags;
}

bool irqs_disabled(void)
{
    return current->irqs_off > 0;
}

void cpu_relax(void)
{
    ddekit_yield();
}

void ndelay(unsigned long nsecs)
{
    ddekit_thread_nsleep(nsecs);
}

void udelay(unsigned long usecs)
{
    ddekit_thread_usleep(usecs);
}

void mdelay(unsigned long msecs)
{
    ddekit_thread_msleep(msecs);
}

void msleep(unsigned int msecs)
{
    might_sleep();
    ddekit_thread_msleep(msecs);
}

unsigned long msleep_interruptible(unsigned int msecs)
{
    msleep(msecs);
    return 0;
}

void usleep_range(unsigned long min_us, unsigned long max_us __always_unused)
{
    might_sleep();
    ddekit_thread_usleep(min_us);
}
