/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/lockdep.h>: what code asserts about the locks that it runs under. Spin locks and mutexes
 * know their owner here, so the assertions are exact. A failed one is reported, see linux_report, and the
 * code goes on.
 *
 * Left out: lock classes and their order, which lockcheck's detectors know by themselves.
 */
#ifndef DDE_LINUX_LOCKDEP_H
#define DDE_LINUX_LOCKDEP_H

#include <linux/bug.h>
#include <linux/types.h>

struct ddekit_lock;

/* Whether the calling thread holds the lock. */
bool linux_lock_is_held(struct ddekit_lock *lock);
/* Report unless it does, or does not, as held says. */
void linux_assert_lock(struct ddekit_lock *lock, bool held, const char *text, const char *file, int line);

#define lockdep_is_held(lock) linux_lock_is_held((lock)->dde_lock)
#define lockdep_assert_held(lock)                                                                            \
    linux_assert_lock((lock)->dde_lock, true, "lockdep_assert_held(" #lock ")", __FILE__, __LINE__)
#define lockdep_assert_not_held(lock)                                                                        \
    linux_assert_lock((lock)->dde_lock, false, "lockdep_assert_not_held(" #lock ")", __FILE__, __LINE__)

#endif
