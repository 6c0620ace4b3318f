/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The paces of pace.h. All arithmetic is in whole nanoseconds, so that a schedule replays exactly.
 */
#include "replay/pace.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1000000000ull
#define THOUSANDTHS_MAX 1000000000ull     /* a million times as fast; the line limits long before */
#define RATE_MAX (1024ull * 1024 * 1024)  /* bytes per second; likewise */
#define BYTES_MAX (UINT64_MAX / NS_PER_S) /* octets before a product with NS_PER_S overflows: 18 GB */

/* Read digits, at most *limit; returns what follows them, or NULL if there are none or too many. */
static const char *parse_number(const char *text, uint64_t limit, uint64_t *value)
{
    if (!isdigit((unsigned char)*text))
        return NULL;
    for (*value = 0; isdigit((unsigned char)*text); text++) {
        *value = *value * 10 + (uint64_t)(*text - '0');
        if (*value > limit)
            return NULL;
    }
    return text;
}

/* "2x", "0.25x": up to three decimals. Returns 0 or -1. */
static int parse_multiple(const char *text, uint64_t *thousandths)
{
    uint64_t whole;
    const char *rest = parse_number(text, THOUSANDTHS_MAX / 1000, &whole);
    uint64_t unit = 1000;

    if (!rest)
        return -1;
    *thousandths = whole * unit;
    if (*rest == '.')
        for (rest++; isdigit((unsigned char)*rest) && unit > 1; rest++) {
            unit /= 10;
            *thousandths += unit * (uint64_t)(*rest - '0');
        }
    return strcmp(rest, "x") == 0 && *thousandths ? 0 : -1;
}

/* "4194304", "512K", "4M". Returns 0 or -1. */
static int parse_rate(const char *text, uint64_t *bytes_per_second)
{
    static const char suffixes[] = "KMG";
    const char *rest = parse_number(text, RATE_MAX, bytes_per_second);
    const char *suffix;

    if (!rest)
        return -1;
    if (*rest) {
        suffix = strchr(suffixes, toupper((unsigned char)*rest));
        if (!suffix || rest[1])
            return -1;
        *bytes_per_second <<= 10 * (suffix - suffixes + 1);
    }
    return *bytes_per_second && *bytes_per_second <= RATE_MAX ? 0 : -1;
}

int pace_parse(const char *text, struct pace *pace, char *error, size_t error_size)
{
    struct pace parsed = {0};

    if (strcmp(text, "recorded") == 0) {
        parsed.kind = PACE_RECORDED;
        parsed.thousandths = 1000;
    } else if (strcmp(text, "max") == 0) {
        parsed.kind = PACE_LINE;
    } else if (strcmp(text, "window") == 0) {
        parsed.kind = PACE_WINDOW;
    } else if (parse_multiple(text, &parsed.thousandths) == 0) {
        parsed.kind = PACE_RECORDED;
    } else if (parse_rate(text, &parsed.bytes_per_second) == 0) {
        parsed.kind = PACE_RATE;
    } else {
        snprintf(error, error_size,
                 "rate '%s' is not one of: recorded, max, window, a multiple of the recorded pace such as 2x "
                 "or 0.25x, "
                 "bytes per second such as 4194304, 512K or 4M (at most 1G)",
                 text);
        return -1;
    }
    *pace = parsed;
    return 0;
}

static uint64_t due_ns(const struct pace *pace, const struct pace_state *state,
                       const struct replay_frame *frame)
{
    switch (pace->kind) {
    case PACE_RECORDED: /* the quotient and the remainder apart, so that no product overflows */
        return frame->time_ns / pace->thousandths * 1000 +
               frame->time_ns % pace->thousandths * 1000 / pace->thousandths;
    case PACE_RATE:
        if (state->bytes > BYTES_MAX)
            return state->bytes / pace->bytes_per_second * NS_PER_S;
        return state->bytes * NS_PER_S / pace->bytes_per_second;
    case PACE_LINE:
        return 0;
    case PACE_WINDOW:
        break;
    }
    abort();
}

uint64_t pace_next(const struct pace *pace, struct pace_state *state, const struct replay_frame *frame)
{
    uint64_t due = due_ns(pace, state, frame);

    if (due < state->line_free_ns)
        due = state->line_free_ns;
    state->line_free_ns = due + (uint64_t)(frame->length + PACE_LINE_OVERHEAD) * PACE_LINE_NS_PER_OCTET;
    state->bytes += frame->length;
    return due;
}
