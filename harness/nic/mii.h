/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the PHYs here have in common. Registers and bits are those of IEEE 802.3 clause 22 (table 22-6) and,
 * for auto-negotiation, clause 28, by the names that the system's <linux/mii.h> gives them.
 */
#ifndef HARNESS_NIC_MII_H
#define HARNESS_NIC_MII_H

#include <linux/mii.h>

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

#endif
