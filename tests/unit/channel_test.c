/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The channel's numbers (lockcheck/runtime/channel.h): what is put is got again, and an input that is cut or
 * too long is refused instead of being read past.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lockcheck/runtime/channel.h"

static void a_number_survives_the_round_trip(void **state)
{
    (void)state;
    const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uint8_t bytes[10];
        uint64_t back = ~numbers[i];
        size_t put = lc_varint_put(bytes, numbers[i]);
        assert_in_range(put, 1, sizeof bytes);
        assert_int_equal(lc_varint_get(bytes, put, &back), put);
        assert_true(back == numbers[i]);
    }
}

static void a_cut_number_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[10];
    size_t put = lc_varint_put(bytes, UINT64_MAX);
    uint64_t value;
    for (size_t length = 0; length < put; length++)
        assert_int_equal(lc_varint_get(bytes, length, &value), 0);
}

static void a_number_without_an_end_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[16];
    uint64_t value;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = 0xff;
    assert_int_equal(lc_varint_get(bytes, sizeof bytes, &value), 0);
}

static void sections_of_the_channel_do_not_overlap(void **state)
{
    (void)state;
    assert_true(sizeof(struct lc_channel) <= LC_DECISIONS_OFFSET);
    assert_true(LC_DECISIONS_OFFSET + LC_DECISIONS_SIZE <= LC_REPLAY_OFFSET);
    assert_true(LC_REPLAY_OFFSET + LC_REPLAY_SIZE <= LC_EVIDENCE_OFFSET);
    assert_true(LC_EVIDENCE_OFFSET + LC_EVIDENCE_SIZE <= LC_CHANNEL_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_survives_the_round_trip),
        cmocka_unit_test(a_cut_number_is_refused),
        cmocka_unit_test(a_number_without_an_end_is_refused),
        cmocka_unit_test(sections_of_the_channel_do_not_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
