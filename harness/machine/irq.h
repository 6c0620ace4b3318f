/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interrupt controller: level-triggered lines, as PCI uses them, and messages (PCI Local Bus
 * Specification 3.0, section 6.8). Both are numbers, lines first.
 *
 * A line is the OR of its sources. When a line is high, unmasked and has a receiver, the controller masks the
 * line and delivers once. irq_unmask() delivers again if the line is still high: a level cannot be lost.
 * A message is an edge: it is delivered once, or, when its number is masked or has no receiver, stays
 * pending until that ends. Messages of one number that come meanwhile become one.
 *
 * Locking: the controller has one lock, held while it calls a receiver. Device models may call it with their
 * own lock held. A receiver must not call back into the controller, nor block.
 *
 * Left out: edge-triggered lines, priorities, and the registers of a real controller: the kernel drives it,
 * and the kernel is harness/mach.
 */
#ifndef HARNESS_MACHINE_IRQ_H
#define HARNESS_MACHINE_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#define IRQ_LINES 24u
#define IRQ_MESSAGES 40u /* their numbers follow the lines' */
#define IRQ_NUMBERS (IRQ_LINES + IRQ_MESSAGES)
#define IRQ_SOURCES_MAX 32u

/* Where devices write messages: 32 bits, the interrupt's number. */
#define IRQ_MESSAGE_ADDRESS UINT64_C(0xfee00000)

/* A number for one more device that raises interrupts, unique in the machine: 0 .. IRQ_SOURCES_MAX-1. The
 * name is for reports. */
unsigned irq_source_allocate(const char *name);

/* Device side: this source pulls the line, or lets go. Both are idempotent. Calls for one source must not
 * overlap: the device's own lock is held. */
void irq_line_assert(unsigned line, unsigned source);
void irq_line_deassert(unsigned line, unsigned source);

/* Noise: the line is high for a moment, long enough for the controller to see it, for no source's sake. */
void irq_line_pulse(unsigned line);

/* Cut a source off from its line, or connect it again: what it drives counts only while it is connected. All
 * are at first. */
void irq_source_connect(unsigned line, unsigned source, bool connected);
/* Whether it drives its line, connected or not. */
bool irq_source_asserted(unsigned line, unsigned source);

/* The finding that comes next has to do with those that pull the line now: see lockcheck_tell_of. */
void irq_tell_of_sources(unsigned line);

/* A message has been written to IRQ_MESSAGE_ADDRESS. Returns false when `number` is not a message's. */
bool irq_message(uint32_t number);

/* Kernel side; `number` is a line or a message. Takes one interrupt; returns false when there is nobody any
 * more to take it: the number then loses its receiver. */
typedef bool irq_receiver(unsigned number, void *context);

/* Set (or with NULL remove) the receiver of a number, and unmask (or mask) it. Returns false, with nothing
 * changed, when it has a receiver already and `receiver` is not NULL. After a removal returns, the receiver
 * does not run any more, and a pending message is forgotten. */
bool irq_set_receiver(unsigned number, irq_receiver *receiver, void *context);

void irq_mask(unsigned number);
/* Unmask, and deliver at once if the line is high or a message pending. Does nothing without a receiver. */
void irq_unmask(unsigned number);

/* For tests and reports. */
struct irq_line_state {
    bool high; /* or pending */
    bool masked;
    bool has_receiver;
    unsigned long delivered; /* interrupts since power-on */
};
struct irq_line_state irq_line_state(unsigned number);

#endif
