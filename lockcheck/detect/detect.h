/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Detectors consume events and end the execution with lc_finding(). Each is one file and one row in the table
 * of detect.c; any function of a row may be missing.
 */
#ifndef LOCKCHECK_DETECT_DETECT_H
#define LOCKCHECK_DETECT_DETECT_H

#include "lockcheck/runtime/runtime.h"

#pragma GCC visibility push(hidden)

struct lc_detector {
    const char *name;
    /* It wants events only if one of these LC_DETECT_* is asked for; 0: always. */
    uint32_t serves;
    /* Which events it wants besides client requests: LC_BIT(LC_OP_...) each. */
    uint64_t ops;
    /* And which from its call of lc_detect_more() on: what anybody wants costs all programs time. */
    uint64_t more_ops;
    /* An event of lc_self. Of a client request op is LC_OP_REQUEST + enum lockcheck_request. */
    void (*event)(unsigned op, struct lc_object *object, int64_t argument);
    /* The thread has just blocked: on thread->object by thread->op. */
    void (*block)(struct lc_thread *thread);
    /* No thread can run and no deadline is due. */
    void (*quiescent)(void);
    /* A finding is about to be reported: add notes that explain it. */
    void (*explain)(void);
};

extern const struct lc_detector lc_detector_deadlock;
extern const struct lc_detector lc_detector_lock_order;
extern const struct lc_detector lc_detector_lock_misuse;
extern const struct lc_detector lc_detector_irq_unsafe;
extern const struct lc_detector lc_detector_sleep_in_atomic;
extern const struct lc_detector lc_detector_leak;
extern const struct lc_detector lc_detector_lost_wakeup;
extern const struct lc_detector lc_detector_semaphore;
extern const struct lc_detector lc_detector_hang;
extern const struct lc_detector lc_detector_descriptor; /* in runtime/descriptor.c */
/* No detectors, but what several know: see held.h and order.h. */
extern const struct lc_detector lc_detector_held;
extern const struct lc_detector lc_detector_order;

#define LC_BIT(op) (1ull << (op))
_Static_assert(LC_OP_REQUEST <= 64, "an operation fits a set of 64 bits");

/* All bits of the result depend on all of x. */
static inline uint64_t lc_mix(uint64_t x)
{
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93ull;
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93ull;
    return x ^ x >> 32;
}

extern uint64_t lc_detect_ops; /* the events that any detector wants, besides client requests */
void lc_detect_init(void);
void lc_detect_more(const struct lc_detector *detector);
void lc_detect_event(unsigned op, struct lc_object *object, int64_t argument);
void lc_detect_block(struct lc_thread *thread);
/* Ends the execution: the last detector calls every quiescence a hang. */
_Noreturn void lc_detect_quiescent(void);
void lc_detect_explain(void);

#pragma GCC visibility pop
#endif
