/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit interrupts: one thread per attached line, which gets the line's interrupts as messages.
 *
 * The handler runs with the line's irqlock held, so a handler that disables or enables its own line already
 * has the lock; who holds it is asked of the lock. Locks, conditions and counts exist from ddekit_init_irqs()
 * on, before any thread that uses them.
 */
#include <stdbool.h>
#include <stdio.h>
#include <device/device.h>
#include <hurd.h>
#include <ddekit/assert.h>
#include <ddekit/condvar.h>
#include <ddekit/debug.h>
#include <ddekit/interrupt.h>
#include <ddekit/printf.h>

/* From detach to the line's thread; the kernel's own messages have MACH_INTR_NOTIFY. */
#define DETACH_MESSAGE_ID 424243

struct irq_line {
    int irq;
    ddekit_lock_t irqlock;
    ddekit_condvar_t *changed; /* disabled fell to 0, detaching was set, or in_use was cleared */

    /* With irqlock: */
    bool in_use;
    bool detaching;    /* the thread is to end, and runs the handler no more */
    bool suspended;    /* to be attached again as it was */
    unsigned disabled; /* disables that no enable has undone */

    /* Set before the thread exists, constant as long as it does: */
    mach_port_t port;
    void (*thread_init)(void *);
    void (*handler)(void *);
    void *priv;
};

/* The machine's lines and messages, and the right to its interrupts. */
static struct irq_line lines[DDEKIT_IRQS];
static mach_port_t device_master;

void ddekit_init_irqs(void)
{
    error_t error;

    if (device_master != MACH_PORT_NULL)
        return;
    error = get_privileged_ports(NULL, &device_master);
    ddekit_assert(!error);
    for (int irq = 0; irq < DDEKIT_IRQS; irq++) {
        char name[32];

        lines[irq].irq = irq;
        ddekit_lock_init(&lines[irq].irqlock);
        snprintf(name, sizeof name, "irqlock of line %02x", (unsigned)irq);
        ddekit_lock_set_name(&lines[irq].irqlock, name);
        lines[irq].changed = ddekit_condvar_init();
        snprintf(name, sizeof name, "enabling of line %02x", (unsigned)irq);
        ddekit_condvar_set_name(lines[irq].changed, name);
    }
}

static struct irq_line *line_of(int irq)
{
    return irq >= 0 && irq < DDEKIT_IRQS ? &lines[irq] : NULL;
}

int ddekit_interrupt_messages(int count, ddekit_uint64_t *address)
{
    int first;

    return device_intr_messages(device_master, count, &first, address) == D_SUCCESS ? first : -1;
}

void ddekit_interrupt_messages_free(int first, int count)
{
    device_intr_messages_free(device_master, first, count);
}

/* Whether the caller is inside the line's handler: nobody else asks while it has the lock. */
static bool is_inside_handler(struct irq_line *line)
{
    return ddekit_lock_owner(&line->irqlock) == ddekit_thread_myself();
}

/* Waits for the next interrupt. Returns false when there will be none any more. */
static bool receive_interrupt(struct irq_line *line)
{
    mach_intr_notification_t message;
    mach_msg_return_t error;

    do {
        error = mach_msg(&message.intr_header, MACH_RCV_MSG, 0, sizeof message, line->port,
                         MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL);
        if (error || message.intr_header.msgh_id == DETACH_MESSAGE_ID)
            return false;
    } while (message.intr_header.msgh_id != MACH_INTR_NOTIFY || message.line != line->irq);
    return true;
}

static void handle_interrupt(struct irq_line *line)
{
    ddekit_lock_lock(&line->irqlock);
    while (line->disabled && !line->detaching)
        ddekit_condvar_wait(line->changed, &line->irqlock);
    if (!line->detaching) {
        line->handler(line->priv);
        if (!line->detaching)
            device_intr_enable(device_master, line->irq, TRUE);
    }
    ddekit_lock_unlock(&line->irqlock);
}

static void irq_thread(void *argument)
{
    struct irq_line *line = argument;

    if (line->thread_init)
        line->thread_init(line->priv);
    while (receive_interrupt(line))
        handle_interrupt(line);

    ddekit_lock_lock(&line->irqlock);
    mach_port_destroy(mach_task_self(), line->port);
    line->in_use = false;
    ddekit_condvar_broadcast(line->changed);
    ddekit_lock_unlock(&line->irqlock);
}

static bool create_port(struct irq_line *line)
{
    if (mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &line->port))
        return false;
    if (mach_port_insert_right(mach_task_self(), line->port, line->port, MACH_MSG_TYPE_MAKE_SEND)) {
        mach_port_destroy(mach_task_self(), line->port);
        return false;
    }
    return true;
}

static void unregister(struct irq_line *line)
{
    device_intr_register(device_master, line->irq, 0, 0, MACH_PORT_NULL, MACH_MSG_TYPE_COPY_SEND);
}

/* irqlock is held: an interrupt that comes before its release has to wait. Undoes everything on failure. */
static ddekit_thread_t *start_line(struct irq_line *line)
{
    ddekit_thread_t *thread = NULL;
    kern_return_t error;
    char name[DDEKIT_THREAD_NAME_MAX];

    line->detaching = line->suspended = false;
    if (!create_port(line)) {
        ddekit_printf("irq %d: no port\n", line->irq);
        return NULL;
    }
    error = device_intr_register(device_master, line->irq, 0, 0, line->port, MACH_MSG_TYPE_COPY_SEND);
    if (error) {
        ddekit_printf("irq %d: cannot be registered: error %d\n", line->irq, error);
    } else {
        snprintf(name, sizeof name, "irq%02x", (unsigned)line->irq);
        thread = ddekit_thread_create(irq_thread, line, name);
        if (!thread)
            unregister(line);
    }
    if (!thread)
        mach_port_destroy(mach_task_self(), line->port);
    line->in_use = thread != NULL;
    return thread;
}

ddekit_thread_t *ddekit_interrupt_attach(int irq, int shared, void (*thread_init)(void *),
                                         void (*handler)(void *), void *priv)
{
    struct irq_line *line = line_of(irq);
    ddekit_thread_t *thread = NULL;

    (void)shared; /* every line may be shared on a level-triggered bus */
    if (!line || !handler || is_inside_handler(line))
        return NULL;
    ddekit_lock_lock(&line->irqlock);
    if (!line->in_use) {
        line->thread_init = thread_init;
        line->handler = handler;
        line->priv = priv;
        line->disabled = 0;
        thread = start_line(line);
    }
    ddekit_lock_unlock(&line->irqlock);
    return thread;
}

/* irqlock is held. The thread may be waiting for the line to be enabled, or for a message. */
static void begin_detach(struct irq_line *line)
{
    mach_msg_header_t message = {
        .msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0),
        .msgh_size = sizeof message,
        .msgh_remote_port = line->port,
        .msgh_id = DETACH_MESSAGE_ID,
    };

    line->detaching = true;
    ddekit_condvar_broadcast(line->changed);
    unregister(line);
    /* There is room: the port holds one interrupt at most, since each masks its line. */
    mach_msg(&message, MACH_SEND_MSG, sizeof message, 0, MACH_PORT_NULL, MACH_MSG_TIMEOUT_NONE,
             MACH_PORT_NULL);
}

/* irqlock is held, and the caller is not inside the handler. */
static void detach_and_wait(struct irq_line *line)
{
    if (line->in_use && !line->detaching)
        begin_detach(line);
    while (line->in_use && line->detaching)
        ddekit_condvar_wait(line->changed, &line->irqlock);
}

void ddekit_interrupt_detach(int irq)
{
    struct irq_line *line = line_of(irq);

    if (!line)
        return;
    if (is_inside_handler(line)) {
        if (!line->detaching)
            begin_detach(line);
        return;
    }
    ddekit_lock_lock(&line->irqlock);
    line->suspended = false;
    detach_and_wait(line);
    ddekit_lock_unlock(&line->irqlock);
}

void ddekit_interrupt_suspend(int irq)
{
    struct irq_line *line = line_of(irq);

    if (!line || is_inside_handler(line))
        return;
    ddekit_lock_lock(&line->irqlock);
    line->suspended = line->in_use && !line->detaching;
    detach_and_wait(line);
    ddekit_lock_unlock(&line->irqlock);
}

int ddekit_interrupt_resume(int irq)
{
    struct irq_line *line = line_of(irq);
    bool refused;

    if (!line)
        return 0;
    ddekit_lock_lock(&line->irqlock);
    refused = line->suspended && !start_line(line);
    ddekit_lock_unlock(&line->irqlock);
    return refused ? -1 : 0;
}

void ddekit_interrupt_disable(int irq)
{
    struct irq_line *line = line_of(irq);
    bool inside;

    if (!line)
        return;
    inside = is_inside_handler(line);
    if (!inside)
        ddekit_lock_lock(&line->irqlock);
    if (line->in_use || line->suspended)
        line->disabled++;
    if (!inside)
        ddekit_lock_unlock(&line->irqlock);
}

void ddekit_interrupt_enable(int irq)
{
    struct irq_line *line = line_of(irq);
    bool inside;

    if (!line)
        return;
    inside = is_inside_handler(line);
    if (!inside)
        ddekit_lock_lock(&line->irqlock);
    if (line->disabled && --line->disabled == 0)
        ddekit_condvar_broadcast(line->changed);
    if (!inside)
        ddekit_lock_unlock(&line->irqlock);
}
