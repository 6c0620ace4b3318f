/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests of the card models share: a machine with one card in it, the wire's other end, the interrupt
 * line's receiver, and what lockcheck would be told.
 */
#ifndef TESTS_UNIT_NIC_FIXTURE_H
#define TESTS_UNIT_NIC_FIXTURE_H

#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/nic/nic.h"
#include "harness/wire/wire.h"

#define SLOT 3
#define LINE 11
#define FRAME_BYTES 2048
#define FRAMES 64

extern const uint8_t mac[6], peer[6], broadcast[6];

/* The only card in the program. */
struct fixture {
    const struct nic_model *model;
    unsigned queue_pairs;    /* what it is to have, set before fixture_make; 0: one */
    struct fault_plan fault; /* that it is to have, likewise */
    struct wire *wire;
    struct nic *nic;
    struct dma_device *dma;
    sem_t interrupts;  /* upped by each interrupt on LINE */
    sem_t sent_frames; /* upped by each frame that the card has sent */
    uint8_t sent[FRAMES][FRAME_BYTES];
    size_t sent_length[FRAMES];
    unsigned sent_count;
    int (*on_transmitted)(void); /* what else to do in the thread that transmits, or NULL */
    char misuse[256];            /* the text of the last finding of kind device-misuse, cut; "": none */
};
extern struct fixture card;

/* Boot a machine with this card, and let it decode its registers and be a bus master. 0, or -1. */
int fixture_make(const struct nic_model *model);
/* The card has been reset. */
void fixture_end(void);

/* Forget frames, interrupts and findings that were. */
void fixture_forget(void);

uint32_t config(unsigned offset, unsigned size);

/* A frame from the peer, filled with mark. Returns length. */
size_t make_frame(uint8_t *frame, const uint8_t *to, size_t length, uint8_t mark);
/* The wire brings one. */
enum wire_outcome bring(const uint8_t *to, size_t length, uint8_t mark);

/* Wait for one interrupt, or until the card has sent so many more frames. Without a limit: what does not come
 * is a hang, which ctest and lockcheck both see. */
void wait_interrupt(void);
void wait_sent(unsigned count);
bool no_more(sem_t *semaphore);

/* The CRC of IEEE 802.3 section 3.2.9, bit by bit, most significant first: not the way models compute it. */
uint32_t slow_crc(const uint8_t *data, size_t length);

#endif
