/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A window of registers: see window.h. */
#include "harness/nic/window.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "harness/nic/octets.h"

#define NO_ROW UINT8_MAX

void window_init(struct window *window, const struct window_row *rows, unsigned count, struct nic *nic,
                 struct nic_card *card)
{
    window->rows = rows;
    window->nic = nic;
    window->card = card;
    memset(window->row_of, NO_ROW, sizeof window->row_of);
    for (unsigned row = 0; row < count; row++)
        for (unsigned i = 0; i < rows[row].width * rows[row].count; i++) {
            assert(window->row_of[rows[row].offset + i] == NO_ROW);
            window->row_of[rows[row].offset + i] = (uint8_t)row;
        }
}

uint32_t window_zero(struct nic *nic, unsigned index)
{
    (void)nic;
    (void)index;
    return 0;
}

void window_ignore(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)nic;
    (void)index;
    (void)value;
    (void)mask;
}

/* One register within an access. */
struct part {
    const struct window_row *row;
    unsigned index;
    unsigned start; /* byte offset of the register */
};

static bool find_part(const struct window *window, unsigned offset, struct part *part)
{
    if (offset >= WINDOW_BYTES_MAX || window->row_of[offset] == NO_ROW)
        return false;
    part->row = &window->rows[window->row_of[offset]];
    part->index = (offset - part->row->offset) / part->row->width;
    part->start = part->row->offset + part->index * part->row->width;
    return true;
}

/* Shift by bytes, either way. */
static uint32_t shift_bytes(uint32_t value, int bytes)
{
    return (uint32_t)(bytes < 0 ? value >> -8 * bytes : (uint64_t)value << 8 * bytes);
}

static uint32_t bytes_mask(unsigned bytes)
{
    return UINT32_MAX >> (32 - 8 * bytes);
}

static uint32_t read_locked(const struct window *window, uint32_t offset, unsigned size)
{
    uint32_t value = 0;
    struct part part;

    for (unsigned at = offset; at < offset + size;) {
        uint32_t word;

        if (!find_part(window, at, &part)) {
            at++;
            continue;
        }
        word = part.row->read ? part.row->read(window->nic, part.index)
                              : get_le(window->stored + part.start, part.row->width);
        value |= shift_bytes(word, (int)part.start - (int)offset);
        at = part.start + part.row->width;
    }
    return value & bytes_mask(size);
}

static void write_locked(struct window *window, uint32_t offset, unsigned size, uint32_t value)
{
    struct part part;

    value &= bytes_mask(size);
    for (unsigned at = offset; at < offset + size;) {
        if (!find_part(window, at, &part)) {
            at++;
            continue;
        }
        int shift = (int)offset - (int)part.start;
        uint32_t mask = shift_bytes(bytes_mask(size), shift) & bytes_mask(part.row->width);
        uint32_t word = shift_bytes(value, shift) & mask;
        uint8_t *stored = window->stored + part.start;

        if (part.row->write)
            part.row->write(window->nic, part.index, word, mask);
        else
            put_le(stored, part.row->width, (get_le(stored, part.row->width) & ~mask) | word);
        at = part.start + part.row->width;
    }
}

uint32_t window_read(struct window *window, uint32_t offset, unsigned size)
{
    uint32_t value = UINT32_MAX;

    pthread_mutex_lock(&window->card->lock);
    if (window->card->powered)
        value = read_locked(window, offset, size);
    pthread_mutex_unlock(&window->card->lock);
    return value;
}

void window_write(struct window *window, uint32_t offset, unsigned size, uint32_t value)
{
    pthread_mutex_lock(&window->card->lock);
    if (window->card->powered)
        write_locked(window, offset, size, value);
    pthread_mutex_unlock(&window->card->lock);
}
