/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: start-up.
 *
 * DDEKit is the small operating-system interface below a Linux driver environment: threads, locks,
 * semaphores, condition variables, timers, interrupts, memory, page tables, PCI and resources. The order of
 * start-up:
 *
 *   ddekit_sync_select()    optional, see ddekit/sync.h
 *   ddekit_init()           threads, page tables, interrupts, then the initcalls
 *   ddekit_init_timers()    starts the thread ddekit_timer
 *   ddekit_pci_init()       finds the PCI functions
 *
 * Every init call may be repeated: only its first call does something. All are called by one thread, the one
 * that starts the system, before any other thread uses what they set up.
 */
#ifndef DDEKIT_DDEKIT_H
#define DDEKIT_DDEKIT_H

/* Sets up everything that needs no thread of its own, registers the caller as thread "main", then runs the
 * functions announced with DDEKIT_INITCALL. */
void ddekit_init(void);

#endif
