/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line of progress: see progress.h. */
#include "lockcheck/tool/progress.h"
#include "lockcheck/tool/text.h"

#include <stdio.h>
#include <unistd.h>

#define PROGRESS_INTERVAL_NS 200000000ull /* five times a second */

/* One process draws one line on one terminal. */
static struct {
    bool wanted, drawn;
    uint64_t started_ns, shown_ns;
} progress;

void progress_start(bool quiet)
{
    progress.wanted = !quiet && isatty(STDERR_FILENO);
    progress.drawn = false;
    progress.started_ns = now_ns();
    progress.shown_ns = 0;
}

void progress_show(uint64_t schedules, uint64_t findings)
{
    if (!progress.wanted)
        return;
    uint64_t now = now_ns();
    if (now - progress.shown_ns < PROGRESS_INTERVAL_NS)
        return;
    progress.shown_ns = now;
    double seconds = (double)(now - progress.started_ns) / 1e9;
    fprintf(stderr, "\r%llu schedules, %.0f/s, %.0f s", (unsigned long long)schedules,
            seconds > 0 ? (double)schedules / seconds : 0.0, seconds);
    if (findings)
        fprintf(stderr, ", %llu with a finding", (unsigned long long)findings);
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
