/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit through its public interface, natively: threads, locks, semaphores of each generation, timers,
 * interrupts, memory and PCI. The inside of a queued semaphore is used where the defect of `legacy` needs a
 * moment that no test could hit from outside.
 *
 * Real time passes here, so waits are kept short and only lower bounds are exact: upper ones allow for a slow
 * machine.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include <hurd.h>
#include <mach.h>
#include <device/device.h>
#include <ddekit/condvar.h>
#include <ddekit/ddekit.h>
#include <ddekit/initcall.h>
#include <ddekit/interrupt.h>
#include <ddekit/lock.h>
#include <ddekit/memory.h>
#include <ddekit/pci.h>
#include <ddekit/pgtab.h>
#include <ddekit/printf.h>
#include <ddekit/resources.h>
#include <ddekit/semaphore.h>
#include <ddekit/sync.h>
#include <ddekit/thread.h>
#include <ddekit/timer.h>
#include "harness/machine/irq.h"
#include "harness/machine/machine.h"
#include "harness/machine/pci.h"
#include "netdde-under-test/ddekit/sync/queued_sem.h"

#define AT_ONCE_MS 1000 /* what "does not wait" may take on a busy machine */
#define MS_PER_JIFFY (1000 / HZ)

static uint64_t now_ms(void)
{
    return machine_now_ns() / 1000000;
}

/* Semaphores that the tests themselves rely on are of the generation that is the default. */
static ddekit_sem_t *helper_sem(int value)
{
    const char *tested = ddekit_sync_name();
    ddekit_sem_t *sem;

    ddekit_sync_select("posix");
    sem = ddekit_sem_init(value);
    ddekit_sync_select(tested);
    return sem;
}

static void assert_down_within(ddekit_sem_t *sem, int milliseconds)
{
    assert_int_equal(ddekit_sem_down_timed(sem, milliseconds), 0);
}

/* --- Start-up --- */

static int initcalls;

static void count_initcall(void)
{
    initcalls++;
}
DDEKIT_INITCALL(count_initcall);

static void initcalls_ran_once_however_often_init_is_called(void **state)
{
    (void)state;
    ddekit_init();
    assert_int_equal(initcalls, 1);
}

static void generations_are_chosen_by_name(void **state)
{
    (void)state;
    assert_int_equal(ddekit_sync_select("drain"), 0);
    assert_string_equal(ddekit_sync_name(), "drain");
    assert_int_equal(ddekit_sync_select("futex"), -1);
    assert_string_equal(ddekit_sync_name(), "drain");
    for (const char *const *name = ddekit_sync_names(); *name; name++)
        assert_int_equal(ddekit_sync_select(*name), 0);
    assert_string_equal(ddekit_sync_name(), "posix");
}

/* --- Semaphores, each generation --- */

static int select_generation(void **state)
{
    return ddekit_sync_select(*state);
}

static void semaphore_counts(void **state)
{
    ddekit_sem_t *sem = ddekit_sem_init(2);

    (void)state;
    ddekit_sem_down(sem);
    assert_int_equal(ddekit_sem_down_try(sem), 0);
    assert_int_not_equal(ddekit_sem_down_try(sem), 0);
    ddekit_sem_up(sem);
    ddekit_sem_up(sem);
    assert_int_equal(ddekit_sem_down_timed(sem, 1), 0);
    assert_int_equal(ddekit_sem_down_timed(sem, 1), 0);
    assert_int_not_equal(ddekit_sem_down_timed(sem, 1), 0);
    ddekit_sem_deinit(sem);
}

static void no_time_out_means_for_ever(void **state)
{
    ddekit_sem_t *sem = ddekit_sem_init(0);
    uint64_t start = now_ms();

    (void)state;
    assert_int_not_equal(ddekit_sem_down_timed(sem, 0), 0);
    assert_int_not_equal(ddekit_sem_down_timed(sem, -1), 0);
    assert_int_not_equal(ddekit_sem_down_timed(sem, -2000000000), 0);
    assert_true(now_ms() - start < AT_ONCE_MS);
    /* The semaphore is still good: the refused ones did not keep its lock. */
    ddekit_sem_up(sem);
    assert_int_equal(ddekit_sem_down_timed(sem, 0), 0);
    ddekit_sem_deinit(sem);
}

static void timed_down_waits_its_time(void **state)
{
    ddekit_sem_t *sem = ddekit_sem_init(0);
    uint64_t start = now_ms();

    (void)state;
    assert_int_not_equal(ddekit_sem_down_timed(sem, 30), 0);
    assert_true(now_ms() - start >= 29); /* the clocks are read in whole milliseconds */
    ddekit_sem_deinit(sem);
}

static void up_later(void *sem)
{
    ddekit_thread_msleep(20);
    ddekit_sem_up(sem);
}

static void up_ends_a_wait(void **state)
{
    ddekit_sem_t *sem = ddekit_sem_init(0);

    (void)state;
    ddekit_thread_create(up_later, sem, "up");
    assert_down_within(sem, 10000);
    ddekit_thread_create(up_later, sem, "up");
    ddekit_sem_down(sem);
    assert_int_not_equal(ddekit_sem_down_try(sem), 0);
    ddekit_sem_deinit(sem);
}

struct waiting {
    ddekit_sem_t *sem, *woken;
    int number;
    _Atomic int *order;
};

static void wait_and_tell(void *argument)
{
    struct waiting *waiting = argument;

    ddekit_sem_down(waiting->sem);
    *waiting->order = *waiting->order * 10 + waiting->number;
    ddekit_sem_up(waiting->woken);
}

static void longest_waiter_is_first(void **state)
{
    ddekit_sem_t *sem = ddekit_sem_init(0), *woken = helper_sem(0);
    _Atomic int order = 0;
    struct waiting waiting[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        waiting[i] = (struct waiting){sem, woken, i + 1, &order};
        ddekit_thread_create(wait_and_tell, &waiting[i], "waiter");
        ddekit_thread_msleep(30); /* so that they wait in this order */
    }
    for (int i = 0; i < 3; i++) {
        ddekit_sem_up(sem);
        assert_down_within(woken, 10000);
    }
    assert_int_equal(order, 123);
    ddekit_sem_deinit(sem);
    ddekit_sem_deinit(woken);
}

/* Two threads up while two others take with time-outs so short that many end just when an up comes. */
#define STRESS_UPS 3000

struct stress {
    ddekit_sem_t *sem, *done;
    _Atomic int taken;
    _Atomic bool stop;
};

static void stress_up(void *argument)
{
    struct stress *stress = argument;

    for (int i = 0; i < STRESS_UPS; i++) {
        if (i % 3 == 0)
            ddekit_thread_usleep(900);
        ddekit_sem_up(stress->sem);
    }
    ddekit_sem_up(stress->done);
}

static void stress_take(void *argument)
{
    struct stress *stress = argument;

    while (!stress->stop) {
        if (ddekit_sem_down_timed(stress->sem, 1) == 0)
            stress->taken++;
    }
    ddekit_sem_up(stress->done);
}

static void every_up_pays_for_one_down(void **state)
{
    struct stress stress = {.sem = ddekit_sem_init(0), .done = helper_sem(0)};

    (void)state;
    for (int i = 0; i < 2; i++) {
        ddekit_thread_create(stress_take, &stress, "take");
        ddekit_thread_create(stress_up, &stress, "up");
    }
    ddekit_sem_down(stress.done);
    ddekit_sem_down(stress.done);
    stress.stop = true;
    ddekit_sem_down(stress.done);
    ddekit_sem_down(stress.done);
    while (ddekit_sem_down_try(stress.sem) == 0)
        stress.taken++;
    assert_int_equal(stress.taken, 2 * STRESS_UPS);
    ddekit_sem_deinit(stress.sem);
    ddekit_sem_deinit(stress.done);
}

struct short_lived {
    ddekit_sem_t *sem;
    ddekit_sem_t *used, *done;
};

static void up_short_lived(void *argument)
{
    struct short_lived *short_lived = argument;

    for (int i = 0; i < 500; i++) {
        ddekit_sem_down(short_lived->used);
        ddekit_sem_up(short_lived->sem);
    }
    ddekit_sem_up(short_lived->done);
}

/* As completions do: whoever waited frees the semaphore, while the up may not have returned yet. */
static void semaphore_may_go_when_its_down_returns(void **state)
{
    struct short_lived short_lived = {.used = helper_sem(0), .done = helper_sem(0)};

    (void)state;
    ddekit_thread_create(up_short_lived, &short_lived, "up");
    for (int i = 0; i < 500; i++) {
        short_lived.sem = ddekit_sem_init(0);
        ddekit_sem_up(short_lived.used);
        ddekit_sem_down(short_lived.sem);
        ddekit_sem_deinit(short_lived.sem);
    }
    ddekit_sem_down(short_lived.done);
    ddekit_sem_deinit(short_lived.used);
    ddekit_sem_deinit(short_lived.done);
}

/* --- The moment that legacy gets wrong: an up has taken the waiter out of the list when its time is over ---
 */

static bool time_is_over_just_after_an_up(ddekit_sem_t *base)
{
    struct queued_sem *sem = (struct queued_sem *)base;
    struct waiter *self = queued_sem_take_or_link(sem);

    assert_non_null(self);
    ddekit_sem_up(base);
    return queued_sem_unlink(sem, self);
}

static void run_in_child(void (*function)(void), int expected_signal)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0};

        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL); /* cmocka would catch it */
        close(STDERR_FILENO);     /* the assertion's message is expected */
        function();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, expected_signal);
}

static void stale_wakeup_then_wait_and_up_twice(void)
{
    ddekit_sem_t *first, *second;

    ddekit_sync_select("legacy");
    first = ddekit_sem_init(0);
    second = ddekit_sem_init(0);
    if (time_is_over_just_after_an_up(first))
        _exit(1);
    ddekit_sem_down(second); /* returns without an up, still linked */
    ddekit_sem_down_timed(second, 1);
    ddekit_sem_up(second);
    ddekit_sem_up(second);
}

/* The same from outside: a suspended thread stops at its next message call, and so in the middle of an up,
 * between the choice of the waiter and the message. */
#define UP_AT_MS 20
#define DOWN_ENDS_AT_MS 400
#define MESSAGE_AT_MS 700

struct slow_up {
    ddekit_sem_t *sem, *ready, *done;
    thread_t thread;
};

static void up_slowly(void *argument)
{
    struct slow_up *slow_up = argument;

    slow_up->thread = mach_thread_self();
    ddekit_sem_up(slow_up->ready);
    ddekit_thread_msleep(UP_AT_MS);
    ddekit_sem_up(slow_up->sem);
    ddekit_sem_up(slow_up->done);
}

static void send_at_last(void *argument)
{
    struct slow_up *slow_up = argument;

    ddekit_thread_msleep(MESSAGE_AT_MS);
    thread_resume(slow_up->thread);
    ddekit_sem_up(slow_up->done);
}

static int down_that_ends_inside_an_up(ddekit_sem_t *sem)
{
    struct slow_up slow_up = {.sem = sem, .ready = helper_sem(0), .done = helper_sem(0)};
    int result;

    ddekit_thread_create(up_slowly, &slow_up, "slow up");
    ddekit_sem_down(slow_up.ready);
    thread_suspend(slow_up.thread);
    ddekit_thread_create(send_at_last, &slow_up, "resumer");
    result = ddekit_sem_down_timed(sem, DOWN_ENDS_AT_MS);
    ddekit_sem_down(slow_up.done);
    ddekit_sem_down(slow_up.done);
    ddekit_sem_deinit(slow_up.ready);
    ddekit_sem_deinit(slow_up.done);
    return result;
}

static void drain_takes_the_wakeup_that_is_on_its_way(void **state)
{
    ddekit_sem_t *sem, *other;

    (void)state;
    ddekit_sync_select("drain");
    sem = ddekit_sem_init(0);
    other = ddekit_sem_init(0);
    assert_int_equal(down_that_ends_inside_an_up(sem), 0);
    assert_int_not_equal(ddekit_sem_down_timed(other, 10), 0);
    assert_int_not_equal(ddekit_sem_down_try(sem), 0);
    ddekit_sem_deinit(sem);
    ddekit_sem_deinit(other);
}

static void legacy_leaves_a_wakeup_behind(void **state)
{
    ddekit_sem_t *sem, *other;
    struct waiter *self = waiter_self();

    (void)state;
    ddekit_sync_select("legacy");
    sem = ddekit_sem_init(0);
    other = ddekit_sem_init(0);
    assert_int_not_equal(down_that_ends_inside_an_up(sem), 0);
    /* The token is gone, and the message ends the next wait, at a semaphore that nobody upped. */
    assert_int_not_equal(ddekit_sem_down_try(sem), 0);
    assert_int_equal(ddekit_sem_down_timed(other, 10000), 0);
    assert_true(self->linked);
    queued_sem_unlink((struct queued_sem *)other, self);
    ddekit_sem_deinit(sem);
    ddekit_sem_deinit(other);
}

static void legacy_fails_an_assertion_in_up_after_a_stale_wakeup(void **state)
{
    (void)state;
    run_in_child(stale_wakeup_then_wait_and_up_twice, SIGABRT);
}

/* --- Threads --- */

struct report {
    ddekit_sem_t *done;
    ddekit_thread_t *thread;
    void *data;
    char name[DDEKIT_THREAD_NAME_MAX];
};

static void report_myself(void *argument)
{
    struct report *report = argument;

    report->thread = ddekit_thread_myself();
    ddekit_thread_set_my_data(report);
    report->data = ddekit_thread_get_data(report->thread);
    strcpy(report->name, ddekit_thread_get_name(report->thread));
    ddekit_sem_up(report->done);
}

static void thread_knows_itself(void **state)
{
    struct report report = {.done = helper_sem(0)}; /* on the stack: DDEKit may not free it */
    ddekit_thread_t *thread = ddekit_thread_create(report_myself, &report, "a thread with a name");

    (void)state;
    ddekit_sem_down(report.done);
    assert_ptr_equal(report.thread, thread);
    assert_ptr_not_equal(thread, ddekit_thread_myself());
    assert_ptr_equal(report.data, &report);
    assert_string_equal(report.name, "a thread with a name");
    assert_true(ddekit_thread_get_id(thread) > 0);
    assert_int_not_equal(ddekit_thread_get_id(thread), ddekit_thread_get_id(ddekit_thread_myself()));
    assert_string_equal(ddekit_thread_get_name(ddekit_thread_myself()), "main");
    ddekit_sem_deinit(report.done);
}

static void end_at_once(void *unused)
{
    (void)unused;
    ddekit_thread_exit();
}

static void wait_until_gone(ddekit_thread_t *thread)
{
    while (*ddekit_thread_get_name(thread))
        ddekit_thread_msleep(1);
}

static void ended_thread_is_left_alone(void **state)
{
    ddekit_thread_t *thread = ddekit_thread_create(end_at_once, NULL, "short");

    (void)state;
    wait_until_gone(thread);
    ddekit_thread_wakeup(thread);
    ddekit_thread_terminate(thread);
    ddekit_thread_set_data(thread, &thread);
    assert_null(ddekit_thread_get_data(thread));
}

struct sleeper {
    ddekit_lock_t lock;
    ddekit_sem_t *awake;
};

static void sleep_once(void *argument)
{
    struct sleeper *sleeper = argument;

    ddekit_lock_lock(&sleeper->lock); /* held by the test until the wake-up is over */
    ddekit_thread_sleep(&sleeper->lock);
    ddekit_lock_unlock(&sleeper->lock);
    ddekit_sem_up(sleeper->awake);
}

static void wakeup_before_the_sleep_counts(void **state)
{
    struct sleeper sleeper = {.awake = helper_sem(0)};

    (void)state;
    ddekit_lock_init_locked(&sleeper.lock);
    ddekit_thread_wakeup(ddekit_thread_create(sleep_once, &sleeper, "sleeper"));
    ddekit_lock_unlock(&sleeper.lock);
    assert_down_within(sleeper.awake, 10000);
    ddekit_lock_deinit(&sleeper.lock);
    ddekit_sem_deinit(sleeper.awake);
}

static void wakeup_ends_a_sleep(void **state)
{
    struct sleeper sleeper = {.awake = helper_sem(0)};
    ddekit_thread_t *thread;

    (void)state;
    ddekit_lock_init(&sleeper.lock);
    thread = ddekit_thread_create(sleep_once, &sleeper, "sleeper");
    assert_int_not_equal(ddekit_sem_down_timed(sleeper.awake, 30), 0);
    ddekit_thread_wakeup(thread);
    assert_down_within(sleeper.awake, 10000);
    ddekit_lock_deinit(&sleeper.lock);
    ddekit_sem_deinit(sleeper.awake);
}

static void terminate_ends_a_sleeping_thread(void **state)
{
    struct sleeper sleeper = {.awake = helper_sem(0)};
    ddekit_thread_t *thread;

    (void)state;
    ddekit_lock_init(&sleeper.lock);
    thread = ddekit_thread_create(sleep_once, &sleeper, "sleeper");
    ddekit_thread_msleep(20);
    ddekit_thread_terminate(thread);
    wait_until_gone(thread);
    assert_int_equal(ddekit_lock_try_lock(&sleeper.lock), 0);
    assert_int_not_equal(ddekit_sem_down_try(sleeper.awake), 0);
    ddekit_lock_unlock(&sleeper.lock);
    ddekit_lock_deinit(&sleeper.lock);
    ddekit_sem_deinit(sleeper.awake);
}

static void msleep_sleeps_its_time(void **state)
{
    uint64_t start = now_ms();

    (void)state;
    ddekit_thread_msleep(25);
    ddekit_thread_usleep(1000);
    ddekit_thread_nsleep(1000000);
    assert_true(now_ms() - start >= 26);
}

/* --- Locks and condition variables --- */

static void lock_knows_its_owner(void **state)
{
    ddekit_lock_t lock;

    (void)state;
    ddekit_lock_init(&lock);
    assert_null(ddekit_lock_owner(&lock));
    assert_int_equal(ddekit_lock_try_lock(&lock), 0);
    assert_ptr_equal(ddekit_lock_owner(&lock), ddekit_thread_myself());
    assert_int_not_equal(ddekit_lock_try_lock(&lock), 0);
    ddekit_lock_unlock(&lock);
    assert_null(ddekit_lock_owner(&lock));
    ddekit_lock_deinit(&lock);
    assert_null(lock);
}

static void timed_condvar_wait_ends(void **state)
{
    ddekit_lock_t lock;
    ddekit_condvar_t *condvar = ddekit_condvar_init();
    uint64_t start = now_ms();

    (void)state;
    ddekit_lock_init_locked(&lock);
    assert_int_not_equal(ddekit_condvar_wait_timed(condvar, &lock, 0), 0);
    assert_int_not_equal(ddekit_condvar_wait_timed(condvar, &lock, -5), 0);
    while (ddekit_condvar_wait_timed(condvar, &lock, 30) == 0) {
    }
    assert_true(now_ms() - start >= 29);
    assert_ptr_equal(ddekit_lock_owner(&lock), ddekit_thread_myself());
    ddekit_lock_unlock(&lock);
    ddekit_condvar_deinit(condvar);
    ddekit_lock_deinit(&lock);
}

/* --- Timers --- */

static struct {
    ddekit_sem_t *ran, *go_on;
    char order[16];
    _Atomic unsigned long long ran_at;
    _Atomic int added;
} timer_test;

static void note_timer(void *name)
{
    strcat(timer_test.order, name);
    timer_test.ran_at = fetch_jiffies();
    ddekit_sem_up(timer_test.ran);
}

static void block_in_timer(void *unused)
{
    (void)unused;
    ddekit_sem_up(timer_test.ran);
    ddekit_sem_down(timer_test.go_on);
}

static void add_from_timer(void *name)
{
    timer_test.added = ddekit_add_timer(note_timer, name, fetch_jiffies());
}

static int begin_timer_test(void **state)
{
    int error = select_generation(state);

    timer_test.order[0] = '\0';
    timer_test.ran = helper_sem(0);
    timer_test.go_on = helper_sem(0);
    return error;
}

static int end_timer_test(void **state)
{
    (void)state;
    ddekit_sem_deinit(timer_test.ran);
    ddekit_sem_deinit(timer_test.go_on);
    return 0;
}

static void timers_run_in_the_order_of_expiry(void **state)
{
    unsigned long now = fetch_jiffies();

    (void)state;
    ddekit_add_timer(note_timer, "d", now + 6);
    ddekit_add_timer(note_timer, "b", now + 4);
    ddekit_add_timer(note_timer, "c", now + 4);
    ddekit_add_timer(note_timer, "a", now + 2);
    for (int i = 0; i < 4; i++)
        assert_down_within(timer_test.ran, 10000);
    assert_string_equal(timer_test.order, "abcd");
    assert_true(timer_test.ran_at >= now + 6);
}

static void timer_is_never_early(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 4; i++) {
        unsigned long due = fetch_jiffies() + i;

        ddekit_thread_usleep(1700); /* so that the jiffy is not at its beginning */
        ddekit_add_timer(note_timer, "", due);
        assert_down_within(timer_test.ran, 10000);
        assert_true(timer_test.ran_at >= due);
    }
}

static void timer_in_the_past_runs_at_once(void **state)
{
    uint64_t start = now_ms();

    (void)state;
    ddekit_add_timer(note_timer, "a", fetch_jiffies() - 100);
    assert_down_within(timer_test.ran, 10000);
    ddekit_add_timer(note_timer, "b", fetch_jiffies());
    assert_down_within(timer_test.ran, 10000);
    assert_true(now_ms() - start < AT_ONCE_MS);
}

static void earlier_timer_does_not_wait_for_a_later_one(void **state)
{
    int late = ddekit_add_timer(note_timer, "late", fetch_jiffies() + 3600ul * HZ);
    uint64_t start = now_ms();

    (void)state;
    ddekit_thread_msleep(10);
    ddekit_add_timer(note_timer, "early", fetch_jiffies() + 2);
    assert_down_within(timer_test.ran, 10000);
    assert_true(now_ms() - start < 2 * MS_PER_JIFFY + AT_ONCE_MS);
    assert_string_equal(timer_test.order, "early");
    assert_int_equal(ddekit_timer_pending(late), 1);
    assert_int_equal(ddekit_del_timer(late), DDEKIT_TIMER_DELETED);
}

static void deleted_timer_does_not_run(void **state)
{
    int timer = ddekit_add_timer(note_timer, "a", fetch_jiffies() + 3);

    (void)state;
    assert_true(timer >= 0);
    assert_int_equal(ddekit_timer_pending(timer), 1);
    assert_int_equal(ddekit_del_timer(timer), DDEKIT_TIMER_DELETED);
    assert_int_equal(ddekit_timer_pending(timer), 0);
    assert_int_equal(ddekit_del_timer(timer), DDEKIT_TIMER_GONE);
    assert_int_not_equal(ddekit_sem_down_timed(timer_test.ran, 6 * MS_PER_JIFFY), 0);
}

static void running_timer_says_so_when_deleted(void **state)
{
    int timer = ddekit_add_timer(block_in_timer, NULL, fetch_jiffies());

    (void)state;
    assert_down_within(timer_test.ran, 10000);
    assert_int_equal(ddekit_timer_pending(timer), 0);
    assert_int_equal(ddekit_del_timer(timer), DDEKIT_TIMER_RUNNING);
    ddekit_sem_up(timer_test.go_on);
    while (ddekit_del_timer(timer) == DDEKIT_TIMER_RUNNING)
        ddekit_thread_msleep(1);
    assert_int_equal(ddekit_del_timer(timer), DDEKIT_TIMER_GONE);
}

static void timer_may_add_a_timer(void **state)
{
    (void)state;
    ddekit_add_timer(add_from_timer, "a", fetch_jiffies());
    assert_down_within(timer_test.ran, 10000);
    assert_true(timer_test.added >= 0);
    assert_string_equal(timer_test.order, "a");
}

/* --- Interrupts --- */

#define IRQ 10

static struct {
    unsigned source;
    ddekit_sem_t *handled;
    _Atomic int count, inits;
    _Atomic bool disables, detaches;
} irq_test;

static void count_init(void *priv)
{
    assert_ptr_equal(priv, &irq_test);
    irq_test.inits++;
}

static void count_interrupt(void *priv)
{
    assert_ptr_equal(priv, &irq_test);
    irq_line_deassert(IRQ, irq_test.source);
    if (irq_test.disables)
        ddekit_interrupt_disable(IRQ);
    if (irq_test.detaches)
        ddekit_interrupt_detach(IRQ);
    irq_test.count++;
    ddekit_sem_up(irq_test.handled);
}

static int begin_irq_test(void **state)
{
    static bool has_source;

    (void)state;
    if (!has_source)
        irq_test.source = irq_source_allocate("card");
    has_source = true;
    irq_test.handled = helper_sem(0);
    irq_test.count = irq_test.inits = 0;
    irq_test.disables = irq_test.detaches = false;
    return 0;
}

static int end_irq_test(void **state)
{
    (void)state;
    ddekit_interrupt_detach(IRQ);
    irq_line_deassert(IRQ, irq_test.source);
    ddekit_sem_deinit(irq_test.handled);
    return 0;
}

static ddekit_thread_t *attach(void)
{
    return ddekit_interrupt_attach(IRQ, 1, count_init, count_interrupt, &irq_test);
}

static void raise_and_expect_one(void)
{
    int before = irq_test.count;

    irq_line_assert(IRQ, irq_test.source);
    assert_down_within(irq_test.handled, 10000);
    assert_int_equal(irq_test.count, before + 1);
}

static void raise_and_expect_none(void)
{
    irq_line_assert(IRQ, irq_test.source);
    assert_int_not_equal(ddekit_sem_down_timed(irq_test.handled, 30), 0);
}

static void each_interrupt_is_handled(void **state)
{
    ddekit_thread_t *thread = attach();

    (void)state;
    assert_string_equal(ddekit_thread_get_name(thread), "irq0a");
    for (int i = 0; i < 100; i++)
        raise_and_expect_one();
    assert_int_equal(irq_test.inits, 1);
}

static void interrupt_is_kept_while_disabled(void **state)
{
    (void)state;
    attach();
    ddekit_interrupt_disable(IRQ);
    ddekit_interrupt_disable(IRQ);
    raise_and_expect_none();
    ddekit_interrupt_enable(IRQ);
    assert_int_not_equal(ddekit_sem_down_timed(irq_test.handled, 20), 0);
    ddekit_interrupt_enable(IRQ);
    assert_down_within(irq_test.handled, 10000);
    raise_and_expect_one();
}

static void handler_may_disable_its_line(void **state)
{
    (void)state;
    attach();
    irq_test.disables = true;
    raise_and_expect_one();
    irq_test.disables = false;
    raise_and_expect_none();
    ddekit_interrupt_enable(IRQ);
    assert_down_within(irq_test.handled, 10000);
}

static void needless_enable_is_harmless(void **state)
{
    (void)state;
    ddekit_interrupt_disable(IRQ);
    attach();
    ddekit_interrupt_enable(IRQ);
    raise_and_expect_one();
    ddekit_interrupt_disable(IRQ);
    raise_and_expect_none();
    ddekit_interrupt_enable(IRQ);
    assert_down_within(irq_test.handled, 10000);
}

static void line_is_attached_once(void **state)
{
    (void)state;
    assert_non_null(attach());
    assert_null(attach());
    raise_and_expect_one();
    assert_null(ddekit_interrupt_attach(-1, 1, NULL, count_interrupt, NULL));
    assert_null(ddekit_interrupt_attach(DDEKIT_IRQS, 1, NULL, count_interrupt, NULL));
    ddekit_interrupt_detach(DDEKIT_IRQS);
}

static void detached_line_can_be_attached_again(void **state)
{
    ddekit_thread_t *thread;

    (void)state;
    for (int i = 0; i < 20; i++) {
        thread = attach();
        assert_non_null(thread);
        raise_and_expect_one();
        ddekit_interrupt_detach(IRQ);
        raise_and_expect_none();
        irq_line_deassert(IRQ, irq_test.source);
        wait_until_gone(thread);
    }
    assert_int_equal(irq_test.inits, 20);
}

static void disabled_line_with_an_interrupt_can_be_detached(void **state)
{
    (void)state;
    attach();
    ddekit_interrupt_disable(IRQ);
    raise_and_expect_none();
    ddekit_interrupt_detach(IRQ);
    assert_int_equal(irq_test.count, 0);
    /* And is enabled when it is attached again; its level is still there. */
    attach();
    assert_down_within(irq_test.handled, 10000);
}

static void line_is_as_disabled_behind_a_suspension_as_before(void **state)
{
    (void)state;
    attach();
    ddekit_interrupt_disable(IRQ);
    ddekit_interrupt_suspend(IRQ);
    ddekit_interrupt_disable(IRQ);
    raise_and_expect_none();
    assert_int_equal(ddekit_interrupt_resume(IRQ), 0);
    ddekit_interrupt_enable(IRQ);
    raise_and_expect_none();
    ddekit_interrupt_enable(IRQ);
    assert_down_within(irq_test.handled, 10000);
    assert_int_equal(irq_test.inits, 2);
}

static void detached_line_is_not_resumed(void **state)
{
    (void)state;
    attach();
    ddekit_interrupt_suspend(IRQ);
    ddekit_interrupt_detach(IRQ);
    assert_int_equal(ddekit_interrupt_resume(IRQ), 0);
    raise_and_expect_none();
}

static void handler_may_detach_its_line(void **state)
{
    ddekit_thread_t *thread = attach();

    (void)state;
    irq_test.detaches = true;
    raise_and_expect_one();
    wait_until_gone(thread);
    irq_test.detaches = false;
    assert_non_null(attach());
    raise_and_expect_one();
}

static void failed_attach_leaves_the_line_free(void **state)
{
    mach_port_t master, port;

    (void)state;
    get_privileged_ports(NULL, &master);
    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port), 0);
    assert_int_equal(device_intr_register(master, IRQ, 0, 0, port, MACH_MSG_TYPE_MAKE_SEND), 0);
    ddekit_print_to(-1);
    assert_null(attach());
    ddekit_print_to(STDERR_FILENO);
    mach_port_destroy(mach_task_self(), port);
    assert_non_null(attach());
    raise_and_expect_one();
}

/* --- Memory --- */

static void page_table_translates_both_ways(void **state)
{
    char *large = ddekit_large_malloc(3 * (int)DDEKIT_PAGE_SIZE + 1), *contig;
    ddekit_addr_t physical = ddekit_pgtab_get_physaddr(large);
    int outside;

    (void)state;
    assert_int_not_equal(physical, 0);
    assert_int_equal(ddekit_pgtab_get_type(large), PTE_TYPE_LARGE);
    assert_int_equal(ddekit_pgtab_get_size(large), 4 * DDEKIT_PAGE_SIZE);
    assert_int_equal(ddekit_pgtab_get_physaddr(large + 5000), physical + 5000);
    assert_ptr_equal(ddekit_pgtab_get_virtaddr(physical + 5000), large + 5000);

    contig = ddekit_contig_malloc(0x5000, 0, 0, 0, 0x8000);
    physical = ddekit_pgtab_get_physaddr(contig);
    assert_int_equal(ddekit_pgtab_get_type(contig + 0x4fff), PTE_TYPE_CONTIG);
    assert_int_equal(physical / 0x8000, (physical + 0x4fff) / 0x8000);
    assert_null(ddekit_contig_malloc(0x9000, 0, 0, 0, 0x8000));

    ddekit_large_free(large);
    ddekit_contig_free(contig, 0x5000);
    assert_int_equal(ddekit_pgtab_get_physaddr(large), 0);
    assert_int_equal(ddekit_pgtab_get_virtaddr(physical), 0);
    assert_int_equal(ddekit_pgtab_get_type(&outside), PTE_TYPE_OTHER);
    assert_int_equal(ddekit_pgtab_get_size(&outside), 0);
    ddekit_large_free(NULL);
    ddekit_contig_free(NULL, 0);
}

static void slab_gives_objects_that_do_not_overlap(void **state)
{
    enum { OBJECTS = 200, SIZE = 1500 };
    struct ddekit_slab *slab = ddekit_slab_init(SIZE, 1);
    char *objects[OBJECTS];

    (void)state;
    for (int i = 0; i < OBJECTS; i++) {
        objects[i] = ddekit_slab_alloc(slab);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t)objects[i] % 16, 0);
        assert_int_equal((uintptr_t)objects[i] / DDEKIT_PAGE_SIZE,
                         ((uintptr_t)objects[i] + SIZE - 1) / DDEKIT_PAGE_SIZE);
        assert_int_equal(ddekit_pgtab_get_type(objects[i]), PTE_TYPE_UMA);
        memset(objects[i], i, SIZE);
    }
    for (int i = 0; i < OBJECTS; i++) {
        for (int j = 0; j < SIZE; j++)
            assert_int_equal((unsigned char)objects[i][j], i);
    }
    ddekit_slab_free(slab, objects[7]);
    assert_ptr_equal(ddekit_slab_alloc(slab), objects[7]);
    ddekit_slab_set_data(slab, objects);
    assert_ptr_equal(ddekit_slab_get_data(slab), objects);
    ddekit_slab_destroy(slab);
    assert_int_equal(ddekit_pgtab_get_type(objects[0]), PTE_TYPE_OTHER);
}

static void slab_takes_objects_of_any_size(void **state)
{
    static const unsigned sizes[] = {1, 17, 4096, 4097, 65536, 100000};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int contiguous = 0; contiguous < 2; contiguous++) {
            struct ddekit_slab *slab = ddekit_slab_init(sizes[i], contiguous);
            char *first = ddekit_slab_alloc(slab), *second = ddekit_slab_alloc(slab);

            assert_true(first && second);
            memset(first, 1, sizes[i]);
            memset(second, 2, sizes[i]);
            assert_int_equal(first[0], 1);
            assert_int_equal(first[sizes[i] - 1], 1);
            ddekit_slab_destroy(slab);
        }
    }
}

/* --- PCI and resources --- */

#define SLOT 5

static uint32_t fake_register[2]; /* behind the I/O BAR and the memory BAR */

static uint32_t fake_read(void *device, unsigned bar, uint32_t offset, unsigned size)
{
    (void)device;
    (void)size;
    return offset == 8 ? fake_register[bar] : 0;
}

static void fake_write(void *device, unsigned bar, uint32_t offset, unsigned size, uint32_t value)
{
    (void)device;
    (void)size;
    if (offset == 8)
        fake_register[bar] = value;
}

static void plug_in_a_function(void)
{
    static const struct pci_function_ops ops = {.read = fake_read, .write = fake_write};
    static const struct pci_function_description description = {
        .name = "fake",
        .vendor_id = 0x1234,
        .device_id = 0x5678,
        .subsystem_vendor_id = 0x9abc,
        .subsystem_id = 0xdef0,
        .class_code = 0x020000,
        .interrupt_pin = 1,
        .interrupt_line = IRQ,
        .bars = {{PCI_BAR_IO, 256}, {PCI_BAR_MEMORY, 4096}},
        .ops = &ops,
    };

    pci_function_register(SLOT, 0, &description);
}

static struct ddekit_pci_dev *find_the_function(void)
{
    int bus = DDEKIT_PCI_ANY_ID, slot = SLOT, func = DDEKIT_PCI_ANY_ID;
    struct ddekit_pci_dev *dev = ddekit_pci_find_device(&bus, &slot, &func, NULL);

    assert_non_null(dev);
    assert_int_equal(bus, 0);
    assert_int_equal(func, 0);
    assert_null(ddekit_pci_find_device(&bus, &slot, &func, dev));
    return dev;
}

static void pci_functions_are_found(void **state)
{
    struct ddekit_pci_dev *dev = find_the_function();
    int bus, slot, func, irq;

    (void)state;
    assert_int_equal(ddekit_pci_get_vendor(dev), 0x1234);
    assert_int_equal(ddekit_pci_get_device_id(dev), 0x5678);
    assert_int_equal(ddekit_pci_get_sub_vendor(dev), 0x9abc);
    assert_int_equal(ddekit_pci_get_sub_device(dev), 0xdef0);
    assert_int_equal(ddekit_pci_get_dev_class(dev), 0x020000);
    assert_int_equal(ddekit_pci_get_irq(dev), IRQ);
    assert_string_equal(ddekit_pci_get_name(dev), "00:05.0");
    assert_int_equal(ddekit_pci_get_device(0, &bus, &slot, &func), 0);
    assert_int_equal(slot, SLOT);
    assert_int_equal(ddekit_pci_get_device(1, &bus, &slot, &func), -1);
    assert_int_equal(ddekit_pci_irq_enable(0, SLOT, 0, 1, &irq), 0);
    assert_int_equal(irq, IRQ);
    assert_int_equal(ddekit_pci_irq_enable(0, SLOT, 0, 2, &irq), -1);
}

static void configuration_space_is_read_and_written(void **state)
{
    ddekit_uint8_t byte;
    ddekit_uint16_t word;
    ddekit_uint32_t dword;

    (void)state;
    assert_int_equal(ddekit_pci_readl(0, SLOT, 0, 0, &dword), 0);
    assert_int_equal(dword, 0x56781234);
    assert_int_equal(ddekit_pci_readw(0, SLOT, 0, 2, &word), 0);
    assert_int_equal(word, 0x5678);
    assert_int_equal(ddekit_pci_readb(0, SLOT, 0, 3, &byte), 0);
    assert_int_equal(byte, 0x56);
    assert_int_equal(ddekit_pci_writeb(0, SLOT, 0, 0x3c, 7), 0);
    ddekit_pci_readb(0, SLOT, 0, 0x3c, &byte);
    assert_int_equal(byte, 7);
    ddekit_pci_writeb(0, SLOT, 0, 0x3c, IRQ);
    assert_int_equal(ddekit_pci_readl(0, SLOT + 1, 0, 0, &dword), 0);
    assert_int_equal(dword, 0xffffffff);
    assert_int_equal(ddekit_pci_readw(0, SLOT, 0, 1, &word), -1);
    assert_int_equal(ddekit_pci_readl(0, SLOT, 0, 256, &dword), -1);
}

static void base_addresses_lead_to_registers(void **state)
{
    struct ddekit_pci_dev *dev = find_the_function();
    ddekit_pci_res_t *io = ddekit_pci_get_resource(dev, 0), *memory = ddekit_pci_get_resource(dev, 1);
    ddekit_addr_t registers;

    (void)state;
    assert_int_equal(io->type, DDEKIT_PCI_RES_IO);
    assert_int_equal(io->size, 256);
    assert_int_equal(memory->type, DDEKIT_PCI_RES_MEM);
    assert_int_equal(memory->size, 4096);
    assert_int_equal(ddekit_pci_get_resource(dev, 2)->type, DDEKIT_PCI_RES_NONE);
    assert_null(ddekit_pci_get_resource(dev, 6));

    assert_int_equal(ddekit_inl(io->start + 8), 0xffffffff); /* decoding is off */
    ddekit_pci_enable_device(dev);
    assert_int_equal(ddekit_request_io(io->start, io->size), 0);
    ddekit_outl(io->start + 8, 0x01020304);
    assert_int_equal(fake_register[0], 0x01020304);
    assert_int_equal(ddekit_inl(io->start + 8), 0x01020304);
    assert_int_equal(ddekit_request_mem(memory->start, memory->size, &registers), 0);
    ddekit_mmio_writel(registers + 8, 0x05060708);
    assert_int_equal(fake_register[1], 0x05060708);
    assert_int_equal(ddekit_mmio_readl(registers + 8), 0x05060708);
    ddekit_pci_disable_device(dev);
    assert_int_equal(ddekit_inl(io->start + 8), 0xffffffff);

    assert_int_equal(ddekit_request_io(0xfff0, 0x20), -1);
    assert_int_equal(ddekit_request_mem(1, 4, &registers), -1);
}

static int power_on(void **state)
{
    (void)state;
    machine_init();
    assert_int_equal(ddekit_add_timer(note_timer, NULL, 0), -1); /* too early, and harmless */
    plug_in_a_function();
    ddekit_init();
    ddekit_init_timers();
    ddekit_pci_init();
    return 0;
}

#define WITH(generation, test)                                                                               \
    {                                                                                                        \
#test " (" generation ")", test, select_generation, NULL, generation                                 \
    }
#define TIMER_TEST(test)                                                                                     \
    {                                                                                                        \
#test, test, begin_timer_test, end_timer_test, "posix"                                               \
    }
#define IRQ_TEST(test) cmocka_unit_test_setup_teardown(test, begin_irq_test, end_irq_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initcalls_ran_once_however_often_init_is_called),
        cmocka_unit_test(generations_are_chosen_by_name),

        WITH("legacy", semaphore_counts),
        WITH("drain", semaphore_counts),
        WITH("posix", semaphore_counts),
        WITH("legacy", no_time_out_means_for_ever),
        WITH("drain", no_time_out_means_for_ever),
        WITH("posix", no_time_out_means_for_ever),
        WITH("legacy", timed_down_waits_its_time),
        WITH("drain", timed_down_waits_its_time),
        WITH("posix", timed_down_waits_its_time),
        WITH("drain", up_ends_a_wait),
        WITH("posix", up_ends_a_wait),
        WITH("legacy", longest_waiter_is_first),
        WITH("drain", longest_waiter_is_first),
        WITH("drain", every_up_pays_for_one_down),
        WITH("posix", every_up_pays_for_one_down),
        WITH("drain", semaphore_may_go_when_its_down_returns),
        WITH("posix", semaphore_may_go_when_its_down_returns),
        cmocka_unit_test(drain_takes_the_wakeup_that_is_on_its_way),
        cmocka_unit_test(legacy_leaves_a_wakeup_behind),
        cmocka_unit_test(legacy_fails_an_assertion_in_up_after_a_stale_wakeup),

        cmocka_unit_test(thread_knows_itself),
        cmocka_unit_test(ended_thread_is_left_alone),
        cmocka_unit_test(wakeup_before_the_sleep_counts),
        cmocka_unit_test(wakeup_ends_a_sleep),
        cmocka_unit_test(terminate_ends_a_sleeping_thread),
        cmocka_unit_test(msleep_sleeps_its_time),
        cmocka_unit_test(lock_knows_its_owner),
        cmocka_unit_test(timed_condvar_wait_ends),

        TIMER_TEST(timers_run_in_the_order_of_expiry),
        TIMER_TEST(timer_is_never_early),
        TIMER_TEST(timer_in_the_past_runs_at_once),
        TIMER_TEST(earlier_timer_does_not_wait_for_a_later_one),
        TIMER_TEST(deleted_timer_does_not_run),
        TIMER_TEST(running_timer_says_so_when_deleted),
        TIMER_TEST(timer_may_add_a_timer),

        IRQ_TEST(each_interrupt_is_handled),
        IRQ_TEST(interrupt_is_kept_while_disabled),
        IRQ_TEST(handler_may_disable_its_line),
        IRQ_TEST(needless_enable_is_harmless),
        IRQ_TEST(line_is_attached_once),
        IRQ_TEST(detached_line_can_be_attached_again),
        IRQ_TEST(disabled_line_with_an_interrupt_can_be_detached),
        IRQ_TEST(line_is_as_disabled_behind_a_suspension_as_before),
        IRQ_TEST(detached_line_is_not_resumed),
        IRQ_TEST(handler_may_detach_its_line),
        IRQ_TEST(failed_attach_leaves_the_line_free),

        cmocka_unit_test(page_table_translates_both_ways),
        cmocka_unit_test(slab_gives_objects_that_do_not_overlap),
        cmocka_unit_test(slab_takes_objects_of_any_size),

        cmocka_unit_test(pci_functions_are_found),
        cmocka_unit_test(configuration_space_is_read_and_written),
        cmocka_unit_test(base_addresses_lead_to_registers),
    };

    return cmocka_run_group_tests(tests, power_on, NULL);
}
