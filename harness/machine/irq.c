/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interrupt controller. See irq.h.
 */
#include "harness/machine/irq.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include <lockcheck.h>

/* A line, or a message's number. */
struct irq_line {
    /* One bit a source. Written with the lock held; a source's own bit is read without, because the device
     * that owns the source is the only one to change it and does so one call at a time. */
    _Atomic uint32_t sources;
    bool pending; /* a message */
    bool masked;
    irq_receiver *receiver; /* NULL: masked is true */
    void *context;
    unsigned long delivered;
};

/* The machine has one controller, and devices reach it by wire, not by a pointer handed to them. */
static struct {
    pthread_mutex_t lock;
    struct irq_line lines[IRQ_NUMBERS];
    uint32_t cut_off; /* sources that are */
    atomic_uint sources_used;
    char source_objects[IRQ_SOURCES_MAX]; /* for lockcheck, each handed over when its source pulls */
} controller = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .lines = {[0 ... IRQ_NUMBERS - 1] = {.masked = true}},
};

static struct irq_line *line_of(unsigned number)
{
    assert(number < IRQ_NUMBERS);
    return &controller.lines[number];
}

/* Called with the lock held, as the next ones. */
static uint32_t pulling(const struct irq_line *line)
{
    return line->sources & ~controller.cut_off;
}

static bool is_high(const struct irq_line *line)
{
    return line->pending || pulling(line) != 0;
}

/* Deliver if there is something to deliver and it is unmasked and received. */
static void evaluate(unsigned number)
{
    struct irq_line *line = line_of(number);
    if (line->masked || !is_high(line))
        return;
    assert(line->receiver);
    line->masked = true;
    line->pending = false;
    line->delivered++;
    if (!line->receiver(number, line->context))
        line->receiver = NULL;
}

unsigned irq_source_allocate(const char *name)
{
    unsigned source = atomic_fetch_add(&controller.sources_used, 1);
    assert(source < IRQ_SOURCES_MAX);
    lockcheck_name_object(&controller.source_objects[source], "interrupt", name);
    return source;
}

void irq_line_assert(unsigned number, unsigned source)
{
    assert(number < IRQ_LINES && source < IRQ_SOURCES_MAX);
    struct irq_line *line = line_of(number);
    uint32_t bit = UINT32_C(1) << source;
    if (line->sources & bit)
        return;
    pthread_mutex_lock(&controller.lock);
    line->sources |= bit;
    lockcheck_event(LOCKCHECK_HAND_OVER, &controller.source_objects[source], 0);
    evaluate(number);
    pthread_mutex_unlock(&controller.lock);
}

void irq_line_deassert(unsigned number, unsigned source)
{
    assert(number < IRQ_LINES && source < IRQ_SOURCES_MAX);
    struct irq_line *line = line_of(number);
    uint32_t bit = UINT32_C(1) << source;
    if (!(line->sources & bit))
        return;
    pthread_mutex_lock(&controller.lock);
    line->sources &= ~bit;
    pthread_mutex_unlock(&controller.lock);
}

void irq_source_connect(unsigned number, unsigned source, bool connected)
{
    assert(source < IRQ_SOURCES_MAX);
    uint32_t bit = UINT32_C(1) << source;
    pthread_mutex_lock(&controller.lock);
    if (connected)
        controller.cut_off &= ~bit;
    else
        controller.cut_off |= bit;
    evaluate(number);
    pthread_mutex_unlock(&controller.lock);
}

bool irq_source_asserted(unsigned number, unsigned source)
{
    assert(source < IRQ_SOURCES_MAX);
    return line_of(number)->sources & UINT32_C(1) << source;
}

void irq_tell_of_sources(unsigned number)
{
    pthread_mutex_lock(&controller.lock);
    for (uint32_t left = pulling(line_of(number)); left; left &= left - 1)
        lockcheck_tell_of(&controller.source_objects[__builtin_ctz(left)], 1, "pulls the line");
    pthread_mutex_unlock(&controller.lock);
}

static void make_pending(uint32_t number)
{
    pthread_mutex_lock(&controller.lock);
    line_of(number)->pending = true;
    evaluate(number);
    pthread_mutex_unlock(&controller.lock);
}

void irq_line_pulse(unsigned number)
{
    assert(number < IRQ_LINES);
    make_pending(number);
}

bool irq_message(uint32_t number)
{
    if (number < IRQ_LINES || number >= IRQ_NUMBERS)
        return false;
    make_pending(number);
    return true;
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
        if (!receiver)
            line->pending = false;
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
        .high = is_high(line),
        .masked = line->masked,
        .has_receiver = line->receiver != NULL,
        .delivered = line->delivered,
    };
    pthread_mutex_unlock(&controller.lock);
    return state;
}
