/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/interrupt.h>: interrupt lines, softirqs and tasklets.
 *
 * Handlers run in the line's DDEKit thread irqXX, softirqs and tasklets in .softirqd. Left out: threaded
 * handlers, affinity, wake-up sources.
 */
#ifndef DDE_LINUX_INTERRUPT_H
#define DDE_LINUX_INTERRUPT_H

#include <linux/atomic.h>
#include <linux/bottom_half.h>
#include <linux/hardirq.h>
#include <linux/irqflags.h>
#include <linux/irqreturn.h>
#include <linux/list.h>
#include <linux/types.h>

#define IRQF_SHARED 0x00000080
#define IRQF_PROBE_SHARED 0x00000100 /* a refusal is expected and needs no message; there is none anyway */
#define IRQF_NO_SUSPEND 0x00004000   /* the line's handlers run while devices sleep */
#define IRQF_TRIGGER_NONE 0x00000000

typedef irqreturn_t (*irq_handler_t)(int irq, void *dev_id);

/*
 * Add a handler to a line; all handlers of a line are called for each interrupt. dev_id tells them apart.
 * Returns 0; -EBUSY when the line is in use and not all its users share it; -EINVAL; -ENOMEM.
 */
int request_irq(unsigned int irq, irq_handler_t handler, unsigned long flags, const char *name, void *dev_id);
/* Remove it. When this returns the handler does not run. Not from a handler, nor with its locks held. */
const void *free_irq(unsigned int irq, void *dev_id);

/* Calls nest, and each wants its enable_irq. disable_irq may sleep. Within a handler of the line the others
 * do not wait for it. DDEKit knows no disable that never waits, so outside of handlers disable_irq_nosync
 * waits, too: not with a lock held that the handler takes. */
void disable_irq(unsigned int irq);
void disable_irq_nosync(unsigned int irq);
/* Also waits, if need be; true, since there are no handlers with threads of their own. */
bool disable_hardirq(unsigned int irq);
void enable_irq(unsigned int irq);
/* For lockdep they are different: the handler cannot run while the caller holds its locks. */
#define disable_irq_nosync_lockdep(irq) disable_irq_nosync(irq)
#define disable_irq_nosync_lockdep_irqsave(irq, flags) ((void)(*(flags) = 0), disable_irq_nosync(irq))
#define enable_irq_lockdep(irq) enable_irq(irq)
#define enable_irq_lockdep_irqrestore(irq, flags) ((void)*(flags), enable_irq(irq))

/* Looking for a card's line by trying it is for cards without PCI: 0, none was found. */
static inline unsigned long probe_irq_on(void)
{
    return 0;
}

static inline int probe_irq_off(unsigned long lines __always_unused)
{
    return 0;
}

/* Wait until no handler of the line runs that ran at the call; may sleep. Not from a handler, nor with its
 * locks held. */
void synchronize_irq(unsigned int irq);

struct cpumask;

/* How interrupts of a device are to be spread over CPUs: the first and the last ones are not. */
struct irq_affinity {
    unsigned int pre_vectors, post_vectors;
};

/* There is one CPU. */
static inline int irq_set_affinity_hint(unsigned int irq __always_unused,
                                        const struct cpumask *mask __always_unused)
{
    return 0;
}

/* Lower numbers run first. */
enum {
    HI_SOFTIRQ,
    TIMER_SOFTIRQ,
    NET_TX_SOFTIRQ,
    NET_RX_SOFTIRQ,
    TASKLET_SOFTIRQ,
    HRTIMER_SOFTIRQ,
    RCU_SOFTIRQ,
    NR_SOFTIRQS
};

/* Set a softirq's function; before any is raised. */
void open_softirq(int nr, void (*action)(void));
/* Mark it pending and see to it that .softirqd runs: now, or at the end of the interrupt handler. */
void raise_softirq(unsigned int nr);
#define raise_softirq_irqoff(nr) raise_softirq(nr)
#define __raise_softirq_irqoff(nr) raise_softirq(nr)

struct tasklet_struct {
    struct list_head entry; /* next is null when not queued */
    unsigned long state;    /* enum tasklet_state bits */
    atomic_t count;         /* 0: enabled */
    void (*callback)(struct tasklet_struct *t);
};

enum tasklet_state {
    TASKLET_STATE_SCHED,  /* to be run */
    TASKLET_STATE_RUN,    /* running */
    TASKLET_STATE_HI,     /* by the hi softirq */
    TASKLET_STATE_PARKED, /* its turn came while it was disabled */
};

void tasklet_setup(struct tasklet_struct *t, void (*callback)(struct tasklet_struct *));
void tasklet_schedule(struct tasklet_struct *t);
void tasklet_hi_schedule(struct tasklet_struct *t);
/* Keep it from running; the first two forms wait until it does not run, the second of them without sleeping.
 * Calls nest. */
void tasklet_disable(struct tasklet_struct *t);
void tasklet_disable_in_atomic(struct tasklet_struct *t);
void tasklet_disable_nosync(struct tasklet_struct *t);
void tasklet_enable(struct tasklet_struct *t);
/* Wait until it has run, if it is to. Nobody may schedule it again. */
void tasklet_kill(struct tasklet_struct *t);
#define from_tasklet(var, callback_tasklet, member) container_of(callback_tasklet, __typeof__(*var), member)

#endif
