/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/tcp.h>: the system's header, and where a buffer has its TCP header. */
#ifndef DDE_LINUX_TCP_H
#define DDE_LINUX_TCP_H

#include_next <linux/tcp.h>

#include <linux/skbuff.h>

static inline struct tcphdr *tcp_hdr(const struct sk_buff *skb)
{
    return (struct tcphdr *)skb_transport_header(skb);
}

/* Bytes of the TCP header with its options. */
static inline unsigned int tcp_hdrlen(const struct sk_buff *skb)
{
    return tcp_hdr(skb)->doff * 4u;
}

/* Bytes of all headers, from the start of the data. */
static inline int skb_tcp_all_headers(const struct sk_buff *skb)
{
    return skb_transport_offset(skb) + (int)tcp_hdrlen(skb);
}

#endif
