/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings that an execution can go on after: see LC_REPORTS in channel.h. They are counted, each key once,
 * and the one that the command asks for ends the execution. Those of the time before the checkpoint are the
 * first ones of every schedule.
 */
#include "lockcheck/runtime/runtime.h"

static struct lc_report reported[LC_REPORTS]; /* in their order */
static uint32_t count;

bool lc_report_of_access(uint64_t key, struct lc_earlier earlier)
{
    for (uint32_t i = 0; i < count; i++)
        if (reported[i].key == key)
            return false;
    if (count == LC_REPORTS || !lc.channel)
        return false;
    reported[count] = (struct lc_report){key, earlier};
    lc.channel->reports[count] = reported[count];
    lc.channel->report_count = ++count;
    return lc.channel->stop_at_report == count;
}

bool lc_report(uint64_t key)
{
    return lc_report_of_access(key, (struct lc_earlier){0});
}

void lc_reports_write(void)
{
    for (uint32_t i = 0; i < count; i++)
        lc.channel->reports[i] = reported[i];
    lc.channel->report_count = count;
}
