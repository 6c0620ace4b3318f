/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <net/flow_dissector.h>: what a frame's headers tell of its flow, as far as transport goes. */
#ifndef DDE_NET_FLOW_DISSECTOR_H
#define DDE_NET_FLOW_DISSECTOR_H

#include <linux/types.h>

struct net;
struct sk_buff;

struct flow_keys_basic {
    struct {
        u16 thoff; /* where the transport header begins, from the data's start */
    } control;
    struct {
        __be16 n_proto;
        u8 ip_proto;
    } basic;
};

/*
 * Of IPv4, and IPv6 without extension headers, by skb->protocol, with the network header where skb has it.
 * False for others. The other arguments are for who has no buffer: NULL and 0.
 */
bool skb_flow_dissect_flow_keys_basic(const struct net *net, const struct sk_buff *skb,
                                      struct flow_keys_basic *keys, const void *data, __be16 proto, int nhoff,
                                      int hlen, unsigned int flags);

#endif
