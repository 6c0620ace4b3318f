/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the Linux environment share with each other and with nobody else.
 *
 * Lock order, outermost first (a thread that holds one takes only later ones):
 *
 *   irq line setup, rtnl, netdev list
 *   DDEKit's irqlock, the line's handler lock
 *   an hrtimer's function lock
 *   a device's address lists
 *   the drivers' own locks, a queue's xmit lock
 *   a queue's qdisc lock
 *   workqueue lock
 *   timer list lock, hrtimers' base lock
 *   NAPI list, transmit lists, tasklet list, RCU's callbacks, wait lock: leaves; below them only DDEKit's
 * semaphores and timers
 */
#ifndef DDE_LINUX_INTERNAL_H
#define DDE_LINUX_INTERNAL_H

#include <ddekit/debug.h>
#include <ddekit/lock.h>
#include <ddekit/semaphore.h>
#include <ddekit/thread.h>
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/wait.h>

#define TASK_NAME_MAX 32

/* A thread as Linux code sees it: a CPU of its own. Only the thread itself uses the fields below `state`,
 * unless they say otherwise. */
struct task_struct {
    long state;          /* TASK_*, changed only atomically, by anybody */
    ddekit_sem_t *sleep; /* one token for each claim, see <linux/sched.h>; upped by whoever claimed. NULL
                          * until the thread first sets a sleeping state */
    atomic_t usage;
    bool armed;        /* state was set to a sleeping one, and no token has been taken for it yet */
    bool softirq_owed; /* it raised a softirq in an interrupt handler and has yet to up the semaphore */
    bool in_softirq;
    int irqs_off;               /* local_irq_disable calls */
    int softirqs_off;           /* local_bh_disable calls */
    int hardirq;                /* interrupt handlers it is in */
    unsigned int hardirq_reads; /* of registers, in this interrupt */
    int rcu_nesting;
    int rcu_index;     /* which counter the outermost read side is in */
    const char *stack; /* where it was when it became this thread's record: what it does later lies below */
    struct page_frag frag; /* that the next pieces for frames are cut from; see frag.c */
    char comm[TASK_NAME_MAX];

    int (*threadfn)(void *data); /* kernel threads only, as all that follows */
    void *data;
    ddekit_sem_t *started;
    int result;
    bool should_stop; /* set by kthread_stop, atomically */
    struct completion exited;
};

/* task.c: a record for a new thread, with one reference; NULL when there is no memory. */
struct task_struct *task_create(const char *name);
void task_put(struct task_struct *task);
/* Make it the calling thread's. */
void task_set_current(struct task_struct *task);

/* frag.c: give back what a thread that ends has. */
void frag_release(struct task_struct *task);

/* Whether the memory lies on the calling thread's stack. What functions have there that were entered before
 * the thread's first Linux call is not known. */
bool task_stack_has(const void *memory);

/* Wait as schedule() does, for what Linux would spin for: in any context. */
void task_wait(struct task_struct *task);

/* wait.c: the one lock of all wait queues and completions. */
void wait_lock(void);
void wait_unlock(void);
/* Wait where Linux would spin, in any context, until done(what); who makes it so wakes the queue. */
void spin_until(wait_queue_head_t *wq, bool (*done)(const void *what), const void *what);

/* assert.c: complain that the calling thread waits for the end of the function that it is in. */
void report_wait_for_itself(const char *function);
/* assert.c: whether what the calling thread has called has returned where it must not sleep; complains then.
 */
bool report_leaked_context(const char *function);
/* assert.c: complain that no handler took the last `times` interrupts of a line. */
void report_nobody_cared(unsigned int irq, unsigned int times);

/* irq.c: a handler of the environment's own, on a line that devices may share; it stays, and runs while
 * devices sleep. As request_irq. */
int request_irq_for_ever(unsigned int irq, irq_handler_t handler, const char *name, void *dev_id);
/* irq.c: between these two devices sleep, and no handler runs; but see IRQF_NO_SUSPEND. */
void irq_suspend_all(void);
void irq_resume_all(void);

/* softirq.c */
void softirq_init(void);
/* Called by the interrupt thread after the handlers of a line have run. */
void softirq_irq_exit(void);
/* Whether the caller is .softirqd. */
bool softirq_is_current(void);

/* timer.c: wait until the timer's function does not run, without stopping the timer. Not in .softirqd. */
struct timer_list;
void timer_wait_function(const struct timer_list *timer);
/* timer.c: timer_setup for who tells of a pending timer himself. Returns whether it was. */
bool timer_setup_anyway(struct timer_list *timer, void (*function)(struct timer_list *), unsigned int flags);

static inline bool lies_in(const void *what, const void *memory, size_t size)
{
    return (uintptr_t)what - (uintptr_t)memory < size;
}

/* Whether an entry of the list lies in that memory. */
static inline bool list_reaches_into(const struct list_head *list, const void *memory, size_t size)
{
    const struct list_head *entry;

    list_for_each(entry, list)
    {
        if (lies_in(entry, memory, size))
            return true;
    }
    return false;
}

/* Take it out of the list that it is in. False: it was in none, and its next is null. */
static inline bool list_detach(struct list_head *entry)
{
    if (!entry->next)
        return false;
    list_del(entry);
    return true;
}

/* timer.c, hrtimer.c, workqueue.c: whether a timer of that memory is pending or due, or work of it is queued;
 * also_running: or a function of theirs runs, and not in the calling thread. */
bool timer_lies_in(const void *memory, size_t size, bool also_running);
bool hrtimer_lies_in(const void *memory, size_t size, bool also_running) __weak;
bool work_lies_in(const void *memory, size_t size, bool also_running);

/* memory.c: this entry of one of these becomes pending: kfree will look at the memory that it lies in. */
void note_pending(const void *entry);
/* memory.c: this memory is being freed; a finding when something in it is pending, or runs and that counts,
 * too: they would be used behind their end. */
void check_idle(const void *memory, size_t size, const char *name, bool also_running);

/* One per subsystem, called once by dde_linux_init. */
void wait_init(void);
void rcu_init(void);
void timer_init(void);
void tasklet_init(void);
void workqueue_init(void);
void irq_init(void);
void pci_init(void);
void napi_init(void);
void xmit_init(void);
void linkwatch_init(void);
/* hrtimer.c: weak, as hrtimer_lies_in, so that only a driver that has hrtimers has it linked in. */
void hrtimer_system_init(void) __weak;

/* dma.c: what the machine's IOMMU knows a PCI function by; NULL when there is no such function. */
void *machine_dma_domain(unsigned int bus, unsigned int slot, unsigned int func);

/* dma.c: a driver has left the device; a finding when it has left mappings behind. */
struct device;
void dma_check_released(struct device *dev, const char *driver);
/* dma.c: this memory is being freed; a finding when a device may still use it. */
void dma_check_freed(const void *memory, size_t size);

/* msi.c: give a device its message-signalled interrupts again, after a reset. */
struct pci_dev;
void msi_restore(struct pci_dev *dev);

/* pci.c: the devices that have a driver. */
int pci_bound_devices(void);

struct net_device;
struct netdev_queue;

#define for_each_tx_queue(txq, dev)                                                                          \
    for ((txq) = (dev)->_tx; (txq) < (dev)->_tx + (dev)->num_tx_queues; (txq)++)

/* xmit.c: the queues of a device, see there. */
int qdisc_create(struct net_device *dev); /* 0 or -ENOMEM; not active */
void qdisc_destroy(struct net_device *dev);
void qdisc_activate(struct net_device *dev); /* under rtnl, as the next */
void qdisc_deactivate(struct net_device *dev);
bool qdisc_is_active(const struct net_device *dev); /* of a registered device */

/* gro.c: what a napi_struct has merged and not handed up; for who polls it, or has it for himself. */
struct napi_struct;
void gro_init(struct napi_struct *napi);        /* nothing yet */
void gro_finish_poll(struct napi_struct *napi); /* hand all of it up */
void gro_release(struct napi_struct *napi);     /* free it, napi_get_frags' buffer included */

/* linkwatch.c: drop the events of a device that goes away; under rtnl. */
void linkwatch_forget(struct net_device *dev);

#endif
