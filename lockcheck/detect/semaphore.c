/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conservation of semaphore tokens, for semaphores of the program's own making, seen from outside through
 * client requests around each call (Dijkstra's invariant: first value + ups - downs >= 0). Two ways to break
 * it:
 *
 *   phantom-wakeup  a down took a token although every up so far had been taken already.
 *   lost-wakeup     an up is over, its token is not taken, and yet everybody inside a down of that semaphore
 * waits for an event. A thread that waits for a lock is on its way and is not counted as waiting.
 *
 * Both hold for any implementation, since nothing is assumed of how a token travels.
 *
 * For the explanation, and for it alone, messages are followed too: an implementation that wakes by message
 * leaves a trace when a wake-up comes too late. An up chooses whom to wake under the first lock that it
 * takes, or as it begins when it takes none. A down that receives a message whose up had chosen before the
 * down began was ended by a wake-up meant for an earlier wait. That alone is no finding: a semaphore may well
 * keep its tokens as messages.
 */
#include <lockcheck.h>
#include <string.h>

#include "lockcheck/detect/detect.h"

#define MESSAGES 4096u /* wake-up messages followed at once; older ones are forgotten */

struct sem {
    struct lc_object *object;
    int64_t first_value, ups_begun, ups_ended, downs;
    struct lc_down *waiting; /* the downs that are under way */
};

/* One down by one thread; a thread is in at most one at a time. */
struct lc_down {
    struct lc_down *next;
    struct lc_thread *thread;
    struct sem *sem;
    bool inside;
    uint64_t began; /* number of the event; a step may hold several */
    bool timed;
    struct sem *timed_out_on; /* of the latest timed down that took none */
    uint64_t timed_out_at, timed_out_step;
    /* The up this thread is in. */
    struct sem *up;
    uint64_t up_chose, up_step;
    bool up_locked; /* it has taken a lock */
};

struct message {
    int64_t number;
    struct lc_object *port;
    struct lc_thread *sender;
    struct sem *sem;
    uint64_t up_chose, up_step, sent_step;
};

/* A wake-up that came after its waiter had given up: what the explanation tells. */
struct stale {
    struct lc_thread *waiter, *sender;
    struct sem *sem, *broken;
    struct lc_object *port;
    int64_t message;
    uint64_t timed_out_step, up_step, sent_step, received_step;
};

static struct message messages[MESSAGES];
static struct stale first_stale, last_stale;
static uint64_t stale_count;

static struct sem *sem_of(struct lc_object *object)
{
    if (!object->detector) {
        struct sem *s = lc_allocate(sizeof *s);
        s->object = object;
        object->detector = s;
        if (!object->kind_name)
            lc_object_name(object, "semaphore", NULL);
    }
    return object->detector;
}

static struct lc_down *record_of(struct lc_thread *t)
{
    if (!t->down) {
        t->down = lc_allocate(sizeof *t->down);
        t->down->thread = t;
    }
    return t->down;
}

static void tell_of(const struct stale *s)
{
    lc_note("{t%u} gave up a timed down of {o%u} at step %lu. The up by {t%u}, begun at step %lu, had "
            "already chosen "
            "it to be woken, so that up's token went to nobody.",
            s->waiter->id, s->sem->object->id, s->timed_out_step, s->sender->id, s->up_step);
    lc_note("The wake-up message #%ld that {t%u} sent at step %lu stayed in {o%u}.", s->message,
            s->sender->id, s->sent_step, s->port->id);
    lc_note("The next wait that looked there, {t%u}'s down of {o%u}, took the message at step %lu and "
            "returned at "
            "once, without a wake-up of its own.",
            s->waiter->id, s->broken->object->id, s->received_step);
}

static void explain(void)
{
    if (!stale_count)
        return;
    const struct stale *s = &last_stale;
    lc_add_to_summary(
        "; {t%u} had timed out of {o%u} when {t%u}'s up had already chosen to wake it, so that up was lost, "
        "and its wake-up message #%ld, left in {o%u}, broke {t%u}'s later wait on {o%u}",
        s->waiter->id, s->sem->object->id, s->sender->id, s->message, s->port->id, s->waiter->id,
        s->broken->object->id);
    tell_of(&first_stale);
    if (stale_count > 1) {
        lc_note("It happened %lu times in this execution. The last time:", stale_count);
        tell_of(&last_stale);
    }
}

/* Is a token there that nobody is going to take? */
static void check_lost(struct sem *s)
{
    if (s->ups_begun != s->ups_ended || !s->waiting || s->first_value + s->ups_ended - s->downs <= 0)
        return;
    for (struct lc_down *d = s->waiting; d; d = d->next)
        if (d->thread->state != LC_BLOCKED || !d->thread->event_wait)
            return;
    struct lc_thread *t = s->waiting->thread;
    lc_finding("lost-wakeup", "{t%u} waits on {o%u} although an up has paid for it, and no up is under way",
               t->id, s->object->id);
}

static void down_ended(struct sem *s, struct lc_down *d, bool took)
{
    struct lc_down **link = &s->waiting;
    while (*link && *link != d)
        link = &(*link)->next;
    if (*link)
        *link = d->next;
    d->inside = false;
    if (!took) {
        if (d->timed) {
            d->timed_out_on = s;
            d->timed_out_at = lc.channel->events;
            d->timed_out_step = lc.channel->steps;
        }
        return;
    }
    s->downs++;
    if (s->first_value + s->ups_begun - s->downs >= 0)
        return;
    lc_finding("phantom-wakeup", "{t%u}'s down of {o%u} returned although no up was left to pay for it",
               d->thread->id, s->object->id);
}

static void message_sent(struct lc_object *port, int64_t number)
{
    struct lc_down *d = lc_self->down;
    if (!d || !d->up)
        return;
    messages[(uint64_t)number % MESSAGES] = (struct message){.number = number,
                                                             .port = port,
                                                             .sender = lc_self,
                                                             .sem = d->up,
                                                             .up_chose = d->up_chose,
                                                             .up_step = d->up_step,
                                                             .sent_step = lc.channel->steps};
}

static void message_received(int64_t number)
{
    struct lc_down *d = lc_self->down;
    struct message *m = &messages[(uint64_t)number % MESSAGES];
    if (!d || !d->inside || m->number != number || !m->port || m->up_chose >= d->began)
        return;
    /* A stale message that its waiter did not time out on is a consequence of an earlier one. */
    if (d->timed_out_on != m->sem || d->timed_out_at < m->up_chose)
        return;
    last_stale = (struct stale){.waiter = lc_self,
                                .sender = m->sender,
                                .sem = m->sem,
                                .broken = d->sem,
                                .port = m->port,
                                .message = number,
                                .timed_out_step = d->timed_out_step,
                                .up_step = m->up_step,
                                .sent_step = m->sent_step,
                                .received_step = lc.channel->steps};
    if (stale_count++ == 0)
        first_stale = last_stale;
}

static void locked(void)
{
    struct lc_down *d = lc_self->down;
    if (!d || !d->up || d->up_locked)
        return;
    d->up_locked = true;
    d->up_chose = lc.channel->events;
}

static void event(unsigned op, struct lc_object *object, int64_t argument)
{
    if (op == LC_OP_LOCKED) {
        locked();
        return;
    }
    switch (op - LC_OP_REQUEST) {
    case LOCKCHECK_SEM_INIT: {
        struct sem *s = sem_of(object);
        *s = (struct sem){.object = object, .first_value = argument};
        break;
    }
    case LOCKCHECK_SEM_UP_BEGIN: {
        struct lc_down *d = record_of(lc_self);
        d->up = sem_of(object);
        d->up_chose = lc.channel->events;
        d->up_locked = false;
        lc_detect_more(&lc_detector_semaphore);
        d->up_step = lc.channel->steps;
        d->up->ups_begun++;
        break;
    }
    case LOCKCHECK_SEM_UP_END: {
        /* Not the semaphore at that address: the woken thread may have destroyed it by now, and made another.
         */
        struct sem *s = record_of(lc_self)->up;
        record_of(lc_self)->up = NULL;
        if (s) {
            s->ups_ended++;
            check_lost(s);
        }
        break;
    }
    case LOCKCHECK_SEM_DOWN_BEGIN: {
        struct lc_down *d = record_of(lc_self);
        struct sem *s = sem_of(object);
        d->sem = s;
        d->inside = true;
        d->timed = argument > 0;
        d->began = lc.channel->events;
        d->next = s->waiting;
        s->waiting = d;
        break;
    }
    case LOCKCHECK_SEM_DOWN_END:
        down_ended(sem_of(object), record_of(lc_self), argument == 0);
        break;
    case LOCKCHECK_MSG_SEND:
        message_sent(object, argument);
        break;
    case LOCKCHECK_MSG_RECEIVE:
        message_received(argument);
        break;
    default:
        break;
    }
}

static void block(struct lc_thread *thread)
{
    if (thread->down && thread->down->inside)
        check_lost(thread->down->sem);
}

const struct lc_detector lc_detector_semaphore = {
    .name = "semaphore",
    .more_ops = LC_BIT(LC_OP_LOCKED), /* of programs that have ups */
    .event = event,
    .block = block,
    .explain = explain,
};

const struct lc_object *lc_semaphore_of_down(const struct lc_thread *thread)
{
    return thread->down && thread->down->inside ? thread->down->sem->object : NULL;
}

bool lc_in_semaphore(const struct lc_thread *thread)
{
    return thread->down && (thread->down->inside || thread->down->up);
}
