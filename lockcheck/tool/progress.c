/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line of progress: see progress.h. */
#include "lockcheck/tool/progress.h"
#include "lockcheck/tool/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
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

/* Draws the line, and no more of it than one line of the terminal takes: what wraps cannot be redrawn. Takes
 * the text over. */
static void draw(char *text)
{
    struct winsize size;
    size_t columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
    fprintf(stderr, "\r%.*s\033[K", (int)columns - 1, text);
    fflush(stderr);
    free(text);
    progress.drawn = true;
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
    char *time = isfinite(left) ? print_text("%.0f s left", left) : print_text("%.0f s", figures->seconds);
    char *findings = figures->findings
                         ? print_text("%" PRIu64 " with a finding (%zu kind%s)", figures->findings,
                                      figures->groups, plural(figures->groups))
                         : copy_text("no finding");
    draw(print_text("%" PRIu64 " schedule%s, %.0f/s, %s%" PRIu64 " distinct, %s, %s", figures->schedules,
                    plural(figures->schedules), rate, figures->distinct_exact ? "" : "about ",
                    figures->distinct, findings, time));
    free(findings);
    free(time);
}

void progress_say(const char *format, ...)
{
    if (!progress_due())
        return;
    progress.shown_ns = now_ns();
    va_list arguments;
    char *text;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length >= 0)
        draw(text);
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
