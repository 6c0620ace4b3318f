/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lost-wakeup of condition variables: what cond.c tells the detector in lost_wakeup.c. */
#ifndef LOCKCHECK_DETECT_LOST_WAKEUP_H
#define LOCKCHECK_DETECT_LOST_WAKEUP_H

#include "lockcheck/runtime/runtime.h"

#define LC_SIGNAL_THREAD_BITS 12u
_Static_assert(LC_MAX_THREADS <= 1u << LC_SIGNAL_THREAD_BITS, "a thread's number fits");

/* The running thread signals the condition variable. Kept in its value: step and thread of the last signal
 * when that found nobody, else 0. */
static inline void lc_note_signal(struct lc_object *cond)
{
    cond->value =
        cond->waiters.first ? 0 : (int64_t)(lc.channel->steps << LC_SIGNAL_THREAD_BITS | lc_self->id);
}

#endif
