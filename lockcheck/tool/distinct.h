/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many different values have been seen, in bounded memory: adaptive sampling (Wegman; analysed by
 * Flajolet, On adaptive sampling, Computing 34, 1990). Values are well mixed 64-bit hashes. Kept are those
 * whose low `level` bits are zero; when DISTINCT_LIMIT is exceeded the level rises, and half of them go. The
 * count is exact while the level is 0, that is up to DISTINCT_LIMIT values, and beyond that an estimate with
 * a standard error of 1.2 / sqrt(DISTINCT_LIMIT), 0.7 %. What is kept depends on the set of values alone, not
 * on their order, so samples of parts can be joined.
 */
#ifndef LOCKCHECK_TOOL_DISTINCT_H
#define LOCKCHECK_TOOL_DISTINCT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISTINCT_LIMIT 32768u

/* All zero is the empty set. */
struct distinct {
    unsigned level;
    size_t count, room; /* of values; room is a power of two, or 0 */
    uint64_t *values;   /* open addressing; 0 is a free place, and the value 0 counts as 1 */
};

void distinct_add(struct distinct *set, uint64_t value);
uint64_t distinct_count(const struct distinct *set);
static inline bool distinct_is_exact(const struct distinct *set)
{
    return set->level == 0;
}
/* Adds what `other` has seen. */
void distinct_join(struct distinct *set, const struct distinct *other);
void distinct_free(struct distinct *set);

/* {"level": N, "values": "16 hexadecimal digits each"}, new. */
json_t *distinct_print(const struct distinct *set);
/* Adds what distinct_print() wrote. Returns 0, or -1 when it is not that. */
int distinct_parse(struct distinct *set, const json_t *json);

#endif
