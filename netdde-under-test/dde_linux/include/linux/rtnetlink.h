/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/rtnetlink.h>: rtnl, the mutex under which devices are configured. No netlink. */
#ifndef DDE_LINUX_RTNETLINK_H
#define DDE_LINUX_RTNETLINK_H

#include <linux/mutex.h>
#include <linux/netdevice.h>

void rtnl_lock(void);
void rtnl_unlock(void);
/* 1 when it took rtnl, 0 when somebody holds it. */
int rtnl_trylock(void);
int rtnl_is_locked(void);
/* A pointer that is changed under rtnl only. */
#define rtnl_dereference(p) rcu_dereference_protected(p, rtnl_is_locked())
/* Whether the calling thread holds it. */
bool lockdep_rtnl_is_held(void);
/* Stricter than Linux's without lockdep, which is content when anybody holds it. */
#define ASSERT_RTNL() linux_assert_rtnl(__FILE__, __LINE__)
void linux_assert_rtnl(const char *file, int line);

#endif
