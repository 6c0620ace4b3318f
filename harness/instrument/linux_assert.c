/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What code in a Linux environment asserts about its context, as lockcheck sees it: an assertion that fails
 * is a finding, and a place that may sleep is an event, for the detector that knows of spin locks.
 */
#include <lockcheck.h>
#include <linux/kernel.h>
#include "wrap.h"

void WRAP(linux_report)(const char *kind, const void *object, const char *text);
void REAL(linux_report)(const char *kind, const void *object, const char *text);
void WRAP(linux_might_sleep)(const char *file, int line);
void REAL(linux_might_sleep)(const char *file, int line);

void WRAP(linux_report)(const char *kind, const void *object, const char *text)
{
    REAL(linux_report)(kind, object, text);
    lockcheck_finding_about(object, kind, text);
}

void WRAP(linux_might_sleep)(const char *file, int line)
{
    lockcheck_event(LOCKCHECK_MIGHT_SLEEP, NULL, 0);
    REAL(linux_might_sleep)(file, line);
}
