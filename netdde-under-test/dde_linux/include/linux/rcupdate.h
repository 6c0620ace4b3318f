/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/rcupdate.h>. A read side is two atomic additions; synchronize_rcu waits for every read
 * side that began before it. Callbacks run in the softirq thread.
 */
#ifndef DDE_LINUX_RCUPDATE_H
#define DDE_LINUX_RCUPDATE_H

#include <linux/bottom_half.h>
#include <linux/compiler.h>
#include <linux/types.h>
#include <stddef.h>

void rcu_read_lock(void);
void rcu_read_unlock(void);
/* Not from within a read side, nor with a lock held that a read side takes. */
void synchronize_rcu(void);
#define synchronize_net() synchronize_rcu()

/* Have func(head) called when every read side that has begun by now has ended. From any context. */
void call_rcu(struct rcu_head *head, rcu_callback_t func);
/* Wait until all have been called for which call_rcu has returned. May sleep; not in work of system_wq, which
 * has one worker here. */
void rcu_barrier(void);
/* Free it then; member is its struct rcu_head. */
#define kfree_rcu(pointer, member)                                                                           \
    linux_kfree_rcu(&(pointer)->member, offsetof(__typeof__(*(pointer)), member))
void linux_kfree_rcu(struct rcu_head *head, size_t offset);

static inline void rcu_read_lock_bh(void)
{
    local_bh_disable();
    rcu_read_lock();
}

static inline void rcu_read_unlock_bh(void)
{
    rcu_read_unlock();
    local_bh_enable();
}

#define rcu_dereference(p) __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
/* For a look at the pointer alone. */
#define rcu_access_pointer(p) READ_ONCE(p)
#define rcu_dereference_protected(p, condition) (p)
#define rcu_assign_pointer(p, value) __atomic_store_n(&(p), (value), __ATOMIC_RELEASE)
#define RCU_INIT_POINTER(p, value) rcu_assign_pointer(p, value)

#endif
