/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Spin locks of a Linux environment on DDEKit locks, and what its threads say of their interrupts, as
 * lockcheck sees them. DDEKit has one kind of lock, and no interrupts to disable.
 */
#include <lockcheck.h>
#include <ddekit/lock.h>
#include <linux/irqflags.h>
#include <linux/spinlock.h>
#include "wrap.h"

void WRAP(linux_spin_lock_init)(spinlock_t *lock, const char *name);
void REAL(linux_spin_lock_init)(spinlock_t *lock, const char *name);
void WRAP(local_irq_disable)(void);
void REAL(local_irq_disable)(void);
void WRAP(local_irq_enable)(void);
void REAL(local_irq_enable)(void);
unsigned long WRAP(linux_local_irq_save)(void);
unsigned long REAL(linux_local_irq_save)(void);
void WRAP(local_irq_restore)(unsigned long flags);
void REAL(local_irq_restore)(unsigned long flags);

void WRAP(linux_spin_lock_init)(spinlock_t *lock, const char *name)
{
    REAL(linux_spin_lock_init)(lock, name);
    lockcheck_name_object(lock->dde_lock, "spin lock", NULL);
}

static void tell(bool before)
{
    bool now = irqs_disabled();

    if (now != before)
        lockcheck_event(now ? LOCKCHECK_IRQ_DISABLE : LOCKCHECK_IRQ_ENABLE, NULL, 0);
}

void WRAP(local_irq_disable)(void)
{
    bool before = irqs_disabled();

    REAL(local_irq_disable)();
    tell(before);
}

void WRAP(local_irq_enable)(void)
{
    bool before = irqs_disabled();

    REAL(local_irq_enable)();
    tell(before);
}

unsigned long WRAP(linux_local_irq_save)(void)
{
    bool before = irqs_disabled();
    unsigned long flags = REAL(linux_local_irq_save)();

    tell(before);
    return flags;
}

void WRAP(local_irq_restore)(unsigned long flags)
{
    bool before = irqs_disabled();

    REAL(local_irq_restore)(flags);
    tell(before);
}
