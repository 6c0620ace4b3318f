/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one random generator: SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
 * OOPSLA 2014). Equal seeds give equal numbers on every machine.
 */
#ifndef LOCKCHECK_STRATEGY_RANDOM_NUMBER_H
#define LOCKCHECK_STRATEGY_RANDOM_NUMBER_H

#include <stdint.h>

static inline uint64_t lc_mix64(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static inline uint64_t lc_random_next(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ull;
    return lc_mix64(*state);
}

/* Uniform in 0 .. bound - 1 (Lemire's multiply-shift; its bias of bound / 2^32 does not matter here). */
static inline uint32_t lc_random_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)(((lc_random_next(state) >> 32) * bound) >> 32);
}

/* The seed of schedule number `schedule` in a hunt with seed `seed`. */
static inline uint64_t lc_schedule_seed(uint64_t seed, uint64_t schedule)
{
    return lc_mix64(lc_mix64(seed + 0x9e3779b97f4a7c15ull) ^ (schedule * 0xd1342543de82ef95ull));
}

#endif
