/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/spinlock.h> on DDEKit locks.
 *
 * Each thread is a CPU of its own here, so a spin lock excludes other threads and nothing else: the _irq,
 * _irqsave and _bh forms exclude the interrupt thread and the softirq thread because those take the same
 * lock, not because interrupts stop. local_irq_disable only counts, per thread (see <linux/irqflags.h>).
 *
 * The lock behind a spinlock_t is allocated by spin_lock_init (DEFINE_SPINLOCK: before main) and, as Linux
 * has no function to end a spin lock, never freed.
 */
#ifndef DDE_LINUX_SPINLOCK_H
#define DDE_LINUX_SPINLOCK_H

#include <linux/bottom_half.h>
#include <linux/compiler.h>
#include <linux/irqflags.h>
#include <linux/types.h>

struct ddekit_lock;

typedef struct spinlock {
    struct ddekit_lock *dde_lock;
} spinlock_t;

/* name is how reports call the lock. */
void linux_spin_lock_init(spinlock_t *lock, const char *name);
#define spin_lock_init(lock) linux_spin_lock_init((lock), #lock)
void spin_lock(spinlock_t *lock) __acquires(lock);
int spin_trylock(spinlock_t *lock);
void spin_unlock(spinlock_t *lock) __releases(lock);

#define DEFINE_SPINLOCK(name)                                                                                \
    spinlock_t name;                                                                                         \
    static void __attribute__((constructor)) __spin_lock_init_##name(void)                                   \
    {                                                                                                        \
        linux_spin_lock_init(&name, #name);                                                                  \
    }                                                                                                        \
    struct spinlock

static inline void spin_lock_bh(spinlock_t *lock)
{
    local_bh_disable();
    spin_lock(lock);
}

static inline void spin_unlock_bh(spinlock_t *lock)
{
    spin_unlock(lock);
    local_bh_enable();
}

static inline void spin_lock_irq(spinlock_t *lock)
{
    local_irq_disable();
    spin_lock(lock);
}

static inline void spin_unlock_irq(spinlock_t *lock)
{
    spin_unlock(lock);
    local_irq_enable();
}

#define spin_lock_irqsave(lock, flags)                                                                       \
    do {                                                                                                     \
        local_irq_save(flags);                                                                               \
        spin_lock(lock);                                                                                     \
    } while (0)

static inline void spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags)
{
    spin_unlock(lock);
    local_irq_restore(flags);
}

#endif
