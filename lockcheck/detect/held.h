/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The locks that each thread holds, in the order in which it took them: mutexes, spin locks, rwlocks. Kept
 * from events by a row of the table of detectors that comes after those that use it, so that on
 * LC_OP_LOCKED the new lock is not yet among them and on LC_OP_UNLOCK the old one still is.
 */
#ifndef LOCKCHECK_DETECT_HELD_H
#define LOCKCHECK_DETECT_HELD_H

#include "lockcheck/detect/detect.h"

struct lc_held {
    struct lc_object *lock;
    uint32_t depth;  /* recursive mutex, read lock: how often */
    bool read;       /* a rwlock held for reading */
    bool tried;      /* taken by a trylock, or with a time limit: whoever took it did not wait for ever */
    uint64_t step;   /* when it was taken */
    uint32_t frames; /* of the stack, when evidence is taken */
    void **stack;
};

struct lc_held_locks {
    struct lc_held *locks; /* oldest first */
    uint32_t count, room;
    uint64_t sum; /* equal for equal sets, whatever the order */
};

/* A thread's; never NULL. Valid until the next event. */
const struct lc_held_locks *lc_held_by(const struct lc_thread *thread);

/* What the event is to the locks held. */
enum lc_lock_event { LC_LOCK_NONE, LC_LOCK_TAKEN, LC_LOCK_TRIED, LC_LOCK_GIVEN };
/* Returns what the running thread's event does to *lock: the object, or the mutex of a condition wait. */
enum lc_lock_event lc_lock_event(unsigned op, struct lc_object *object, struct lc_object **lock);
/* The running thread has just taken the rwlock, or is about to: for reading? */
bool lc_takes_for_reading(const struct lc_object *lock);
/* Equal for locks of one class, the top bit set: those that a client request gave one name, or else that one
 * place in the program made; a static one is a class of its own. */
uint64_t lc_lock_class(struct lc_object *lock);
/* By what it is, or by what a client request calls it. */
bool lc_is_spin_lock(const struct lc_object *lock);

#endif
