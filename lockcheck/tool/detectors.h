/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of the detectors that look at executions which end well, too, and that a user can choose. */
#ifndef LOCKCHECK_TOOL_DETECTORS_H
#define LOCKCHECK_TOOL_DETECTORS_H

#include <stdbool.h>
#include <stdint.h>

/* "none", or names with commas, of which one may be "all" (but leak), as text ended with a NUL;
 * *detectors becomes a set of LC_DETECT_*. Returns false, without a word, when it is nothing like that. */
bool detectors_parse(const char *text, uint32_t *detectors);

/* The names in the set, with commas: text that the caller frees. "none" for an empty one. */
char *detectors_print(uint32_t detectors);

#endif
