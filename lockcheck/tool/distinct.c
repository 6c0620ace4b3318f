/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting different values in bounded memory: see distinct.h. */
#include "lockcheck/tool/distinct.h"
#include "lockcheck/tool/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 64u
#define DIGITS 16u

static bool belongs(const struct distinct *set, uint64_t value)
{
    return (value & ((1ull << set->level) - 1)) == 0;
}

/* The place of the value, or the free place where it would be. The high bits decide: the low ones are those
 * of the level. */
static uint64_t *place_of(const struct distinct *set, uint64_t value)
{
    size_t i = (size_t)(value >> 32) & (set->room - 1);
    while (set->values[i] && set->values[i] != value)
        i = (i + 1) & (set->room - 1);
    return &set->values[i];
}

/* Moves what belongs to a table of that size. */
static void rebuild(struct distinct *set, size_t room)
{
    struct distinct old = *set;
    set->values = allocate(room * sizeof *set->values);
    set->room = room;
    set->count = 0;
    for (size_t i = 0; i < old.room; i++)
        if (old.values[i] && belongs(set, old.values[i])) {
            *place_of(set, old.values[i]) = old.values[i];
            set->count++;
        }
    free(old.values);
}

void distinct_add(struct distinct *set, uint64_t value)
{
    if (!belongs(set, value))
        return;
    value += value == 0;
    if (!set->room)
        rebuild(set, FIRST_ROOM);
    uint64_t *place = place_of(set, value);
    if (*place)
        return;
    *place = value;
    set->count++;
    while (set->count > DISTINCT_LIMIT) {
        set->level++;
        rebuild(set, set->room);
    }
    if (set->count * 2 > set->room)
        rebuild(set, set->room * 2);
}

uint64_t distinct_count(const struct distinct *set)
{
    return (uint64_t)set->count << set->level;
}

static void raise_level(struct distinct *set, unsigned level)
{
    if (level <= set->level)
        return;
    set->level = level;
    if (set->room)
        rebuild(set, set->room);
}

void distinct_join(struct distinct *set, const struct distinct *other)
{
    raise_level(set, other->level);
    for (size_t i = 0; i < other->room; i++)
        if (other->values[i])
            distinct_add(set, other->values[i]);
}

void distinct_free(struct distinct *set)
{
    free(set->values);
    *set = (struct distinct){0};
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

json_t *distinct_print(const struct distinct *set)
{
    uint64_t *sorted = allocate((set->count + 1) * sizeof *sorted);
    size_t count = 0;
    for (size_t i = 0; i < set->room; i++)
        if (set->values[i])
            sorted[count++] = set->values[i];
    qsort(sorted, count, sizeof *sorted, ascending);
    char *text = allocate(count * DIGITS + 1);
    for (size_t i = 0; i < count; i++)
        sprintf(text + i * DIGITS, "%016" PRIx64, sorted[i]);
    json_t *json = json_pack("{s:i, s:s}", "level", (int)set->level, "values", text);
    free(text);
    free(sorted);
    return json;
}

int distinct_parse(struct distinct *set, const json_t *json)
{
    json_int_t level = json_integer_value(json_object_get(json, "level"));
    const char *text = json_string_value(json_object_get(json, "values"));
    if (!text || level < 0 || level > 60 || strlen(text) % DIGITS ||
        strspn(text, "0123456789abcdef") != strlen(text))
        return -1;
    raise_level(set, (unsigned)level);
    for (; *text; text += DIGITS) {
        char digits[DIGITS + 1] = "";
        memcpy(digits, text, DIGITS);
        distinct_add(set, strtoull(digits, NULL, 16));
    }
    return 0;
}
