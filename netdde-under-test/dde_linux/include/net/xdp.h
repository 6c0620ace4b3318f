/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <net/xdp.h>: frames as programs would see them, before there is a buffer. Queues are
 * registered; the rest is for drivers with a program, and never reached (see <linux/bpf.h>).
 */
#ifndef DDE_NET_XDP_H
#define DDE_NET_XDP_H

#include <linux/bpf.h>

struct net_device;

enum xdp_mem_type { MEM_TYPE_PAGE_SHARED = 0, MEM_TYPE_PAGE_ORDER0 };

#define XDP_XMIT_FLUSH (1U << 0)
#define XDP_XMIT_FLAGS_MASK XDP_XMIT_FLUSH

/* A receive queue. */
struct xdp_rxq_info {
    struct net_device *dev; /* NULL: not registered */
    u32 queue_index;
    enum xdp_mem_type type;
};

struct xdp_buff {
    void *data, *data_end, *data_meta, *data_hard_start;
    struct xdp_rxq_info *rxq;
    u32 frame_sz;
};

struct xdp_frame {
    void *data;
    u16 len, headroom;
};

static inline int xdp_rxq_info_reg(struct xdp_rxq_info *rxq, struct net_device *dev, u32 queue_index,
                                   unsigned int napi_id __always_unused)
{
    WARN(rxq->dev, "the queue is registered already\n");
    rxq->dev = dev;
    rxq->queue_index = queue_index;
    return 0;
}

static inline int xdp_rxq_info_reg_mem_model(struct xdp_rxq_info *rxq, enum xdp_mem_type type,
                                             void *allocator __always_unused)
{
    rxq->type = type;
    return 0;
}

static inline void xdp_rxq_info_unreg(struct xdp_rxq_info *rxq)
{
    WARN(!rxq->dev, "the queue is not registered\n");
    rxq->dev = NULL;
}

static inline void xdp_init_buff(struct xdp_buff *xdp __always_unused, u32 frame_sz __always_unused,
                                 struct xdp_rxq_info *rxq __always_unused)
{
    BUG();
}

static inline void xdp_prepare_buff(struct xdp_buff *xdp __always_unused,
                                    unsigned char *hard_start __always_unused, int headroom __always_unused,
                                    int data_len __always_unused, bool meta_valid __always_unused)
{
    BUG();
}

static inline struct xdp_frame *xdp_convert_buff_to_frame(struct xdp_buff *xdp __always_unused)
{
    BUG();
}

static inline void xdp_return_frame(struct xdp_frame *frame __always_unused)
{
    BUG();
}

static inline void xdp_return_frame_rx_napi(struct xdp_frame *frame __always_unused)
{
    BUG();
}

#endif
