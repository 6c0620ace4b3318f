/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hrtimers, step by step: the clock, the one-shot timer and the softirq are this test's own, and it calls the
 * interrupt handler itself. What another thread would do at the worst moment is done where a lock is taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ddekit/ddekit.h>
#include <ddekit/printf.h>
#include <ddekit/timer.h>
#include <dde_linux/dde_linux.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/lockdep.h>

#include "harness/machine/alarm.h"
#include "harness/machine/machine.h"
#include "netdde-under-test/dde_linux/internal.h"

static ktime_t now;
static uint64_t set_to; /* the one-shot timer */
static bool pulled;     /* by it: the interrupt is its */
static int raised, warned;
static irq_handler_t handler;
static void (*run_soft)(void);

void __wrap_alarm_create(void);
void __wrap_alarm_set(uint64_t deadline_ns);
bool __wrap_alarm_acknowledge(void);
ktime_t __wrap_ktime_get(void);
int __wrap_request_irq_for_ever(unsigned int irq, irq_handler_t function, const char *name, void *dev_id);
void __wrap_linux_warn(const char *file, int line, const char *fmt, ...);

void __wrap_alarm_create(void) {}

void __wrap_alarm_set(uint64_t deadline_ns)
{
    set_to = deadline_ns;
}

bool __wrap_alarm_acknowledge(void)
{
    return pulled;
}

ktime_t __wrap_ktime_get(void)
{
    return now;
}

int __wrap_request_irq_for_ever(unsigned int irq __always_unused, irq_handler_t function,
                                const char *name __always_unused, void *dev_id __always_unused)
{
    handler = function;
    return 0;
}

void __wrap_linux_warn(const char *file __always_unused, int line __always_unused,
                       const char *fmt __always_unused, ...)
{
    warned++;
}

void __real_open_softirq(int nr, void (*action)(void));
void __wrap_open_softirq(int nr, void (*action)(void));
void __real_raise_softirq(unsigned int nr);
void __wrap_raise_softirq(unsigned int nr);

void __wrap_open_softirq(int nr, void (*action)(void))
{
    if (nr == HRTIMER_SOFTIRQ)
        run_soft = action;
    else
        __real_open_softirq(nr, action);
}

void __wrap_raise_softirq(unsigned int nr)
{
    if (nr == HRTIMER_SOFTIRQ)
        raised++;
    else
        __real_raise_softirq(nr);
}

/* --- What comes between --------------------------------------------------------------------------------- */

/* The interrupt handler takes the lock of the queues, then without it that of the first timer. */
#define LOCK_OF_THE_TIMER 2

static _Thread_local int locks_until; /* the meanwhile() */
static void (*meanwhile)(void);

void __real_spin_lock(spinlock_t *lock);
void __wrap_spin_lock(spinlock_t *lock);

void __wrap_spin_lock(spinlock_t *lock)
{
    if (locks_until > 0 && --locks_until == 0)
        meanwhile();
    __real_spin_lock(lock);
}

/* --- Timers --------------------------------------------------------------------------------------------- */

static struct test_timer {
    struct hrtimer timer;
    int ran; /* which one it was of the runs since begin */
    bool starts_itself;
} a, b;
static int runs;

static enum hrtimer_restart note_run(struct hrtimer *timer)
{
    struct test_timer *t = container_of(timer, struct test_timer, timer);

    assert_true(linux_lock_is_held(timer->function_lock.dde_lock));
    t->ran = ++runs;
    if (!t->starts_itself)
        return HRTIMER_NORESTART;
    hrtimer_start(timer, now + 100, HRTIMER_MODE_ABS);
    return HRTIMER_RESTART;
}

static struct hrtimer *init_timer(struct test_timer *t, enum hrtimer_mode mode)
{
    *t = (struct test_timer){.ran = 0};
    hrtimer_init(&t->timer, CLOCK_MONOTONIC, mode);
    t->timer.function = note_run;
    return &t->timer;
}

static void start_at(struct test_timer *t, enum hrtimer_mode mode, ktime_t time, u64 slack)
{
    hrtimer_start_range_ns(init_timer(t, mode), time, slack, mode);
}

static irqreturn_t interrupt_at(ktime_t time)
{
    now = time;
    return handler(ALARM_LINE, NULL);
}

static int begin(void **state __always_unused)
{
    now = 0;
    set_to = MACHINE_NEVER;
    pulled = true;
    raised = warned = runs = 0;
    return 0;
}

static int cancel_all(void **state __always_unused)
{
    hrtimer_cancel(&a.timer);
    hrtimer_cancel(&b.timer);
    return 0;
}

static void the_interrupt_is_for_the_first_one(void **state __always_unused)
{
    start_at(&a, HRTIMER_MODE_ABS, 300, 0);
    assert_int_equal(set_to, 300);
    start_at(&b, HRTIMER_MODE_ABS_SOFT, 200, 0);
    assert_int_equal(set_to, 200);
    hrtimer_start(&b.timer, 400, HRTIMER_MODE_ABS_SOFT);
    hrtimer_start(&a.timer, 500, HRTIMER_MODE_ABS);
    interrupt_at(200);
    assert_int_equal(set_to, 400);
    assert_int_equal(a.ran, 0);
    assert_int_equal(raised, 0);
}

static void the_interrupt_of_another_device_is_none(void **state __always_unused)
{
    start_at(&a, HRTIMER_MODE_ABS, 100, 0);
    pulled = false;
    assert_int_equal(interrupt_at(100), IRQ_NONE);
    assert_int_equal(a.ran, 0);
}

static void one_with_slack_runs_with_another_and_has_no_interrupt_of_its_own(void **state __always_unused)
{
    start_at(&a, HRTIMER_MODE_ABS, 100, 300);
    assert_int_equal(set_to, 400);
    start_at(&b, HRTIMER_MODE_ABS, 200, 0);
    assert_int_equal(set_to, 200);
    interrupt_at(200);
    assert_int_equal(b.ran, 1);
    assert_int_equal(a.ran, 2);
    assert_int_equal(set_to, MACHINE_NEVER);
}

static void soft_ones_do_not_interrupt_until_the_softirq_has_run(void **state __always_unused)
{
    start_at(&a, HRTIMER_MODE_ABS_SOFT, 100, 0);
    start_at(&b, HRTIMER_MODE_ABS, 300, 0);
    interrupt_at(100);
    assert_int_equal(raised, 1);
    assert_int_equal(set_to, 300);
    hrtimer_start(&a.timer, 50, HRTIMER_MODE_ABS_SOFT);
    assert_int_equal(set_to, 300);
    interrupt_at(300);
    assert_int_equal(b.ran, 1);
    assert_int_equal(raised, 1); /* it is on its way */
    assert_int_equal(a.ran, 0);
    run_soft();
    assert_int_equal(a.ran, 2);
}

static void the_softirq_leaves_the_next_soft_one_to_the_interrupt(void **state __always_unused)
{
    start_at(&a, HRTIMER_MODE_ABS_SOFT, 100, 0);
    start_at(&b, HRTIMER_MODE_ABS_SOFT, 300, 0);
    interrupt_at(100);
    assert_int_equal(set_to, MACHINE_NEVER);
    run_soft();
    assert_int_equal(set_to, 300);
    interrupt_at(300);
    assert_int_equal(raised, 2);
}

static void those_for_the_same_time_run_as_they_were_started(void **state __always_unused)
{
    start_at(&b, HRTIMER_MODE_ABS, 100, 0);
    start_at(&a, HRTIMER_MODE_ABS, 100, 0);
    interrupt_at(100);
    assert_int_equal(b.ran, 1);
    assert_int_equal(a.ran, 2);
}

static void one_that_starts_itself_is_not_queued_once_more(void **state __always_unused)
{
    start_at(&a, HRTIMER_MODE_ABS, 100, 0);
    a.starts_itself = true;
    interrupt_at(100);
    assert_int_equal(set_to, 200);
    assert_int_equal(hrtimer_try_to_cancel(&a.timer), 1);
    interrupt_at(200);
    assert_int_equal(a.ran, 1);
    assert_int_equal(set_to, MACHINE_NEVER);
}

static void forwarding_goes_by_a_nanosecond_at_least(void **state __always_unused)
{
    init_timer(&a, HRTIMER_MODE_ABS);
    assert_int_equal(hrtimer_forward(&a.timer, 99, 0), 100);
    assert_int_equal(hrtimer_get_expires(&a.timer), 100);
}

static void forwarding_what_is_queued_is_a_mistake(void **state __always_unused)
{
    start_at(&a, HRTIMER_MODE_ABS, 100, 0);
    assert_int_equal(hrtimer_forward(&a.timer, 500, 100), 0);
    assert_int_equal(warned, 1);
    assert_int_equal(hrtimer_get_expires(&a.timer), 100);
}

/* --- While the handler waits for the timer's lock --------------------------------------------------------
 */

static void interrupt_while(void (*something)(void))
{
    start_at(&a, HRTIMER_MODE_ABS, 100, 0);
    meanwhile = something;
    locks_until = LOCK_OF_THE_TIMER;
    interrupt_at(100);
    assert_int_equal(locks_until, 0);
}

static void cancel_it(void)
{
    assert_int_equal(hrtimer_try_to_cancel(&a.timer), 1);
}

static void cancelled_meanwhile_it_does_not_run(void **state __always_unused)
{
    interrupt_while(cancel_it);
    assert_int_equal(a.ran, 0);
}

static void put_it_off(void)
{
    hrtimer_start(&a.timer, 200, HRTIMER_MODE_ABS);
}

static void put_off_meanwhile_it_does_not_run_yet(void **state __always_unused)
{
    interrupt_while(put_it_off);
    assert_int_equal(a.ran, 0);
    assert_int_equal(set_to, 200);
}

static void have_another_one_there(void)
{
    cancel_it();
    start_at(&a, HRTIMER_MODE_ABS, 100, 0);
}

/* note_run looks whose is held. */
static void another_one_in_its_place_runs_under_its_own_lock(void **state __always_unused)
{
    interrupt_while(have_another_one_there);
    assert_int_equal(a.ran, 1);
}

static int power_on(void **state __always_unused)
{
    machine_init();
    ddekit_init();
    ddekit_init_timers();
    ddekit_print_to(-1);
    dde_linux_init();
    machine_boot_finished();
    init_timer(&a, HRTIMER_MODE_ABS);
    init_timer(&b, HRTIMER_MODE_ABS);
    return handler && run_soft ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, cancel_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_interrupt_is_for_the_first_one),
        TEST(the_interrupt_of_another_device_is_none),
        TEST(one_with_slack_runs_with_another_and_has_no_interrupt_of_its_own),
        TEST(soft_ones_do_not_interrupt_until_the_softirq_has_run),
        TEST(the_softirq_leaves_the_next_soft_one_to_the_interrupt),
        TEST(those_for_the_same_time_run_as_they_were_started),
        TEST(one_that_starts_itself_is_not_queued_once_more),
        TEST(forwarding_goes_by_a_nanosecond_at_least),
        TEST(forwarding_what_is_queued_is_a_mistake),
        TEST(cancelled_meanwhile_it_does_not_run),
        TEST(put_off_meanwhile_it_does_not_run_yet),
        TEST(another_one_in_its_place_runs_under_its_own_lock),
    };

    return cmocka_run_group_tests(tests, power_on, NULL);
}
