/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: interrupts. Each attached line has a thread of its own, irqXX (XX: the line in hex), and a lock,
 * irqlock, that is held while the handler runs.
 *
 * Level-triggered lines: the machine masks a line when it reports an interrupt; the line's thread unmasks it
 * after the handler.
 */
#ifndef DDEKIT_INTERRUPT_H
#define DDEKIT_INTERRUPT_H

#include <ddekit/thread.h>
#include <ddekit/types.h>

#define DDEKIT_IRQ_LINES 24 /* lines 0 to 23 */
#define DDEKIT_IRQS 64      /* with the numbers of message-signalled interrupts, which follow */

void ddekit_init_irqs(void);

/*
 * Takes numbers for message-signalled interrupts, to be used as lines in all that follows: a device that
 * writes one of them, 32 bits, to the bus address *address interrupts. Messages that come while one is
 * handled become one interrupt. count is a power of two; returns the first number, a multiple of count, or -1
 * when there are not so many left. The original DDEKit has no such interrupts.
 */
int ddekit_interrupt_messages(int count, ddekit_uint64_t *address);
/* Gives them back, when none of them is attached. */
void ddekit_interrupt_messages_free(int first, int count);

/* Starts the thread of a line: it calls thread_init(priv) once if that is not NULL, and then handler(priv)
 * for each interrupt. priv stays the caller's. shared says that other programs may use the line, too; within
 * one program a line is attached once. A new line is enabled. Returns the line's thread; NULL when there is
 * no such line, it is attached already, or the machine refused. */
ddekit_thread_t *ddekit_interrupt_attach(int irq, int shared, void (*thread_init)(void *),
                                         void (*handler)(void *), void *priv);

/* Ends the thread of a line. When this returns the handler does not run and will not, and the line may be
 * attached again. From inside the handler: the thread ends after the handler, and until then the line stays
 * in use. Must not be called with a lock held that the handler takes. A line that is not attached is left
 * alone. */
void ddekit_interrupt_detach(int irq);

/* Detach a line for a while, not from inside the handler, and attach it again as it was: what has disabled it
 * stays in force, and disables and enables count in between. An interrupt that has found no thread to handle
 * it is forgotten; a line that is high at the end interrupts anew. A detach or an attach in between ends the
 * suspension. resume returns 0, also when the line is not suspended; -1 when the machine refused. The
 * original DDEKit has no such functions. */
void ddekit_interrupt_suspend(int irq);
int ddekit_interrupt_resume(int irq);

/* No handler of the line runs from the return of disable until as many enables have been made. An interrupt
 * that comes in between is kept. disable waits for a handler that runs (so must not be called with a lock
 * held that the handler takes); both may be called inside the handler, where disable acts on the interrupts
 * after the present one. */
void ddekit_interrupt_disable(int irq);
void ddekit_interrupt_enable(int irq);

#endif
