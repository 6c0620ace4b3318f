/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Summing up schedules: see tally.h. */
#include "lockcheck/tool/tally.h"
#include "lockcheck/strategy/random_number.h"
#include "lockcheck/tool/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void ended_add(struct ended *ended, uint32_t group)
{
    size_t i = 0;
    while (i < ENDED_GROUPS && ended->groups[i] && ended->groups[i] != group)
        i++;
    if (i < ENDED_GROUPS)
        ended->groups[i] = group;
}

static void drop_group(struct ended *ended, uint32_t group)
{
    size_t kept = 0;
    for (size_t i = 0; i < ENDED_GROUPS && ended->groups[i]; i++)
        if (ended->groups[i] != group)
            ended->groups[kept++] = ended->groups[i] - (ended->groups[i] > group);
    memset(ended->groups + kept, 0, (ENDED_GROUPS - kept) * sizeof *ended->groups);
}

void tally_init(struct tally *tally, uint64_t first, uint64_t stride)
{
    *tally = (struct tally){.next = first, .stride = stride};
}

void tally_free(struct tally *tally)
{
    free(tally->waiting);
    free(tally->found);
    distinct_free(&tally->distinct);
    *tally = (struct tally){0};
}

static void find(struct tally *tally, uint32_t group, uint64_t times)
{
    if (group > tally->groups) {
        tally->found = reallocate(tally->found, group * sizeof *tally->found);
        memset(tally->found + tally->groups, 0, (group - tally->groups) * sizeof *tally->found);
        tally->groups = group;
    }
    if (group)
        tally->found[group - 1] += times;
}

static void sum_up(struct tally *tally, const struct ended *ended)
{
    for (size_t i = 0; i < ENDED_GROUPS && ended->groups[i]; i++)
        find(tally, ended->groups[i], 1);
    tally->next = ended->schedule + tally->stride;
    tally->schedules++;
    tally->steps += ended->steps;
    tally->truncated += ended->truncated;
    tally->cut += ended->cut;
    tally->hash += lc_mix64(ended->hash + ended->schedule * 0x9e3779b97f4a7c15ull);
    if (!ended->cut)
        distinct_add(&tally->distinct, lc_mix64(ended->hash));
}

static void drop_first(struct tally *tally, size_t count)
{
    tally->waiting_count -= count;
    if (count)
        memmove(tally->waiting, tally->waiting + count, tally->waiting_count * sizeof *tally->waiting);
}

/* Keeps those that wait in the order of their numbers; most come in that order. */
static void put(struct tally *tally, struct ended ended)
{
    if (tally->waiting_count == tally->waiting_room) {
        tally->waiting_room = tally->waiting_room * 2 + 16;
        tally->waiting = reallocate(tally->waiting, tally->waiting_room * sizeof *tally->waiting);
    }
    size_t at = tally->waiting_count++;
    for (; at > 0 && tally->waiting[at - 1].schedule > ended.schedule; at--)
        tally->waiting[at] = tally->waiting[at - 1];
    tally->waiting[at] = ended;
}

void tally_add(struct tally *tally, struct ended ended, uint64_t last)
{
    if (ended.schedule != tally->next || ended.schedule > last) {
        put(tally, ended);
        return;
    }
    sum_up(tally, &ended);
    size_t used = 0;
    while (used < tally->waiting_count && tally->waiting[used].schedule == tally->next && tally->next <= last)
        sum_up(tally, &tally->waiting[used++]);
    drop_first(tally, used);
}

bool tally_waits(const struct tally *tally, uint64_t schedule)
{
    for (size_t i = 0; i < tally->waiting_count; i++)
        if (tally->waiting[i].schedule == schedule)
            return true;
    return false;
}

uint64_t tally_last_waiting(const struct tally *tally)
{
    return tally->waiting_count ? tally->waiting[tally->waiting_count - 1].schedule : 0;
}

void tally_forget(struct tally *tally, uint64_t last)
{
    while (tally->waiting_count && tally->waiting[tally->waiting_count - 1].schedule > last)
        tally->waiting_count--;
}

void tally_settle(struct tally *tally)
{
    for (size_t i = 0; i < tally->waiting_count; i++)
        sum_up(tally, &tally->waiting[i]);
    tally->waiting_count = 0;
}

uint64_t tally_found(const struct tally *tally, uint32_t group)
{
    return group <= tally->groups ? tally->found[group - 1] : 0;
}

void tally_drop_group(struct tally *tally, uint32_t group)
{
    if (group <= tally->groups)
        memmove(tally->found + group - 1, tally->found + group,
                (--tally->groups - (group - 1)) * sizeof *tally->found);
    for (size_t i = 0; i < tally->waiting_count; i++)
        drop_group(&tally->waiting[i], group);
}

static json_t *hexadecimal(uint64_t value)
{
    char *text = print_text("%016" PRIx64, value);
    json_t *json = json_string(text);
    free(text);
    return json;
}

json_t *tally_print(const struct tally *tally)
{
    json_t *waiting = json_array();
    for (size_t i = 0; i < tally->waiting_count; i++) {
        const struct ended *e = &tally->waiting[i];
        json_t *groups = json_array();
        for (size_t k = 0; k < ENDED_GROUPS && e->groups[k]; k++)
            json_array_append_new(groups, json_integer(e->groups[k]));
        json_array_append_new(waiting,
                              json_pack("[I, I, o, b, b, o]", (json_int_t)e->schedule, (json_int_t)e->steps,
                                        hexadecimal(e->hash), (int)e->truncated, (int)e->cut, groups));
    }
    json_t *found = json_array();
    for (size_t i = 0; i < tally->groups; i++)
        json_array_append_new(found, json_integer((json_int_t)tally->found[i]));
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "next", (json_int_t)tally->next,
                     "stride", (json_int_t)tally->stride, "schedules", (json_int_t)tally->schedules,
                     "truncated", (json_int_t)tally->truncated, "cut", (json_int_t)tally->cut, "steps",
                     (json_int_t)tally->steps, "hash", hexadecimal(tally->hash), "distinct",
                     distinct_print(&tally->distinct), "found", found, "waiting", waiting);
}

int tally_parse(struct tally *tally, const json_t *json)
{
    *tally = (struct tally){0};
    json_int_t next, stride, schedules, truncated, cut, steps;
    const char *hash;
    json_t *distinct, *found, *waiting, *item;
    if (json_unpack((json_t *)json, "{s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:o, s:o, s:o}", "next", &next,
                    "stride", &stride, "schedules", &schedules, "truncated", &truncated, "cut", &cut, "steps",
                    &steps, "hash", &hash, "distinct", &distinct, "found", &found, "waiting",
                    &waiting) != 0 ||
        next < 1 || stride < 1)
        return -1;
    *tally = (struct tally){.next = (uint64_t)next,
                            .stride = (uint64_t)stride,
                            .schedules = (uint64_t)schedules,
                            .truncated = (uint64_t)truncated,
                            .cut = (uint64_t)cut,
                            .steps = (uint64_t)steps,
                            .hash = strtoull(hash, NULL, 16)};
    bool good = distinct_parse(&tally->distinct, distinct) == 0;
    size_t i;
    json_array_foreach(found, i, item) find(tally, (uint32_t)i + 1, (uint64_t)json_integer_value(item));
    json_array_foreach(waiting, i, item)
    {
        json_int_t schedule, its_steps;
        int was_truncated, was_cut;
        const char *its_hash;
        json_t *groups, *group;
        size_t k;
        good = good && json_unpack(item, "[I, I, s, b, b, o]", &schedule, &its_steps, &its_hash,
                                   &was_truncated, &was_cut, &groups) == 0;
        if (!good)
            break;
        struct ended ended = {(uint64_t)schedule,
                              (uint64_t)its_steps,
                              strtoull(its_hash, NULL, 16),
                              was_truncated,
                              was_cut,
                              {0}};
        json_array_foreach(groups, k, group) ended_add(&ended, (uint32_t)json_integer_value(group));
        put(tally, ended);
    }
    if (!good)
        tally_free(tally);
    return good ? 0 : -1;
}

bool tally_all_truncated(const struct tally *tally)
{
    return tally->truncated && tally->truncated + tally->cut == tally->schedules;
}

void tally_join(struct tally *tally, const struct tally *other)
{
    tally->schedules += other->schedules;
    tally->truncated += other->truncated;
    tally->cut += other->cut;
    tally->steps += other->steps;
    tally->hash += other->hash;
    distinct_join(&tally->distinct, &other->distinct);
}
