/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Contexts of a kernel that must not sleep, for the detectors irq-unsafe and sleep-in-atomic. A program tells
 * of its interrupts by client requests.
 */
#ifndef LOCKCHECK_DETECT_ATOMIC_H
#define LOCKCHECK_DETECT_ATOMIC_H

#include "lockcheck/detect/held.h"

struct lc_context {
    uint32_t interrupts; /* interrupt handlers that the thread is in */
    bool off;            /* it has interrupts disabled */
    uint32_t busy;       /* delays that it is in: it keeps its processor, whatever the delay is made of */
    int64_t line;        /* of the innermost handler */
};

/* The running thread's; as it is before the event that is being looked at. */
const struct lc_context *lc_context(void);

#endif
