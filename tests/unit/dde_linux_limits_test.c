/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the Linux environment promises drivers and users of theirs: how much one softirq does before it lets
 * others have their turn, who waits for whose handlers, and in which context things are done. The devices are
 * this test's own, and there is no card.
 *
 * A tasklet that is scheduled in a softirq runs in the next round, behind transmission and reception: what it
 * sees then is what one run of those has done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ddekit/ddekit.h>
#include <ddekit/printf.h>
#include <ddekit/semaphore.h>
#include <ddekit/timer.h>
#include <dde_linux/dde_linux.h>
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/rtnetlink.h>

#include "harness/machine/irq.h"
#include "harness/machine/machine.h"
#include "tests/unit/counters.h"

#define SOON_MS 30         /* more than a softirq may poll for */
#define WEIGHT 16          /* of each napi_struct here */
#define NET_RX_BUDGET 300  /* Linux's netdev_budget */
#define TX_QUOTA 64        /* Linux's dev_tx_weight */
#define BACKLOG 1000       /* Linux's netdev_max_backlog */
#define UNHANDLED_MAX 1000 /* as in linux_irq.c */
#define SLEEP_JIFFIES 20
#define LINE 7

static int progress;                  /* of what a test limits; atomically */
static int progress_seen, sights;     /* what the tasklet has seen of it, and how often it has looked */
static struct tasklet_struct witness; /* scheduled by who makes the progress */

static void look(struct tasklet_struct *unused __always_unused)
{
    progress_seen = value_of(&progress);
    raise_counter(&sights);
}

static void await_progress(void)
{
    while (value_of(&progress) == 0)
        msleep(1);
}

static int begin(void **state __always_unused)
{
    progress = progress_seen = sights = 0;
    tasklet_setup(&witness, look);
    return 0;
}

static void (*in_softirq_to_do)(void);

static void do_in_softirq(struct tasklet_struct *unused __always_unused)
{
    in_softirq_to_do();
}

/* When this returns it has been called. */
static void call_in_softirq(void (*function)(void))
{
    struct tasklet_struct tasklet;

    in_softirq_to_do = function;
    tasklet_setup(&tasklet, do_in_softirq);
    tasklet_schedule(&tasklet);
    tasklet_kill(&tasklet);
}

/* --- Softirqs ------------------------------------------------------------------------------------------- */

#define ROUNDS 10 /* as in Linux, MAX_SOFTIRQ_RESTART */
#define RUNS (5 * ROUNDS)

static int turns; /* how often .softirqd has let others have theirs; atomically */

void __real_ddekit_sem_down(ddekit_sem_t *sem);
void __wrap_ddekit_sem_down(ddekit_sem_t *sem);

void __wrap_ddekit_sem_down(ddekit_sem_t *sem)
{
    if (in_softirq())
        raise_counter(&turns);
    __real_ddekit_sem_down(sem);
}

static void run_again(struct tasklet_struct *tasklet)
{
    raise_counter(&progress);
    if (value_of(&progress) < RUNS)
        tasklet_schedule(tasklet);
    else
        progress_seen = value_of(&turns);
}

static void softirqs_that_are_raised_over_and_over_let_others_have_their_turn(void **state __always_unused)
{
    struct tasklet_struct tasklet;
    int before = value_of(&turns);

    tasklet_setup(&tasklet, run_again);
    tasklet_schedule(&tasklet);
    assert_reaches(&progress, RUNS);
    tasklet_kill(&tasklet);
    assert_true(progress_seen - before >= RUNS / ROUNDS - 1);
}

/* --- Reception ------------------------------------------------------------------------------------------ */

#define NAPIS 24 /* more than a budget has weights */

struct stream {
    struct napi_struct napi;
    int left;     /* frames */
    int takes_ms; /* for each poll */
};

static struct stream streams[NAPIS];
static struct net_device *streams_dev;

static int poll_stream(struct napi_struct *napi, int budget)
{
    struct stream *stream = container_of(napi, struct stream, napi);
    int work = min(stream->left, budget);

    stream->left -= work;
    if (stream->takes_ms)
        mdelay((unsigned long)stream->takes_ms);
    raise_counter(&progress);
    if (work < budget)
        napi_complete_done(napi, work);
    return work;
}

/* Schedule all of them for one softirq. */
static void schedule_streams(void)
{
    for (int i = 0; i < NAPIS; i++)
        napi_schedule(&streams[i].napi);
    tasklet_schedule(&witness);
}

static void add_streams(int frames, int takes_ms)
{
    streams_dev = alloc_etherdev(0);
    for (int i = 0; i < NAPIS; i++) {
        streams[i] = (struct stream){.left = frames, .takes_ms = takes_ms};
        netif_napi_add_weight(streams_dev, &streams[i].napi, poll_stream, WEIGHT);
        napi_enable(&streams[i].napi);
    }
}

static void remove_streams(void)
{
    for (int i = 0; i < NAPIS; i++)
        napi_disable(&streams[i].napi);
    free_netdev(streams_dev);
}

static void reception_stops_at_its_budget(void **state __always_unused)
{
    add_streams(WEIGHT, 0);
    call_in_softirq(schedule_streams);
    assert_reaches(&progress, 2 * NAPIS); /* at its second poll each has no more */
    assert_reaches(&sights, 1);
    assert_in_range(progress_seen, 1, DIV_ROUND_UP(NET_RX_BUDGET, WEIGHT));
    remove_streams();
}

static void reception_stops_when_its_time_is_over(void **state __always_unused)
{
    add_streams(0, SOON_MS);
    call_in_softirq(schedule_streams);
    assert_reaches(&progress, NAPIS);
    assert_reaches(&sights, 1);
    assert_int_equal(progress_seen, 1);
    remove_streams();
}

static void a_poll_that_always_has_more_can_be_disabled(void **state __always_unused)
{
    struct stream *stream = &streams[0];

    streams_dev = alloc_etherdev(0);
    *stream = (struct stream){.left = WEIGHT * 2000, .takes_ms = 1};
    netif_napi_add_weight(streams_dev, &stream->napi, poll_stream, WEIGHT);
    napi_enable(&stream->napi);
    napi_schedule(&stream->napi);
    await_progress();
    napi_disable(&stream->napi);
    assert_true(stream->left > 0);
    free_netdev(streams_dev);
}

static int note_delivery(struct sk_buff *skb, struct net_device *dev __always_unused,
                         struct packet_type *pt __always_unused, struct net_device *orig __always_unused)
{
    kfree_skb(skb);
    raise_counter(&progress);
    mdelay(SOON_MS);
    raise_counter(&sights);
    return NET_RX_SUCCESS;
}

static int receive_one(struct net_device *dev)
{
    struct sk_buff *skb = alloc_skb(ETH_ZLEN, GFP_ATOMIC);

    skb_put_zero(skb, ETH_ZLEN);
    skb->protocol = eth_type_trans(skb, dev);
    return netif_rx(skb);
}

static void a_tap_that_is_removed_is_not_called_any_more(void **state __always_unused)
{
    struct packet_type tap = {.type = htons(ETH_P_ALL), .func = note_delivery};
    struct net_device *dev = alloc_etherdev(0);

    dev_add_pack(&tap);
    assert_int_equal(receive_one(dev), NET_RX_SUCCESS);
    await_progress();
    dev_remove_pack(&tap);
    assert_int_equal(value_of(&sights), 1);
    free_netdev(dev);
}

static struct net_device *flooded;

/* In a softirq, so that none can work it off. */
static void flood(void)
{
    for (int i = 0; i < 2 * BACKLOG; i++) {
        if (receive_one(flooded) == NET_RX_SUCCESS)
            raise_counter(&progress);
    }
}

static void the_backlog_is_limited(void **state __always_unused)
{
    flooded = alloc_etherdev(0);
    call_in_softirq(flood);
    assert_int_equal(value_of(&progress), BACKLOG);
    assert_int_equal(flooded->stats.rx_dropped, BACKLOG);
    while (receive_one(flooded) != NET_RX_SUCCESS)
        msleep(1); /* the softirq works it off */
    synchronize_net();
    free_netdev(flooded);
}

/* --- Transmission --------------------------------------------------------------------------------------- */

static int modes_set;

static netdev_tx_t count_sent(struct sk_buff *skb, struct net_device *dev __always_unused)
{
    kfree_skb(skb);
    raise_counter(&progress);
    return NETDEV_TX_OK;
}

static void count_mode(struct net_device *dev)
{
    assert_true(in_softirq()); /* to code that asks */
    assert_true(spin_trylock(&dev->addr_list_lock) == 0);
    modes_set++;
}

static const struct net_device_ops ops = {.ndo_start_xmit = count_sent, .ndo_set_rx_mode = count_mode};

static struct net_device *open_device(bool carrier)
{
    struct net_device *dev = alloc_etherdev(0);

    dev->netdev_ops = &ops;
    if (!carrier)
        netif_carrier_off(dev);
    assert_int_equal(register_netdev(dev), 0);
    rtnl_lock();
    assert_int_equal(dev_open(dev, NULL), 0);
    rtnl_unlock();
    return dev;
}

static void remove_device(struct net_device *dev)
{
    unregister_netdev(dev);
    free_netdev(dev);
}

static int send_one(struct net_device *dev)
{
    struct sk_buff *skb = alloc_skb(ETH_ZLEN, GFP_KERNEL);

    skb_put_zero(skb, ETH_ZLEN);
    skb->dev = dev;
    return dev_queue_xmit(skb);
}

static struct net_device *woken;

static void wake(void)
{
    netif_wake_queue(woken);
    tasklet_schedule(&witness);
}

static void a_queue_that_is_run_stops_at_its_quota(void **state __always_unused)
{
    woken = open_device(true);
    netif_stop_queue(woken);
    for (int i = 0; i < 2 * TX_QUOTA; i++)
        assert_int_equal(send_one(woken), NET_XMIT_SUCCESS);
    assert_int_equal(value_of(&progress), 0);
    call_in_softirq(wake);
    assert_reaches(&progress, 2 * TX_QUOTA);
    assert_reaches(&sights, 1);
    assert_int_equal(progress_seen, TX_QUOTA);
    remove_device(woken);
}

static void nothing_is_sent_before_there_is_a_carrier(void **state __always_unused)
{
    struct net_device *dev = open_device(false);

    assert_int_equal(send_one(dev), NET_XMIT_DROP);
    assert_false(dev_get_flags(dev) & IFF_RUNNING);
    netif_carrier_on(dev);
    for (int ms = 0; ms < COUNTER_PATIENCE_MS && !(dev_get_flags(dev) & IFF_RUNNING); ms++)
        msleep(1);
    assert_int_equal(send_one(dev), NET_XMIT_SUCCESS);
    assert_reaches(&progress, 1);
    remove_device(dev);
}

static void the_driver_hears_of_each_address_once(void **state __always_unused)
{
    const u8 group[ETH_ALEN] = {0x01, 0x00, 0x5e, 0, 0, 1};
    struct net_device *dev = open_device(true);

    rtnl_lock();
    modes_set = 0;
    for (int i = 0; i < 2; i++)
        assert_int_equal(dev_mc_add(dev, group), 0);
    assert_int_equal(modes_set, 1);
    assert_int_equal(netdev_mc_count(dev), 1);
    assert_int_equal(dev_mc_del(dev, group), 0);
    assert_int_equal(modes_set, 1);
    assert_int_equal(dev_mc_del(dev, group), 0);
    assert_int_equal(modes_set, 2);
    assert_int_equal(netdev_mc_count(dev), 0);
    rtnl_unlock();
    remove_device(dev);
}

static void note_context(struct sk_buff *skb __always_unused)
{
    progress_seen = in_softirq() && !in_hardirq() && !irqs_disabled();
    raise_counter(&progress);
}

static void no_buffer_is_freed_with_interrupts_disabled(void **state __always_unused)
{
    struct sk_buff *skb = alloc_skb(1, GFP_KERNEL);

    skb->destructor = note_context;
    local_irq_disable();
    dev_kfree_skb_any(skb);
    local_irq_enable();
    assert_reaches(&progress, 1);
    assert_true(progress_seen);
}

/* --- Interrupts ----------------------------------------------------------------------------------------- */

static irqreturn_t handle_slowly(int irq, void *source)
{
    raise_counter(&progress);
    mdelay(SOON_MS);
    irq_line_deassert((unsigned)irq, *(int *)source);
    raise_counter(&sights);
    return IRQ_HANDLED;
}

static void synchronize_irq_waits_for_a_handler_that_runs(void **state __always_unused)
{
    int source = irq_source_allocate("card");

    assert_int_equal(request_irq(LINE, handle_slowly, 0, "card", &source), 0);
    irq_line_assert(LINE, source);
    await_progress();
    synchronize_irq(LINE);
    assert_int_equal(value_of(&sights), 1);
    free_irq(LINE, &source);
}

static void a_line_that_is_disabled_does_not_interrupt(void **state __always_unused)
{
    int source = irq_source_allocate("card");

    assert_int_equal(request_irq(LINE, handle_slowly, 0, "card", &source), 0);
    disable_irq(LINE);
    disable_irq_nosync(LINE);
    irq_line_assert(LINE, source);
    msleep(SOON_MS);
    enable_irq(LINE);
    msleep(SOON_MS);
    assert_int_equal(value_of(&progress), 0);
    enable_irq(LINE);
    assert_reaches(&sights, 1);
    free_irq(LINE, &source);
}

static int ignored_source;
static int ignore_until; /* so many interrupts the device holds the line high */

static irqreturn_t ignore(int irq, void *unused __always_unused)
{
    if (value_of(&progress) + 1 == ignore_until)
        irq_line_deassert((unsigned)irq, (unsigned)ignored_source);
    raise_counter(&progress);
    return IRQ_NONE;
}

/* How many interrupts a new handler gets that ignores them all, with a device that lets go after
 * `interrupts`. */
static int interrupts_ignored(int interrupts)
{
    progress = 0;
    ignore_until = interrupts;
    assert_int_equal(request_irq(LINE, ignore, 0, "card", &progress), 0);
    irq_line_assert(LINE, (unsigned)ignored_source);
    assert_reaches(&progress, min(interrupts, UNHANDLED_MAX));
    msleep(SOON_MS);
    assert_int_equal(irqd_irq_disabled(irq_get_irq_data(LINE)), interrupts > UNHANDLED_MAX);
    irq_line_deassert(LINE, (unsigned)ignored_source);
    free_irq(LINE, &progress);
    return value_of(&progress);
}

static void a_line_is_disabled_when_nobody_cares_for_it(void **state __always_unused)
{
    ignored_source = (int)irq_source_allocate("card");
    assert_int_equal(interrupts_ignored(INT_MAX), UNHANDLED_MAX);
}

static void a_handler_requested_anew_is_not_charged_with_what_was_ignored_before(void **state __always_unused)
{
    ignored_source = (int)irq_source_allocate("card");
    assert_int_equal(interrupts_ignored(UNHANDLED_MAX / 2), UNHANDLED_MAX / 2);
    assert_int_equal(interrupts_ignored(INT_MAX), UNHANDLED_MAX);
}

static void a_line_that_is_disabled_stays_so_over_a_sleep(void **state __always_unused)
{
    int source = irq_source_allocate("card");

    assert_int_equal(request_irq(LINE, handle_slowly, 0, "card", &source), 0);
    disable_irq(LINE);
    assert_int_equal(dde_linux_suspend(1), 0);
    assert_true(irqd_irq_disabled(irq_get_irq_data(LINE)));
    irq_line_assert(LINE, source);
    msleep(SOON_MS);
    assert_int_equal(value_of(&progress), 0);
    enable_irq(LINE);
    assert_reaches(&sights, 1);
    free_irq(LINE, &source);
}

static enum hrtimer_restart note_time(struct hrtimer *unused __always_unused)
{
    progress_seen = (int)jiffies;
    raise_counter(&progress);
    return HRTIMER_NORESTART;
}

static void hrtimers_run_while_devices_sleep(void **state __always_unused)
{
    struct hrtimer timer;
    int begin_at = (int)jiffies;

    hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
    timer.function = note_time;
    hrtimer_start(&timer, ms_to_ktime(1), HRTIMER_MODE_REL);
    assert_int_equal(dde_linux_suspend(SLEEP_JIFFIES), 0);
    assert_reaches(&progress, 1);
    assert_true(progress_seen - begin_at < SLEEP_JIFFIES);
    hrtimer_cancel(&timer);
}

/* --- DMA ------------------------------------------------------------------------------------------------ */

static void a_card_that_cannot_address_memory_is_refused(void **state __always_unused)
{
    u64 mask = 0;
    struct device card = {.dma_mask = &mask};

    assert_int_equal(dma_set_mask(&card, DMA_BIT_MASK(31)), -EIO);
    assert_int_equal(dma_set_coherent_mask(&card, DMA_BIT_MASK(24)), -EIO);
    assert_int_equal(dma_set_mask_and_coherent(&card, DMA_BIT_MASK(31)), -EIO);
    assert_true(mask == 0 && card.coherent_dma_mask == 0);
    assert_int_equal(dma_set_mask_and_coherent(&card, DMA_BIT_MASK(32)), 0);
    assert_true(mask == DMA_BIT_MASK(32) && card.coherent_dma_mask == DMA_BIT_MASK(32));
}

static int power_on(void **state __always_unused)
{
    machine_init();
    ddekit_init();
    ddekit_init_timers();
    ddekit_print_to(-1);
    dde_linux_init();
    return 0;
}

#define LIMIT_TEST(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIMIT_TEST(softirqs_that_are_raised_over_and_over_let_others_have_their_turn),
        LIMIT_TEST(reception_stops_at_its_budget),
        LIMIT_TEST(reception_stops_when_its_time_is_over),
        LIMIT_TEST(a_poll_that_always_has_more_can_be_disabled),
        LIMIT_TEST(a_tap_that_is_removed_is_not_called_any_more),
        LIMIT_TEST(the_backlog_is_limited),
        LIMIT_TEST(a_queue_that_is_run_stops_at_its_quota),
        LIMIT_TEST(nothing_is_sent_before_there_is_a_carrier),
        LIMIT_TEST(the_driver_hears_of_each_address_once),
        LIMIT_TEST(no_buffer_is_freed_with_interrupts_disabled),
        LIMIT_TEST(synchronize_irq_waits_for_a_handler_that_runs),
        LIMIT_TEST(a_line_that_is_disabled_does_not_interrupt),
        LIMIT_TEST(a_line_is_disabled_when_nobody_cares_for_it),
        LIMIT_TEST(a_handler_requested_anew_is_not_charged_with_what_was_ignored_before),
        LIMIT_TEST(a_line_that_is_disabled_stays_so_over_a_sleep),
        LIMIT_TEST(hrtimers_run_while_devices_sleep),
        LIMIT_TEST(a_card_that_cannot_address_memory_is_refused),
    };

    return cmocka_run_group_tests_name("limits of the Linux environment", tests, power_on, NULL);
}
