/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How often strategies show the interleavings of small simulated programs, against what their papers promise.
 * Frequencies are of fixed seeds, so that a test gives the same result each time; limits are 5 standard
 * deviations of a sum of independent draws.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lockcheck/strategy/random_number.h"
#include "lockcheck/strategy/strategy.h"

#define THREADS 3u /* at most; numbers from 1 */
#define STEPS 40u  /* of all threads together, at most */

/* Each step of a thread touches one object: a letter. '+' makes the next thread, which exists from then on; a
 * small letter only reads. */
struct program {
    const char *steps[THREADS];
    uint32_t present; /* threads that are there from the beginning */
};

static struct {
    const struct program *program;
    uint32_t threads, at[THREADS];
} now;

static struct lc_next next(uint32_t thread)
{
    char letter = now.program->steps[thread - 1][now.at[thread - 1]];
    if (letter == '+')
        return (struct lc_next){.op = 1};
    bool reads = letter >= 'a';
    uint32_t object = (uint32_t)(reads ? letter - 'a' + 'A' : letter);
    return (struct lc_next){.op = 2, .object = object, .reads_only = reads, .address = object};
}

/* Runs the program once. The trace has one digit for each step: the thread that took it. */
static void run(const struct lc_strategy *strategy, const struct program *program,
                const struct lc_schedule_settings *settings, char trace[STEPS + 1])
{
    now.program = program;
    now.threads = program->present;
    memset(now.at, 0, sizeof now.at);
    strategy->begin(settings);
    uint32_t steps = 0, enabled[THREADS], current = 1;
    for (;;) {
        struct lc_choice c = {.enabled = enabled, .current = current, .step = steps + 1, .next = next};
        for (uint32_t t = 1; t <= now.threads; t++)
            if (program->steps[t - 1][now.at[t - 1]]) {
                enabled[c.count++] = t;
                c.current_enabled |= t == current;
            }
        if (c.count == 0)
            break;
        current = strategy->choose(&c);
        if (program->steps[current - 1][now.at[current - 1]++] == '+')
            now.threads++;
        trace[steps++] = (char)('0' + current);
    }
    trace[steps] = 0;
}

/* What a profiling run would have counted. */
static struct lc_profile profile_of(const struct program *program)
{
    struct lc_profile p = {.threads = THREADS};
    uint32_t created = program->present;
    for (uint32_t t = 1; t <= THREADS && program->steps[t - 1]; t++)
        for (const char *s = program->steps[t - 1]; *s; s++) {
            p.steps++;
            p.thread_steps[t]++;
            if (*s == '+') {
                p.creators[++created] = t;
                continue;
            }
            uint32_t row = 0;
            uint64_t object = (uint64_t)(*s >= 'a' ? *s - 'a' + 'A' : *s);
            while (row < p.objects && p.object_addresses[row] != object)
                row++;
            if (row == p.objects) {
                p.objects++;
                p.object_addresses[row] = object;
                p.object_first[row] = t;
            }
            p.object_shared[row] |= p.object_first[row] != t;
            p.object_steps[row][t]++;
        }
    p.choices = p.steps;
    return p;
}

typedef bool predicate(const char *trace);

static uint32_t times_of(const struct lc_strategy *strategy, const struct program *program, uint32_t depth,
                         predicate *wanted, uint32_t runs)
{
    struct lc_profile profile = profile_of(program);
    uint32_t times = 0;
    char trace[STEPS + 1];
    for (uint32_t i = 1; i <= runs; i++) {
        struct lc_schedule_settings settings = {
            .seed = lc_schedule_seed(1, i), .schedule = i, .depth = depth, .profile = &profile};
        run(strategy, program, &settings, trace);
        times += wanted(trace);
    }
    return times;
}

static void assert_chance(uint32_t times, uint32_t runs, double chance)
{
    double deviation = 5 * sqrt(runs * chance * (1 - chance));
    if (fabs(times - runs * chance) > deviation)
        fail_msg("%u of %u; expected were %.0f, give or take %.0f", times, runs, runs * chance, deviation);
}

/* ---- pct ---- */

/* That `changes` changes come before certain steps, where k steps were counted: half of the schedules take
 * that for the length, the others up to twice as much. */
static double chance_of_changes(uint32_t changes, uint32_t k)
{
    double chance = 0;
    for (uint32_t longer = 0; longer < k; longer++)
        chance += 0.5 / k / pow(k + longer, changes);
    return chance + 0.5 / pow(k, changes);
}

/* Thread 2 does all that it does between two certain steps of thread 1. */
static bool all_in_the_gap(const char *trace)
{
    return strcmp(trace, "1111111222222222222111111") == 0;
}

static void pct_finds_a_fault_of_depth_two_as_often_as_promised(void **state)
{
    (void)state;
    static const struct program p = {{"AAAAAAAAAAAAA", "BBBBBBBBBBBB"}, 2};
    enum { RUNS = 200000 };
    /* Thread 1 first, and the one change exactly at its 8th step: 1 / (n k) with n = 2, where k is right. */
    double chance = chance_of_changes(1, 25) / 2;
    assert_true(chance > 0.8 / 50);
    assert_chance(times_of(&lc_strategy_pct, &p, 2, all_in_the_gap, RUNS), RUNS, chance);
    /* It is no accident: a random walk has to get each of 18 choices right. */
    assert_in_range(times_of(&lc_strategy_random, &p, 0, all_in_the_gap, RUNS), 0, RUNS / 1000);
}

static bool first_comes_back_first(const char *trace)
{
    return strcmp(trace, "112333122") == 0;
}

static bool second_comes_back_first(const char *trace)
{
    return strcmp(trace, "112333221") == 0;
}

static void pct_shows_all_orders_of_depth_three(void **state)
{
    (void)state;
    static const struct program p = {{"AAA", "BBB", "CCC"}, 3};
    enum { RUNS = 300000 };
    /* 1 before 2 before 3, one change before the third step and one before the fourth, in one of two orders
     * of what they fall to: 1 / (n! k^2) each. */
    double chance = chance_of_changes(2, 9) / 6;
    assert_chance(times_of(&lc_strategy_pct, &p, 3, first_comes_back_first, RUNS), RUNS, chance);
    assert_chance(times_of(&lc_strategy_pct, &p, 3, second_comes_back_first, RUNS), RUNS, chance);
}

static bool no_switch_but_at_the_end(const char *trace)
{
    return strcmp(trace, "111222") == 0 || strcmp(trace, "222111") == 0;
}

static void pct_of_depth_one_never_switches(void **state)
{
    (void)state;
    static const struct program p = {{"AAA", "AAA"}, 2};
    assert_int_equal(times_of(&lc_strategy_pct, &p, 1, no_switch_but_at_the_end, 1000), 1000);
    assert_in_range(times_of(&lc_strategy_pct, &p, 2, no_switch_but_at_the_end, 1000), 1, 850);
}

/* ---- pos ---- */

static bool first_is_done_first(const char *trace)
{
    return strncmp(trace, "111111111", 9) == 0;
}

static void pos_lets_an_event_be_late(void **state)
{
    (void)state;
    /* Thread 2's event must have the least priority of 10; for a random walk it is a matter of 2^-9. */
    static const struct program p = {{"AAAAAAAAX", "X"}, 2};
    enum { RUNS = 50000 };
    assert_chance(times_of(&lc_strategy_pos, &p, 0, first_is_done_first, RUNS), RUNS, 0.1);
}

static bool first_twice_first(const char *trace)
{
    return strcmp(trace, "1122") == 0;
}

static void pos_draws_again_for_events_that_race(void **state)
{
    (void)state;
    enum { RUNS = 50000 };
    /* Racing: two fair draws. Not racing: the least of three priorities is thread 2's. */
    static const struct program racing = {{"XX", "XX"}, 2}, apart = {{"AA", "BB"}, 2},
                                reading = {{"xx", "xx"}, 2};
    assert_chance(times_of(&lc_strategy_pos, &racing, 0, first_twice_first, RUNS), RUNS, 1.0 / 4);
    assert_chance(times_of(&lc_strategy_pos, &apart, 0, first_twice_first, RUNS), RUNS, 1.0 / 3);
    assert_chance(times_of(&lc_strategy_pos, &reading, 0, first_twice_first, RUNS), RUNS, 1.0 / 3);
}

/* ---- uniform sampling ---- */

/* All interleavings of the program, as traces, in `traces` (with room for `room`). Returns their number. */
static uint32_t interleavings(const struct program *p, char traces[][STEPS + 1], uint32_t room)
{
    static char trace[STEPS + 1];
    static uint32_t at[THREADS], threads, length, found;
    if (length == 0) {
        found = 0;
        threads = p->present;
    }
    bool done = true;
    for (uint32_t t = 0; t < threads; t++) {
        char step = p->steps[t][at[t]];
        if (!step)
            continue;
        done = false;
        trace[length++] = (char)('1' + t);
        at[t]++;
        threads += step == '+';
        interleavings(p, traces, room);
        threads -= step == '+';
        at[t]--;
        length--;
    }
    if (done) {
        assert_in_range(found, 0, room - 1);
        memcpy(traces[found], trace, length);
        traces[found++][length] = 0;
    }
    return found;
}

/* Each interleaving is equally likely: checked one by one and by the sum of squares. */
static void assert_uniform(const struct lc_strategy *strategy, const struct program *program,
                           uint32_t expected)
{
    enum { ROOM = 512, EACH = 1000 };
    static char traces[ROOM][STEPS + 1];
    uint32_t times[ROOM] = {0}, count = interleavings(program, traces, ROOM), i;
    assert_int_equal(count, expected);
    struct lc_profile profile = profile_of(program);
    char trace[STEPS + 1];
    for (uint32_t n = 1; n <= count * EACH; n++) {
        struct lc_schedule_settings settings = {.seed = lc_schedule_seed(2, n), .profile = &profile};
        run(strategy, program, &settings, trace);
        for (i = 0; strcmp(traces[i], trace) != 0; i++)
            assert_in_range(i, 0, count - 2);
        times[i]++;
    }
    double square = 0;
    for (i = 0; i < count; i++) {
        assert_chance(times[i], count * EACH, 1.0 / count);
        square += (times[i] - (double)EACH) * (times[i] - (double)EACH) / EACH;
    }
    double freedom = count - 1;
    if (fabs(square - freedom) > 5 * sqrt(2 * freedom))
        fail_msg("chi-square is %.1f with %.0f degrees of freedom", square, freedom);
}

static void pos_orders_racing_events_equally(void **state)
{
    (void)state;
    static const struct program p = {{"X", "X", "X"}, 3};
    assert_uniform(&lc_strategy_pos, &p, 6);
}

static void surw_shows_all_interleavings_equally(void **state)
{
    (void)state;
    static const struct program unequal = {{"AAA", "BBBBB"}, 2}; /* 8 over 3 */
    static const struct program three = {{"A", "BB", "CCC"}, 3}; /* 6! / (1! 2! 3!) */
    assert_uniform(&lc_strategy_surw, &unequal, 56);
    assert_uniform(&lc_strategy_surw, &three, 60);
}

static void surw_counts_threads_that_do_not_exist_yet(void **state)
{
    (void)state;
    /* Linear extensions of a forest: 7! by the number of steps that each step has behind it, with itself: 5,
     * 4 and 1 for thread 1, 2 and 1 for each of the others. */
    static const struct program p = {{"A+A", "BB", "CC"}, 2};
    assert_uniform(&lc_strategy_surw, &p, 63);
}

static uint32_t interesting_before_first; /* of thread 2's steps on X, those before thread 1's */

static bool this_many_before(const char *trace)
{
    uint32_t before = 0, first = 0;
    for (; *trace && first < 21; trace++) {
        first += *trace == '1';
        before += *trace == '2';
    }
    return before == interesting_before_first;
}

static void surw_shows_orders_of_one_object_equally(void **state)
{
    (void)state;
    /* 20 steps of thread 1 do not matter, and its last is on the object of thread 2. */
    static const struct program p = {{"AAAAAAAAAAAAAAAAAAAAX", "XXX"}, 2};
    enum { RUNS = 40000 };
    /* Three schedules in four have an eye on X; in the others all 24-over-3 interleavings are equally likely.
     */
    static const double all[] = {1.0 / 2024, 21.0 / 2024, 231.0 / 2024, 1771.0 / 2024};
    for (interesting_before_first = 0; interesting_before_first <= 3; interesting_before_first++)
        assert_chance(times_of(&lc_strategy_surw, &p, 0, this_many_before, RUNS), RUNS,
                      0.75 / 4 + 0.25 * all[interesting_before_first]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pct_finds_a_fault_of_depth_two_as_often_as_promised),
        cmocka_unit_test(pct_shows_all_orders_of_depth_three),
        cmocka_unit_test(pct_of_depth_one_never_switches),
        cmocka_unit_test(pos_lets_an_event_be_late),
        cmocka_unit_test(pos_draws_again_for_events_that_race),
        cmocka_unit_test(pos_orders_racing_events_equally),
        cmocka_unit_test(surw_shows_all_interleavings_equally),
        cmocka_unit_test(surw_counts_threads_that_do_not_exist_yet),
        cmocka_unit_test(surw_shows_orders_of_one_object_equally),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
