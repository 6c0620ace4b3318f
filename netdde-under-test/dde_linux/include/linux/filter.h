/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/filter.h>: see <linux/bpf.h>. */
#ifndef DDE_LINUX_FILTER_H
#define DDE_LINUX_FILTER_H

#include_next <linux/filter.h>

#include <linux/bpf.h>
#include <net/xdp.h>

static inline u32 bpf_prog_run_xdp(const struct bpf_prog *prog __always_unused,
                                   struct xdp_buff *xdp __always_unused)
{
    BUG();
}

static inline void bpf_warn_invalid_xdp_action(struct net_device *dev __always_unused,
                                               struct bpf_prog *prog __always_unused, u32 act __always_unused)
{
    BUG();
}

static inline int xdp_do_redirect(struct net_device *dev __always_unused,
                                  struct xdp_buff *xdp __always_unused, struct bpf_prog *prog __always_unused)
{
    BUG();
}

static inline void xdp_do_flush(void)
{
    BUG();
}

#endif
