/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of detectors. Their order is the order in which they are asked about a quiescent program. */
#include "lockcheck/detect/race.h"

static const struct lc_detector *const detectors[] = {
    &lc_detector_deadlock,    &lc_detector_semaphore,   &lc_detector_descriptor, &lc_detector_order,
    &lc_detector_lock_order,  &lc_detector_lock_misuse, &lc_detector_irq_unsafe, &lc_detector_sleep_in_atomic,
    &lc_detector_leak,        &lc_detector_held, /* after those that use it */
    &lc_detector_lost_wakeup, &lc_detector_hang,
};
#define COUNT (sizeof detectors / sizeof *detectors)

LC_WRITTEN uint64_t lc_detect_ops;

static uint32_t asked_for;

/* Who wants an event, ended by NULL, and whose block() there is: both happen all the time. */
static void (*events[LC_OP_REQUEST + 1][COUNT + 1])(unsigned op, struct lc_object *object, int64_t argument);
LC_WRITTEN static void (*blocks[COUNT])(struct lc_thread *thread);
LC_WRITTEN static size_t block_count;

static bool serves(const struct lc_detector *d)
{
    return !d->serves || (d->serves & asked_for);
}

static bool wants(const struct lc_detector *d, unsigned op)
{
    return d->event && serves(d) && (op == LC_OP_REQUEST || (d->ops | d->more_ops) >> op & 1);
}

static void list_those_who_want(unsigned op)
{
    size_t count = 0;
    for (size_t i = 0; i < COUNT; i++)
        if (wants(detectors[i], op))
            events[op][count++] = detectors[i]->event;
    events[op][count] = NULL;
}

void lc_detect_init(void)
{
    asked_for = lc.channel ? lc.channel->detect : 0;
    if (!lc_memory_hooks)
        asked_for &= ~(uint32_t)LC_DETECT_DATA_RACE;
    lc_order_kept = asked_for & LC_DETECT_DATA_RACE;
    if (lc_order_kept)
        lc_race_init();
    for (unsigned op = 0; op <= LC_OP_REQUEST; op++)
        list_those_who_want(op);
    block_count = 0;
    for (size_t i = 0; i < COUNT; i++) {
        if (serves(detectors[i]))
            lc_detect_ops |= detectors[i]->ops;
        if (detectors[i]->block)
            blocks[block_count++] = detectors[i]->block;
    }
}

void lc_detect_more(const struct lc_detector *detector)
{
    lc_detect_ops |= detector->more_ops;
}

void lc_detect_event(unsigned op, struct lc_object *object, int64_t argument)
{
    for (size_t i = 0, of = op < LC_OP_REQUEST ? op : LC_OP_REQUEST; events[of][i]; i++)
        events[of][i](op, object, argument);
}

void lc_detect_block(struct lc_thread *thread)
{
    for (size_t i = 0; i < block_count; i++)
        blocks[i](thread);
}

void lc_detect_quiescent(void)
{
    for (size_t i = 0; i < COUNT; i++)
        if (detectors[i]->quiescent)
            detectors[i]->quiescent();
    lc_internal("no detector explains why nothing can run");
}

void lc_detect_explain(void)
{
    for (size_t i = 0; i < COUNT; i++)
        if (detectors[i]->explain)
            detectors[i]->explain();
}
