/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of detectors. Their order is the order in which they are asked about a quiescent program. */
#include "lockcheck/detect/detect.h"

static const struct lc_detector *const detectors[] = {&lc_detector_deadlock, &lc_detector_semaphore,
                                                      &lc_detector_descriptor, &lc_detector_hang};
#define COUNT (sizeof detectors / sizeof *detectors)

void lc_detect_event(unsigned op, struct lc_object *object, int64_t argument)
{
    for (size_t i = 0; i < COUNT; i++)
        if (detectors[i]->event)
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
