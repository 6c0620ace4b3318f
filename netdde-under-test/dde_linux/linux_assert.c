/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What code asserts about the context that it runs in: warnings, locks that it must hold, places where it may
 * sleep. See <linux/bug.h>, <linux/lockdep.h> and <linux/kernel.h>.
 */
#include <stdio.h>

#include <linux/hardirq.h>
#include <linux/irqflags.h>
#include <linux/lockdep.h>
#include <linux/string.h>

#include "netdde-under-test/dde_linux/internal.h"

#define REPORT_MAX 256

/* The build's folder says nothing to a reader. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

void linux_warn(const char *file, int line, const char *fmt, ...)
{
    char text[REPORT_MAX], message[REPORT_MAX];
    va_list args;

    va_start(args, fmt);
    linux_vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    message[strcspn(message, "\n")] = '\0';
    snprintf(text, sizeof(text), "%.200s at %s:%d", message, base_name(file), line);
    linux_report("assertion", NULL, text);
}

bool linux_lock_is_held(struct ddekit_lock *lock)
{
    return ddekit_lock_owner(&lock) == ddekit_thread_myself();
}

void linux_assert_lock(struct ddekit_lock *lock, bool held, const char *assertion, const char *file, int line)
{
    char text[REPORT_MAX];

    if (linux_lock_is_held(lock) == held)
        return;
    snprintf(text, sizeof(text), "%s %s the lock at %s:%d: %s", current->comm,
             held ? "does not hold" : "holds", base_name(file), line, assertion);
    linux_report("lock-misuse", lock, text);
}

void report_wait_for_itself(const char *function)
{
    char text[REPORT_MAX];

    snprintf(text, sizeof(text), "%s waits for the end of %s that it is in", current->comm, function);
    linux_report("deadlock", NULL, text);
}

void report_nobody_cared(unsigned int irq, unsigned int times)
{
    char text[REPORT_MAX];

    snprintf(text, sizeof(text), "irq %u: nobody cared %u times in a row, it is disabled", irq, times);
    linux_report("interrupt-storm", NULL, text);
}

/* Why the calling thread must not sleep; NULL when it may. */
static const char *atomic_context(void)
{
    return in_hardirq()               ? "in an interrupt handler"
           : softirq_is_current()     ? "in a softirq"
           : in_softirq()             ? "with softirqs disabled"
           : irqs_disabled()          ? "with interrupts disabled"
           : current->rcu_nesting > 0 ? "in a read side of RCU"
                                      : NULL;
}

bool report_leaked_context(const char *function)
{
    const char *context = atomic_context();
    char text[REPORT_MAX];

    if (!context)
        return false;
    snprintf(text, sizeof(text), "%s of %s has returned %s", function, current->comm, context);
    linux_report("assertion", NULL, text);
    return true;
}

void linux_might_sleep(const char *file, int line)
{
    const char *context = atomic_context();
    char text[REPORT_MAX];

    if (!context)
        return;
    snprintf(text, sizeof(text), "%s may have to sleep at %s:%d, %s", current->comm, base_name(file), line,
             context);
    linux_report("sleep-in-atomic", NULL, text);
}
