/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strategies through their three functions: what they may choose, and that a seed decides everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* A plan for guided: each stage is its number of members, then thread, kind of limit and limit of each. */
static size_t plan(uint8_t *bytes, const uint32_t *numbers, size_t count)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++)
        length += lc_varint_put(bytes + length, numbers[i]);
    return length;
}

static void guided_follows_what_is_possible(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {1, 1,       0, 2, 1, 4, 0, 3, 1, 5, 0, 1,
                                       1, LC_TIME, 0, 1, 1, 1, 0, 1, 1, 2, 0, 3};
    uint8_t bytes[64];
    struct lc_schedule_settings settings = {
        .replay = bytes, .replay_bytes = plan(bytes, numbers, sizeof numbers / sizeof *numbers)};
    lc_strategy_guided.begin(&settings);
    struct lc_choice all = choice_of(3, true, 2), no_time = choice_of(3, false, 2),
                     one = choice_of(1, false, 1);
    assert_int_equal(lc_strategy_guided.choose(&all), 1);
    assert_int_equal(lc_strategy_guided.choose(&all), 1);
    assert_int_equal(lc_strategy_guided.choose(&all), 5);     /* there is no thread 4 */
    assert_int_equal(lc_strategy_guided.choose(&no_time), 2); /* time cannot pass, 1 has had its steps */
    assert_int_equal(lc_strategy_guided.choose(&one), 1);     /* 2 is gone: the tame strategy */
    assert_int_equal(lc_strategy_guided.choose(&all), 2);
    settings.replay_bytes = 1;
    lc_strategy_guided.begin(&settings);
    assert_int_equal(lc_strategy_guided.choose(&all), 2);
}

static void guided_lets_the_members_of_a_stage_run_until_they_block(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {3, 1, 0, 2, LC_TIME, 0, 1, 2, 0, 3, 1, 1, LC_GUIDED_STAGE, 1};
    uint8_t bytes[64];
    struct lc_schedule_settings settings = {
        .replay = bytes, .replay_bytes = plan(bytes, numbers, sizeof numbers / sizeof *numbers)};
    lc_strategy_guided.begin(&settings);
    struct lc_choice second = choice_of(3, true, 2), first = choice_of(3, true, 1),
                     only_first = choice_of(1, true, 1);
    assert_int_equal(lc_strategy_guided.choose(&second), 2); /* 2 goes on, although 1 comes first */
    assert_int_equal(lc_strategy_guided.choose(&only_first), 1);
    assert_int_equal(lc_strategy_guided.choose(&first), 1);
    assert_int_equal(lc_strategy_guided.choose(&only_first), LC_TIME); /* 1 has had its steps */
    assert_int_equal(lc_strategy_guided.choose(&first), 2);
    second.yielded = true;
    assert_int_equal(lc_strategy_guided.choose(&second), 2); /* nobody else is wanted */
    assert_int_equal(lc_strategy_guided.choose(&second), 1); /* the next stage */
}

/* ---- what holds for every strategy ---- */

static struct lc_next pseudo_next(uint32_t thread)
{
    return (struct lc_next){.op = thread % 5, .object = thread % 3, .address = thread % 3 * 4096ull};
}

static const struct lc_profile some_profile = {
    .steps = 300,
    .choices = 250,
    .threads = 6,
    .thread_steps = {20, 100, 50, 50, 40, 30, 10},
    .creators = {[4] = 1, [5] = 4},
    .objects = 2,
    .object_addresses = {4096, 8192},
    .object_first = {1, 4},
    .object_shared = {true, true},
    .object_steps = {{0, 10, 20, 30, 10, 10}, {0, 0, 0, 0, 2, 2}},
};

static bool follows(const struct lc_strategy *strategy)
{
    return strategy == &lc_strategy_replay || strategy == &lc_strategy_guided;
}

/* Random choices, in which threads become more. Returns a checksum of what was chosen. */
static uint64_t fuzz(const struct lc_strategy *strategy, uint64_t seed, uint32_t depth,
                     const struct lc_profile *profile)
{
    static uint8_t bytes[64];
    uint64_t random = seed, sum = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)lc_random_below(&random, 8);
    struct lc_schedule_settings settings = {.seed = seed,
                                            .schedule = seed,
                                            .depth = depth,
                                            .replay = bytes,
                                            .replay_bytes = sizeof bytes,
                                            .profile = profile};
    strategy->begin(&settings);
    uint32_t threads = 1, current = 1, enabled[LC_MAX_THREADS];
    for (uint64_t step = 1; step <= 500; step++) {
        struct lc_choice c = {.enabled = enabled, .current = current, .step = step, .next = pseudo_next};
        if (lc_random_below(&random, 40) == 0)
            threads = threads * 2 < LC_MAX_THREADS ? threads * 2 : LC_MAX_THREADS - 1;
        uint32_t one_in = 1 + lc_random_below(&random, 3);
        for (uint32_t t = 1; t <= threads; t++)
            if (lc_random_below(&random, one_in) == 0) {
                enabled[c.count++] = t;
                c.current_enabled |= t == current;
            }
        c.time_possible = c.count == 0 || lc_random_below(&random, 2);
        c.yielded = lc_random_below(&random, 8) == 0;
        uint32_t chosen = strategy->choose(&c);
        if (chosen == LC_NO_CHOICE && follows(strategy))
            break;
        bool possible = chosen == LC_TIME && c.time_possible;
        for (uint32_t i = 0; i < c.count && !possible; i++)
            possible = enabled[i] == chosen;
        if (!possible)
            fail_msg("%s chose %u, which cannot run", strategy->name, chosen);
        if (chosen != LC_TIME)
            current = chosen;
        sum = lc_mix64(sum + chosen);
    }
    return sum;
}

static void strategies_choose_only_what_is_possible(void **state)
{
    (void)state;
    static const struct lc_profile nothing;
    const struct lc_strategy *strategy;
    for (size_t i = 0; (strategy = lc_strategy_at(i)); i++)
        for (uint64_t seed = 1; seed <= 60 && !strategy->sequential; seed++)
            fuzz(strategy, seed, seed % 7, seed % 3 == 0 ? NULL : seed % 3 == 1 ? &some_profile : &nothing);
}

static void strategies_are_decided_by_the_seed(void **state)
{
    (void)state;
    const struct lc_strategy *strategy;
    for (size_t i = 0; (strategy = lc_strategy_at(i)); i++) {
        if (strategy->sequential)
            continue;
        uint64_t first = fuzz(strategy, 3, 4, &some_profile);
        fuzz(strategy, 4, 4, &some_profile); /* leaves nothing behind */
        assert_int_equal(fuzz(strategy, 3, 4, &some_profile), first);
    }
}

static void nobody_spins_for_ever(void **state)
{
    (void)state;
    /* Two threads that spin, the second with yields, and nobody ever waits. */
    static const struct lc_strategy *const fair[] = {&lc_strategy_random, &lc_strategy_pct, &lc_strategy_pos,
                                                     &lc_strategy_surw, &lc_strategy_portfolio};
    for (size_t i = 0; i < sizeof fair / sizeof *fair; i++)
        for (uint64_t seed = 1; seed <= 100; seed++) {
            struct lc_schedule_settings settings = {.seed = seed, .schedule = seed, .profile = &some_profile};
            fair[i]->begin(&settings);
            uint32_t current = 1, last[6] = {0}, chosen;
            for (uint32_t step = 1; step <= 40000; step++) {
                struct lc_choice c = choice_of(3, true, current);
                c.next = pseudo_next;
                c.yielded = current == 2;
                chosen = fair[i]->choose(&c);
                last[chosen] = step;
                current = chosen == LC_TIME ? current : chosen;
            }
            for (uint32_t t = 0; t <= 3; t++)
                if (last[t < 3 ? t : 5] < 20000)
                    fail_msg("%s, seed %u: %u was last chosen at step %u", fair[i]->name, (unsigned)seed, t,
                             last[t < 3 ? t : 5]);
        }
}

static void a_yield_lets_everybody_run(void **state)
{
    (void)state;
    static const struct lc_strategy *const polite[] = {&lc_strategy_random, &lc_strategy_pct,
                                                       &lc_strategy_pos, &lc_strategy_surw};
    for (size_t i = 0; i < sizeof polite / sizeof *polite; i++)
        for (uint64_t seed = 1; seed <= 40; seed++) {
            begin(polite[i], seed);
            struct lc_choice c = choice_of(3, false, 1);
            c.next = pseudo_next;
            uint32_t current = polite[i]->choose(&c);
            c = choice_of(3, false, current);
            c.next = pseudo_next;
            c.yielded = true;
            assert_int_not_equal(polite[i]->choose(&c), current);
        }
}

static void portfolio_takes_each_of_its_strategies(void **state)
{
    (void)state;
    static const struct part {
        const struct lc_strategy *strategy;
        uint32_t depth;
    } parts[] = {{&lc_strategy_random, 0},
                 {&lc_strategy_pos, 0},
                 {&lc_strategy_surw, 0},
                 {&lc_strategy_pct, 5},
                 {&lc_strategy_pct, 7}};
    enum { PARTS = sizeof parts / sizeof *parts };
    uint32_t met[PARTS] = {0}, all = 0;
    for (uint64_t schedule = 1; schedule <= 8; schedule++) {
        uint64_t sum = fuzz(&lc_strategy_portfolio, schedule, 7, &some_profile);
        for (size_t i = 0; i < PARTS; i++)
            met[i] += sum == fuzz(parts[i].strategy, schedule, parts[i].depth, &some_profile);
    }
    for (size_t i = 0; i < PARTS; all += met[i++])
        assert_in_range(met[i], 1, 3);
    assert_int_equal(all, 8);
}

static void strategies_are_found_by_name(void **state)
{
    (void)state;
    assert_ptr_equal(lc_strategy_find("random"), &lc_strategy_random);
    assert_ptr_equal(lc_strategy_find("replay"), &lc_strategy_replay);
    const struct lc_strategy *strategy;
    for (size_t i = 0; (strategy = lc_strategy_at(i)); i++) {
        assert_ptr_equal(lc_strategy_find(strategy->name), strategy);
        assert_true(strlen(strategy->about) > 10);
    }
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
        cmocka_unit_test(guided_follows_what_is_possible),
        cmocka_unit_test(guided_lets_the_members_of_a_stage_run_until_they_block),
        cmocka_unit_test(strategies_choose_only_what_is_possible),
        cmocka_unit_test(strategies_are_decided_by_the_seed),
        cmocka_unit_test(nobody_spins_for_ever),
        cmocka_unit_test(a_yield_lets_everybody_run),
        cmocka_unit_test(portfolio_takes_each_of_its_strategies),
        cmocka_unit_test(strategies_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
