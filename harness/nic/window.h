/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A window of registers of different widths, as older chips have: an access may cover several registers, or a
 * part of one. What lies between registers is reserved, reads 0 and swallows what is written.
 */
#ifndef HARNESS_NIC_WINDOW_H
#define HARNESS_NIC_WINDOW_H

#include <stdint.h>

#include "harness/nic/nic.h"

#define WINDOW_BYTES_MAX 0x100u

/* index: which of a row of equal registers. mask: the bits that the access writes; value has no others. */
typedef uint32_t window_read_handler(struct nic *nic, unsigned index);
typedef void window_write_handler(struct nic *nic, unsigned index, uint32_t value, uint32_t mask);

struct window_row {
    uint8_t offset;
    uint8_t width; /* bytes of each: 1, 2 or 4 */
    uint8_t count; /* of equal ones, one behind the other */
    window_read_handler *read;
    window_write_handler *write; /* of both: NULL where the register only stores */
};

struct window {
    const struct window_row *rows;
    uint8_t row_of[WINDOW_BYTES_MAX]; /* of each byte offset */
    uint8_t stored[WINDOW_BYTES_MAX]; /* what registers without a handler hold, by offset */
    struct nic *nic;
    struct nic_card *card;
};

/* For handlers of registers that cannot be written. */
window_write_handler window_ignore;
/* For handlers of registers that show nothing. */
window_read_handler window_zero;

/* Of that card, which handlers are given. Rows must stay valid; they must not overlap. */
void window_init(struct window *window, const struct window_row *rows, unsigned count, struct nic *nic,
                 struct nic_card *card);

/* An access to [offset, offset + size), size 1, 2 or 4, of a card whose lock is free: handlers are called
 * with it held. Without power a card reads as all ones, and nothing can be written. */
uint32_t window_read(struct window *window, uint32_t offset, unsigned size);
void window_write(struct window *window, uint32_t offset, unsigned size, uint32_t value);

#endif
