/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts as lockcheck sees them: a handler's beginning and end.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <lockcheck.h>
#include <ddekit/interrupt.h>
#include "wrap.h"

ddekit_thread_t *WRAP(ddekit_interrupt_attach)(int irq, int shared, void (*thread_init)(void *),
                                               void (*handler)(void *), void *priv);
ddekit_thread_t *REAL(ddekit_interrupt_attach)(int irq, int shared, void (*thread_init)(void *),
                                               void (*handler)(void *), void *priv);

/* Kept for ever, as nothing says when the thread of a line has ended: one for each attach of a program's
 * life. */
struct attachment {
    struct attachment *next;
    int irq;
    void (*thread_init)(void *);
    void (*handler)(void *);
    void *priv;
};
static _Atomic(struct attachment *) attachments;

static void init_thread(void *argument)
{
    struct attachment *attachment = argument;

    attachment->thread_init(attachment->priv);
}

static void handle(void *argument)
{
    struct attachment *attachment = argument;

    lockcheck_event(LOCKCHECK_IRQ_ENTER, NULL, attachment->irq);
    attachment->handler(attachment->priv);
    lockcheck_event(LOCKCHECK_IRQ_EXIT, NULL, attachment->irq);
}

ddekit_thread_t *WRAP(ddekit_interrupt_attach)(int irq, int shared, void (*thread_init)(void *),
                                               void (*handler)(void *), void *priv)
{
    struct attachment *attachment = malloc(sizeof *attachment);
    ddekit_thread_t *thread;

    if (!attachment)
        return NULL;
    attachment->irq = irq;
    attachment->thread_init = thread_init;
    attachment->handler = handler;
    attachment->priv = priv;
    thread = REAL(ddekit_interrupt_attach)(irq, shared, thread_init ? init_thread : NULL, handle, attachment);
    if (!thread) {
        free(attachment);
        return NULL;
    }
    attachment->next = atomic_load(&attachments);
    while (!atomic_compare_exchange_weak(&attachments, &attachment->next, attachment)) {
    }
    return thread;
}
