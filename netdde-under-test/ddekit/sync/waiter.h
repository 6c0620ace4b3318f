/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread in the list of those that wait for a semaphore, and the port that wakes it: what the generations
 * legacy and drain are made of. One of each per thread, whatever it waits for.
 *
 * The lists are circular with a head of their own, ordered by arrival, and protected by the spin lock of
 * their semaphore. Taking a waiter out that is in no list is refused by an assertion; putting one in that is
 * in a list already is not noticed.
 */
#ifndef DDEKIT_SYNC_WAITER_H
#define DDEKIT_SYNC_WAITER_H

#include <stdbool.h>
#include <mach.h>

struct waiter {
    struct waiter *next, *previous;
    bool linked;
    mach_port_t wakeup_port; /* MACH_PORT_NULL until the thread waits for the first time */
};

void waiter_list_init(struct waiter *head);
void waiter_link_last(struct waiter *head, struct waiter *waiter);
void waiter_unlink(struct waiter *waiter);

/* The waiter that was linked first, NULL when the list is empty. */
struct waiter *waiter_first(struct waiter *head);

/* The calling thread as a waiter, with a wake-up port. */
struct waiter *waiter_self(void);

/* Frees the wake-up port of a thread that ends. */
void waiter_destroy(struct waiter *waiter);

/* Sends the message that wakes the thread with this port; waits while the port is full. A port that is gone
 * is nobody to wake. */
void waiter_wakeup(mach_port_t wakeup_port);

/* Waits for the caller's wake-up message. */
void waiter_block(struct waiter *self);

/* The same for at most so many milliseconds (at least 1). Returns whether the message came. */
bool waiter_block_timed(struct waiter *self, int milliseconds);

#endif
