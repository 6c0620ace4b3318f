/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interrupt controller: level-triggered lines, as PCI uses them.
 *
 * A line is the OR of its sources. When a line is high, unmasked and has a receiver, the controller masks the
 * line and delivers once. irq_unmask() delivers again if the line is still high: a level cannot be lost.
 *
 * Locking: the controller has one lock, held while it calls a receiver. Device models may call it with their
 * own lock held. A receiver must not call back into the controller, nor block.
 *
 * Left out: edge triggering, priorities, routing (a source names its line itself), and the registers of a
 * real controller: the kernel drives it, and the kernel is harness/mach.
 */
#ifndef HARNESS_MACHINE_IRQ_H
#define HARNESS_MACHINE_IRQ_H

#include <stdbool.h>

#define IRQ_LINES 24u
#define IRQ_SOURCES_MAX 32u

/* A number for one more device that raises interrupts, unique in the machine: 0 .. IRQ_SOURCES_MAX-1. */
unsigned irq_source_allocate(void);

/* Device side: this source pulls the line, or lets go. Both are idempotent. Calls for one source must not
 * overlap: the device's own lock is held. */
void irq_line_assert(unsigned line, unsigned source);
void irq_line_deassert(unsigned line, unsigned source);

/* Kernel side. Takes one interrupt; returns false when there is nobody any more to take it: the line then
 * loses its receiver. */
typedef bool irq_receiver(unsigned line, void *context);

/* Set (or with NULL remove) the receiver of a line, and unmask (or mask) it. Returns false, with nothing
 * changed, when the line has a receiver already and `receiver` is not NULL. After a removal returns, the
 * receiver does not run any more. */
bool irq_set_receiver(unsigned line, irq_receiver *receiver, void *context);

void irq_mask(unsigned line);
/* Unmask, and deliver at once if the line is high. Does nothing to a line without a receiver. */
void irq_unmask(unsigned line);

/* For tests and reports. */
struct irq_line_state {
    bool high;
    bool masked;
    bool has_receiver;
    unsigned long delivered; /* interrupts since power-on */
};
struct irq_line_state irq_line_state(unsigned line);

#endif
