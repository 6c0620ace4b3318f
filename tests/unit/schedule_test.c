/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A schedule file comes back as it was written, and damage anywhere in it is noticed and its line named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lockcheck/runtime/channel.h"
#include "lockcheck/tool/schedule.h"

#define DECISIONS 40

static uint8_t decisions[DECISIONS * 20];

static struct schedule example(void)
{
    static char *argv[] = {"a program", "--name", "quote \" backslash \\ line\nfeed \xc3\xa4", "", NULL};
    size_t length = 0;
    for (uint64_t i = 0; i < DECISIONS; i++) {
        length += lc_varint_put(decisions + length, i == 7 ? UINT64_MAX : i % 5);
        length += lc_varint_put(decisions + length, i == 9 ? UINT64_MAX : i * i * i + 1);
    }
    return (struct schedule){
        .program = "/opt/a program",
        .argv = argv,
        .cwd = "/tmp/with space",
        .build_id = "0123abcd",
        .seed = 12345678901234567890u,
        .strategy = "random",
        .number = 42,
        .passed = 3,
        .kind = "lost-wakeup",
        .steps = 777,
        .hash = 0x0123456789abcdef,
        .decisions = decisions,
        .decisions_bytes = length,
    };
}

static void expect_error(const char *text, size_t length, const char *message)
{
    struct schedule schedule;
    char *error = schedule_parse(&schedule, text, length);
    assert_non_null(error);
    if (!strstr(error, message))
        fail_msg("\"%s\" does not say \"%s\"", error, message);
    assert_null(schedule.decisions);
    free(error);
}

static void a_schedule_comes_back_as_it_was_written(void **state)
{
    (void)state;
    struct schedule written = example(), read;
    size_t length;
    char *text = schedule_print(&written, &length);
    assert_non_null(text);
    char *error = schedule_parse(&read, text, length);
    assert_null(error);
    assert_string_equal(read.program, written.program);
    assert_string_equal(read.cwd, written.cwd);
    assert_string_equal(read.build_id, written.build_id);
    assert_string_equal(read.strategy, written.strategy);
    assert_string_equal(read.kind, written.kind);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(read.argv[i], written.argv[i]);
    assert_null(read.argv[4]);
    assert_int_equal(read.seed, written.seed);
    assert_int_equal(read.number, written.number);
    assert_int_equal(read.passed, written.passed);
    assert_int_equal(read.steps, written.steps);
    assert_int_equal(read.hash, written.hash);
    assert_int_equal(read.decisions_bytes, written.decisions_bytes);
    assert_memory_equal(read.decisions, written.decisions, written.decisions_bytes);
    schedule_free(&read);
    free(text);
}

static void a_schedule_without_decisions_is_one(void **state)
{
    (void)state;
    struct schedule written = example(), read;
    written.decisions_bytes = 0;
    size_t length;
    char *text = schedule_print(&written, &length);
    assert_null(schedule_parse(&read, text, length));
    assert_int_equal(read.decisions_bytes, 0);
    schedule_free(&read);
    free(text);
}

static void no_line_of_decisions_is_longer_than_100_characters(void **state)
{
    (void)state;
    struct schedule written = example();
    size_t length;
    char *text = schedule_print(&written, &length);
    unsigned lines = 0;
    for (const char *line = strstr(text, "decisions:"), *end; (end = strchr(line, '\n'));
         line = end + 1, lines++)
        assert_true(end - line <= 100);
    assert_true(lines > 4);
    free(text);
}

static void a_change_of_any_bit_is_noticed(void **state)
{
    (void)state;
    struct schedule written = example();
    size_t length;
    char *text = schedule_print(&written, &length);
    for (size_t at = 0; at < length; at++)
        for (int bit = 0; bit < 8; bit++) {
            text[at] ^= (char)(1 << bit);
            expect_error(text, length, "line ");
            text[at] ^= (char)(1 << bit);
        }
    free(text);
}

static void a_cut_anywhere_is_noticed(void **state)
{
    (void)state;
    struct schedule written = example();
    size_t length;
    char *text = schedule_print(&written, &length);
    for (size_t kept = 0; kept < length; kept++)
        expect_error(text, kept, "line ");
    free(text);
}

static void a_missing_byte_is_noticed(void **state)
{
    (void)state;
    struct schedule written = example();
    size_t length;
    char *text = schedule_print(&written, &length), *shorter = malloc(length);
    for (size_t at = 0; at < length; at++) {
        memcpy(shorter, text, at);
        memcpy(shorter + at, text + at + 1, length - at - 1);
        expect_error(shorter, length - 1, "line ");
    }
    free(shorter);
    free(text);
}

static void something_after_the_end_is_noticed(void **state)
{
    (void)state;
    struct schedule written = example();
    size_t length;
    char *text = schedule_print(&written, &length);
    text = realloc(text, length + 2);
    strcpy(text + length, "\n");
    expect_error(text, length + 1, "nothing is expected after");
    free(text);
}

static void the_damaged_line_is_named(void **state)
{
    (void)state;
    struct schedule written = example();
    size_t length;
    char *text = schedule_print(&written, &length);
    *strstr(text, "steps: 777") = 'S';
    expect_error(text, length, "line 11: \"steps: ...\" is expected");
    free(text);
}

static void another_version_is_told_apart_from_damage(void **state)
{
    (void)state;
    const char *text = "lockcheck-schedule 2\nwhatever: it says\n";
    expect_error(text, strlen(text), "version 2; this lockcheck reads version 1");
}

static void another_file_is_not_a_schedule(void **state)
{
    (void)state;
    expect_error("", 0, "not a lockcheck schedule");
    expect_error("\x7f"
                 "ELF\n",
                 5, "not a lockcheck schedule");
    expect_error("lockcheck-schedule\n", 19, "not a lockcheck schedule");
}

static void half_a_decision_cannot_be_written(void **state)
{
    (void)state;
    struct schedule written = example();
    size_t length;
    written.decisions_bytes = 1;
    assert_null(schedule_print(&written, &length));
    uint8_t endless[2] = {1, 0x80};
    written.decisions = endless;
    written.decisions_bytes = 2;
    assert_null(schedule_print(&written, &length));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schedule_comes_back_as_it_was_written),
        cmocka_unit_test(a_schedule_without_decisions_is_one),
        cmocka_unit_test(no_line_of_decisions_is_longer_than_100_characters),
        cmocka_unit_test(a_change_of_any_bit_is_noticed),
        cmocka_unit_test(a_cut_anywhere_is_noticed),
        cmocka_unit_test(a_missing_byte_is_noticed),
        cmocka_unit_test(something_after_the_end_is_noticed),
        cmocka_unit_test(the_damaged_line_is_named),
        cmocka_unit_test(another_version_is_told_apart_from_damage),
        cmocka_unit_test(another_file_is_not_a_schedule),
        cmocka_unit_test(half_a_decision_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
