/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/u64_stats_sync.h> for a 64-bit machine: reads and writes of counters are whole as they
 * are. */
#ifndef DDE_LINUX_U64_STATS_SYNC_H
#define DDE_LINUX_U64_STATS_SYNC_H

#include <linux/compiler.h>
#include <linux/types.h>

struct u64_stats_sync {
};

#define u64_stats_init(syncp) ((void)(syncp))
#define u64_stats_update_begin(syncp) ((void)(syncp))
#define u64_stats_update_end(syncp) ((void)(syncp))
#define u64_stats_update_begin_irqsave(syncp) ((void)(syncp), 0ul)
#define u64_stats_update_end_irqrestore(syncp, flags) ((void)(syncp), (void)(flags))
#define u64_stats_fetch_begin(syncp) ((void)(syncp), 0u)
#define u64_stats_fetch_retry(syncp, start) ((void)(syncp), (void)(start), false)
#define u64_stats_fetch_begin_irq(syncp) u64_stats_fetch_begin(syncp)
#define u64_stats_fetch_retry_irq(syncp, start) u64_stats_fetch_retry(syncp, start)

#endif
