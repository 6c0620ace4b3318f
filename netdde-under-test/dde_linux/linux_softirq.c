/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Softirqs, their thread .softirqd, and tasklets.
 *
 * .softirqd sleeps on one semaphore. On each wake-up it runs what is pending, lowest number first, at most
 * SOFTIRQ_ROUNDS times over before it lets the semaphore give others their turn.
 *
 * Who makes the pending mask nonzero owes one up; nobody else needs to. It is paid at once, or by an
 * interrupt thread after its handlers. .softirqd itself owes nothing: it looks at the mask again before it
 * sleeps. The mask is read and cleared in one atomic step, so that no bit set in between is lost.
 */
#include <linux/interrupt.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "netdde-under-test/dde_linux/internal.h"

#define SOFTIRQ_ROUNDS 10

static unsigned int pending;      /* a bit for each softirq, changed only atomically */
static ddekit_sem_t *softirq_sem; /* what .softirqd sleeps on */
static void (*actions[NR_SOFTIRQS])(void);

void open_softirq(int nr, void (*action)(void))
{
    actions[nr] = action;
}

void raise_softirq(unsigned int nr)
{
    struct task_struct *task = current;
    unsigned int old = __atomic_fetch_or(&pending, 1u << nr, __ATOMIC_SEQ_CST);

    if (old != 0 || task->in_softirq)
        return;
    if (task->hardirq > 0)
        task->softirq_owed = true;
    else
        ddekit_sem_up(softirq_sem);
}

void softirq_irq_exit(void)
{
    struct task_struct *task = current;

    if (!task->softirq_owed)
        return;
    task->softirq_owed = false;
    /* When the mask is empty .softirqd was awake anyway and has run what we raised; whoever makes it nonzero
     * again owes an up of his own. */
    if (__atomic_load_n(&pending, __ATOMIC_SEQ_CST) != 0)
        ddekit_sem_up(softirq_sem);
}

/* A softirq is a read side, as in Linux: who waits for readers knows that a poll has returned, too. */
static void run_round(unsigned int mask)
{
    rcu_read_lock();
    for (unsigned int nr = 0; nr < NR_SOFTIRQS; nr++) {
        if (mask & (1u << nr))
            actions[nr]();
    }
    rcu_read_unlock();
}

static void softirqd(void *unused __always_unused)
{
    struct task_struct *task = current;

    task->in_softirq = true;
    for (;;) {
        unsigned int mask = 0;

        ddekit_sem_down(softirq_sem);
        for (int round = 0; round < SOFTIRQ_ROUNDS; round++) {
            mask = __atomic_exchange_n(&pending, 0, __ATOMIC_SEQ_CST);
            if (mask == 0)
                break;
            run_round(mask);
        }
        if (mask != 0 && __atomic_load_n(&pending, __ATOMIC_SEQ_CST) != 0)
            ddekit_sem_up(softirq_sem);
    }
}

void softirq_init(void)
{
    softirq_sem = ddekit_sem_init(0);
    ddekit_sem_set_name(softirq_sem, "softirq_sem");
    if (!ddekit_thread_create(softirqd, NULL, ".softirqd"))
        BUG();
}

void local_bh_disable(void)
{
    current->softirqs_off++;
}

void local_bh_enable(void)
{
    struct task_struct *task = current;

    /* Linux runs softirqs here, with interrupts on. */
    WARN(in_hardirq() || irqs_disabled(), "local_bh_enable with interrupts disabled\n");
    if (!WARN(task->softirqs_off == 0, "local_bh_enable without local_bh_disable\n"))
        task->softirqs_off--;
}

bool in_hardirq(void)
{
    return current->hardirq > 0;
}

bool in_softirq(void)
{
    return current->in_softirq || current->softirqs_off > 0;
}

bool in_interrupt(void)
{
    return in_hardirq() || in_softirq();
}

bool softirq_is_current(void)
{
    return current->in_softirq;
}

/* --- Tasklets ------------------------------------------------------------------------------------------ */

/* Both lists, and the SCHED, HI and PARKED bits of every tasklet. */
static DEFINE_SPINLOCK(tasklet_lock);
static LIST_HEAD(tasklets);
static LIST_HEAD(hi_tasklets);
static DECLARE_WAIT_QUEUE_HEAD(tasklet_done); /* woken after each run of a tasklet that somebody waits for */

void tasklet_setup(struct tasklet_struct *t, void (*callback)(struct tasklet_struct *))
{
    t->entry.next = t->entry.prev = NULL;
    t->state = 0;
    atomic_set(&t->count, 0);
    t->callback = callback;
}

/* Under tasklet_lock. Returns the softirq to raise. */
static unsigned int tasklet_enqueue(struct tasklet_struct *t)
{
    bool hi = test_bit(TASKLET_STATE_HI, &t->state);

    list_add_tail(&t->entry, hi ? &hi_tasklets : &tasklets);
    return hi ? HI_SOFTIRQ : TASKLET_SOFTIRQ;
}

static void tasklet_schedule_as(struct tasklet_struct *t, bool hi)
{
    unsigned int nr = NR_SOFTIRQS;

    spin_lock_irq(&tasklet_lock);
    if (!test_and_set_bit(TASKLET_STATE_SCHED, &t->state)) {
        if (hi)
            set_bit(TASKLET_STATE_HI, &t->state);
        else
            clear_bit(TASKLET_STATE_HI, &t->state);
        nr = tasklet_enqueue(t);
    }
    spin_unlock_irq(&tasklet_lock);
    if (nr < NR_SOFTIRQS)
        raise_softirq(nr);
}

void tasklet_schedule(struct tasklet_struct *t)
{
    tasklet_schedule_as(t, false);
}

void tasklet_hi_schedule(struct tasklet_struct *t)
{
    tasklet_schedule_as(t, true);
}

/* Run what is in the list now; what comes meanwhile raises the softirq again. */
static void run_tasklets(struct list_head *list)
{
    LIST_HEAD(todo);

    spin_lock_irq(&tasklet_lock);
    list_splice_init(list, &todo);
    while (!list_empty(&todo)) {
        struct tasklet_struct *t = list_first_entry(&todo, struct tasklet_struct, entry);

        list_del(&t->entry);
        if (atomic_read(&t->count) != 0) {
            set_bit(TASKLET_STATE_PARKED, &t->state);
            continue;
        }
        clear_bit(TASKLET_STATE_SCHED, &t->state);
        set_bit(TASKLET_STATE_RUN, &t->state);
        spin_unlock_irq(&tasklet_lock);
        t->callback(t);
        clear_bit(TASKLET_STATE_RUN, &t->state);
        if (waitqueue_active(&tasklet_done))
            wake_up_all(&tasklet_done);
        spin_lock_irq(&tasklet_lock);
    }
    spin_unlock_irq(&tasklet_lock);
}

static void tasklet_action(void)
{
    run_tasklets(&tasklets);
}

static void tasklet_hi_action(void)
{
    run_tasklets(&hi_tasklets);
}

void tasklet_disable_nosync(struct tasklet_struct *t)
{
    spin_lock_irq(&tasklet_lock);
    atomic_inc(&t->count);
    spin_unlock_irq(&tasklet_lock);
}

void tasklet_disable(struct tasklet_struct *t)
{
    tasklet_disable_nosync(t);
    wait_event(tasklet_done, !test_bit(TASKLET_STATE_RUN, &t->state));
}

void tasklet_disable_in_atomic(struct tasklet_struct *t)
{
    tasklet_disable_nosync(t);
    while (test_bit(TASKLET_STATE_RUN, &t->state))
        cpu_relax();
}

void tasklet_enable(struct tasklet_struct *t)
{
    unsigned int nr = NR_SOFTIRQS;

    if (WARN(atomic_read(&t->count) <= 0, "tasklet_enable without tasklet_disable\n"))
        return;
    spin_lock_irq(&tasklet_lock);
    if (atomic_dec_and_test(&t->count) && test_and_clear_bit(TASKLET_STATE_PARKED, &t->state))
        nr = tasklet_enqueue(t);
    spin_unlock_irq(&tasklet_lock);
    if (nr < NR_SOFTIRQS)
        raise_softirq(nr);
}

void tasklet_kill(struct tasklet_struct *t)
{
    wait_event(tasklet_done,
               !test_bit(TASKLET_STATE_SCHED, &t->state) && !test_bit(TASKLET_STATE_RUN, &t->state));
}

void tasklet_init(void)
{
    open_softirq(TASKLET_SOFTIRQ, tasklet_action);
    open_softirq(HI_SOFTIRQ, tasklet_hi_action);
}
