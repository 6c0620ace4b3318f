/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the scheduler tells livelock.c; lc.watched says when it wants to hear of steps. */
#ifndef LOCKCHECK_DETECT_LIVELOCK_H
#define LOCKCHECK_DETECT_LIVELOCK_H

#include "lockcheck/runtime/runtime.h"

#pragma GCC visibility push(hidden)

/* A schedule begins. */
void lc_livelock_begin(void);
/* The step from which on the detector wants to watch. */
extern uint64_t lc_livelock_at;
/* That step has come: lc.watched becomes true. */
void lc_livelock_watch(void);
/* A step has been chosen and not yet been taken. May put another strategy in the place of lc.strategy, and put
 * that back. */
void lc_livelock_step(const struct lc_choice *choice, uint32_t chosen);

#pragma GCC visibility pop
#endif
