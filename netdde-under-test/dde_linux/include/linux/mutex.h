/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/mutex.h> on DDEKit locks. */
#ifndef DDE_LINUX_MUTEX_H
#define DDE_LINUX_MUTEX_H

#include <linux/spinlock.h>

struct mutex {
    struct ddekit_lock *dde_lock;
};

/* name is how reports call the mutex. */
void linux_mutex_init(struct mutex *lock, const char *name);
#define mutex_init(lock) linux_mutex_init((lock), #lock)
void mutex_destroy(struct mutex *lock);
void mutex_lock(struct mutex *lock);
/* 1 when it took the mutex, 0 when somebody holds it. */
int mutex_trylock(struct mutex *lock);
void mutex_unlock(struct mutex *lock);
bool mutex_is_locked(struct mutex *lock);

#define DEFINE_MUTEX(name)                                                                                   \
    struct mutex name;                                                                                       \
    static void __attribute__((constructor)) __mutex_init_##name(void)                                       \
    {                                                                                                        \
        linux_mutex_init(&name, #name);                                                                      \
    }                                                                                                        \
    struct mutex

#endif
