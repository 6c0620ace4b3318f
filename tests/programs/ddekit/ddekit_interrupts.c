/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit interrupts under fire: a device raises its line while its driver disables and enables the line, from
 * outside and inside the handler, and detaches and attaches it. Every event of the device is handled in the
 * end, and no handler runs while the driver has the line disabled or detached.
 */
#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <ddekit/ddekit.h>
#include <ddekit/debug.h>
#include <ddekit/interrupt.h>
#include <ddekit/semaphore.h>
#include <ddekit/thread.h>
#include "harness/machine/irq.h"
#include "harness/machine/machine.h"

#define IRQ 5
#define EVENTS 4

static unsigned source;
static ddekit_sem_t *handled, *finished;
static _Atomic int pending;         /* events that the device has raised and the handler has not seen */
static _Atomic bool outside_is_off; /* between disable and enable, or detach and attach, of main */
static _Atomic bool inside_is_off;  /* disabled by the handler */
static _Atomic bool handler_disables;

static void handle(void *unused)
{
    int seen;

    (void)unused;
    assert(!outside_is_off && !inside_is_off);
    irq_line_deassert(IRQ, source);
    seen = atomic_exchange(&pending, 0);
    if (seen && handler_disables) {
        ddekit_interrupt_disable(IRQ);
        inside_is_off = true;
    }
    for (int i = 0; i < seen; i++)
        ddekit_sem_up(handled);
}

/* The driver's other thread: takes the events, and enables the line that the handler has disabled. */
static void serve(void *unused)
{
    (void)unused;
    for (int i = 0; i < EVENTS; i++) {
        ddekit_sem_down(handled);
        if (atomic_exchange(&inside_is_off, false))
            ddekit_interrupt_enable(IRQ);
    }
    ddekit_sem_up(finished);
}

static void raise_events(void *unused)
{
    (void)unused;
    for (int i = 0; i < EVENTS; i++) {
        pending++;
        irq_line_assert(IRQ, source);
        ddekit_yield(); /* else nothing could happen between two events */
    }
    ddekit_sem_up(finished);
}

static void attach(void)
{
    ddekit_thread_t *thread = ddekit_interrupt_attach(IRQ, 1, NULL, handle, NULL);

    assert(thread);
}

int main(void)
{
    machine_init();
    ddekit_init();
    source = irq_source_allocate("card");
    handled = ddekit_sem_init(0);
    ddekit_sem_set_name(handled, "handled");
    finished = ddekit_sem_init(0);
    ddekit_sem_set_name(finished, "finished");
    attach();
    machine_boot_finished();

    handler_disables = true;
    ddekit_thread_create(serve, NULL, "server");
    ddekit_thread_create(raise_events, NULL, "device");
    ddekit_interrupt_disable(IRQ);
    outside_is_off = true;
    ddekit_yield();
    outside_is_off = false;
    ddekit_interrupt_enable(IRQ);
    ddekit_sem_down(finished);
    ddekit_sem_down(finished);

    handler_disables = false;
    ddekit_thread_create(serve, NULL, "server");
    ddekit_thread_create(raise_events, NULL, "device");
    ddekit_interrupt_detach(IRQ);
    outside_is_off = true;
    ddekit_yield();
    outside_is_off = false;
    attach();
    ddekit_interrupt_disable(IRQ);
    ddekit_interrupt_detach(IRQ);
    attach();
    ddekit_sem_down(finished);
    ddekit_sem_down(finished);
    ddekit_interrupt_detach(IRQ);
    return 0;
}
