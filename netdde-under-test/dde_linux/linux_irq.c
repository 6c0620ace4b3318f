/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt lines: the handlers of a line, called from its DDEKit thread. See <linux/interrupt.h>. Numbers of
 * message-signalled interrupts are lines here.
 *
 * A line's handler lock is held while its handlers run. So nobody changes the list under them, and whoever
 * removes a handler, or synchronizes, need only take the lock to know that none runs.
 */
#include <stdio.h>

#include <ddekit/interrupt.h>

#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/kmemleak.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "netdde-under-test/dde_linux/internal.h"

/* Interrupts in a row that no handler took, before a line is given up. Linux gives it up when so many are
 * 99,900 of 100,000; a line that nobody lowers never gets one that is taken in between. */
#define UNHANDLED_MAX 1000

struct irq_handler {
    struct list_head entry;
    irq_handler_t function;
    void *dev_id;
    unsigned long flags;
    const char *name;
};

struct irq_line {
    struct irq_data data;
    spinlock_t lock;
    struct list_head handlers;  /* under the lock */
    struct task_struct *task;   /* of its DDEKit thread; made once, the line may get another thread later */
    struct task_struct *thread; /* the same while a handler runs, else NULL; atomically */
    bool sleeps;                /* under irq_setup_mutex: see irq_suspend_all */
    atomic_t disabled;          /* disables that no enable has undone */
    unsigned int unhandled;     /* interrupts in a row that no handler took; its thread's */
};

static struct irq_line lines[DDEKIT_IRQS];
static DEFINE_MUTEX(irq_setup_mutex); /* attaching and detaching of lines */

/* In the line's new thread. */
static void line_thread_init(void *argument)
{
    struct irq_line *line = argument;

    task_set_current(line->task);
}

static void line_interrupt(void *argument)
{
    struct irq_line *line = argument;
    struct task_struct *task = current;
    struct irq_handler *handler;
    irqreturn_t taken = IRQ_NONE;

    task->hardirq++;
    task->hardirq_reads = 0;
    spin_lock(&line->lock);
    __atomic_store_n(&line->thread, task, __ATOMIC_SEQ_CST);
    list_for_each_entry(handler, &line->handlers, entry) taken |=
        handler->function((int)line->data.irq, handler->dev_id);
    line->unhandled = taken == IRQ_NONE ? line->unhandled + 1 : 0;
    if (line->unhandled == UNHANDLED_MAX) {
        report_nobody_cared(line->data.irq, line->unhandled);
        disable_irq_nosync(line->data.irq);
    }
    __atomic_store_n(&line->thread, NULL, __ATOMIC_SEQ_CST);
    spin_unlock(&line->lock);
    task->hardirq--;
    softirq_irq_exit();
}

static bool may_share(struct irq_line *line, unsigned long flags)
{
    struct irq_handler *handler;

    list_for_each_entry(handler, &line->handlers, entry)
    {
        if (!(handler->flags & flags & IRQF_SHARED))
            return false;
    }
    return true;
}

/* Under irq_setup_mutex: give the line its thread. */
static bool line_attach(struct irq_line *line, unsigned long flags)
{
    char name[TASK_NAME_MAX];

    atomic_set(&line->disabled, 0);
    line->unhandled = 0;
    if (!line->task) {
        snprintf(name, sizeof(name), "irq%02x", line->data.irq);
        line->task = task_create(name);
    }
    return line->task && ddekit_interrupt_attach((int)line->data.irq, (flags & IRQF_SHARED) != 0,
                                                 line_thread_init, line_interrupt, line);
}

/* Under irq_setup_mutex. Returns 0 or -EBUSY; on an error the handler is not in the list. */
static int line_add(struct irq_line *line, struct irq_handler *handler)
{
    unsigned long flags;
    bool first;

    spin_lock_irqsave(&line->lock, flags);
    if (!may_share(line, handler->flags)) {
        spin_unlock_irqrestore(&line->lock, flags);
        return -EBUSY;
    }
    first = list_empty(&line->handlers);
    list_add_tail(&handler->entry, &line->handlers);
    spin_unlock_irqrestore(&line->lock, flags);
    if (!first || line_attach(line, handler->flags))
        return 0;
    spin_lock_irqsave(&line->lock, flags);
    list_del(&handler->entry);
    spin_unlock_irqrestore(&line->lock, flags);
    return -EBUSY;
}

/* Under the line's lock. */
static struct irq_handler *line_find(struct irq_line *line, void *dev_id)
{
    struct irq_handler *handler;

    list_for_each_entry(handler, &line->handlers, entry)
    {
        if (handler->dev_id == dev_id)
            return handler;
    }
    return NULL;
}

int request_irq(unsigned int irq, irq_handler_t function, unsigned long flags, const char *name, void *dev_id)
{
    struct irq_handler *handler;
    int rc;

    if (irq >= DDEKIT_IRQS || !function || ((flags & IRQF_SHARED) && !dev_id))
        return -EINVAL;
    handler = kzalloc(sizeof(*handler), GFP_KERNEL);
    if (!handler)
        return -ENOMEM;
    *handler = (struct irq_handler){.function = function, .dev_id = dev_id, .flags = flags, .name = name};
    mutex_lock(&irq_setup_mutex);
    rc = line_add(&lines[irq], handler);
    mutex_unlock(&irq_setup_mutex);
    if (rc)
        kfree(handler);
    return rc;
}

int request_irq_for_ever(unsigned int irq, irq_handler_t function, const char *name, void *dev_id)
{
    unsigned long flags;
    int rc = request_irq(irq, function, IRQF_SHARED | IRQF_NO_SUSPEND, name, dev_id);

    if (rc)
        return rc;
    spin_lock_irqsave(&lines[irq].lock, flags);
    kmemleak_not_leak(line_find(&lines[irq], dev_id));
    spin_unlock_irqrestore(&lines[irq].lock, flags);
    return 0;
}

const void *free_irq(unsigned int irq, void *dev_id)
{
    struct irq_handler *handler;
    const char *name = NULL;
    unsigned long flags;
    bool last = false;

    if (WARN_ON(irq >= DDEKIT_IRQS))
        return NULL;
    mutex_lock(&irq_setup_mutex);
    spin_lock_irqsave(&lines[irq].lock, flags);
    handler = line_find(&lines[irq], dev_id);
    if (handler) {
        list_del(&handler->entry);
        last = list_empty(&lines[irq].handlers);
    }
    spin_unlock_irqrestore(&lines[irq].lock, flags);
    if (last)
        ddekit_interrupt_detach((int)irq);
    mutex_unlock(&irq_setup_mutex);
    if (!WARN_ON(!handler))
        name = handler->name;
    kfree(handler);
    return name;
}

/* Unless the line's own handler asks, DDEKit waits until none runs. */
void disable_irq_nosync(unsigned int irq)
{
    if (irq >= DDEKIT_IRQS)
        return;
    ddekit_interrupt_disable((int)irq);
    atomic_inc(&lines[irq].disabled);
}

void disable_irq(unsigned int irq)
{
    might_sleep();
    disable_irq_nosync(irq);
}

bool disable_hardirq(unsigned int irq)
{
    disable_irq_nosync(irq);
    return true;
}

void enable_irq(unsigned int irq)
{
    if (irq >= DDEKIT_IRQS)
        return;
    if (!WARN(atomic_dec_if_positive(&lines[irq].disabled) < 0, "unbalanced enable for IRQ %u", irq))
        ddekit_interrupt_enable((int)irq);
}

struct irq_data *irq_get_irq_data(unsigned int irq)
{
    return irq < DDEKIT_IRQS ? &lines[irq].data : NULL;
}

bool irqd_irq_disabled(struct irq_data *d)
{
    return atomic_read(&lines[d->irq].disabled) > 0;
}

void synchronize_irq(unsigned int irq)
{
    unsigned long flags;

    might_sleep();
    if (irq >= DDEKIT_IRQS || __atomic_load_n(&lines[irq].thread, __ATOMIC_SEQ_CST) == current)
        return;
    spin_lock_irqsave(&lines[irq].lock, flags);
    spin_unlock_irqrestore(&lines[irq].lock, flags);
}

/* Under irq_setup_mutex. One handler that is to be called keeps the others awake, as in Linux. */
static bool line_may_sleep(struct irq_line *line)
{
    struct irq_handler *handler;

    list_for_each_entry(handler, &line->handlers, entry)
    {
        if (handler->flags & IRQF_NO_SUSPEND)
            return false;
    }
    return !list_empty(&line->handlers);
}

/*
 * As suspend_device_irqs() and resume_device_irqs() do: when the first returns no handler runs, but on lines
 * that do not sleep. An interrupt of a line that comes meanwhile, or has come and found no thread to handle
 * it yet, is forgotten: the line interrupts anew if it is high at the end. A message is kept.
 */
static void line_suspend(struct irq_line *line)
{
    line->sleeps = line_may_sleep(line);
    if (!line->sleeps)
        return;
    if (line->data.irq < DDEKIT_IRQ_LINES)
        ddekit_interrupt_suspend((int)line->data.irq);
    else
        ddekit_interrupt_disable((int)line->data.irq);
}

static void line_resume(struct irq_line *line)
{
    if (line->sleeps && line->data.irq >= DDEKIT_IRQ_LINES)
        ddekit_interrupt_enable((int)line->data.irq);
    else if (line->sleeps)
        WARN_ON(ddekit_interrupt_resume((int)line->data.irq) != 0);
    line->sleeps = false;
}

void irq_suspend_all(void)
{
    mutex_lock(&irq_setup_mutex);
    for (unsigned int i = 0; i < DDEKIT_IRQS; i++)
        line_suspend(&lines[i]);
    mutex_unlock(&irq_setup_mutex);
}

void irq_resume_all(void)
{
    mutex_lock(&irq_setup_mutex);
    for (unsigned int i = 0; i < DDEKIT_IRQS; i++)
        line_resume(&lines[i]);
    mutex_unlock(&irq_setup_mutex);
}

void irq_init(void)
{
    char name[32];

    for (unsigned int i = 0; i < DDEKIT_IRQS; i++) {
        lines[i].data.irq = i;
        snprintf(name, sizeof(name), "handlers of line %02x", i);
        linux_spin_lock_init(&lines[i].lock, name);
        INIT_LIST_HEAD(&lines[i].handlers);
    }
}
