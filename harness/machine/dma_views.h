/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What processor and device see of memory that they own in turn, on a machine whose caches do not know of the
 * device: what one of them writes the other sees after the next hand-over only (Linux
 * Documentation/core-api/dma-api.rst, "streaming DMA"). The machine here is coherent, and all see everything
 * at once; this notices where that hides a mistake:
 *
 *   the device accesses what the processor has changed since it gave the memory away, and it is not given
 *   away anew before it is taken back: kept as the bytes from `changed` to `changed_end`. It may be in
 *   between, since a device may look at a descriptor at any time, and a driver lets it see the old or the
 * new.
 *
 *   the processor accesses what the device has written since the memory was last taken back: seen in code
 * that was built by lockcheck-cc (LOCKCHECK_WITHHOLD).
 *
 * Both by the byte, where hardware has lines of 32 or 64 bytes. Nothing is kept unless the program runs under
 * lockcheck. at, length: bytes in the memory, which must be the same at each call.
 */
#ifndef HARNESS_MACHINE_DMA_VIEWS_H
#define HARNESS_MACHINE_DMA_VIEWS_H

#include <stdbool.h>
#include <stddef.h>

struct dma_views {
    unsigned char *device; /* what the device would see; NULL: nothing is kept */
    size_t changed, changed_end;
};

/* The device gets the memory. */
void dma_views_begin(struct dma_views *views, const unsigned char *memory, size_t length);
/* The processor has it back for good. What has changed stays known. */
void dma_views_end(struct dma_views *views, const unsigned char *memory, size_t length);

/* One of them gets a part of it for a while. */
void dma_views_for_cpu(struct dma_views *views, const unsigned char *memory, size_t at, size_t length);
void dma_views_for_device(struct dma_views *views, const unsigned char *memory, size_t at, size_t length);

/* The device is about to access a part; and has written it. */
void dma_views_accessed(struct dma_views *views, const unsigned char *memory, size_t at, size_t length);
void dma_views_written(struct dma_views *views, const unsigned char *memory, size_t at, size_t length);

#endif
