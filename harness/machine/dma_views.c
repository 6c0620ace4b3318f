/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See dma_views.h. */
#include "harness/machine/dma_views.h"

#include <stdlib.h>
#include <string.h>

#include <lockcheck.h>

/* The machine copies, and not one of the program's threads, for detectors. */
static void copy(struct dma_views *views, const unsigned char *memory, size_t at, size_t length)
{
    lockcheck_event(LOCKCHECK_DEVICE_BEGIN, NULL, 0);
    memcpy(views->device + at, memory + at, length);
    lockcheck_event(LOCKCHECK_DEVICE_END, NULL, 0);
}

void dma_views_begin(struct dma_views *views, const unsigned char *memory, size_t length)
{
    *views = (struct dma_views){.device = lockcheck_request ? malloc(length) : NULL};
    if (views->device)
        copy(views, memory, 0, length);
}

void dma_views_end(struct dma_views *views, const unsigned char *memory, size_t length)
{
    dma_views_for_cpu(views, memory, 0, length);
    free(views->device);
    views->device = NULL;
}

void dma_views_for_cpu(struct dma_views *views, const unsigned char *memory, size_t at, size_t length)
{
    if (views->device)
        lockcheck_event(LOCKCHECK_GRANT, memory + at, (long)length);
}

void dma_views_for_device(struct dma_views *views, const unsigned char *memory, size_t at, size_t length)
{
    if (!views->device)
        return;
    copy(views, memory, at, length);
    if (at <= views->changed && views->changed_end <= at + length)
        views->changed = views->changed_end = 0;
}

/* The bytes that have changed make one range with those that had before. */
static void note_changed(struct dma_views *views, size_t first, size_t end)
{
    bool none = views->changed == views->changed_end;

    if (none || first < views->changed)
        views->changed = first;
    if (none || end > views->changed_end)
        views->changed_end = end;
}

void dma_views_accessed(struct dma_views *views, const unsigned char *memory, size_t at, size_t length)
{
    size_t first = at, end = at + length;

    if (!views->device || memcmp(memory + at, views->device + at, length) == 0)
        return;
    while (memory[first] == views->device[first])
        first++;
    while (memory[end - 1] == views->device[end - 1])
        end--;
    note_changed(views, first, end);
}

void dma_views_written(struct dma_views *views, const unsigned char *memory, size_t at, size_t length)
{
    if (!views->device)
        return;
    memcpy(views->device + at, memory + at, length);
    lockcheck_event(LOCKCHECK_WITHHOLD, memory + at, (long)length);
}
