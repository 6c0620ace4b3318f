/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/ethtool.h>: the operations that drivers here have. No ioctl and no netlink leads to
 * them. */
#ifndef DDE_LINUX_ETHTOOL_H
#define DDE_LINUX_ETHTOOL_H

#include_next <linux/ethtool.h>

#include <linux/bitops.h>
#include <linux/if_ether.h>
#include <linux/types.h>

struct net_device;
struct netlink_ext_ack;

#define __ETHTOOL_DECLARE_LINK_MODE_MASK(name)                                                               \
    unsigned long name[BITS_TO_LONGS(__ETHTOOL_LINK_MODE_MASK_NBITS)]

struct ethtool_link_ksettings {
    struct ethtool_link_settings base;
    struct {
        __ETHTOOL_DECLARE_LINK_MODE_MASK(supported);
        __ETHTOOL_DECLARE_LINK_MODE_MASK(advertising);
        __ETHTOOL_DECLARE_LINK_MODE_MASK(lp_advertising);
    } link_modes;
    u32 lanes;
};

/* What netlink adds to the ioctl's structs; nothing here sets it. */
struct kernel_ethtool_ringparam {
    u32 rx_buf_len;
};
struct kernel_ethtool_coalesce {
    u8 use_cqe_mode_tx, use_cqe_mode_rx;
};

enum ethtool_phys_id_state { ETHTOOL_ID_INACTIVE, ETHTOOL_ID_ACTIVE, ETHTOOL_ID_ON, ETHTOOL_ID_OFF };

#define ETHTOOL_COALESCE_RX_USECS BIT(0)
#define ETHTOOL_COALESCE_RX_MAX_FRAMES BIT(1)
#define ETHTOOL_COALESCE_TX_USECS BIT(4)
#define ETHTOOL_COALESCE_TX_MAX_FRAMES BIT(5)
#define ETHTOOL_COALESCE_USECS (ETHTOOL_COALESCE_RX_USECS | ETHTOOL_COALESCE_TX_USECS)
#define ETHTOOL_COALESCE_MAX_FRAMES (ETHTOOL_COALESCE_RX_MAX_FRAMES | ETHTOOL_COALESCE_TX_MAX_FRAMES)

/* Bits of a hash function's name. */
#define ETH_RSS_HASH_TOP BIT(0)
#define ETH_RSS_HASH_NO_CHANGE 0

struct ethtool_ops {
    u32 supported_coalesce_params;     /* ETHTOOL_COALESCE_* */
    int (*begin)(struct net_device *); /* around the others, under rtnl: by whoever calls them */
    void (*complete)(struct net_device *);
    void (*get_drvinfo)(struct net_device *, struct ethtool_drvinfo *);
    int (*get_regs_len)(struct net_device *);
    void (*get_regs)(struct net_device *, struct ethtool_regs *, void *);
    void (*get_wol)(struct net_device *, struct ethtool_wolinfo *);
    int (*set_wol)(struct net_device *, struct ethtool_wolinfo *);
    u32 (*get_msglevel)(struct net_device *);
    void (*set_msglevel)(struct net_device *, u32);
    int (*nway_reset)(struct net_device *);
    u32 (*get_link)(struct net_device *);
    int (*get_eeprom_len)(struct net_device *);
    int (*get_eeprom)(struct net_device *, struct ethtool_eeprom *, u8 *);
    int (*set_eeprom)(struct net_device *, struct ethtool_eeprom *, u8 *);
    void (*get_ringparam)(struct net_device *, struct ethtool_ringparam *, struct kernel_ethtool_ringparam *,
                          struct netlink_ext_ack *);
    int (*set_ringparam)(struct net_device *, struct ethtool_ringparam *, struct kernel_ethtool_ringparam *,
                         struct netlink_ext_ack *);
    void (*get_pauseparam)(struct net_device *, struct ethtool_pauseparam *);
    int (*set_pauseparam)(struct net_device *, struct ethtool_pauseparam *);
    int (*get_coalesce)(struct net_device *, struct ethtool_coalesce *, struct kernel_ethtool_coalesce *,
                        struct netlink_ext_ack *);
    int (*set_coalesce)(struct net_device *, struct ethtool_coalesce *, struct kernel_ethtool_coalesce *,
                        struct netlink_ext_ack *);
    void (*self_test)(struct net_device *, struct ethtool_test *, u64 *);
    int (*set_phys_id)(struct net_device *, enum ethtool_phys_id_state);
    int (*get_ts_info)(struct net_device *, struct ethtool_ts_info *);
    void (*get_strings)(struct net_device *, u32 stringset, u8 *);
    int (*get_sset_count)(struct net_device *, int);
    void (*get_ethtool_stats)(struct net_device *, struct ethtool_stats *, u64 *);
    void (*get_channels)(struct net_device *, struct ethtool_channels *);
    int (*set_channels)(struct net_device *, struct ethtool_channels *);
    u32 (*get_rxfh_key_size)(struct net_device *);
    u32 (*get_rxfh_indir_size)(struct net_device *);
    int (*get_rxfh)(struct net_device *, u32 *indir, u8 *key, u8 *hfunc);
    int (*set_rxfh)(struct net_device *, const u32 *indir, const u8 *key, const u8 hfunc);
    int (*get_rxnfc)(struct net_device *, struct ethtool_rxnfc *, u32 *rule_locs);
    int (*set_rxnfc)(struct net_device *, struct ethtool_rxnfc *);
    int (*get_link_ksettings)(struct net_device *, struct ethtool_link_ksettings *);
    int (*set_link_ksettings)(struct net_device *, const struct ethtool_link_ksettings *);
};

/* The carrier, for a driver's get_link. */
u32 ethtool_op_get_link(struct net_device *dev);

/* No clock but the system's, for a driver's get_ts_info. */
int ethtool_op_get_ts_info(struct net_device *dev, struct ethtool_ts_info *info);

/* Under rtnl. 0, or -EOPNOTSUPP when the driver does not tell. */
int __ethtool_get_link_ksettings(struct net_device *dev, struct ethtool_link_ksettings *settings);

/* For a device without a cable of its own: speed and duplex are what somebody says they are. 0 or -EINVAL. */
int ethtool_virtdev_set_link_ksettings(struct net_device *dev, const struct ethtool_link_ksettings *settings,
                                       u32 *dev_speed, u8 *dev_duplex);

/* One more name of a statistic; *name then points behind it. */
__printf(2, 3) void ethtool_sprintf(u8 **name, const char *fmt, ...);

/* Which of so many receive queues an entry of the table leads to at first. */
static inline u32 ethtool_rxfh_indir_default(u32 index, u32 queues)
{
    return index % queues;
}

void ethtool_convert_legacy_u32_to_link_mode(unsigned long *dst, u32 legacy_u32);
/* False when src has modes that the 32 bits cannot tell. */
bool ethtool_convert_link_mode_to_legacy_u32(u32 *legacy_u32, const unsigned long *src);

#endif
