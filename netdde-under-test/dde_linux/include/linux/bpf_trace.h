/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/bpf_trace.h>: see <linux/bpf.h>. */
#ifndef DDE_LINUX_BPF_TRACE_H
#define DDE_LINUX_BPF_TRACE_H

#include <linux/bpf.h>

static inline void trace_xdp_exception(const struct net_device *dev __always_unused,
                                       const struct bpf_prog *prog __always_unused, u32 act __always_unused)
{
    BUG();
}

#endif
