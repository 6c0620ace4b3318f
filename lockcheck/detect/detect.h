/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Detectors consume events and end the execution with lc_finding(). Each is one file and one row in the table
 * of detect.c; any function of a row may be missing.
 */
#ifndef LOCKCHECK_DETECT_DETECT_H
#define LOCKCHECK_DETECT_DETECT_H

#include "lockcheck/runtime/runtime.h"

struct lc_detector {
    const char *name;
    /* A client request, made by lc_self: op is LC_OP_REQUEST + enum lockcheck_request. */
    void (*event)(unsigned op, struct lc_object *object, int64_t argument);
    /* The thread has just blocked: on thread->object by thread->op. */
    void (*block)(struct lc_thread *thread);
    /* No thread can run and no deadline is due. */
    void (*quiescent)(void);
    /* A finding is about to be reported: add notes that explain it. */
    void (*explain)(void);
};

extern const struct lc_detector lc_detector_deadlock;
extern const struct lc_detector lc_detector_semaphore;
extern const struct lc_detector lc_detector_hang;
extern const struct lc_detector lc_detector_descriptor; /* in runtime/descriptor.c */

void lc_detect_event(unsigned op, struct lc_object *object, int64_t argument);
void lc_detect_block(struct lc_thread *thread);
/* Ends the execution: the last detector calls every quiescence a hang. */
_Noreturn void lc_detect_quiescent(void);
void lc_detect_explain(void);

#endif
