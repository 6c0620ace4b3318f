/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line of progress: see progress.h. */
#include "lockcheck/tool/progress.h"
#include "lockcheck/tool/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define PROGRESS_INTERVAL_NS 200000000ull /* five times a second */

/* One process draws one line on one terminal. */
static struct {
    bool wanted, drawn;
    bool counted;         /* the first figures have been seen */
    uint64_t first_count; /* what they were */
    uint64_t started_ns, shown_ns;
} progress;

void progress_start(bool quiet)
{
    progress.wanted = !quiet && isatty(STDERR_FILENO);
    progress.drawn = progress.counted = false;
    progress.started_ns = now_ns();
    progress.shown_ns = 0;
}

bool progress_due(void)
{
    return progress.wanted && now_ns() - progress.shown_ns >= PROGRESS_INTERVAL_NS;
}

/* The seconds to the end of the budget, whichever part of it ends first; infinity: not known. */
static double seconds_left(const struct progress_figures *figures, double rate)
{
    double left = figures->limit_seconds - figures->seconds;
    if (figures->limit_schedules != UINT64_MAX && rate > 0) {
        double rest = figures->limit_schedules > figures->schedules
                          ? (double)(figures->limit_schedules - figures->schedules)
                          : 0;
        if (rest / rate < left)
            left = rest / rate;
    }
    return left > 0 ? left : 0;
}

void progress_show(const struct progress_figures *figures)
{
    if (!progress_due())
        return;
    if (!progress.counted)
        progress.first_count = figures->schedules;
    progress.counted = true;
    progress.shown_ns = now_ns();
    double seconds = (double)(progress.shown_ns - progress.started_ns) / 1e9;
    double rate = seconds > 0 ? (double)(figures->schedules - progress.first_count) / seconds : 0;
    double left = seconds_left(figures, rate);
    fprintf(stderr, "\r%" PRIu64 " schedule%s, %.0f/s, %s%" PRIu64 " distinct", figures->schedules,
            plural(figures->schedules), rate, figures->distinct_exact ? "" : "about ", figures->distinct);
    if (figures->findings)
        fprintf(stderr, ", %" PRIu64 " with a finding (%zu kind%s of it)", figures->findings, figures->groups,
                figures->groups == 1 ? "" : "s");
    else
        fputs(", no finding", stderr);
    if (isfinite(left))
        fprintf(stderr, ", %.0f s left", left);
    else
        fprintf(stderr, ", %.0f s", figures->seconds);
    fputs("\033[K", stderr);
    fflush(stderr);
    progress.drawn = true;
}

void progress_say(const char *format, ...)
{
    if (!progress_due())
        return;
    progress.shown_ns = now_ns();
    va_list arguments;
    va_start(arguments, format);
    fputc('\r', stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\033[K", stderr);
    fflush(stderr);
    progress.drawn = true;
}

void progress_clear(void)
{
    if (progress.drawn)
        fputs("\r\033[K", stderr);
    progress.drawn = false;
}

void progress_end(void)
{
    progress_clear();
    progress.wanted = false;
}
