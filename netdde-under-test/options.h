/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of netdde. */
#ifndef NETDDE_OPTIONS_H
#define NETDDE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/nic/nic.h"
#include "netdde-under-test/pfinet/observer.h"
#include "replay/pace.h"

#define OPTIONS_CARDS_MAX 4
#define OPTIONS_BRIDGES_MAX 3

struct card_options {
    const struct nic_model *model;
    unsigned irq_line;    /* 0: as the board routes its slot */
    unsigned pci_bridges; /* that it is behind; so many buses there are before its own */
    unsigned pci_slot;
    unsigned queue_pairs; /* 0: one */
    const char *replay;   /* the capture's path, or NULL */
    bool mac_given;
    uint8_t mac[NIC_MAC_LENGTH];
    struct fault_plan fault; /* FAULT_NONE: a card without */
};

struct options {
    size_t card_count; /* at least one */
    struct card_options cards[OPTIONS_CARDS_MAX];
    size_t observer_count;
    const struct observer_kind *observers[OBSERVERS_MAX]; /* of each card that has a capture */
    const char *sync; /* generation of semaphores, one of ddekit_sync_names() */
    const char *rate; /* as given, for the summary */
    struct pace pace;
    bool quiet;
};

enum options_outcome {
    OPTIONS_RUN,  /* *options is complete */
    OPTIONS_DONE, /* --help, --version or --list has been answered on standard output */
    OPTIONS_WRONG /* one line on standard error has said what is wrong */
};

/* Read the command line. The strings in *options point into argv or are static. */
enum options_outcome options_read(int argc, char **argv, struct options *options);

/* The most pairs of queues that one of the cards has. */
unsigned options_queue_pairs(const struct options *options);

/* Whether one of the cards has a fault. */
bool options_have_fault(const struct options *options);

#endif
