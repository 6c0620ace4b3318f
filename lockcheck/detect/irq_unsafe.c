/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * irq-unsafe: a spin lock that an interrupt handler takes, and that is also held while interrupts are
 * possible. On one processor the handler may come while the lock is held, and then waits for ever for what it
 * has interrupted (Corbet: The kernel lock validator, LWN 2006; Linux Documentation/locking/lockdep-design).
 * Neither has to come at a bad moment to be noticed, nor need it be the same lock, only one of its class.
 *
 * What is known of interrupts is what the program tells: LOCKCHECK_IRQ_ENTER and _EXIT around handlers,
 * LOCKCHECK_IRQ_DISABLE and _ENABLE for the calling thread. Left out: lines that are masked one by one,
 * what holds off softirqs only, and locks inside of semaphores that client requests tell of: those are below
 * what has interrupts.
 */
#include <lockcheck.h>
#include <string.h>

#include "lockcheck/detect/atomic.h"

#define CLASSES 1024u /* more are not looked at */

/* Where a lock of the class was taken. */
struct taken {
    uint64_t step; /* 0: nowhere so far */
    uint32_t thread, lock, frames;
    int64_t line;
    void **stack;
};

static struct class
{
    uint64_t class; /* 0: free */
    struct taken in_interrupt, interruptible;
} * classes; /* a hash table, linear probing */
static uint32_t class_count;

static struct lc_context contexts[LC_MAX_THREADS];

const struct lc_context *lc_context(void)
{
    return &contexts[lc_self->id];
}

static struct class *class_of(struct lc_object *lock)
{
    if (!classes)
        classes = lc_allocate(2 * CLASSES * sizeof *classes);
    uint64_t class = lc_lock_class(lock);
    size_t i = class % (2 * CLASSES);
    while (classes[i].class && classes[i].class != class)
        i = (i + 1) % (2 * CLASSES);
    if (!classes[i].class) {
        if (class_count == CLASSES)
            return NULL;
        class_count++;
        classes[i].class = class;
    }
    return &classes[i];
}

static void tell(const struct taken *t, const char *how)
{
    lc_note("{t%u} took {o%u} %s at step %lu.", t->thread, t->lock, how, t->step);
    lc_show_stack(t->thread, t->stack, t->frames, "{t%u} took {o%u} %s", t->thread, t->lock, how);
}

static void report(const struct class *c)
{
    const struct taken *a = &c->in_interrupt, *b = &c->interruptible;
    if (!lc_report(lc_mix(c->class ^ 1)))
        return;
    tell(a, "in an interrupt handler");
    tell(b, "with interrupts enabled");
    lc_finding("irq-unsafe",
               "{t%u} takes {o%u} in a handler of interrupt %ld, and {t%u} holds {o%u} while interrupts are "
               "enabled: an interrupt could come and wait for it for ever",
               a->thread, a->lock, a->line, b->thread, b->lock);
}

static void note(struct taken *t, const struct lc_object *lock, uint32_t frames, void *const *stack)
{
    *t = (struct taken){
        .step = lc.channel->steps + 1, .thread = lc_self->id, .lock = lock->id, .line = lc_context()->line};
    if (!lc.evidence)
        return;
    t->frames = frames;
    t->stack = lc_allocate(frames * sizeof *t->stack);
    memcpy(t->stack, stack, frames * sizeof *t->stack);
}

static void taken(struct lc_object *lock, bool waited)
{
    const struct lc_context *context = lc_context();
    bool handler = context->interrupts != 0;
    if (!lc_is_spin_lock(lock) || lc_in_semaphore(lc_self) || (handler ? !waited : context->off))
        return;
    struct class *c = class_of(lock);
    struct taken *t = !c ? NULL : handler ? &c->in_interrupt : &c->interruptible;
    if (!t || t->step)
        return;
    note(t, lock, lc_self->frames, lc_self->stack);
    if (c->in_interrupt.step && c->interruptible.step)
        report(c);
}

/* What the thread holds is interruptible from now on. */
static void enabled(void)
{
    const struct lc_held_locks *held = lc_held_by(lc_self);
    for (uint32_t i = 0; i < held->count; i++) {
        const struct lc_held *h = &held->locks[i];
        struct class *c = lc_is_spin_lock(h->lock) ? class_of(h->lock) : NULL;
        if (!c || c->interruptible.step)
            continue;
        note(&c->interruptible, h->lock, h->frames, h->stack);
        if (c->in_interrupt.step)
            report(c);
    }
}

static void event(unsigned op, struct lc_object *object, int64_t argument)
{
    struct lc_context *context = &contexts[lc_self->id];
    struct lc_object *lock;
    enum lc_lock_event what;
    switch (op) {
    case LC_OP_REQUEST + LOCKCHECK_IRQ_ENTER:
        context->interrupts++;
        context->line = argument;
        break;
    case LC_OP_REQUEST + LOCKCHECK_IRQ_EXIT:
        context->interrupts -= context->interrupts != 0;
        break;
    case LC_OP_REQUEST + LOCKCHECK_BUSY_BEGIN:
        context->busy++;
        break;
    case LC_OP_REQUEST + LOCKCHECK_BUSY_END:
        context->busy -= context->busy != 0;
        break;
    case LC_OP_REQUEST + LOCKCHECK_IRQ_DISABLE:
        context->off = true;
        break;
    case LC_OP_REQUEST + LOCKCHECK_IRQ_ENABLE:
        context->off = false;
        if (!context->interrupts)
            enabled();
        break;
    default:
        what = lc_lock_event(op, object, &lock);
        if (what == LC_LOCK_TAKEN || what == LC_LOCK_TRIED)
            taken(lock, what == LC_LOCK_TAKEN);
        break;
    }
}

/* It keeps the contexts for sleep-in-atomic, too. */
const struct lc_detector lc_detector_irq_unsafe = {.name = "irq-unsafe",
                                                   .serves = LC_DETECT_IRQ_UNSAFE | LC_DETECT_SLEEP_IN_ATOMIC,
                                                   .ops = LC_BIT(LC_OP_LOCKED),
                                                   .event = event};
