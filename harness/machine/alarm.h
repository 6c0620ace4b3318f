/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's one-shot timer: a comparator on the machine's clock that pulls an interrupt line, like a
 * timer of an HPET in non-periodic, level-triggered mode ("IA-PC HPET (High Precision Event Timers)
 * Specification", 1.0a, section 2.3.9.2.1).
 *
 * The line goes up when the clock reaches the comparator and stays up until the interrupt is acknowledged;
 * what is set meanwhile is heeded afterwards or, when its time comes first, is part of the same interrupt.
 *
 * Left out: its registers, periodic mode, and more than one comparator: kernels build the rest on one.
 */
#ifndef HARNESS_MACHINE_ALARM_H
#define HARNESS_MACHINE_ALARM_H

#include <stdbool.h>
#include <stdint.h>

#define ALARM_LINE 8u /* where legacy replacement routing has the second timer (2.3.3) */

/* Power the timer on: it gets a thread, "alarm". Nothing is set. Before its first use, and only once. */
void alarm_create(void);

/* Set the comparator, on the clock of machine_now_ns(), in the place of what was set; MACHINE_NEVER for
 * nothing. A time that is past is due at once. */
void alarm_set(uint64_t deadline_ns);

/* Take the interrupt: the line goes down. Returns whether this timer had pulled it. */
bool alarm_acknowledge(void);

#endif
