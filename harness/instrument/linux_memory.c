/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory of a Linux environment, as lockcheck sees it: who was given a piece, for reports of what is left
 * when drivers have gone.
 */
#include <lockcheck.h>
#include <linux/bug.h>
#include <linux/kmemleak.h>
#include "wrap.h"

void WRAP(kmemleak_alloc)(const void *memory, size_t size);
void REAL(kmemleak_alloc)(const void *memory, size_t size);
void WRAP(linux_report_about)(const void *object, const char *kind, const char *text);
void REAL(linux_report_about)(const void *object, const char *kind, const char *text);

void WRAP(kmemleak_alloc)(const void *memory, size_t size)
{
    lockcheck_event(LOCKCHECK_HAND_OVER, memory, 0);
    REAL(kmemleak_alloc)(memory, size);
}

void WRAP(linux_report_about)(const void *object, const char *kind, const char *text)
{
    REAL(linux_report_about)(object, kind, text);
    lockcheck_name_object(object, kind, NULL);
    lockcheck_tell_of(object, 1, text);
}
