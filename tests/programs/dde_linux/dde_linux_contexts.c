/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Linux code asserts about its context. Each of its arguments names a driver's mistake that is to be
 * found; without one everything is asserted where it holds.
 */
#include <assert.h>
#include <stdio.h>

#include <ddekit/ddekit.h>
#include <ddekit/printf.h>
#include <ddekit/timer.h>
#include <dde_linux/dde_linux.h>
#include <linux/completion.h>
#include <linux/etherdevice.h>
#include <linux/hardirq.h>
#include <linux/interrupt.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "harness/machine/machine.h"

static DEFINE_SPINLOCK(ring_lock);
static DEFINE_MUTEX(config_mutex);
static struct completion softirq_over;
static void (*in_tasklet)(void);

static void run_tasklet(struct tasklet_struct *tasklet __always_unused)
{
    in_tasklet();
    complete(&softirq_over);
}

static void run_in_softirq(void (*function)(void))
{
    struct tasklet_struct tasklet;

    in_tasklet = function;
    tasklet_setup(&tasklet, run_tasklet);
    tasklet_schedule(&tasklet);
    wait_for_completion(&softirq_over);
    tasklet_kill(&tasklet);
}

static void reap_ring(void)
{
    lockdep_assert_held(&ring_lock);
}

static void configure(void)
{
    lockdep_assert_held(&config_mutex);
    lockdep_assert_not_held(&ring_lock);
    WARN_ON(in_interrupt());
    might_sleep();
}

static void set_features(void)
{
    ASSERT_RTNL();
}

static void allocate_patiently(void)
{
    kfree(kmalloc(1, GFP_KERNEL));
}

static void allocate_at_once(void)
{
    kfree(kmalloc(1, GFP_ATOMIC));
}

static void configure_in_softirq(void)
{
    WARN_ON(in_interrupt());
}

static void without_the_rings_lock(void)
{
    reap_ring();
}

static void under_the_rings_lock(void)
{
    mutex_lock(&config_mutex);
    spin_lock(&ring_lock);
    configure();
}

static void without_rtnl(void)
{
    set_features();
}

static void sleeping_under_the_rings_lock(void)
{
    spin_lock(&ring_lock);
    might_sleep();
}

static void allocating_under_the_rings_lock(void)
{
    spin_lock(&ring_lock);
    allocate_patiently();
}

static void a_mutex_under_the_rings_lock(void)
{
    spin_lock(&ring_lock);
    mutex_lock(&config_mutex);
}

static void allocating_in_a_softirq(void)
{
    run_in_softirq(allocate_patiently);
}

static void sleeping_without_interrupts(void)
{
    local_irq_disable();
    might_sleep();
}

static void sleeping_in_a_read_side(void)
{
    rcu_read_lock();
    might_sleep();
}

static void waiting_for_readers_in_a_read_side(void)
{
    rcu_read_lock();
    synchronize_rcu();
}

static void configuring_in_a_softirq(void)
{
    run_in_softirq(configure_in_softirq);
}

/* --- Polling -------------------------------------------------------------------------------------------- */

static int does_too_much(struct napi_struct *napi, int budget)
{
    napi_complete_done(napi, budget);
    return budget + 1;
}

static int completes_with_its_budget_used_up(struct napi_struct *napi, int budget)
{
    napi_complete_done(napi, budget);
    return budget;
}

static int does_less_and_completes(struct napi_struct *napi, int budget)
{
    napi_complete_done(napi, budget - 1);
    complete(&softirq_over);
    return budget - 1;
}

static void poll_by(int (*poll)(struct napi_struct *, int))
{
    struct net_device *dev = alloc_etherdev(sizeof(struct napi_struct));
    struct napi_struct *napi = netdev_priv(dev);

    netif_napi_add(dev, napi, poll);
    napi_enable(napi);
    napi_schedule(napi);
    wait_for_completion(&softirq_over);
    napi_disable(napi);
    free_netdev(dev);
}

/* --- Timers --------------------------------------------------------------------------------------------- */

static struct timer_list timer;
static bool timer_takes_the_lock;

static void look_at_the_ring(struct timer_list *unused __always_unused)
{
    cpu_relax();
    if (timer_takes_the_lock) {
        spin_lock(&ring_lock);
        spin_unlock(&ring_lock);
    }
}

/* Which may have to wait for its function, spinning. */
static void delete_the_timer_under_the_rings_lock(void)
{
    timer_setup(&timer, look_at_the_ring, 0);
    mod_timer(&timer, jiffies);
    spin_lock(&ring_lock);
    del_timer_sync(&timer);
    spin_unlock(&ring_lock);
}

static void deleting_a_timer_that_takes_the_lock(void)
{
    timer_takes_the_lock = true;
    delete_the_timer_under_the_rings_lock();
}

static void all_is_well(void)
{
    spin_lock(&ring_lock);
    reap_ring();
    allocate_at_once();
    spin_unlock(&ring_lock);
    mutex_lock(&config_mutex);
    configure();
    mutex_unlock(&config_mutex);
    rtnl_lock();
    set_features();
    rtnl_unlock();
    allocate_patiently();
    run_in_softirq(allocate_at_once);
    rcu_read_lock();
    allocate_at_once();
    rcu_read_unlock();
    synchronize_rcu();
    poll_by(does_less_and_completes);
    delete_the_timer_under_the_rings_lock();
}

static void polling_too_much(void)
{
    poll_by(does_too_much);
}

static void completing_with_the_budget_used_up(void)
{
    poll_by(completes_with_its_budget_used_up);
}

static const struct {
    const char *name;
    void (*make)(void);
} mistakes[] = {
    {"without-the-lock", without_the_rings_lock},
    {"under-the-lock", under_the_rings_lock},
    {"without-rtnl", without_rtnl},
    {"sleep-under-lock", sleeping_under_the_rings_lock},
    {"allocate-under-lock", allocating_under_the_rings_lock},
    {"mutex-under-lock", a_mutex_under_the_rings_lock},
    {"allocate-in-softirq", allocating_in_a_softirq},
    {"sleep-without-interrupts", sleeping_without_interrupts},
    {"sleep-in-read-side", sleeping_in_a_read_side},
    {"wait-in-read-side", waiting_for_readers_in_a_read_side},
    {"delete-under-lock", deleting_a_timer_that_takes_the_lock},
    {"poll-too-much", polling_too_much},
    {"complete-with-budget", completing_with_the_budget_used_up},
    {"configure-in-softirq", configuring_in_a_softirq},
};

int main(int argc, char **argv)
{
    machine_init();
    ddekit_init();
    ddekit_init_timers();
    ddekit_print_to(-1);
    dde_linux_init();
    init_completion(&softirq_over);
    machine_boot_finished();
    if (argc == 1) {
        all_is_well();
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
        if (strcmp(argv[1], mistakes[i].name) == 0) {
            mistakes[i].make();
            return 0;
        }
    }
    return 2;
}
