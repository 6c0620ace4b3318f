/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/mii.h>: the kernel's half of the MII library (IEEE 802.3, clauses 22 and 28). The
 * functions without a body are Linux's own drivers/net/mii.c.
 */
#ifndef DDE_LINUX_MII_H
#define DDE_LINUX_MII_H

#include_next <linux/mii.h>

#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/types.h>

struct mii_if_info {
    int phy_id;
    int advertising;
    int phy_id_mask;
    int reg_num_mask;
    unsigned int full_duplex : 1;
    unsigned int force_media : 1;
    unsigned int supports_gmii : 1;
    struct net_device *dev;
    int (*mdio_read)(struct net_device *dev, int phy_id, int location);
    void (*mdio_write)(struct net_device *dev, int phy_id, int location, int val);
};

int mii_link_ok(struct mii_if_info *mii);
int mii_nway_restart(struct mii_if_info *mii);
void mii_ethtool_gset(struct mii_if_info *mii, struct ethtool_cmd *ecmd);
void mii_ethtool_get_link_ksettings(struct mii_if_info *mii, struct ethtool_link_ksettings *cmd);
int mii_ethtool_sset(struct mii_if_info *mii, struct ethtool_cmd *ecmd);
int mii_ethtool_set_link_ksettings(struct mii_if_info *mii, const struct ethtool_link_ksettings *cmd);
int mii_check_gmii_support(struct mii_if_info *mii);
void mii_check_link(struct mii_if_info *mii);
unsigned int mii_check_media(struct mii_if_info *mii, unsigned int ok_to_print, unsigned int init_media);
int generic_mii_ioctl(struct mii_if_info *mii_if, struct mii_ioctl_data *mii_data, int cmd,
                      unsigned int *duplex_changed);

static inline struct mii_ioctl_data *if_mii(struct ifreq *rq)
{
    return (struct mii_ioctl_data *)&rq->ifr_ifru;
}

/* The best of the abilities that both ends have: the priority of 802.3 annex 28B.3. */
unsigned int mii_nway_result(unsigned int negotiated);

/* Between the bits of ethtool and those of the registers 4 (advertisement), 5 (partner), 9 and 10 (gigabit).
 */
u32 ethtool_adv_to_mii_adv_t(u32 ethadv);
u32 mii_adv_to_ethtool_adv_t(u32 adv);
u32 mii_lpa_to_ethtool_lpa_t(u32 lpa);
u32 ethtool_adv_to_mii_ctrl1000_t(u32 ethadv);
u32 mii_ctrl1000_to_ethtool_adv_t(u32 adv);
u32 mii_stat1000_to_ethtool_lpa_t(u32 lpa);

#endif
