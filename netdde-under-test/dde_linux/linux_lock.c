/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spin locks and mutexes on DDEKit locks, see <linux/spinlock.h> and <linux/mutex.h>. */
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "netdde-under-test/dde_linux/internal.h"

/* Linux names a lock by the expression that it was initialised with, "&tp->lock". */
static const char *without_ampersand(const char *name)
{
    return name[0] == '&' ? name + 1 : name;
}

void linux_spin_lock_init(spinlock_t *lock, const char *name)
{
    ddekit_lock_init_unlocked(&lock->dde_lock);
    ddekit_lock_set_name(&lock->dde_lock, without_ampersand(name));
}

void spin_lock(spinlock_t *lock)
{
    ddekit_lock_lock(&lock->dde_lock);
}

int spin_trylock(spinlock_t *lock)
{
    return ddekit_lock_try_lock(&lock->dde_lock) == 0;
}

void spin_unlock(spinlock_t *lock)
{
    ddekit_lock_unlock(&lock->dde_lock);
}

void linux_mutex_init(struct mutex *lock, const char *name)
{
    ddekit_lock_init_unlocked(&lock->dde_lock);
    ddekit_lock_set_name(&lock->dde_lock, without_ampersand(name));
}

void mutex_destroy(struct mutex *lock)
{
    ddekit_lock_deinit(&lock->dde_lock);
}

void mutex_lock(struct mutex *lock)
{
    might_sleep();
    ddekit_lock_lock(&lock->dde_lock);
}

int mutex_trylock(struct mutex *lock)
{
    return ddekit_lock_try_lock(&lock->dde_lock) == 0;
}

void mutex_unlock(struct mutex *lock)
{
    ddekit_lock_unlock(&lock->dde_lock);
}

bool mutex_is_locked(struct mutex *lock)
{
    return ddekit_lock_owner(&lock->dde_lock) != NULL;
}
