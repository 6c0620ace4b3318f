/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Octets as models meet them: little-endian numbers in registers, descriptors and EEPROMs, big-endian ones in
 * frames.
 */
#ifndef HARNESS_NIC_OCTETS_H
#define HARNESS_NIC_OCTETS_H

#include <stdbool.h>
#include <stdint.h>

/* size: octets, up to 4. */
static inline void put_le(uint8_t *bytes, unsigned size, uint32_t value)
{
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static inline uint32_t get_le(const uint8_t *bytes, unsigned size)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint32_t)bytes[i] << 8 * i;
    return value;
}

static inline uint16_t get_be16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline bool is_broadcast(const uint8_t address[6])
{
    return (address[0] & address[1] & address[2] & address[3] & address[4] & address[5]) == 0xff;
}

#endif
