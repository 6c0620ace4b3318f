/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A value is handed over by a message: what carries it orders nothing that lockcheck could see, but the
 * program says when it is sent and received. The value is changed after it was sent.
 *
 * Finding: data-race
 * Correct: before.
 */
#include "detectors/threads.h"
#include <lockcheck.h>
#include <sched.h>
#include <stdatomic.h>

static atomic_int port; /* relaxed, so that only the requests make an order */
static int value;

static void sender(void)
{
    if (CORRECT)
        value = 1;
    lockcheck_event(LOCKCHECK_MSG_SEND, &port, 7);
    atomic_store_explicit(&port, 7, memory_order_relaxed);
    if (!CORRECT)
        value = 1;
}

static void receiver(void)
{
    while (atomic_load_explicit(&port, memory_order_relaxed) != 7)
        sched_yield();
    lockcheck_event(LOCKCHECK_MSG_RECEIVE, &port, 7);
    value++;
}

int main(void)
{
    together(sender, receiver);
    return 0;
}
