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
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/hardirq.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "harness/machine/dma.h"
#include "harness/machine/irq.h"
#include "harness/machine/machine.h"

#define MANY 1500 /* interrupts: some would be too many if none of them were taken */
#define PATIENCE_JIFFIES 50

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
    local_irq_enable(); /* which they are */
    local_irq_disable();
    might_sleep();
}

static void sleeping_in_a_read_side(void)
{
    rcu_read_lock();
    might_sleep();
}

static void enabling_an_enabled_tasklet(void)
{
    struct tasklet_struct tasklet;

    tasklet_setup(&tasklet, run_tasklet);
    tasklet_disable(&tasklet);
    tasklet_enable(&tasklet);
    tasklet_enable(&tasklet);
}

static void take_a_nap(void)
{
    msleep(1);
}

static void napping_in_a_softirq(void)
{
    run_in_softirq(take_a_nap);
}

static void napping_for_a_jiffy_under_the_rings_lock(void)
{
    spin_lock(&ring_lock);
    schedule_timeout_uninterruptible(1);
}

static void napping_with_softirqs_disabled(void)
{
    local_bh_disable();
    take_a_nap();
}

static void allocating_in_a_read_side(void)
{
    rcu_read_lock();
    allocate_patiently();
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

static void scheduling_under_the_rings_lock(void)
{
    spin_lock(&ring_lock);
    schedule();
}

static void leaving_a_read_side_twice(void)
{
    rcu_read_lock();
    rcu_read_unlock();
    rcu_read_unlock();
}

static void enabling_softirqs_twice(void)
{
    local_bh_disable();
    local_bh_enable();
    local_bh_enable();
}

static void enabling_softirqs_without_interrupts(void)
{
    local_bh_disable();
    local_irq_disable();
    local_bh_enable();
}

/* --- Interrupts ----------------------------------------------------------------------------------------- */

#define LINE 7

static int interrupts;

static irqreturn_t take_none(int irq __always_unused, void *unused __always_unused)
{
    interrupts++;
    return IRQ_NONE;
}

static irqreturn_t take_every_other(int irq __always_unused, void *source)
{
    if (++interrupts == MANY)
        irq_line_deassert(LINE, *(int *)source);
    return IRQ_RETVAL(interrupts % 2);
}

/* A function of its own, over when the finding is made: only who shows where the line was pulled shows it. */
static noinline void pull_the_line(int source)
{
    irq_line_assert(LINE, source);
    barrier();
}

/* Let a device hold its line high, for as long as the handler leaves it so. */
static void interrupt_by(irq_handler_t handler)
{
    int source = irq_source_allocate("card");

    assert(request_irq(LINE, handler, IRQF_SHARED, "card", &source) == 0);
    pull_the_line(source);
    for (int i = 0; i < PATIENCE_JIFFIES && interrupts < MANY; i++)
        schedule_timeout_uninterruptible(1);
    irq_line_deassert(LINE, source);
    free_irq(LINE, &source);
}

static irqreturn_t take_the_rings_lock_as_a_softirq_would(int irq __always_unused, void *source)
{
    interrupts = MANY;
    irq_line_deassert(LINE, *(int *)source);
    spin_lock_bh(&ring_lock);
    spin_unlock_bh(&ring_lock);
    return IRQ_HANDLED;
}

static void taking_a_lock_of_softirqs_in_an_interrupt(void)
{
    interrupt_by(take_the_rings_lock_as_a_softirq_would);
}

static void leaving_a_line_high(void)
{
    interrupt_by(take_none);
}

static void sleep_with_the_line_disabled(void)
{
    int source;

    assert(request_irq(LINE, take_none, IRQF_SHARED, "card", &source) == 0);
    disable_irq(LINE);
    disable_irq(LINE);
    assert(dde_linux_suspend(1) == 0);
    enable_irq(LINE);
    enable_irq(LINE);
    free_irq(LINE, &source);
}

static void enabling_what_is_enabled(void)
{
    disable_irq(LINE);
    enable_irq(LINE);
    enable_irq(LINE);
}

static void disabling_a_line_under_the_rings_lock(void)
{
    spin_lock(&ring_lock);
    disable_irq(LINE);
}

static void synchronizing_without_interrupts(void)
{
    local_irq_disable();
    synchronize_irq(LINE);
}

/* --- Memory for DMA ------------------------------------------------------------------------------------- */

#define RING_BYTES 64

static struct device card;
static dma_addr_t ring_bus;

static void *allocate_a_ring(void)
{
    card.dma_domain = dma_device_create("card");
    return dma_alloc_coherent(&card, RING_BYTES, &ring_bus, GFP_KERNEL);
}

static void allocating_a_ring_under_the_rings_lock(void)
{
    spin_lock(&ring_lock);
    allocate_a_ring();
}

static void map_a_local(void)
{
    char local[RING_BYTES];

    card.dma_domain = dma_device_create("card");
    dma_map_single(&card, local, sizeof(local), DMA_FROM_DEVICE);
}

static void mapping_the_stack(void)
{
    run_in_softirq(map_a_local);
}

static void freeing_mapped_memory(void)
{
    char *frame = kmalloc(RING_BYTES, GFP_KERNEL);

    card.dma_domain = dma_device_create("card");
    dma_mapping_error(&card, dma_map_single(&card, frame, RING_BYTES, DMA_FROM_DEVICE));
    kfree(frame);
}

static void dropping_a_mapped_page(void)
{
    struct page *page = alloc_page(GFP_KERNEL);

    card.dma_domain = dma_device_create("card");
    dma_mapping_error(&card, dma_map_page(&card, page, PAGE_SIZE / 2, RING_BYTES, DMA_FROM_DEVICE));
    put_page(page);
}

/* Looks at none of the two before both are made. */
static void map_two_pieces(char *memory, dma_addr_t bus[2])
{
    card.dma_domain = dma_device_create("card");
    for (int i = 0; i < 2; i++)
        bus[i] = dma_map_single(&card, memory + i * RING_BYTES, RING_BYTES, DMA_FROM_DEVICE);
}

static void unmap_two_pieces(const dma_addr_t bus[2])
{
    for (int i = 0; i < 2; i++)
        dma_unmap_single(&card, bus[i], RING_BYTES, DMA_FROM_DEVICE);
}

static void looking_at_the_first_mapping_only(void)
{
    char *memory = kmalloc(2 * RING_BYTES, GFP_KERNEL);
    dma_addr_t bus[2];

    map_two_pieces(memory, bus);
    dma_mapping_error(&card, bus[0]);
    unmap_two_pieces(bus);
}

static void map_and_look_at_two_pieces(void)
{
    char *memory = kmalloc(2 * RING_BYTES, GFP_KERNEL);
    dma_addr_t bus[2];

    map_two_pieces(memory, bus);
    assert(!dma_mapping_error(&card, bus[0]) && !dma_mapping_error(&card, bus[1]));
    unmap_two_pieces(bus);
    kfree(memory);
}

static void map_the_ring(void)
{
    card.dma_domain = dma_device_create("card");
    ring_bus = dma_map_single(&card, kmalloc(RING_BYTES, GFP_ATOMIC), RING_BYTES, DMA_FROM_DEVICE);
}

static void unmapping_what_another_thread_has_mapped(void)
{
    run_in_softirq(map_the_ring);
    dma_unmap_single(&card, ring_bus, RING_BYTES, DMA_FROM_DEVICE);
}

static void freeing_a_ring_without_interrupts(void)
{
    void *ring = allocate_a_ring();

    local_irq_disable();
    dma_free_coherent(&card, RING_BYTES, ring, ring_bus);
}

/* --- Devices and buffers -------------------------------------------------------------------------------- */

static void mode_that_sleeps(struct net_device *dev __always_unused)
{
    allocate_patiently();
}

static netdev_tx_t drop(struct sk_buff *skb, struct net_device *dev __always_unused)
{
    kfree_skb(skb);
    return NETDEV_TX_OK;
}

static const struct net_device_ops sleepy_ops = {.ndo_start_xmit = drop, .ndo_set_rx_mode = mode_that_sleeps};
static const struct net_device_ops plain_ops = {.ndo_start_xmit = drop};

static struct net_device *register_by(const struct net_device_ops *ops)
{
    struct net_device *dev = alloc_etherdev(0);

    dev->netdev_ops = ops;
    assert(register_netdev(dev) == 0);
    return dev;
}

static void unregister_and_free(struct net_device *dev)
{
    unregister_netdev(dev);
    free_netdev(dev);
}

static void sleeping_in_set_rx_mode(void)
{
    struct net_device *dev = register_by(&sleepy_ops);

    rtnl_lock();
    dev_open(dev, NULL);
    rtnl_unlock();
}

static void freeing_a_registered_device(void)
{
    free_netdev(register_by(&plain_ops));
}

static void registering_a_device_twice(void)
{
    register_netdev(register_by(&plain_ops));
}

static void sending_without_interrupts(void)
{
    struct net_device *dev = register_by(&plain_ops);
    struct sk_buff *skb = alloc_skb(ETH_ZLEN, GFP_KERNEL);

    skb_put(skb, ETH_ZLEN);
    skb->dev = dev;
    local_irq_disable();
    dev_queue_xmit(skb);
}

static void freeing_a_buffer_twice(void)
{
    struct sk_buff *skb = alloc_skb(1, GFP_KERNEL);

    kfree_skb(skb);
    kfree_skb(skb);
}

/* --- Who waits for himself ------------------------------------------------------------------------------ */

static void cancel_itself(struct work_struct *work)
{
    cancel_work_sync(work);
    complete(&softirq_over);
}

static void flush_itself(struct work_struct *work)
{
    flush_work(work);
    complete(&softirq_over);
}

static void work_by(work_func_t function)
{
    struct work_struct work;

    INIT_WORK(&work, function);
    schedule_work(&work);
    wait_for_completion(&softirq_over);
    flush_work(&work);
}

static void work_that_cancels_itself(void)
{
    work_by(cancel_itself);
}

static void work_that_flushes_itself(void)
{
    work_by(flush_itself);
}

static void stay_in_a_read_side(struct work_struct *unused __always_unused)
{
    rcu_read_lock();
}

static void leave_softirqs_disabled(struct work_struct *unused __always_unused)
{
    local_bh_disable();
}

static void return_from_work(work_func_t function)
{
    struct work_struct work;

    INIT_WORK(&work, function);
    schedule_work(&work);
    flush_work(&work);
}

static void work_that_stays_in_a_read_side(void)
{
    return_from_work(stay_in_a_read_side);
}

static void work_that_leaves_softirqs_disabled(void)
{
    return_from_work(leave_softirqs_disabled);
}

static void does_nothing(struct work_struct *work __always_unused) {}

static void destroy_a_queue(bool wait)
{
    struct workqueue_struct *queue = alloc_workqueue("card", 0, 0);
    static struct delayed_work early, late;

    INIT_DELAYED_WORK(&early, does_nothing);
    INIT_DELAYED_WORK(&late, does_nothing);
    queue_delayed_work(queue, &early, 1);
    queue_delayed_work(queue, &late, HZ);
    mod_delayed_work(queue, &late, 2 * HZ);
    flush_delayed_work(&late);
    queue_delayed_work(queue, &late, HZ);
    take_a_nap();
    if (wait)
        cancel_delayed_work_sync(&late);
    flush_delayed_work(&early);
    destroy_workqueue(queue);
}

static void destroying_a_queue_too_early(void)
{
    destroy_a_queue(false);
}

static void delete_itself(struct timer_list *timer)
{
    del_timer_sync(timer);
    complete(&softirq_over);
}

static void a_timer_that_deletes_itself(void)
{
    struct timer_list itself;

    timer_setup(&itself, delete_itself, 0);
    mod_timer(&itself, jiffies);
    wait_for_completion(&softirq_over);
    del_timer_sync(&itself);
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

static struct net_device *alloc_polled(void)
{
    struct net_device *dev = alloc_etherdev(sizeof(struct napi_struct));

    netif_napi_add(dev, netdev_priv(dev), does_less_and_completes);
    return dev;
}

static void delete_twice_and_free(void)
{
    struct net_device *dev = alloc_polled();

    netif_napi_del(netdev_priv(dev));
    netif_napi_del(netdev_priv(dev));
    free_netdev(dev);
}

static void adding_twice(void)
{
    struct net_device *dev = alloc_polled();

    netif_napi_add(dev, netdev_priv(dev), does_less_and_completes);
    free_netdev(dev);
}

static void deleting_what_is_scheduled(void)
{
    struct net_device *dev = alloc_polled();

    napi_enable(netdev_priv(dev));
    napi_schedule_prep(netdev_priv(dev));
    free_netdev(dev);
}

static void completing_what_is_not_scheduled(void)
{
    struct net_device *dev = alloc_polled();

    napi_enable(netdev_priv(dev));
    napi_complete_done(netdev_priv(dev), 0);
    napi_disable(netdev_priv(dev));
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

static void adding_a_pending_timer(void)
{
    timer_setup(&timer, look_at_the_ring, 0);
    timer.expires = jiffies + PATIENCE_JIFFIES;
    add_timer(&timer);
    add_timer(&timer);
}

static void initialising_a_pending_timer(void)
{
    timer_setup(&timer, look_at_the_ring, 0);
    mod_timer(&timer, jiffies + PATIENCE_JIFFIES);
    timer_setup(&timer, look_at_the_ring, 0);
}

static void deleting_a_timer_that_takes_the_lock(void)
{
    timer_takes_the_lock = true;
    delete_the_timer_under_the_rings_lock();
}

static enum hrtimer_restart tell_that_it_has_run(struct hrtimer *timer __always_unused)
{
    complete(&softirq_over);
    return HRTIMER_NORESTART;
}

static void start_an_hrtimer_under_the_rings_lock(void)
{
    struct hrtimer soon;

    spin_lock_bh(&ring_lock);
    hrtimer_init(&soon, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
    soon.function = tell_that_it_has_run;
    hrtimer_start(&soon, 0, HRTIMER_MODE_REL);
    spin_unlock_bh(&ring_lock);
    wait_for_completion(&softirq_over);
    hrtimer_cancel(&soon);
}

struct adapter {
    struct timer_list watchdog;
    struct hrtimer coalescing;
    struct delayed_work task;
};

static struct adapter *alloc_adapter(void)
{
    struct adapter *a = kmalloc(sizeof(*a), GFP_KERNEL);

    timer_setup(&a->watchdog, look_at_the_ring, 0);
    hrtimer_init(&a->coalescing, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
    a->coalescing.function = tell_that_it_has_run;
    INIT_DELAYED_WORK(&a->task, does_nothing);
    mod_timer(&a->watchdog, jiffies + HZ);
    hrtimer_start(&a->coalescing, ms_to_ktime(1000), HRTIMER_MODE_REL);
    schedule_delayed_work(&a->task, HZ);
    return a;
}

static void free_adapter(const char *forgotten)
{
    struct adapter *a = alloc_adapter();

    if (strcmp(forgotten, "timer") != 0)
        del_timer_sync(&a->watchdog);
    if (strcmp(forgotten, "hrtimer") != 0)
        hrtimer_cancel(&a->coalescing);
    if (strcmp(forgotten, "work") != 0)
        cancel_delayed_work_sync(&a->task);
    kfree(a);
}

static void freeing_a_timer(void)
{
    free_adapter("timer");
}

static void freeing_an_hrtimer(void)
{
    free_adapter("hrtimer");
}

static void freeing_delayed_work(void)
{
    free_adapter("work");
}

static void all_is_well(void)
{
    struct sk_buff *buffer = alloc_skb(1, GFP_KERNEL);
    void *ring;

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
    delete_twice_and_free();
    delete_the_timer_under_the_rings_lock();
    start_an_hrtimer_under_the_rings_lock();
    interrupt_by(take_every_other);
    sleep_with_the_line_disabled();
    ring = allocate_a_ring();
    dma_free_coherent(&card, RING_BYTES, ring, ring_bus);
    map_and_look_at_two_pieces();
    unregister_and_free(register_by(&plain_ops));
    destroy_a_queue(true);
    free_adapter("");
    kfree_skb(skb_get(buffer));
    kfree_skb(buffer);
    local_bh_disable();
    allocate_at_once();
    local_bh_enable();
    take_a_nap();
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
    {"add-napi-twice", adding_twice},
    {"delete-scheduled", deleting_what_is_scheduled},
    {"complete-unscheduled", completing_what_is_not_scheduled},
    {"configure-in-softirq", configuring_in_a_softirq},
    {"nap-in-softirq", napping_in_a_softirq},
    {"nap-under-lock", napping_for_a_jiffy_under_the_rings_lock},
    {"nap-without-softirqs", napping_with_softirqs_disabled},
    {"allocate-in-read-side", allocating_in_a_read_side},
    {"schedule-under-lock", scheduling_under_the_rings_lock},
    {"leave-read-side-twice", leaving_a_read_side_twice},
    {"enable-softirqs-twice", enabling_softirqs_twice},
    {"enable-softirqs-without-interrupts", enabling_softirqs_without_interrupts},
    {"softirqs-lock-in-interrupt", taking_a_lock_of_softirqs_in_an_interrupt},
    {"send-without-interrupts", sending_without_interrupts},
    {"work-stays-in-read-side", work_that_stays_in_a_read_side},
    {"work-leaves-softirqs-disabled", work_that_leaves_softirqs_disabled},
    {"nobody-cares", leaving_a_line_high},
    {"enable-twice", enabling_what_is_enabled},
    {"disable-under-lock", disabling_a_line_under_the_rings_lock},
    {"synchronize-without-interrupts", synchronizing_without_interrupts},
    {"ring-under-lock", allocating_a_ring_under_the_rings_lock},
    {"free-ring-without-interrupts", freeing_a_ring_without_interrupts},
    {"map-stack", mapping_the_stack},
    {"look-at-first-only", looking_at_the_first_mapping_only},
    {"unmap-others-unlooked", unmapping_what_another_thread_has_mapped},
    {"free-mapped", freeing_mapped_memory},
    {"free-mapped-page", dropping_a_mapped_page},
    {"sleep-in-rx-mode", sleeping_in_set_rx_mode},
    {"free-registered", freeing_a_registered_device},
    {"register-twice", registering_a_device_twice},
    {"free-buffer-twice", freeing_a_buffer_twice},
    {"add-pending-timer", adding_a_pending_timer},
    {"initialise-pending-timer", initialising_a_pending_timer},
    {"enable-tasklet-twice", enabling_an_enabled_tasklet},
    {"free-timer", freeing_a_timer},
    {"free-hrtimer", freeing_an_hrtimer},
    {"free-work", freeing_delayed_work},
    {"destroy-queue", destroying_a_queue_too_early},
    {"work-cancels-itself", work_that_cancels_itself},
    {"work-flushes-itself", work_that_flushes_itself},
    {"timer-deletes-itself", a_timer_that_deletes_itself},
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
