/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Link modes between their representations: ethtool's 32 bits, ethtool's bitmap, and the MII registers 4, 5,
 * 9 and 10 (IEEE 802.3, tables 28-2 and 40-3). See <linux/ethtool.h> and <linux/mii.h>.
 */
#include <linux/ethtool.h>
#include <linux/kernel.h>
#include <linux/mii.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>

struct mode_bits {
    u32 ethtool;
    u32 mii;
};

static const struct mode_bits register4[] = {
    {ADVERTISED_10baseT_Half, ADVERTISE_10HALF},   {ADVERTISED_10baseT_Full, ADVERTISE_10FULL},
    {ADVERTISED_100baseT_Half, ADVERTISE_100HALF}, {ADVERTISED_100baseT_Full, ADVERTISE_100FULL},
    {ADVERTISED_Pause, ADVERTISE_PAUSE_CAP},       {ADVERTISED_Asym_Pause, ADVERTISE_PAUSE_ASYM},
};
static const struct mode_bits register9[] = {
    {ADVERTISED_1000baseT_Half, ADVERTISE_1000HALF},
    {ADVERTISED_1000baseT_Full, ADVERTISE_1000FULL},
};
static const struct mode_bits register10[] = {
    {ADVERTISED_1000baseT_Half, LPA_1000HALF},
    {ADVERTISED_1000baseT_Full, LPA_1000FULL},
};

static u32 to_mii(const struct mode_bits *table, size_t count, u32 ethtool)
{
    u32 mii = 0;

    for (size_t i = 0; i < count; i++)
        mii |= ethtool & table[i].ethtool ? table[i].mii : 0;
    return mii;
}

static u32 to_ethtool(const struct mode_bits *table, size_t count, u32 mii)
{
    u32 ethtool = 0;

    for (size_t i = 0; i < count; i++)
        ethtool |= mii & table[i].mii ? table[i].ethtool : 0;
    return ethtool;
}

u32 ethtool_adv_to_mii_adv_t(u32 ethadv)
{
    return to_mii(register4, ARRAY_SIZE(register4), ethadv);
}

u32 mii_adv_to_ethtool_adv_t(u32 adv)
{
    return to_ethtool(register4, ARRAY_SIZE(register4), adv);
}

/* Register 5 has register 4's layout, and the acknowledge bit. */
u32 mii_lpa_to_ethtool_lpa_t(u32 lpa)
{
    return mii_adv_to_ethtool_adv_t(lpa) | (lpa & LPA_LPACK ? ADVERTISED_Autoneg : 0);
}

u32 ethtool_adv_to_mii_ctrl1000_t(u32 ethadv)
{
    return to_mii(register9, ARRAY_SIZE(register9), ethadv);
}

u32 mii_ctrl1000_to_ethtool_adv_t(u32 adv)
{
    return to_ethtool(register9, ARRAY_SIZE(register9), adv);
}

u32 mii_stat1000_to_ethtool_lpa_t(u32 lpa)
{
    return to_ethtool(register10, ARRAY_SIZE(register10), lpa);
}

unsigned int mii_nway_result(unsigned int negotiated)
{
    static const unsigned int best_first[] = {LPA_100FULL, LPA_100BASE4, LPA_100HALF, LPA_10FULL};

    for (size_t i = 0; i < ARRAY_SIZE(best_first); i++) {
        if (negotiated & best_first[i])
            return best_first[i];
    }
    return LPA_10HALF;
}

/* The 32 bits are the first 32 of the bitmap. */
void ethtool_convert_legacy_u32_to_link_mode(unsigned long *dst, u32 legacy_u32)
{
    memset(dst, 0, BITS_TO_LONGS(__ETHTOOL_LINK_MODE_MASK_NBITS) * sizeof(*dst));
    dst[0] = legacy_u32;
}

bool ethtool_convert_link_mode_to_legacy_u32(u32 *legacy_u32, const unsigned long *src)
{
    bool all = src[0] >> 32 == 0;

    for (int i = 1; i < BITS_TO_LONGS(__ETHTOOL_LINK_MODE_MASK_NBITS); i++)
        all &= src[i] == 0;
    *legacy_u32 = (u32)src[0];
    return all;
}

u32 ethtool_op_get_link(struct net_device *dev)
{
    return netif_carrier_ok(dev);
}

int ethtool_op_get_ts_info(struct net_device *dev __always_unused, struct ethtool_ts_info *info)
{
    info->so_timestamping = 0;
    info->phc_index = -1;
    return 0;
}

int ethtool_virtdev_set_link_ksettings(struct net_device *dev __always_unused,
                                       const struct ethtool_link_ksettings *settings, u32 *dev_speed,
                                       u8 *dev_duplex)
{
    if (!ethtool_validate_speed(settings->base.speed) || !ethtool_validate_duplex(settings->base.duplex))
        return -EINVAL;
    *dev_speed = settings->base.speed;
    *dev_duplex = settings->base.duplex;
    return 0;
}

void ethtool_sprintf(u8 **name, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf((char *)*name, ETH_GSTRING_LEN, fmt, args);
    va_end(args);
    *name += ETH_GSTRING_LEN;
}

int __ethtool_get_link_ksettings(struct net_device *dev, struct ethtool_link_ksettings *settings)
{
    ASSERT_RTNL();
    if (!dev->ethtool_ops || !dev->ethtool_ops->get_link_ksettings)
        return -EOPNOTSUPP;
    memset(settings, 0, sizeof(*settings));
    return dev->ethtool_ops->get_link_ksettings(dev, settings);
}
