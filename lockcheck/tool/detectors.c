/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See detectors.h. */
#include "lockcheck/tool/detectors.h"
#include "lockcheck/runtime/channel.h"
#include "lockcheck/tool/text.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    uint32_t bit;
} names[] = {
    {"lock-order", LC_DETECT_LOCK_ORDER},
    {"lock-misuse", LC_DETECT_LOCK_MISUSE},
    {"data-race", LC_DETECT_DATA_RACE},
    {"irq-unsafe", LC_DETECT_IRQ_UNSAFE},
    {"sleep-in-atomic", LC_DETECT_SLEEP_IN_ATOMIC},
    {"leak", LC_DETECT_LEAK},
    {"livelock", LC_DETECT_LIVELOCK},
};
#define COUNT (sizeof names / sizeof *names)

static uint32_t find(const char *name, size_t length)
{
    if (length == strlen("all") && strncmp(name, "all", length) == 0)
        return LC_DETECT_ALL;
    for (size_t i = 0; i < COUNT; i++)
        if (strlen(names[i].name) == length && strncmp(names[i].name, name, length) == 0)
            return names[i].bit;
    return 0;
}

bool detectors_parse(const char *text, uint32_t *detectors)
{
    *detectors = 0;
    if (strcmp(text, "none") == 0)
        return true;
    for (;;) {
        size_t length = strcspn(text, ",");
        uint32_t bit = find(text, length);
        if (!bit)
            return false;
        *detectors |= bit;
        if (!text[length])
            return true;
        text += length + 1;
    }
}

char *detectors_print(uint32_t detectors)
{
    char *text = copy_text(detectors ? "" : "none");
    for (size_t i = 0; i < COUNT; i++) {
        if (!(detectors & names[i].bit))
            continue;
        char *longer = print_text("%s%s%s", text, *text ? "," : "", names[i].name);
        free(text);
        text = longer;
    }
    return text;
}
