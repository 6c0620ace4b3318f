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
#include <asm/unaligned.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/etherdevice.h>
#include <linux/hrtimer.h>
#include <linux/if_vlan.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/mii.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/rtnetlink.h>
#include <linux/workqueue.h>
#include <net/checksum.h>

#include "harness/machine/dma.h"
#include "harness/machine/machine.h"
#include "harness/nic/nic.h"
#include "harness/wire/account.h"
#include "harness/wire/wire.h"
#include "netdde-under-test/dde_linux/internal.h"
#include "tests/unit/counters.h"

#define KBUILD_MODNAME "dde_linux_test"
#define SOON_MS 30 /* long enough for another thread to get somewhere */
#define LATER 10   /* jiffies; no thread here is ever late by so much */
#define LATER_MS (LATER * 1000 / HZ)
#define PATIENCE_MS COUNTER_PATIENCE_MS

static const u8 mac[ETH_ALEN] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
static struct wire *wire;
static struct nic *nic;

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

/* --- Timers in nanoseconds ----------------------------------------------------------------------------- */

#define LATER_NS ms_to_ktime(20)
#define AT_ONCE 0

struct test_hrtimer {
    struct hrtimer timer;
    int ran;
    int order;
    int runs; /* how often it is to run */
    bool early, wrong_context;
};

static enum hrtimer_restart note_hrtimer_run(struct hrtimer *timer)
{
    struct test_hrtimer *t = container_of(timer, struct test_hrtimer, timer);
    bool again = t->ran + 1 < t->runs;

    t->order = __atomic_add_fetch(&timer_sequence, 1, __ATOMIC_SEQ_CST);
    t->early |= ktime_before(ktime_get(), hrtimer_get_expires(timer));
    t->wrong_context |= timer->is_soft ? !in_softirq() || in_hardirq() : !in_hardirq() || in_softirq();
    t->wrong_context |= !in_interrupt() || !hrtimer_callback_running(timer) || !hrtimer_active(timer);
    t->wrong_context |= hrtimer_try_to_cancel(timer) != -1;
    if (again)
        hrtimer_forward_now(timer, us_to_ktime(100));
    raise_counter(&t->ran);
    return again ? HRTIMER_RESTART : HRTIMER_NORESTART;
}

static struct test_hrtimer *init_test_hrtimer(struct test_hrtimer *t, enum hrtimer_mode mode)
{
    *t = (struct test_hrtimer){.runs = 1};
    hrtimer_init(&t->timer, CLOCK_MONOTONIC, mode);
    t->timer.function = note_hrtimer_run;
    return t;
}

static void assert_ran(struct test_hrtimer *t, int times)
{
    assert_reaches(&t->ran, times);
    assert_int_equal(hrtimer_cancel(&t->timer), 0);
    assert_int_equal(value_of(&t->ran), times);
    assert_false(t->early);
    assert_false(t->wrong_context);
    assert_false(hrtimer_active(&t->timer));
}

static void hrtimers_run_in_the_order_of_expiry(void **state __always_unused)
{
    static const unsigned int delay_us[] = {300, 100, 200};
    struct test_hrtimer t[3];
    ktime_t base = ktime_add_ns(ktime_get(), LATER_NS);

    timer_sequence = 0;
    for (int i = 0; i < 3; i++)
        hrtimer_start(&init_test_hrtimer(&t[i], HRTIMER_MODE_ABS)->timer,
                      ktime_add(base, us_to_ktime(delay_us[i])), HRTIMER_MODE_ABS);
    assert_true(hrtimer_is_queued(&t[0].timer));
    assert_true(hrtimer_get_remaining(&t[0].timer) <= LATER_NS + (ktime_t)us_to_ktime(300));
    for (int i = 0; i < 3; i++)
        assert_ran(&t[i], 1);
    assert_int_equal(t[1].order, 1);
    assert_int_equal(t[2].order, 2);
    assert_int_equal(t[0].order, 3);
}

static void soft_hrtimers_run_in_a_softirq(void **state __always_unused)
{
    struct test_hrtimer soft, hard;

    init_test_hrtimer(&soft, HRTIMER_MODE_REL_SOFT)->runs = 3;
    init_test_hrtimer(&hard, HRTIMER_MODE_REL_PINNED_HARD)->runs = 3;
    hrtimer_start(&soft.timer, us_to_ktime(200), HRTIMER_MODE_REL_SOFT);
    hrtimer_start(&hard.timer, us_to_ktime(200), HRTIMER_MODE_REL_PINNED_HARD);
    assert_ran(&soft, 3);
    assert_ran(&hard, 3);
}

static void a_cancelled_hrtimer_does_not_run(void **state __always_unused)
{
    struct test_hrtimer t;

    init_test_hrtimer(&t, HRTIMER_MODE_REL);
    assert_int_equal(hrtimer_cancel(&t.timer), 0);
    hrtimer_start_range_ns(&t.timer, LATER_NS, 1000, HRTIMER_MODE_REL);
    assert_int_equal(hrtimer_get_expires(&t.timer) - hrtimer_get_softexpires(&t.timer), 1000);
    assert_int_equal(hrtimer_try_to_cancel(&t.timer), 1);
    assert_int_equal(hrtimer_try_to_cancel(&t.timer), 0);
    hrtimer_restart(&t.timer);
    assert_int_equal(hrtimer_cancel(&t.timer), 1);
    msleep(SOON_MS);
    assert_int_equal(t.ran, 0);
    hrtimer_start(&t.timer, LATER_NS, HRTIMER_MODE_REL);
    hrtimer_init(&t.timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL); /* again, while it is queued */
    msleep(SOON_MS);
    assert_int_equal(t.ran, 0);
}

static void hrtimers_are_forwarded_by_whole_intervals(void **state __always_unused)
{
    struct test_hrtimer t;

    init_test_hrtimer(&t, HRTIMER_MODE_ABS);
    assert_int_equal(hrtimer_forward(&t.timer, 99, 10), 10); /* from 0 */
    assert_int_equal(hrtimer_get_expires(&t.timer), 100);
    assert_int_equal(hrtimer_forward(&t.timer, 99, 10), 0);
    assert_int_equal(hrtimer_forward(&t.timer, 100, 10), 1);
    assert_int_equal(hrtimer_get_expires(&t.timer), 110);
    assert_int_equal(hrtimer_forward(&t.timer, KTIME_MAX - 1, KTIME_MAX), 1);
    assert_int_equal(hrtimer_get_expires(&t.timer), KTIME_MAX);
}

static enum hrtimer_restart slow_hrtimer(struct hrtimer *timer)
{
    struct test_hrtimer *t = container_of(timer, struct test_hrtimer, timer);

    complete(&timer_entered);
    mdelay(SOON_MS);
    hrtimer_start(timer, LATER_NS, HRTIMER_MODE_REL); /* counts, and not what it returns */
    raise_counter(&t->ran);
    return HRTIMER_NORESTART;
}

static void hrtimer_cancel_waits_for_the_function_and_undoes_what_it_started(void **state __always_unused)
{
    struct test_hrtimer t;

    init_completion(&timer_entered);
    init_test_hrtimer(&t, HRTIMER_MODE_REL)->timer.function = slow_hrtimer;
    hrtimer_start(&t.timer, AT_ONCE, HRTIMER_MODE_REL);
    wait_for_completion(&timer_entered);
    assert_int_equal(hrtimer_cancel(&t.timer), 1);
    assert_int_equal(value_of(&t.ran), 1);
    msleep(2 * SOON_MS);
    assert_int_equal(value_of(&t.ran), 1);
}

static int hrtimers_freed;

static enum hrtimer_restart free_hrtimer(struct hrtimer *timer)
{
    assert_false(hrtimer_lies_in(timer, sizeof(*timer), true));
    kfree(timer);
    raise_counter(&hrtimers_freed);
    return HRTIMER_NORESTART;
}

static void an_hrtimers_function_may_free_it(void **state __always_unused)
{
    struct hrtimer *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

    hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
    timer->function = free_hrtimer;
    hrtimer_start(timer, LATER_NS, HRTIMER_MODE_REL);
    assert_true(hrtimer_lies_in(timer, sizeof(*timer), true));
    assert_reaches(&hrtimers_freed, 1);
}

/* --- Softirqs and tasklets ----------------------------------------------------------------------------- */

#define TASKLET_THREADS 3
#define TASKLET_ROUNDS 2000

struct test_tasklet {
    struct tasklet_struct tasklet;
    int started, ran;
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

static void tasklet_takes_its_time(struct tasklet_struct *tasklet)
{
    struct test_tasklet *t = from_tasklet(t, tasklet, tasklet);

    raise_counter(&t->started);
    mdelay(SOON_MS);
    raise_counter(&t->ran);
}

static void a_running_tasklet_is_waited_for(void **state __always_unused)
{
    struct test_tasklet t = {0};

    tasklet_setup(&t.tasklet, tasklet_takes_its_time);
    tasklet_schedule(&t.tasklet);
    assert_reaches(&t.started, 1);
    tasklet_disable_in_atomic(&t.tasklet);
    assert_int_equal(value_of(&t.ran), 1);
    tasklet_enable(&t.tasklet);
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
    format(text, sizeof(text), "%3ph|%*phC|%2phN", mac, 2, mac, mac + 3);
    assert_string_equal(text, "52 54 00|52:54|1234");
    assert_int_equal(format(text, 4, "%s", "abcdef"), 6);
    assert_string_equal(text, "abc");
}

static void numbers_may_lie_at_any_address(void **state __always_unused)
{
    u8 octets[] = {0, 1, 2, 3, 4, 5};

    assert_int_equal(get_unaligned_le16(octets + 1), 0x0201);
    assert_int_equal(get_unaligned_be32(octets + 1), 0x01020304);
    put_unaligned_le32(0xa1b2c3d4, octets + 1);
    assert_int_equal(get_unaligned_be16(octets + 1), 0xd4c3);
    assert_int_equal(octets[5], 5);
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

static void padding_may_lie_behind_the_end(void **state __always_unused)
{
    struct sk_buff *skb = alloc_skb(ETH_ZLEN, GFP_KERNEL), *clone;
    static const u8 zeroes[ETH_ZLEN];

    memset(skb->data, 0xff, ETH_ZLEN);
    skb_put_zero(skb, ETH_HLEN);
    assert_int_equal(skb_padto(skb, ETH_ZLEN), 0);
    assert_int_equal(skb->len, ETH_HLEN);
    assert_memory_equal(skb->data, zeroes, ETH_ZLEN);

    skb_tail_pointer(skb)[0] = 0xff;
    clone = skb_clone(skb, GFP_KERNEL); /* whose memory is not to be changed */
    assert_int_equal(skb_put_padto(skb, ETH_ZLEN), 0);
    assert_int_equal(skb->len, ETH_ZLEN);
    assert_memory_equal(skb->data, zeroes, ETH_ZLEN);
    assert_int_equal(skb_tail_pointer(clone)[0], 0xff);
    assert_int_equal(skb_padto(skb, ETH_ZLEN), 0);
    kfree_skb(skb);
    kfree_skb(clone);
}

/* 100 bytes in the head, then pages with 50, 60 and 70; each byte is its offset. */
static struct sk_buff *make_paged(void)
{
    static const unsigned int sizes[] = {50, 60, 70};
    struct sk_buff *skb = alloc_skb(150, GFP_KERNEL);
    unsigned int at = 0;

    skb_reserve(skb, 20);
    for (; at < 100; at++)
        *(u8 *)skb_put(skb, 1) = (u8)at;
    for (int i = 0; i < 3; i++) {
        struct page *page = alloc_page(GFP_KERNEL);

        skb_fill_page_desc(skb, i, page, 10, (int)sizes[i]);
        for (unsigned int j = 0; j < sizes[i]; j++)
            ((u8 *)page_address(page))[10 + j] = (u8)at++;
        skb->len += sizes[i];
        skb->data_len += sizes[i];
    }
    return skb;
}

static void assert_contents(const struct sk_buff *skb, unsigned int length)
{
    u8 bytes[300];

    assert_int_equal(skb->len, length);
    assert_int_equal(skb_copy_bits(skb, 0, bytes, (int)length), 0);
    for (unsigned int i = 0; i < length; i++)
        assert_int_equal(bytes[i], (u8)i);
    for (unsigned int from = 0; from < length; from += 33) {
        assert_int_equal(skb_copy_bits(skb, (int)from, bytes, (int)(length - from)), 0);
        assert_int_equal(bytes[0], (u8)from);
        assert_int_equal(bytes[length - from - 1], (u8)(length - 1));
    }
    assert_int_equal(skb_copy_bits(skb, 1, bytes, (int)length), -EFAULT);
}

static void buffers_with_pages_keep_their_contents(void **state __always_unused)
{
    for (unsigned int length = 1; length <= 280; length++) {
        struct sk_buff *skb = make_paged();

        assert_contents(skb, 280);
        assert_int_equal(pskb_trim(skb, length), 0);
        assert_contents(skb, length);
        assert_int_equal(skb_shinfo(skb)->nr_frags, length > 210 ? 3 : length > 150 ? 2 : length > 100);
        if (length > 120) {
            assert_non_null(__pskb_pull_tail(skb, 20));
            assert_int_equal(skb_headlen(skb), 120);
            assert_contents(skb, length);
            assert_null(__pskb_pull_tail(skb, (int)skb->data_len + 1));
        }
        assert_int_equal(skb_linearize(skb), 0);
        assert_false(skb_is_nonlinear(skb));
        assert_contents(skb, length);
        kfree_skb(skb);
    }
}

static void a_clone_keeps_the_pages_of_a_buffer_that_is_changed(void **state __always_unused)
{
    struct sk_buff *skb = make_paged(), *clone = skb_clone(skb, GFP_KERNEL), *copy;
    struct page *page = skb_shinfo(skb)->frags[2].page;

    get_page(page);
    assert_int_equal(pskb_trim(skb, 120), 0);
    assert_int_equal(skb_cow_head(skb, 40), 0);
    assert_true(skb_headroom(skb) >= 40);
    assert_contents(skb, 120);
    assert_contents(clone, 280);
    copy = skb_copy(clone, GFP_KERNEL);
    assert_false(skb_is_nonlinear(copy));
    assert_contents(copy, 280);
    kfree_skb(skb);
    kfree_skb(clone);
    kfree_skb(copy);
    assert_int_equal(atomic_read(&page->refcount), 1); /* ours is the last */
    put_page(page);
}

/* Pieces of one chunk after the other live as long as they are used, whatever becomes of their neighbours. */
static void pieces_for_frames_do_not_touch(void **state __always_unused)
{
    enum { PIECES = 100, BYTES = 1700 };
    u8 *pieces[PIECES];

    for (int i = 0; i < PIECES; i++) {
        pieces[i] = netdev_alloc_frag(BYTES);
        memset(pieces[i], i, BYTES);
    }
    for (int i = 0; i < PIECES; i += 2)
        skb_free_frag(pieces[i] + i * 7); /* any address inside */
    for (int i = 1; i < PIECES; i += 2) {
        struct sk_buff *skb = napi_build_skb(pieces[i], BYTES);

        assert_int_equal(skb_tailroom(skb), BYTES - SKB_DATA_ALIGN(sizeof(struct skb_shared_info)));
        for (int j = 0; j < skb_tailroom(skb); j += 50)
            assert_int_equal(skb->head[j], i);
        kfree_skb(skb);
    }
}

static void a_tag_goes_into_the_frame_and_is_seen_through(void **state __always_unused)
{
    static const u8 plain[] = "AAAAAABBBBBB\x08\x00payload",
                    tagged[] = "AAAAAABBBBBB\x81\x00\x60\x05\x08\x00payload";
    struct sk_buff *skb = alloc_skb(64, GFP_KERNEL), *clone;

    skb_put_data(skb, plain, sizeof(plain)); /* no headroom at all */
    skb->protocol = htons(ETH_P_IP);
    assert_int_equal(vlan_get_protocol(skb), htons(ETH_P_IP));
    __vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q), 0x6005);
    clone = skb_clone(skb, GFP_KERNEL);
    skb = __vlan_hwaccel_push_inside(skb);
    assert_int_equal(skb->len, sizeof(tagged));
    assert_memory_equal(skb->data, tagged, sizeof(tagged));
    assert_false(skb_vlan_tag_present(skb));
    assert_int_equal(skb->protocol, htons(ETH_P_8021Q));
    assert_int_equal(vlan_get_protocol(skb), htons(ETH_P_IP));
    assert_true(vlan_features_check(skb, NETIF_F_IP_CSUM) == NETIF_F_IP_CSUM);
    __vlan_hwaccel_put_tag(skb, htons(ETH_P_8021AD), 7); /* one more */
    assert_true(vlan_features_check(skb, NETIF_F_IP_CSUM | NETIF_F_SG) == NETIF_F_SG);
    skb_trim(skb, ETH_HLEN + 2);
    assert_int_equal(vlan_get_protocol(skb), 0);
    assert_memory_equal(clone->data, plain, sizeof(plain));
    kfree_skb(skb);
    kfree_skb(clone);
}

/* The example of RFC 1071, section 3: the sum of 00 01 f2 03 f4 f5 f6 f7 is ddf2. */
static void sums_are_those_of_the_rfc(void **state __always_unused)
{
    static const u8 bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

    assert_int_equal((u16)~csum_fold(csum_partial(bytes, sizeof(bytes), 0)), htons(0xddf2));
    assert_int_equal((u16)~csum_fold(csum_partial(bytes, 3, 0)), htons(0xf201));
    /* 10.0.0.1, 10.0.0.2, TCP, 20 bytes: 0a00 + 0001 + 0a00 + 0002 + 0006 + 0014 */
    assert_int_equal((u16)~csum_tcpudp_magic(htonl(0x0a000001), htonl(0x0a000002), 20, 6, 0), htons(0x141d));
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

/* --- NAPI ---------------------------------------------------------------------------------------------- */

struct test_napi {
    struct napi_struct napi;
    int left;    /* frames that there still are */
    int polls;   /* atomically, as the next */
    int largest; /* most frames in one poll */
    int in_a_row, most_in_a_row;
    bool scheduled_again;
    int brings; /* so many behind it are scheduled when it is polled first */
};

static struct test_napi *polled_last;

static int poll_test_napi(struct napi_struct *napi, int budget)
{
    struct test_napi *t = container_of(napi, struct test_napi, napi);
    int work = min(t->left, budget);

    assert_true(in_softirq());
    t->in_a_row = polled_last == t ? t->in_a_row + 1 : 1;
    t->most_in_a_row = max(t->most_in_a_row, t->in_a_row);
    t->largest = max(t->largest, work);
    polled_last = t;
    t->left -= work;
    if (t->scheduled_again) {
        t->scheduled_again = false;
        assert_false(napi_schedule(napi)); /* it is; it will be polled once more */
    }
    for (; t->brings > 0; t->brings--)
        napi_schedule(&t[t->brings].napi);
    if (work < budget)
        assert_true(napi_complete_done(napi, work) || t->polls == 0);
    raise_counter(&t->polls);
    return work;
}

static struct net_device *add_test_napis(struct test_napi *t, int count)
{
    struct net_device *dev = alloc_etherdev(0);

    memset(t, 0, (size_t)count * sizeof(*t));
    for (int i = 0; i < count; i++) {
        netif_napi_add_weight(dev, &t[i].napi, poll_test_napi, 16);
        napi_enable(&t[i].napi);
    }
    return dev;
}

static void end_test_napis(struct net_device *dev, struct test_napi *t, int count)
{
    for (int i = 0; i < count; i++)
        napi_disable(&t[i].napi);
    free_netdev(dev);
}

static void a_poll_gets_no_more_than_its_weight(void **state __always_unused)
{
    struct test_napi t;
    struct net_device *dev = add_test_napis(&t, 1);

    t.left = 40;
    assert_true(napi_schedule(&t.napi));
    assert_reaches(&t.polls, 3); /* 16, 16, 8 */
    assert_int_equal(t.largest, 16);
    end_test_napis(dev, &t, 1);
    assert_int_equal(t.left, 0);
    assert_false(napi_schedule(&t.napi)); /* disabled */
    assert_int_equal(t.polls, 3);
}

static void those_that_have_more_take_turns(void **state __always_unused)
{
    struct test_napi t[3];
    struct net_device *dev = add_test_napis(t, 3);

    polled_last = NULL;
    for (int i = 0; i < 3; i++)
        t[i].left = 16 * 50; /* far more than one softirq's budget */
    t[0].brings = 2;
    napi_schedule(&t[0].napi);
    for (int i = 0; i < 3; i++)
        assert_reaches(&t[i].polls, 51);
    for (int i = 0; i < 3; i++)
        assert_true(t[i].most_in_a_row <= 2);
    end_test_napis(dev, t, 3);
}

static void what_comes_during_a_poll_is_polled_once_more(void **state __always_unused)
{
    struct test_napi t;
    struct net_device *dev = add_test_napis(&t, 1);

    t.left = 1;
    t.scheduled_again = true;
    napi_schedule(&t.napi);
    assert_reaches(&t.polls, 2);
    msleep(SOON_MS);
    assert_int_equal(value_of(&t.polls), 2);
    end_test_napis(dev, &t, 1);
}

/* --- A device with several queues ---------------------------------------------------------------------- */

#define QUEUES 3

static int passed_by[QUEUES], timed_out[QUEUES], queues_freed; /* atomically */
static int stuck_queue = -1;

static netdev_tx_t xmit_by_queue(struct sk_buff *skb, struct net_device *dev)
{
    u16 queue = skb_get_queue_mapping(skb);

    raise_counter(&passed_by[queue]);
    if (queue == value_of(&stuck_queue))
        netif_stop_subqueue(dev, queue);
    kfree_skb(skb);
    return NETDEV_TX_OK;
}

static u16 select_by_octet(struct net_device *dev __always_unused, struct sk_buff *skb,
                           struct net_device *sb_dev __always_unused)
{
    return skb->data[ETH_HLEN];
}

static void queue_timeout(struct net_device *dev, unsigned int queue)
{
    raise_counter(&timed_out[queue]);
    __atomic_store_n(&stuck_queue, -1, __ATOMIC_SEQ_CST);
    netif_wake_subqueue(dev, (u16)queue);
}

static const struct net_device_ops queue_ops = {
    .ndo_start_xmit = xmit_by_queue, .ndo_select_queue = select_by_octet, .ndo_tx_timeout = queue_timeout};

static int send_by_queue(struct net_device *dev, u8 queue)
{
    const u8 frame[ETH_ZLEN] = {[ETH_HLEN] = queue};

    return send_frame(dev, frame, sizeof(frame), &queues_freed);
}

static struct net_device *open_queues(void)
{
    struct net_device *dev = alloc_etherdev_mq(0, QUEUES);

    dev->netdev_ops = &queue_ops;
    dev->watchdog_timeo = 2;
    assert_int_equal(register_netdev(dev), 0);
    rtnl_lock();
    assert_int_equal(dev_open(dev, NULL), 0);
    rtnl_unlock();
    return dev;
}

static void one_queue_that_is_stuck_stops_no_other(void **state __always_unused)
{
    struct net_device *dev = open_queues();

    stuck_queue = 1;
    for (u8 queue = 0; queue < QUEUES; queue++) {
        for (int i = 0; i < 2; i++)
            assert_int_equal(send_by_queue(dev, queue), NET_XMIT_SUCCESS);
    }
    assert_int_equal(value_of(&passed_by[0]), 2);
    assert_int_equal(value_of(&passed_by[2]), 2);
    assert_true(__netif_subqueue_stopped(dev, 1) || value_of(&timed_out[1]) > 0);
    assert_reaches(&passed_by[1], 2); /* the watchdog has woken it */
    assert_int_equal(value_of(&timed_out[1]), 1);
    assert_int_equal(value_of(&timed_out[0]) + value_of(&timed_out[2]), 0);
    assert_reaches(&queues_freed, 2 * QUEUES);
    unregister_netdev(dev);
    free_netdev(dev);
}

static void frames_of_a_queue_that_is_not_used_any_more_are_freed(void **state __always_unused)
{
    struct net_device *dev = open_queues();

    queues_freed = 0;
    netif_stop_subqueue(dev, 2);
    assert_int_equal(send_by_queue(dev, 2), NET_XMIT_SUCCESS);
    assert_int_equal(value_of(&queues_freed), 0);
    rtnl_lock();
    assert_int_equal(netif_set_real_num_tx_queues(dev, QUEUES + 1), -EINVAL);
    assert_int_equal(netif_set_real_num_tx_queues(dev, 0), -EINVAL);
    assert_int_equal(netif_set_real_num_tx_queues(dev, 2), 0);
    rtnl_unlock();
    assert_int_equal(value_of(&queues_freed), 1);
    passed_by[0] = 0;
    assert_int_equal(send_by_queue(dev, 2), NET_XMIT_SUCCESS); /* the driver selects one that is not used */
    assert_int_equal(value_of(&passed_by[0]), 1);
    unregister_netdev(dev);
    free_netdev(dev);
}

/* --- Callbacks behind readers -------------------------------------------------------------------------- */

struct counted {
    int number;
    struct rcu_head rcu;
};

static int called_back, called_in_order; /* atomically */

static void count_call(struct rcu_head *head)
{
    struct counted *counted = container_of(head, struct counted, rcu);

    assert_true(in_softirq());
    if (counted->number == value_of(&called_back))
        raise_counter(&called_in_order);
    raise_counter(&called_back);
}

static int read_for_a_while(void *unused __always_unused)
{
    rcu_read_lock();
    complete(&timer_entered);
    mdelay(SOON_MS);
    assert_int_equal(value_of(&called_back), 0);
    rcu_read_unlock();
    while (!kthread_should_stop())
        schedule_timeout_interruptible(1);
    return 0;
}

static void callbacks_come_when_readers_have_left_and_in_order(void **state __always_unused)
{
    struct counted counted[3], *freed = kmalloc(sizeof(*freed), GFP_KERNEL);
    struct task_struct *reader;

    init_completion(&timer_entered);
    reader = kthread_run(read_for_a_while, NULL, "reader");
    wait_for_completion(&timer_entered);
    for (int i = 0; i < 3; i++) {
        counted[i].number = i;
        call_rcu(&counted[i].rcu, count_call);
    }
    kfree_rcu(freed, rcu);
    rcu_barrier();
    assert_int_equal(value_of(&called_back), 3);
    assert_int_equal(value_of(&called_in_order), 3);
    kthread_stop(reader);
}

/* --- Per CPU ------------------------------------------------------------------------------------------- */

static int count_on_this_cpu(void *counters)
{
    for (int i = 0; i < 1000; i++)
        this_cpu_inc(*(int __percpu *)counters);
    while (!kthread_should_stop())
        schedule_timeout_interruptible(1);
    return 0;
}

static void what_is_kept_per_cpu_adds_up(void **state __always_unused)
{
    int __percpu *counters = alloc_percpu(int);
    struct task_struct *threads[2];
    int sum = 0;
    unsigned int cpu;

    dde_linux_set_cpus(2);
    for_each_possible_cpu(cpu) assert_int_equal(*per_cpu_ptr(counters, cpu), 0);
    *per_cpu_ptr(counters, 1) = 500;
    for (int i = 0; i < 2; i++)
        threads[i] = kthread_run(count_on_this_cpu, counters, "count/%d", i);
    assert_reaches(per_cpu_ptr(counters, 0), 2000);
    for (int i = 0; i < 2; i++)
        kthread_stop(threads[i]);
    for_each_possible_cpu(cpu) sum += *per_cpu_ptr(counters, cpu);
    assert_int_equal(sum, 2500);
    assert_ptr_equal(this_cpu_ptr(counters), per_cpu_ptr(counters, smp_processor_id()));
    free_percpu(counters);
    dde_linux_set_cpus(1);
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
    assert_memory_equal(eth0->perm_addr, mac, ETH_ALEN);
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

/* --- DMA, as a driver that does it wrongly ------------------------------------------------------------- */

static void expect_misuse(struct device *dev, unsigned long *faults)
{
    assert_int_equal(dma_fault_count(dev->dma_domain), ++*faults);
}

static void wrong_uses_of_dma_are_findings(void **state __always_unused)
{
    struct device *dev = eth0->dev.parent;
    unsigned long faults = dma_fault_count(dev->dma_domain);
    struct page *page = alloc_page(GFP_KERNEL);
    static u8 memory[100];
    dma_addr_t addr, other;

    addr = dma_map_single(dev, memory, sizeof(memory), DMA_FROM_DEVICE);
    assert_int_equal(dma_mapping_error(dev, addr), 0);
    dma_sync_single_for_cpu(dev, addr, sizeof(memory), DMA_FROM_DEVICE);
    dma_sync_single_for_device(dev, addr, sizeof(memory), DMA_FROM_DEVICE);
    dma_unmap_single(dev, addr, sizeof(memory), DMA_FROM_DEVICE);
    assert_int_equal(dma_fault_count(dev->dma_domain), faults);

    dma_sync_single_for_cpu(dev, addr, sizeof(memory), DMA_FROM_DEVICE);
    expect_misuse(dev, &faults); /* it has ended */
    dma_unmap_single(dev, addr, sizeof(memory), DMA_FROM_DEVICE);
    expect_misuse(dev, &faults); /* twice */
    addr = dma_map_single(dev, memory, sizeof(memory), DMA_FROM_DEVICE);
    other = dma_map_single(dev, memory, sizeof(memory), DMA_FROM_DEVICE);
    assert_int_equal(dma_mapping_error(dev, addr), 0); /* no sooner than the second one is made */
    dma_unmap_single(dev, other, sizeof(memory), DMA_FROM_DEVICE);
    expect_misuse(dev, &faults); /* without a look whether it failed */
    dma_check_released(dev, "test");
    expect_misuse(dev, &faults); /* the first is still there */
    dma_unmap_single(dev, addr, sizeof(memory), DMA_FROM_DEVICE);
    dma_check_released(dev, "test");
    addr = dma_map_page(dev, page, 8, 100, DMA_TO_DEVICE);
    assert_int_equal(dma_mapping_error(dev, addr), 0);
    dma_unmap_single(dev, addr, 100, DMA_TO_DEVICE);
    expect_misuse(dev, &faults);
    put_page(page);
    assert_int_equal(dma_fault_count(dev->dma_domain), faults);
}

static void a_pool_gives_blocks_and_wants_them_back(void **state __always_unused)
{
    struct device *dev = eth0->dev.parent;
    unsigned long faults = dma_fault_count(dev->dma_domain);
    struct dma_pool *pool = dma_pool_create("test", dev, 100, 64, 128);
    dma_addr_t first, second;
    u8 *block = dma_pool_zalloc(pool, GFP_KERNEL, &first),
       *other = dma_pool_zalloc(pool, GFP_KERNEL, &second);

    assert_non_null(block);
    assert_non_null(other);
    assert_int_equal(first % 64, 0);
    assert_int_equal(second % 64, 0);
    assert_int_equal(block[99], 0);
    assert_true(dma_write(dev->dma_domain, first, "mark", 5, NULL));
    assert_string_equal(block, "mark");
    dma_pool_free(pool, block, first);
    assert_int_equal(dma_fault_count(dev->dma_domain), faults);
    dma_pool_destroy(pool);
    expect_misuse(dev, &faults);
    dma_free_coherent(dev, 100, other, second);
    assert_null(dma_pool_create("test", dev, 0, 0, 0));
    assert_null(dma_pool_create("test", dev, 100, 0, 64));
    assert_null(dma_pool_create("test", dev, 100, 2 * PAGE_SIZE, 0));
    dma_pool_destroy(NULL);
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
        cmocka_unit_test(hrtimers_run_in_the_order_of_expiry),
        cmocka_unit_test(soft_hrtimers_run_in_a_softirq),
        cmocka_unit_test(a_cancelled_hrtimer_does_not_run),
        cmocka_unit_test(hrtimers_are_forwarded_by_whole_intervals),
        cmocka_unit_test(hrtimer_cancel_waits_for_the_function_and_undoes_what_it_started),
        cmocka_unit_test(an_hrtimers_function_may_free_it),
        cmocka_unit_test(no_softirq_is_lost_between_threads),
        cmocka_unit_test(a_disabled_tasklet_runs_when_it_is_enabled),
        cmocka_unit_test(a_running_tasklet_is_waited_for),
        cmocka_unit_test(a_pending_work_item_is_queued_once),
        cmocka_unit_test(flushing_delayed_work_runs_it_now),
        cmocka_unit_test(cancelling_stops_work_that_queues_itself),
        cmocka_unit_test(initialising_pending_work_again_takes_it_back),
        cmocka_unit_test(a_queue_of_its_own_can_be_destroyed),
        cmocka_unit_test(messages_know_the_kernels_formats),
        cmocka_unit_test(numbers_may_lie_at_any_address),
        cmocka_unit_test(parameters_are_checked),
        cmocka_unit_test(a_partial_checksum_is_filled_in),
        cmocka_unit_test(padding_may_lie_behind_the_end),
        cmocka_unit_test(buffers_with_pages_keep_their_contents),
        cmocka_unit_test(a_clone_keeps_the_pages_of_a_buffer_that_is_changed),
        cmocka_unit_test(pieces_for_frames_do_not_touch),
        cmocka_unit_test(a_tag_goes_into_the_frame_and_is_seen_through),
        cmocka_unit_test(sums_are_those_of_the_rfc),
        cmocka_unit_test(mii_abilities_are_translated),
        cmocka_unit_test(the_watchdog_wakes_a_stopped_queue_and_then_rests),
        cmocka_unit_test(a_poll_gets_no_more_than_its_weight),
        cmocka_unit_test(those_that_have_more_take_turns),
        cmocka_unit_test(what_comes_during_a_poll_is_polled_once_more),
        cmocka_unit_test(one_queue_that_is_stuck_stops_no_other),
        cmocka_unit_test(frames_of_a_queue_that_is_not_used_any_more_are_freed),
        cmocka_unit_test(callbacks_come_when_readers_have_left_and_in_order),
        cmocka_unit_test(what_is_kept_per_cpu_adds_up),
        cmocka_unit_test(the_driver_finds_its_device),
        cmocka_unit_test(frames_are_sent_in_order_and_freed_once),
        cmocka_unit_test(frames_are_received_in_order),
        cmocka_unit_test(wrong_uses_of_dma_are_findings),
        cmocka_unit_test(a_pool_gives_blocks_and_wants_them_back),
        cmocka_unit_test(settings_are_those_of_the_link),
        cmocka_unit_test(the_device_opens_and_closes_while_frames_come),
        cmocka_unit_test(the_driver_leaves_and_comes_back_on_ports),
    };

    return cmocka_run_group_tests(tests, power_on, NULL);
}
