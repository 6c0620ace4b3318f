/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults of a card, on purpose: one for each card, which strikes once, at a time that is told by counting. A
 * model tells of frames and drives its pin through these functions, with its lock held; the rest of what a
 * fault does, but for what is in a descriptor, happens here and on the bus.
 */
#ifndef HARNESS_NIC_FAULT_H
#define HARNESS_NIC_FAULT_H

#include <stdbool.h>

struct pci_function;

enum fault_kind {
    FAULT_NONE,
    FAULT_LOST_INTERRUPT, /* the card pulls its pin, and nobody sees that; the next event pulls it again */
    FAULT_SPURIOUS_INTERRUPT,   /* the pin is pulled for a moment, for no reason */
    FAULT_STUCK_TRANSMITTER,    /* nothing is sent any more, until the card is reset */
    FAULT_TRANSMIT_ERROR,       /* a frame meets an error on its way out, and the card tells of it: too many
                                 * collisions (82540EM), a FIFO that ran empty (RTL8139, which sends the frame
                                 * all the same, and 82559); virtio has none */
    FAULT_CORRUPTED_DESCRIPTOR, /* what a received frame's descriptor says is nonsense: it has every error */
    FAULT_SURPRISE_REMOVAL,     /* the card is taken out of its slot */
    FAULT_MASTER_ABORT,         /* one access to memory has no answer */
    FAULT_KINDS
};

struct fault_plan {
    enum fault_kind kind;
    /* It strikes at the occasion of that number, from 1 on: interrupt (lost-interrupt), frame sent
     * (stuck-transmitter, transmit-error), frame received (corrupted-descriptor), frame either way (the
     * others). */
    unsigned at;
    /* Told of a removal, or NULL; called with the card's lock held. */
    void (*removed)(void *opaque);
    void *opaque;
};

#define FAULT_AT_DEFAULT 100

/* Read KIND or KIND@N. False when it is neither; *plan is then undefined but for its last two fields, which
 * are not touched. */
bool fault_parse(const char *text, struct fault_plan *plan);
/* "lost-interrupt" for a kind but FAULT_NONE. */
const char *fault_name(enum fault_kind kind);

struct fault {
    struct fault_plan plan;
    struct pci_function *function;
    unsigned occasions; /* until now */
    bool stuck;         /* the transmitter */
    bool removed;
};

void fault_init(struct fault *fault, const struct fault_plan *plan, struct pci_function *function);

/* Drive the card's interrupt pin. Returns what it is driven to now. */
bool fault_drive_pin(struct fault *fault, bool asserted);
/* Send an interrupt message, if those are enabled (pci_function_message). */
void fault_send_message(struct fault *fault, unsigned vector);

/* A frame is about to be sent: whether it cannot be, for now. */
bool fault_sending(struct fault *fault);
/* It leaves for the wire: whether it meets an error. */
bool fault_leaving(struct fault *fault);
/* The card takes a frame from the wire: whether its descriptor is to be corrupted, so that it is lost. */
bool fault_receiving(struct fault *fault);

/* The card has been reset. */
void fault_reset(struct fault *fault);

#endif
