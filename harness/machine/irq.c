/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interrupt controller. See irq.h.
 */
#include "harness/machine/irq.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct irq_line {
    /* One bit a source. Written with the lock held; a source's own bit is read without, because the device
     * that owns the source is the only one to change it and does so one call at a time. */
    _Atomic uint32_t sources;
    bool masked;
    irq_receiver *receiver; /* NULL: masked is true */
    void *context;
    unsigned long delivered;
};

/* The machine has one controller, and devices reach it by wire, not by a pointer handed to them. */
static struct {
    pthread_mutex_t lock;
    struct irq_line lines[IRQ_LINES];
    atomic_uint sources;
} controller = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .lines = {[0 ... IRQ_LINES - 1] = {.masked = true}},
};

static struct irq_line *line_of(unsigned line)
{
    assert(line < IRQ_LINES);
    return &controller.lines[line];
}

/* Deliver if the line is high, unmasked and received. Called with the lock held. */
static void evaluate(unsigned number)
{
    struct irq_line *line = line_of(number);
    if (line->masked || line->sources == 0)
        return;
    assert(line->receiver);
    line->masked = true;
    line->delivered++;
    if (!line->receiver(number, line->context))
        line->receiver = NULL;
}

unsigned irq_source_allocate(void)
{
    unsigned source = atomic_fetch_add(&controller.sources, 1);
    assert(source < IRQ_SOURCES_MAX);
    return source;
}

void irq_line_assert(unsigned number, unsigned source)
{
    assert(source < IRQ_SOURCES_MAX);
    struct irq_line *line = line_of(number);
    uint32_t bit = UINT32_C(1) << source;
    if (line->sources & bit)
        return;
    pthread_mutex_lock(&controller.lock);
    line->sources |= bit;
    evaluate(number);
    pthread_mutex_unlock(&controller.lock);
}

void irq_line_deassert(unsigned number, unsigned source)
{
    assert(source < IRQ_SOURCES_MAX);
    struct irq_line *line = line_of(number);
    uint32_t bit = UINT32_C(1) << source;
    if (!(line->sources & bit))
        return;
    pthread_mutex_lock(&controller.lock);
    line->sources &= ~bit;
    pthread_mutex_unlock(&controller.lock);
}

bool irq_set_receiver(unsigned number, irq_receiver *receiver, void *context)
{
    struct irq_line *line = line_of(number);
    pthread_mutex_lock(&controller.lock);
    bool accepted = !receiver || !line->receiver;
    if (accepted) {
        line->receiver = receiver;
        line->context = context;
        line->masked = !receiver;
        evaluate(number);
    }
    pthread_mutex_unlock(&controller.lock);
    return accepted;
}

void irq_mask(unsigned number)
{
    struct irq_line *line = line_of(number);
    pthread_mutex_lock(&controller.lock);
    line->masked = true;
    pthread_mutex_unlock(&controller.lock);
}

void irq_unmask(unsigned number)
{
    struct irq_line *line = line_of(number);
    pthread_mutex_lock(&controller.lock);
    if (line->receiver) {
        line->masked = false;
        evaluate(number);
    }
    pthread_mutex_unlock(&controller.lock);
}

struct irq_line_state irq_line_state(unsigned number)
{
    struct irq_line *line = line_of(number);
    pthread_mutex_lock(&controller.lock);
    struct irq_line_state state = {
        .high = line->sources != 0,
        .masked = line->masked,
        .has_receiver = line->receiver != NULL,
        .delivered = line->delivered,
    };
    pthread_mutex_unlock(&controller.lock);
    return state;
}
