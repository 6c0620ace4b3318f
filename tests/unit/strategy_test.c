/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strategies through their three functions: what they may choose, and that a seed decides everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lockcheck/runtime/channel.h"
#include "lockcheck/strategy/random_number.h"
#include "lockcheck/strategy/strategy.h"

#define STEPS 4000u

static const uint32_t three[] = {1, 2, 5};

static struct lc_choice choice_of(uint32_t count, bool time_possible, uint32_t current)
{
    struct lc_choice c = {
        .enabled = three, .count = count, .time_possible = time_possible, .current = current};
    for (uint32_t i = 0; i < count; i++)
        c.current_enabled |= three[i] == current;
    return c;
}

static void begin(const struct lc_strategy *strategy, uint64_t seed)
{
    struct lc_schedule_settings settings = {.seed = seed};
    strategy->begin(&settings);
}

static void one_seed_gives_one_sequence(void **state)
{
    (void)state;
    uint32_t first[STEPS];
    struct lc_choice c = choice_of(3, true, 1);
    begin(&lc_strategy_random, 42);
    for (uint32_t i = 0; i < STEPS; i++)
        first[i] = lc_strategy_random.choose(&c);
    begin(&lc_strategy_random, 42);
    for (uint32_t i = 0; i < STEPS; i++)
        assert_int_equal(lc_strategy_random.choose(&c), first[i]);
    begin(&lc_strategy_random, 43);
    uint32_t equal = 0;
    for (uint32_t i = 0; i < STEPS; i++)
        equal += lc_strategy_random.choose(&c) == first[i];
    assert_true(equal < STEPS);
}

static void schedules_of_a_hunt_have_seeds_of_their_own(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++)
        for (uint64_t schedule = 1; schedule < 20; schedule++) {
            assert_int_not_equal(lc_schedule_seed(seed, schedule), lc_schedule_seed(seed, schedule + 1));
            assert_int_not_equal(lc_schedule_seed(seed, schedule), lc_schedule_seed(seed + 1, schedule));
        }
}

static void random_takes_threads_equally(void **state)
{
    (void)state;
    uint32_t taken[6] = {0};
    struct lc_choice c = choice_of(3, false, 1);
    begin(&lc_strategy_random, 7);
    for (uint32_t i = 0; i < STEPS; i++) {
        uint32_t t = lc_strategy_random.choose(&c);
        assert_true(t == 1 || t == 2 || t == 5);
        taken[t]++;
    }
    for (uint32_t i = 0; i < 3; i++) /* a third each; 5 standard deviations are 149 */
        assert_in_range(taken[three[i]], STEPS / 3 - 150, STEPS / 3 + 150);
}

static void random_lets_time_pass_in_every_schedule(void **state)
{
    (void)state;
    uint32_t least = STEPS, most = 0;
    struct lc_choice c = choice_of(3, true, 1);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        uint32_t passed = 0;
        begin(&lc_strategy_random, seed);
        for (uint32_t i = 0; i < 4 * STEPS; i++)
            passed += lc_strategy_random.choose(&c) == LC_TIME;
        assert_true(passed > 0);
        least = passed < least ? passed : least;
        most = passed > most ? passed : most;
    }
    assert_true(most > 100 * least); /* lazy schedules and eager ones */
}

static void random_never_takes_time_that_cannot_pass(void **state)
{
    (void)state;
    struct lc_choice c = choice_of(2, false, 1);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        begin(&lc_strategy_random, seed);
        for (uint32_t i = 0; i < 100; i++)
            assert_int_not_equal(lc_strategy_random.choose(&c), LC_TIME);
    }
}

static void random_turns_to_others_after_a_yield(void **state)
{
    (void)state;
    struct lc_choice c = choice_of(3, false, 2);
    c.yielded = true;
    begin(&lc_strategy_random, 1);
    for (uint32_t i = 0; i < STEPS; i++) {
        uint32_t t = lc_strategy_random.choose(&c);
        assert_true(t == 1 || t == 5);
    }
}

static void time_is_taken_when_nothing_else_can_be(void **state)
{
    (void)state;
    struct lc_choice c = choice_of(0, true, 1);
    begin(&lc_strategy_random, 1);
    assert_int_equal(lc_strategy_random.choose(&c), LC_TIME);
    begin(&lc_strategy_cooperative, 1);
    assert_int_equal(lc_strategy_cooperative.choose(&c), LC_TIME);
}

static void cooperative_stays_until_the_thread_blocks(void **state)
{
    (void)state;
    begin(&lc_strategy_cooperative, 1);
    struct lc_choice c = choice_of(3, true, 2);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(lc_strategy_cooperative.choose(&c), 2);
    struct lc_choice blocked = choice_of(2, true, 3);
    assert_int_equal(lc_strategy_cooperative.choose(&blocked), 1);
    c.yielded = true;
    assert_int_equal(lc_strategy_cooperative.choose(&c), 5);
}

static void cooperative_lets_nobody_spin_for_ever(void **state)
{
    (void)state;
    begin(&lc_strategy_cooperative, 1);
    struct lc_choice c = choice_of(3, true, 2);
    bool others = false, time = false;
    for (uint32_t i = 0; i < 1000000; i++) {
        uint32_t t = lc_strategy_cooperative.choose(&c);
        time = time || t == LC_TIME;
        others = others || (t != 2 && t != LC_TIME);
    }
    assert_true(others && time);
}

static size_t record(uint8_t *out, const uint32_t (*runs)[2], size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n += lc_varint_put(out + n, runs[i][0]);
        n += lc_varint_put(out + n, runs[i][1]);
    }
    return n;
}

static void replay_follows_the_recording(void **state)
{
    (void)state;
    static const uint32_t runs[][2] = {{1, 300}, {LC_TIME, 2}, {5, 1}};
    uint8_t bytes[64];
    struct lc_schedule_settings settings = {.replay = bytes, .replay_bytes = record(bytes, runs, 3)};
    lc_strategy_replay.begin(&settings);
    struct lc_choice c = choice_of(3, true, 2);
    for (size_t r = 0; r < 3; r++)
        for (uint32_t i = 0; i < runs[r][1]; i++)
            assert_int_equal(lc_strategy_replay.choose(&c), runs[r][0]);
    assert_int_equal(lc_strategy_replay.choose(&c), 2); /* it is over: the tame strategy goes on */
}

static void replay_refuses_what_cannot_run(void **state)
{
    (void)state;
    static const uint32_t absent[][2] = {{4, 1}};
    uint8_t bytes[64];
    struct lc_schedule_settings settings = {.replay = bytes, .replay_bytes = record(bytes, absent, 1)};
    lc_strategy_replay.begin(&settings);
    struct lc_choice c = choice_of(3, true, 1);
    assert_int_equal(lc_strategy_replay.choose(&c), LC_NO_CHOICE);

    static const uint32_t time[][2] = {{LC_TIME, 1}};
    settings.replay_bytes = record(bytes, time, 1);
    lc_strategy_replay.begin(&settings);
    c.time_possible = false;
    assert_int_equal(lc_strategy_replay.choose(&c), LC_NO_CHOICE);
}

static void replay_refuses_a_cut_recording(void **state)
{
    (void)state;
    static const uint32_t runs[][2] = {{1, 1000}};
    uint8_t bytes[64];
    size_t whole = record(bytes, runs, 1);
    struct lc_choice c = choice_of(3, true, 1);
    for (size_t cut = 1; cut < whole; cut++) {
        struct lc_schedule_settings settings = {.replay = bytes, .replay_bytes = cut};
        lc_strategy_replay.begin(&settings);
        assert_int_equal(lc_strategy_replay.choose(&c), LC_NO_CHOICE);
    }
}

static void strategies_are_found_by_name(void **state)
{
    (void)state;
    assert_ptr_equal(lc_strategy_find("random"), &lc_strategy_random);
    assert_ptr_equal(lc_strategy_find("replay"), &lc_strategy_replay);
    assert_null(lc_strategy_find("rando"));
    assert_null(lc_strategy_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_gives_one_sequence),
        cmocka_unit_test(schedules_of_a_hunt_have_seeds_of_their_own),
        cmocka_unit_test(random_takes_threads_equally),
        cmocka_unit_test(random_lets_time_pass_in_every_schedule),
        cmocka_unit_test(random_never_takes_time_that_cannot_pass),
        cmocka_unit_test(random_turns_to_others_after_a_yield),
        cmocka_unit_test(time_is_taken_when_nothing_else_can_be),
        cmocka_unit_test(cooperative_stays_until_the_thread_blocks),
        cmocka_unit_test(cooperative_lets_nobody_spin_for_ever),
        cmocka_unit_test(replay_follows_the_recording),
        cmocka_unit_test(replay_refuses_what_cannot_run),
        cmocka_unit_test(replay_refuses_a_cut_recording),
        cmocka_unit_test(strategies_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
