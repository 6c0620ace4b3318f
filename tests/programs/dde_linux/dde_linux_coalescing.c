/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that coalesces the completion of what it has sent: nobody interrupts, and sent frames are reaped
 * when some have come together or when an hrtimer says that the first has waited long enough. Two threads
 * send, and stop the device while others are still at it. No frame is reaped twice, and none stays.
 *
 * Takes the generation of semaphores (posix without), whether the timer is hard or soft (hard without), and
 * one of a driver's mistakes:
 *
 *   cancel-under-lock    stopping cancels the timer with the lock held that its function takes
 *   cancel-itself        the timer's function cancels its own timer
 *   sleep-in-function    the timer's function allocates memory patiently
 */
#include "network.h"

#include <linux/hardirq.h>
#include <linux/hrtimer.h>
#include <linux/lockdep.h>
#include <linux/slab.h>

#define SENDERS 2
#define FRAMES 6 /* by each */
#define COALESCED 4
#define COALESCING_US 50

struct adapter {
    spinlock_t tx_lock; /* what follows */
    int sent, reaped;
    bool stopped;
    bool gone;              /* nothing may run any more */
    struct completion late; /* once for each run of the timer */
    struct hrtimer coalescing;
    enum hrtimer_mode mode;
};

static struct adapter adapter = {.mode = HRTIMER_MODE_REL_HARD};
static const char *mistake = "";

static bool makes(const char *what)
{
    return strcmp(mistake, what) == 0;
}

/* Under tx_lock. */
static void reap(struct adapter *a)
{
    lockdep_assert_held(&a->tx_lock);
    a->reaped = a->sent;
}

static enum hrtimer_restart reap_late(struct hrtimer *timer)
{
    struct adapter *a = container_of(timer, struct adapter, coalescing);
    unsigned long flags;

    assert(in_interrupt() && in_hardirq() == (a->mode == HRTIMER_MODE_REL_HARD));
    assert(hrtimer_callback_running(timer));
    if (makes("sleep-in-function"))
        kfree(kmalloc(1, GFP_KERNEL));
    if (makes("cancel-itself"))
        hrtimer_cancel(timer);
    spin_lock_irqsave(&a->tx_lock, flags);
    assert(!a->gone);
    reap(a);
    spin_unlock_irqrestore(&a->tx_lock, flags);
    complete(&a->late);
    return HRTIMER_NORESTART;
}

/* False when it is stopped. */
static bool send_frame(struct adapter *a)
{
    bool sent;

    spin_lock_irq(&a->tx_lock);
    sent = !a->stopped;
    a->sent += sent;
    if (a->sent - a->reaped >= COALESCED) {
        reap(a);
        hrtimer_try_to_cancel(&a->coalescing);
    } else if (sent && !hrtimer_is_queued(&a->coalescing)) {
        hrtimer_start_range_ns(&a->coalescing, us_to_ktime(COALESCING_US), NSEC_PER_USEC, a->mode);
    }
    spin_unlock_irq(&a->tx_lock);
    return sent;
}

static void stop(struct adapter *a)
{
    spin_lock_irq(&a->tx_lock);
    a->stopped = true;
    if (makes("cancel-under-lock"))
        hrtimer_cancel(&a->coalescing);
    spin_unlock_irq(&a->tx_lock);
    hrtimer_cancel(&a->coalescing);
    assert(!hrtimer_active(&a->coalescing));
    spin_lock_irq(&a->tx_lock);
    reap(a);
    a->gone = true;
    spin_unlock_irq(&a->tx_lock);
}

static int send_some(void *argument)
{
    for (int i = 0; i < FRAMES && send_frame(argument); i++)
        usleep_range(COALESCING_US / 2, COALESCING_US);
    return 0;
}

int main(int argc, char **argv)
{
    struct job senders[SENDERS] = {{.function = send_some, .argument = &adapter},
                                   {.function = send_some, .argument = &adapter}};

    if (argc > 1 && ddekit_sync_select(argv[1]) != 0)
        return 2;
    if (argc > 2 && strcmp(argv[2], "soft") == 0)
        adapter.mode = HRTIMER_MODE_REL_SOFT;
    if (argc > 3)
        mistake = argv[3];
    machine_init();
    boot_linux();
    spin_lock_init(&adapter.tx_lock);
    init_completion(&adapter.late);
    hrtimer_init(&adapter.coalescing, CLOCK_MONOTONIC, adapter.mode);
    adapter.coalescing.function = reap_late;
    machine_boot_finished();

    assert(send_frame(&adapter));
    wait_for_completion(&adapter.late); /* it is reaped although nothing follows */
    for (int i = 0; i < SENDERS; i++)
        start_job(&senders[i], i);
    usleep_range(COALESCING_US * 3, COALESCING_US * 3);
    stop(&adapter);
    for (int i = 0; i < SENDERS; i++)
        finish_job(&senders[i]);
    assert(!hrtimer_active(&adapter.coalescing) && adapter.reaped == adapter.sent);
    return 0;
}
