/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The race detector beside one that forgets nothing: at each access of random programs of several threads,
 * the detector must find a race with something before exactly when there is one, and say with what. When the
 * same execution is repeated for evidence, without the quick way, it must say the same.
 */
#include "lockcheck/detect/race.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define THREADS 7u
#define LOCKS 3u
#define BYTES 24u /* of memory: three granules */
#define STEPS 400u
#define PROGRAMS 10000u
#define REGIONS 6u /* of code, with sites that have one place in the detector's table */

/* ---- what the detector needs of the runtime ---- */

struct lc_runtime lc;
struct lc_thread *lc_self;
struct lc_clock lc_clocks[LC_MAX_THREADS];
static struct lc_channel channel;

#define TOLD 256u
static struct lc_earlier told[TOLD], told_for_evidence[TOLD]; /* that race with the access of now */
static uint32_t told_count;

void *lc_allocate(size_t bytes)
{
    void *memory = calloc(1, bytes); /* never given back, as in the runtime */
    assert_non_null(memory);
    return memory;
}

void *lc_map(size_t bytes)
{
    return lc_allocate(bytes); /* as much as is used of it */
}

void lc_unmap_pages(void *start, size_t bytes)
{
    (void)start, (void)bytes; /* ranges are never that large here */
    abort();
}

bool lc_report_of_access(uint64_t key, struct lc_earlier earlier)
{
    (void)key;
    assert_true(told_count < TOLD);
    told[told_count++] = earlier;
    return false;
}

struct lc_object *lc_memory_to_tell(uintptr_t address)
{
    (void)address;
    abort();
}

void lc_finding(const char *kind, const char *format, ...)
{
    (void)kind, (void)format;
    abort();
}

void lc_internal(const char *format, ...)
{
    (void)format;
    abort();
}

void lc_show_stack(uint32_t thread, void *const *stack, uint32_t frames, const char *format, ...)
{
    (void)thread, (void)stack, (void)frames, (void)format;
}

uint32_t lc_backtrace(void **stack, uint32_t room)
{
    (void)stack, (void)room;
    return 0;
}

void lc_clock_join(struct lc_clock *to, const struct lc_clock *from)
{
    (void)to, (void)from;
    abort();
}

void lc_clock_set(struct lc_clock *to, const struct lc_clock *from)
{
    (void)to, (void)from;
    abort();
}

void lc_acquire_clock(const struct lc_clock *clock)
{
    (void)clock;
    abort();
}

void lc_release(struct lc_clock *clock)
{
    (void)clock;
    abort();
}

void lc_release_alone(struct lc_clock *clock)
{
    (void)clock;
    abort();
}

/* ---- the program ---- */

static char _Alignas(8) memory[BYTES], for_evidence[BYTES];
static struct lc_thread threads[THREADS + 1];
static uint32_t times[THREADS + 1][THREADS + 1], locks[LOCKS][THREADS + 1];

static void begin(void)
{
    lc_race_forget((uintptr_t)memory, sizeof memory);
    lc_race_forget((uintptr_t)for_evidence, sizeof for_evidence);
    memset(locks, 0, sizeof locks);
    memset(times, 0, sizeof times);
    lc_race_now.self = NULL;
    for (uint32_t i = 1; i <= THREADS; i++) {
        threads[i].id = i;
        times[i][i] = 1;
        lc_clocks[i] = (struct lc_clock){THREADS + 1, THREADS + 1, times[i]};
    }
}

static void take(uint32_t *to, const uint32_t *from)
{
    for (uint32_t i = 0; i <= THREADS; i++)
        to[i] = to[i] > from[i] ? to[i] : from[i];
}

static void pass_lock(uint32_t thread, uint32_t *lock)
{
    lc_race_now.self = NULL;
    take(times[thread], lock);
    take(lock, times[thread]);
    times[thread][thread]++;
}

/* ---- the detector that forgets nothing ---- */

struct access {
    uint32_t thread, time, from, to;
    bool write, atomic;
    const void *pc;
};
static struct access past[STEPS];
static uint32_t past_count;

static bool race_of(const struct access *old, const struct access *new)
{
    return old->from < new->to &&new->from < old->to && (old->write || new->write) &&
           !(old->atomic && new->atomic) && times[new->thread][old->thread] < old->time;
}

static bool races(const struct access *new)
{
    for (uint32_t i = 0; i < past_count; i++)
        if (race_of(&past[i], new))
            return true;
    return false;
}

/* Is what was told one that it races with? */
static bool is_right(const struct lc_earlier *earlier, const struct access *new)
{
    for (uint32_t i = 0; i < past_count; i++) {
        const struct access *old = &past[i];
        uint64_t when =
            ((uint64_t)old->time << LC_ACCESS_TIME_SHIFT | (uint64_t)old->thread << LC_ACCESS_THREAD_SHIFT) >>
            LC_ACCESS_THREAD_SHIFT;
        if (earlier->when == when && earlier->pc == (uint64_t)old->pc && race_of(old, new))
            return true;
    }
    return false;
}

/* ---- both ---- */

static uint32_t number(uint32_t below)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(state >> 33) % below;
}

static void access_in(char *bytes, const struct access *a, bool quickly)
{
    uintptr_t address = (uintptr_t)bytes + a->from;
    size_t size = a->to - a->from;
    told_count = 0;
    if (a->atomic || lc_race_now.self != lc_self || !quickly)
        lc_race_access(address, size, a->write, a->atomic, a->pc);
    else if (!lc_race_quick_access(address, size, a->write, a->pc))
        lc_race_slow_access(address, size, a->write, a->pc);
}

/* Returns true at a race; most that would be are not made, so that programs go on for long before one. */
static bool access_memory(uint32_t thread, bool mostly_reads)
{
    struct access new = {.thread = thread, .time = times[thread][thread]};
    uint32_t size = number(8) ? 1u << number(4) : 1 + number(BYTES);
    new.from = number(4) ? number(BYTES / size) * size : number(BYTES - size + 1);
    new.to = new.from + size;
    new.write = number(mostly_reads ? 30 : 2) == 0;
    new.atomic = number(6) == 0;
    bool expected = races(&new);
    if (expected && number(40))
        return false;
    /* Few places, so that accesses come together as those of a loop. */
    new.pc = (const void *)((uintptr_t)number(number(50) ? 1 : REGIONS) << 30 | (0x1000 + number(3)));
    access_in(for_evidence, &new, false);
    uint32_t count = told_count;
    memcpy(told_for_evidence, told, count * sizeof *told);
    access_in(memory, &new, true);
    assert_int_equal(told_count, count);
    assert_memory_equal(told, told_for_evidence, count * sizeof *told);
    assert_int_equal(told_count > 0, expected);
    for (uint32_t i = 0; i < told_count; i++)
        assert_true(is_right(&told[i], &new));
    past[past_count++] = new;
    return expected;
}

static void at_every_access_a_race_is_found_if_there_is_one(void **state)
{
    (void)state;
    uint32_t found = 0, silent = 0;
    for (uint32_t program = 0; program < PROGRAMS; program++) {
        begin();
        past_count = 0;
        uint32_t switches = 1 + number(20), users = 1 + number(THREADS), thread = 1;
        bool reads = number(2), race = false;
        lc_self = &threads[thread];
        for (uint32_t i = 0; i < STEPS && !race; i++) {
            if (number(switches) == 0) {
                thread = 1 + number(users);
                lc_self = &threads[thread];
            }
            if (number(5) == 0)
                pass_lock(thread, locks[number(LOCKS)]);
            else
                race = access_memory(thread, reads);
        }
        found += race;
        silent += !race;
    }
    assert_true(found > PROGRAMS / 10 && silent > PROGRAMS / 10);
}

int main(void)
{
    lc.channel = &channel;
    lc_self = &threads[1];
    lc_race_init();
    const struct CMUnitTest tests[] = {cmocka_unit_test(at_every_access_a_race_is_found_if_there_is_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
