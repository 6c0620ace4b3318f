/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the PHYs here have in common. Registers and bits are those of IEEE 802.3 clause 22 (table 22-6) and,
 * for auto-negotiation, clause 28, by the names that the system's <linux/mii.h> gives them.
 */
#ifndef HARNESS_NIC_MII_H
#define HARNESS_NIC_MII_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/mii.h>

#define MII_REGISTERS 32

/* What the other end of each cable offers, and an end offers without being told otherwise: 10 and 100 Mbit/s,
 * half and full duplex. */
#define MII_OFFER (ADVERTISE_CSMA | ADVERTISE_ALL)

/* Of the status register. */
#define MII_ABILITIES                                                                                        \
    (BMSR_100FULL | BMSR_100HALF | BMSR_10FULL | BMSR_10HALF | BMSR_ANEGCAPABLE | BMSR_ERCAP)

#define BMSR_PREAMBLE_LESS 0x0040 /* takes management frames without a preamble; 22.2.4.2.9 */

/* The registers in which the peer shows itself, while there is a link. */
#define MII_LPA_LINK (LPA_LPACK | MII_OFFER)
#define MII_EXPANSION_LINK EXPANSION_NWAY

/* A PHY by its registers. */
struct mii_phy {
    uint16_t reg[MII_REGISTERS]; /* of the status register, the abilities */
    bool link_was_lost;          /* since that was read */
};

/* What register `index` shows that is the same in every PHY, while there is a link or none. A link that was
 * lost shows once (22.2.4.2.13). */
static inline uint16_t mii_read(struct mii_phy *phy, unsigned index, bool link)
{
    bool lost = phy->link_was_lost;

    switch (index) {
    case MII_BMSR:
        phy->link_was_lost = false;
        return (uint16_t)(phy->reg[MII_BMSR] | (link ? BMSR_ANEGCOMPLETE : 0) |
                          (link && !lost ? BMSR_LSTATUS : 0));
    case MII_LPA:
        return link ? MII_LPA_LINK : 0;
    case MII_EXPANSION:
        return link ? MII_EXPANSION_LINK : 0;
    default:
        return phy->reg[index];
    }
}

#endif
