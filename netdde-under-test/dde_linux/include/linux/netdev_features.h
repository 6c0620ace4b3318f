/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/netdev_features.h>: what a network device can do. The numbers are this tree's own. */
#ifndef DDE_LINUX_NETDEV_FEATURES_H
#define DDE_LINUX_NETDEV_FEATURES_H

#include <linux/types.h>

typedef u64 netdev_features_t;

#define NETIF_F_SG (1ULL << 0)
#define NETIF_F_IP_CSUM (1ULL << 1)
#define NETIF_F_HW_CSUM (1ULL << 3)
#define NETIF_F_IPV6_CSUM (1ULL << 4)
#define NETIF_F_HIGHDMA (1ULL << 5)
#define NETIF_F_FRAGLIST (1ULL << 6)
#define NETIF_F_HW_VLAN_CTAG_TX (1ULL << 7)
#define NETIF_F_HW_VLAN_CTAG_RX (1ULL << 8)
#define NETIF_F_HW_VLAN_CTAG_FILTER (1ULL << 9)
#define NETIF_F_VLAN_CHALLENGED (1ULL << 10) /* it cannot have frames with tags */
#define NETIF_F_GSO (1ULL << 11)
#define NETIF_F_GRO (1ULL << 14)
#define NETIF_F_TSO (1ULL << 16)
#define NETIF_F_GSO_ROBUST (1ULL << 17) /* the device looks at headers of packets to be segmented itself */
#define NETIF_F_TSO_ECN (1ULL << 18)
#define NETIF_F_TSO6 (1ULL << 20)
#define NETIF_F_RXHASH (1ULL << 37)
#define NETIF_F_RXCSUM (1ULL << 40)
#define NETIF_F_RXFCS (1ULL << 44)
#define NETIF_F_RXALL (1ULL << 45)
#define NETIF_F_GRO_HW (1ULL << 56) /* the device merges received frames */
#define NETIF_F_ALL_TSO (NETIF_F_TSO | NETIF_F_TSO_ECN | NETIF_F_TSO6)

#endif
