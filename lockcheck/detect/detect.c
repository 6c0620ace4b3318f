/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of detectors. Their order is the order in which they are asked about a quiescent program. */
#include "lockcheck/detect/detect.h"

static const struct lc_detector *const detectors[] = {
    &lc_detector_deadlock,   &lc_detector_semaphore,   &lc_detector_descriptor, &lc_detector_order,
    &lc_detector_lock_order, &lc_detector_lock_misuse, &lc_detector_held, /* after those that use it */
    &lc_detector_hang,
};
#define COUNT (sizeof detectors / sizeof *detectors)

uint64_t lc_detect_ops;

void lc_detect_init(void)
{
    for (size_t i = 0; i < COUNT; i++)
        if (!detectors[i]->wanted || *detectors[i]->wanted)
            lc_detect_ops |= detectors[i]->ops;
}

static bool wants(const struct lc_detector *d, unsigned op)
{
    return d->event && (!d->wanted || *d->wanted) && (op >= LC_OP_REQUEST || d->ops >> op & 1);
}

void lc_detect_event(unsigned op, struct lc_object *object, int64_t argument)
{
    for (size_t i = 0; i < COUNT; i++)
        if (wants(detectors[i], op))
            detectors[i]->event(op, object, argument);
}

void lc_detect_block(struct lc_thread *thread)
{
    for (size_t i = 0; i < COUNT; i++)
        if (detectors[i]->block)
            detectors[i]->block(thread);
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
