/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Linux driver environment: its threads, timers, work queues and waits by themselves, then with 8139too
 * on the RTL8139 model. The machine is powered on once; the tests run in order and leave eth0 closed.
 *
 * They look at behaviour in real time. How the environment stands any schedule is for
 * tests/programs/dde_linux/.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <ddekit/ddekit.h>
#include <ddekit/pci.h>
#include <ddekit/printf.h>
#include <ddekit/timer.h>
#include <dde_linux/dde_linux.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/mii.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <linux/workqueue.h>

#include "harness/machine/machine.h"
#include "harness/nic/nic.h"
#include "harness/wire/account.h"
#include "harness/wire/wire.h"

#define KBUILD_MODNAME "dde_linux_test"
#define SOON_MS 30 /* long enough for another thread to get somewhere */
#define LATER 10   /* jiffies; no thread here is ever late by so much */
#define LATER_MS (LATER * 1000 / HZ)
#define PATIENCE_MS 5000

static const u8 mac[ETH_ALEN] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
static struct wire *wire;
static struct nic *nic;

/* --- Waiting for counters that other threads raise ----------------------------------------------------- */

static int value_of(const int *counter)
{
    return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

static void raise_counter(int *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
}

static void assert_reaches(const int *counter, int value)
{
    for (int ms = 0; ms < PATIENCE_MS && value_of(counter) < value; ms++)
        msleep(1);
    assert_int_equal(value_of(counter), value);
}

/* --- Sleeping and waking ------------------------------------------------------------------------------- */

static void a_wake_up_of_a_running_thread_leaves_no_token(void **state __always_unused)
{
    assert_int_equal(wake_up_process(current), 0);
    assert_int_equal(schedule_timeout_uninterruptible(1), 0);
}

static void a_wake_up_before_the_thread_decides_not_to_sleep_leaves_no_token(void **state __always_unused)
{
    set_current_state(TASK_UNINTERRUPTIBLE);
    assert_int_equal(wake_up_process(current), 1);
    set_current_state(TASK_RUNNING);
    assert_int_equal(schedule_timeout_uninterruptible(1), 0);
}

static void a_wake_up_between_the_state_and_the_sleep_ends_the_sleep(void **state __always_unused)
{
    set_current_state(TASK_UNINTERRUPTIBLE);
    assert_int_equal(wake_up_process(current), 1);
    assert_true(schedule_timeout(100 * HZ) > 0);
}

static struct completion ping, pong;

static int echo(void *data)
{
    while (!kthread_should_stop()) {
        if (wait_for_completion_timeout(&ping, 1)) {
            raise_counter(data);
            complete(&pong);
        }
    }
    return 42;
}

static void a_kthread_answers_and_stops_with_its_result(void **state __always_unused)
{
    struct task_struct *thread;
    int count = 0;

    init_completion(&ping);
    init_completion(&pong);
    thread = kthread_run(echo, &count, "echo/%d", 0);
    assert_false(IS_ERR(thread));
    for (int i = 0; i < 1000; i++) {
        complete(&ping);
        wait_for_completion(&pong);
    }
    assert_int_equal(kthread_stop(thread), 42);
    assert_int_equal(count, 1000);
}

static void a_completion_that_never_comes_times_out(void **state __always_unused)
{
    DECLARE_COMPLETION_ONSTACK(never);

    assert_int_equal(wait_for_completion_timeout(&never, 2), 0);
    complete_all(&never);
    assert_true(try_wait_for_completion(&never));
    assert_true(wait_for_completion_timeout(&never, 2) > 0);
}

/* --- Timers -------------------------------------------------------------------------------------------- */

struct test_timer {
    struct timer_list timer;
    int ran;
    int order;
};

static int timer_sequence;

static void note_run(struct timer_list *timer)
{
    struct test_timer *t = from_timer(t, timer, timer);

    t->order = __atomic_add_fetch(&timer_sequence, 1, __ATOMIC_SEQ_CST);
    assert_true(in_softirq());
    raise_counter(&t->ran);
}

static void timers_run_in_the_order_of_expiry(void **state __always_unused)
{
    struct test_timer t[3] = {0};
    const unsigned long delay[3] = {3, 1, 2}, base = jiffies + LATER;

    timer_sequence = 0;
    for (int i = 0; i < 3; i++) {
        timer_setup(&t[i].timer, note_run, 0);
        mod_timer(&t[i].timer, base + delay[i]);
    }
    for (int i = 0; i < 3; i++)
        assert_reaches(&t[i].ran, 1);
    assert_int_equal(t[1].order, 1);
    assert_int_equal(t[2].order, 2);
    assert_int_equal(t[0].order, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(del_timer_sync(&t[i].timer), 0);
}

static void a_deleted_timer_does_not_run(void **state __always_unused)
{
    struct test_timer t = {0};

    timer_setup(&t.timer, note_run, 0);
    assert_int_equal(mod_timer(&t.timer, jiffies + LATER), 0);
    assert_int_equal(mod_timer(&t.timer, jiffies + LATER), 1);
    assert_true(timer_pending(&t.timer));
    assert_int_equal(del_timer(&t.timer), 1);
    msleep(LATER_MS + SOON_MS);
    assert_int_equal(t.ran, 0);
}

static struct completion timer_entered, timer_may_end;

static void slow_timer(struct timer_list *timer)
{
    struct test_timer *t = from_timer(t, timer, timer);

    complete(&timer_entered);
    wait_for_completion(&timer_may_end);
    mod_timer(timer, jiffies + 1);
    raise_counter(&t->ran);
}

static int release_timer(void *unused __always_unused)
{
    msleep(SOON_MS);
    complete(&timer_may_end);
    while (!kthread_should_stop())
        schedule_timeout_interruptible(1);
    return 0;
}

static void del_timer_sync_waits_for_the_function_and_undoes_what_it_started(void **state __always_unused)
{
    struct test_timer t = {0};
    struct task_struct *thread;

    init_completion(&timer_entered);
    init_completion(&timer_may_end);
    timer_setup(&t.timer, slow_timer, 0);
    mod_timer(&t.timer, jiffies);
    wait_for_completion(&timer_entered);
    thread = kthread_run(release_timer, NULL, "release");
    assert_int_equal(del_timer_sync(&t.timer), 1);
    assert_int_equal(value_of(&t.ran), 1);
    assert_false(timer_pending(&t.timer));
    kthread_stop(thread);
    msleep(SOON_MS);
    assert_int_equal(value_of(&t.ran), 1);
}

static void initialising_a_pending_timer_again_stops_it(void **state __always_unused)
{
    struct test_timer t = {0};

    timer_setup(&t.timer, note_run, 0);
    mod_timer(&t.timer, jiffies + LATER);
    timer_setup(&t.timer, note_run, 0);
    msleep(LATER_MS + SOON_MS);
    assert_int_equal(t.ran, 0);
}

/* --- Softirqs and tasklets ----------------------------------------------------------------------------- */

#define TASKLET_THREADS 3
#define TASKLET_ROUNDS 2000

struct test_tasklet {
    struct tasklet_struct tasklet;
    int ran;
};

static void tasklet_ran(struct tasklet_struct *tasklet)
{
    struct test_tasklet *t = from_tasklet(t, tasklet, tasklet);

    raise_counter(&t->ran);
}

/* Schedule it and see it run before scheduling it again: a lost softirq shows as a run that never comes. */
static int drive_tasklet(void *data)
{
    struct test_tasklet *t = data;

    for (int i = 1; i <= TASKLET_ROUNDS; i++) {
        tasklet_schedule(&t->tasklet);
        for (int ms = 0; value_of(&t->ran) < i && ms < PATIENCE_MS; ms++)
            usleep_range(10, 20);
        if (value_of(&t->ran) != i)
            break;
    }
    while (!kthread_should_stop())
        schedule_timeout_interruptible(1);
    return t->ran;
}

static void no_softirq_is_lost_between_threads(void **state __always_unused)
{
    static struct test_tasklet t[TASKLET_THREADS];
    struct task_struct *threads[TASKLET_THREADS];

    for (int i = 0; i < TASKLET_THREADS; i++) {
        tasklet_setup(&t[i].tasklet, tasklet_ran);
        threads[i] = kthread_run(drive_tasklet, &t[i], "tasklet/%d", i);
    }
    for (int i = 0; i < TASKLET_THREADS; i++) {
        assert_reaches(&t[i].ran, TASKLET_ROUNDS);
        assert_int_equal(kthread_stop(threads[i]), TASKLET_ROUNDS);
        tasklet_kill(&t[i].tasklet);
    }
}

static void a_disabled_tasklet_runs_when_it_is_enabled(void **state __always_unused)
{
    struct test_tasklet t = {0};

    tasklet_setup(&t.tasklet, tasklet_ran);
    tasklet_disable(&t.tasklet);
    tasklet_hi_schedule(&t.tasklet);
    msleep(SOON_MS);
    assert_int_equal(value_of(&t.ran), 0);
    tasklet_enable(&t.tasklet);
    assert_reaches(&t.ran, 1);
    tasklet_kill(&t.tasklet);
}

/* --- Work queues --------------------------------------------------------------------------------------- */

struct test_work {
    struct delayed_work work;
    int ran;
    bool requeue;
};

static void work_ran(struct work_struct *work)
{
    struct test_work *w = container_of(work, struct test_work, work.work);

    if (w->requeue)
        schedule_delayed_work(&w->work, 1);
    raise_counter(&w->ran);
}

static void a_pending_work_item_is_queued_once(void **state __always_unused)
{
    struct test_work w = {0};

    INIT_DELAYED_WORK(&w.work, work_ran);
    assert_true(schedule_delayed_work(&w.work, LATER));
    assert_false(schedule_delayed_work(&w.work, 0));
    assert_true(delayed_work_pending(&w.work));
    assert_reaches(&w.ran, 1);
    flush_delayed_work(&w.work);
    assert_int_equal(w.ran, 1);
    assert_false(cancel_delayed_work_sync(&w.work));
}

static void flushing_delayed_work_runs_it_now(void **state __always_unused)
{
    struct test_work w = {0};

    INIT_DELAYED_WORK(&w.work, work_ran);
    schedule_delayed_work(&w.work, 1000 * HZ);
    flush_delayed_work(&w.work);
    assert_int_equal(w.ran, 1);
}

static void cancelling_stops_work_that_queues_itself(void **state __always_unused)
{
    struct test_work w = {.requeue = true};
    int ran;

    INIT_DELAYED_WORK(&w.work, work_ran);
    schedule_delayed_work(&w.work, 1);
    for (int ms = 0; ms < PATIENCE_MS && value_of(&w.ran) < 3; ms++)
        msleep(1);
    cancel_delayed_work_sync(&w.work);
    ran = value_of(&w.ran);
    assert_true(ran >= 3);
    msleep(SOON_MS);
    assert_int_equal(value_of(&w.ran), ran);
}

static void initialising_pending_work_again_takes_it_back(void **state __always_unused)
{
    struct test_work w = {0};

    INIT_DELAYED_WORK(&w.work, work_ran);
    schedule_delayed_work(&w.work, LATER);
    INIT_DELAYED_WORK(&w.work, work_ran);
    assert_true(schedule_delayed_work(&w.work, 2 * LATER));
    assert_reaches(&w.ran, 1);
    msleep(LATER_MS);
    assert_int_equal(w.ran, 1);
    cancel_delayed_work_sync(&w.work);
}

static void a_queue_of_its_own_can_be_destroyed(void **state __always_unused)
{
    struct workqueue_struct *wq = alloc_workqueue("own", 0, 0);
    struct test_work w = {0};

    INIT_DELAYED_WORK(&w.work, work_ran);
    queue_work(wq, &w.work.work);
    flush_workqueue(wq);
    assert_int_equal(w.ran, 1);
    queue_work(wq, &w.work.work);
    destroy_workqueue(wq);
    assert_int_equal(w.ran, 2);
}

/* --- Small things -------------------------------------------------------------------------------------- */

__printf(3, 4) static int format(char *text, size_t size, const char *fmt, ...)
{
    va_list args;
    int length;

    va_start(args, fmt);
    length = linux_vsnprintf(text, size, fmt, args);
    va_end(args);
    return length;
}

static void messages_know_the_kernels_formats(void **state __always_unused)
{
    char text[64];

    format(text, sizeof(text), "%pM|%#6x|%-3d|%02x|%llu", mac, 0x1fu, 7, 10u, ~0ull);
    assert_string_equal(text, "52:54:00:12:34:56|  0x1f|7  |0a|18446744073709551615");
    format(text, sizeof(text), "%p %s %c%% %.*s", (void *)text, "a", 'b', 2, "cdef");
    assert_string_equal(text, "(____ptrval____) a b% cd");
    assert_int_equal(format(text, 4, "%s", "abcdef"), 6);
    assert_string_equal(text, "abc");
}

static int numbers[3] = {1, 2, 3};
static bool flag;
module_param_array(numbers, int, NULL, 0);
module_param(flag, bool, 0);

static void parameters_are_checked(void **state __always_unused)
{
    assert_int_equal(dde_linux_set_parameter(KBUILD_MODNAME, "numbers", "7,0x10"), 0);
    assert_int_equal(numbers[0], 7);
    assert_int_equal(numbers[1], 16);
    assert_int_equal(numbers[2], 3);
    assert_int_equal(dde_linux_set_parameter(KBUILD_MODNAME, "numbers", "1,2,3,4"), -EINVAL);
    assert_int_equal(dde_linux_set_parameter(KBUILD_MODNAME, "numbers", "x"), -EINVAL);
    assert_int_equal(dde_linux_set_parameter(KBUILD_MODNAME, "flag", "2"), -EINVAL);
    assert_int_equal(dde_linux_set_parameter(KBUILD_MODNAME, "flag", "1"), 0);
    assert_true(flag);
    assert_int_equal(dde_linux_set_parameter(KBUILD_MODNAME, "nothing", "1"), -ENOENT);
}

/* The IPv4 header of a well-known example; its checksum is 0xb861. */
static void a_partial_checksum_is_filled_in(void **state __always_unused)
{
    static const u8 header[20] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                                  0x00, 0x00, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
    struct sk_buff *skb = dev_alloc_skb(ETH_HLEN + sizeof(header));
    u8 copy[ETH_HLEN + sizeof(header)];

    skb_put_zero(skb, ETH_HLEN);
    skb->csum_start = (u16)(skb_headroom(skb) + skb->len);
    skb->csum_offset = 10;
    skb->ip_summed = CHECKSUM_PARTIAL;
    skb_put_data(skb, header, sizeof(header));
    skb_copy_and_csum_dev(skb, copy);
    assert_int_equal(copy[ETH_HLEN + 10], 0xb8);
    assert_int_equal(copy[ETH_HLEN + 11], 0x61);
    assert_int_equal(skb->data[ETH_HLEN + 10], 0);
    kfree_skb(skb);
}

static void mii_abilities_are_translated(void **state __always_unused)
{
    assert_int_equal(mii_nway_result(LPA_10HALF | LPA_100HALF | LPA_10FULL), LPA_100HALF);
    assert_int_equal(mii_lpa_to_ethtool_lpa_t(LPA_100FULL | LPA_LPACK),
                     ADVERTISED_100baseT_Full | ADVERTISED_Autoneg);
    assert_int_equal(ethtool_adv_to_mii_adv_t(ADVERTISED_10baseT_Half | ADVERTISED_100baseT_Full),
                     ADVERTISE_10HALF | ADVERTISE_100FULL);
}

/* --- A device that does not transmit ------------------------------------------------------------------- */

static int mute_timeouts, mute_transmitted, mute_freed;
static bool mute_works;

static netdev_tx_t mute_xmit(struct sk_buff *skb, struct net_device *dev)
{
    kfree_skb(skb);
    mute_transmitted++;
    if (!__atomic_load_n(&mute_works, __ATOMIC_SEQ_CST))
        netif_stop_queue(dev);
    return NETDEV_TX_OK;
}

static void mute_timeout(struct net_device *dev, unsigned int queue __always_unused)
{
    raise_counter(&mute_timeouts);
    __atomic_store_n(&mute_works, true, __ATOMIC_SEQ_CST);
    netif_wake_queue(dev);
}

static const struct net_device_ops mute_ops = {.ndo_start_xmit = mute_xmit, .ndo_tx_timeout = mute_timeout};

static void count_freed(struct sk_buff *skb)
{
    raise_counter(skb_shinfo(skb)->destructor_arg);
}

static int send_frame(struct net_device *dev, const void *data, unsigned int length, int *freed)
{
    struct sk_buff *skb = alloc_skb(length, GFP_KERNEL);

    skb_put_data(skb, data, length);
    skb->dev = dev;
    skb->destructor = count_freed;
    skb_shinfo(skb)->destructor_arg = freed;
    return dev_queue_xmit(skb);
}

static void the_watchdog_wakes_a_stopped_queue_and_then_rests(void **state __always_unused)
{
    struct net_device *dev = alloc_etherdev(0);
    const u8 frame[ETH_ZLEN] = {0};

    dev->netdev_ops = &mute_ops;
    dev->watchdog_timeo = 2;
    assert_int_equal(register_netdev(dev), 0);
    /* Closed: nothing is sent, and the buffer is freed. */
    assert_int_equal(send_frame(dev, frame, sizeof(frame), &mute_freed), NET_XMIT_DROP);
    assert_int_equal(value_of(&mute_freed), 1);
    rtnl_lock();
    assert_int_equal(dev_open(dev, NULL), 0);
    rtnl_unlock();
    for (int i = 0; i < 3; i++)
        assert_int_equal(send_frame(dev, frame, sizeof(frame), &mute_freed), NET_XMIT_SUCCESS);
    assert_reaches(&mute_freed, 4);
    assert_int_equal(value_of(&mute_timeouts), 1);
    for (int ms = 0; ms < PATIENCE_MS && timer_pending(&dev->watchdog_timer); ms += 10) {
        msleep(10);
        synchronize_rcu(); /* not in the middle of its function, which may start it again */
    }
    assert_false(timer_pending(&dev->watchdog_timer));
    unregister_netdev(dev);
    free_netdev(dev);
}

/* --- 8139too ------------------------------------------------------------------------------------------- */

#define BURST 200

static struct net_device *eth0;
static int transmitted, wrong_order;
static int received, wrong_frames;

static void frame_left(void *opaque __always_unused, uint64_t number, const uint8_t *frame, size_t length)
{
    if (length != ETH_ZLEN || frame[ETH_HLEN] != (u8)number)
        raise_counter(&wrong_order);
    raise_counter(&transmitted);
}

static int frame_came(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt __always_unused,
                      struct net_device *orig __always_unused)
{
    const u8 *frame = skb_mac_header(skb);

    if (dev != eth0 || skb->protocol != htons(0x88b5) || skb->len != ETH_ZLEN - ETH_HLEN || !in_softirq() ||
        skb->pkt_type != PACKET_HOST || frame[ETH_HLEN] != (u8)value_of(&received))
        raise_counter(&wrong_frames);
    account_frame_delivered();
    kfree_skb(skb);
    raise_counter(&received);
    return NET_RX_SUCCESS;
}

static struct packet_type tap = {.type = htons(ETH_P_ALL), .func = frame_came};

static void make_frame(u8 frame[ETH_ZLEN], const u8 *destination, const u8 *source, u8 mark)
{
    memset(frame, 0, ETH_ZLEN);
    memcpy(frame, destination, ETH_ALEN);
    memcpy(frame + ETH_ALEN, source, ETH_ALEN);
    frame[12] = 0x88; /* the type for local experiments */
    frame[13] = 0xb5;
    frame[ETH_HLEN] = mark;
}

static void open_eth0(void)
{
    rtnl_lock();
    assert_int_equal(dev_open(eth0, NULL), 0);
    rtnl_unlock();
}

static void close_eth0(void)
{
    rtnl_lock();
    dev_close(eth0);
    rtnl_unlock();
}

static void the_driver_finds_its_device(void **state __always_unused)
{
    assert_int_equal(dde_linux_probe_drivers(), 1);
    eth0 = dev_get_by_name(&init_net, "eth0");
    assert_non_null(eth0);
    assert_memory_equal(eth0->dev_addr, mac, ETH_ALEN);
    assert_int_equal(eth0->mtu, ETH_DATA_LEN);
    assert_null(dev_get_by_name(&init_net, "eth1"));
}

static void frames_are_sent_in_order_and_freed_once(void **state __always_unused)
{
    const u8 peer[ETH_ALEN] = {2, 0, 0, 0, 0, 1};
    u8 frame[ETH_ZLEN];
    int freed = 0, first = value_of(&transmitted);

    open_eth0();
    for (int i = 0; i < BURST; i++) {
        make_frame(frame, peer, mac, (u8)(first + i));
        assert_int_equal(send_frame(eth0, frame, sizeof(frame), &freed), NET_XMIT_SUCCESS);
    }
    assert_reaches(&freed, BURST);
    assert_reaches(&transmitted, first + BURST);
    assert_int_equal(wrong_order, 0);
    close_eth0();
}

static void frames_are_received_in_order(void **state __always_unused)
{
    const u8 peer[ETH_ALEN] = {2, 0, 0, 0, 0, 1};
    struct rtnl_link_stats64 stats;
    u8 frame[ETH_ZLEN];
    int first = value_of(&received);

    dev_add_pack(&tap);
    open_eth0();
    for (int i = 0; i < BURST; i++) {
        make_frame(frame, mac, peer, (u8)(first + i));
        assert_int_equal(nic_rtl8139.receive(nic, frame, sizeof(frame)), WIRE_ACCEPTED);
    }
    assert_reaches(&received, first + BURST);
    assert_int_equal(wrong_frames, 0);
    dev_get_stats(eth0, &stats);
    assert_true(stats.rx_packets >= BURST);
    assert_int_equal(stats.rx_dropped, 0);
    close_eth0();
    dev_remove_pack(&tap);
}

static void settings_are_those_of_the_link(void **state __always_unused)
{
    struct ethtool_link_ksettings settings;

    open_eth0();
    rtnl_lock();
    assert_int_equal(__ethtool_get_link_ksettings(eth0, &settings), 0);
    rtnl_unlock();
    assert_int_equal(settings.base.speed, SPEED_100);
    assert_int_equal(settings.base.duplex, DUPLEX_FULL);
    assert_true(dev_get_flags(eth0) & IFF_RUNNING);
    close_eth0();
    assert_false(dev_get_flags(eth0) & IFF_RUNNING);
}

static bool bombard; /* the next thread goes on while it is set, atomically */

static int bombard_nic(void *unused __always_unused)
{
    const u8 peer[ETH_ALEN] = {2, 0, 0, 0, 0, 1};
    u8 frame[ETH_ZLEN];

    make_frame(frame, mac, peer, 0);
    while (__atomic_load_n(&bombard, __ATOMIC_SEQ_CST)) {
        nic_rtl8139.receive(nic, frame, sizeof(frame));
        usleep_range(50, 50);
    }
    while (!kthread_should_stop())
        schedule_timeout_interruptible(1);
    return 0;
}

/* Open and close under fire: interrupts, polls and the line's thread come and go. */
static void the_device_opens_and_closes_while_frames_come(void **state __always_unused)
{
    struct task_struct *thread;

    __atomic_store_n(&bombard, true, __ATOMIC_SEQ_CST);
    thread = kthread_run(bombard_nic, NULL, "bombard");
    for (int i = 0; i < 50; i++) {
        open_eth0();
        msleep(1);
        close_eth0();
    }
    __atomic_store_n(&bombard, false, __ATOMIC_SEQ_CST);
    kthread_stop(thread);
}

static void the_driver_leaves_and_comes_back_on_ports(void **state)
{
    dev_put(eth0);
    dde_linux_remove_drivers();
    assert_null(dev_get_by_name(&init_net, "eth0"));
    assert_int_equal(dde_linux_set_parameter("8139too", "use_io", "1"), 0);
    the_driver_finds_its_device(state);
    frames_are_sent_in_order_and_freed_once(state);
    frames_are_received_in_order(state);
}

static int power_on(void **state __always_unused)
{
    struct nic_config config = {0};

    machine_init();
    wire = wire_create(NULL, NULL);
    memcpy(config.mac, mac, sizeof(mac));
    config.wire = wire;
    wire_on_transmitted(wire, frame_left, NULL);
    nic = nic_rtl8139.create(&config);
    ddekit_init();
    ddekit_init_timers();
    ddekit_pci_init();
    ddekit_print_to(-1);
    dde_linux_init();
    return wire && nic ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wake_up_of_a_running_thread_leaves_no_token),
        cmocka_unit_test(a_wake_up_before_the_thread_decides_not_to_sleep_leaves_no_token),
        cmocka_unit_test(a_wake_up_between_the_state_and_the_sleep_ends_the_sleep),
        cmocka_unit_test(a_kthread_answers_and_stops_with_its_result),
        cmocka_unit_test(a_completion_that_never_comes_times_out),
        cmocka_unit_test(timers_run_in_the_order_of_expiry),
        cmocka_unit_test(a_deleted_timer_does_not_run),
        cmocka_unit_test(del_timer_sync_waits_for_the_function_and_undoes_what_it_started),
        cmocka_unit_test(initialising_a_pending_timer_again_stops_it),
        cmocka_unit_test(no_softirq_is_lost_between_threads),
        cmocka_unit_test(a_disabled_tasklet_runs_when_it_is_enabled),
        cmocka_unit_test(a_pending_work_item_is_queued_once),
        cmocka_unit_test(flushing_delayed_work_runs_it_now),
        cmocka_unit_test(cancelling_stops_work_that_queues_itself),
        cmocka_unit_test(initialising_pending_work_again_takes_it_back),
        cmocka_unit_test(a_queue_of_its_own_can_be_destroyed),
        cmocka_unit_test(messages_know_the_kernels_formats),
        cmocka_unit_test(parameters_are_checked),
        cmocka_unit_test(a_partial_checksum_is_filled_in),
        cmocka_unit_test(mii_abilities_are_translated),
        cmocka_unit_test(the_watchdog_wakes_a_stopped_queue_and_then_rests),
        cmocka_unit_test(the_driver_finds_its_device),
        cmocka_unit_test(frames_are_sent_in_order_and_freed_once),
        cmocka_unit_test(frames_are_received_in_order),
        cmocka_unit_test(settings_are_those_of_the_link),
        cmocka_unit_test(the_device_opens_and_closes_while_frames_come),
        cmocka_unit_test(the_driver_leaves_and_comes_back_on_ports),
    };

    return cmocka_run_group_tests(tests, power_on, NULL);
}
