/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of netdde. */
#ifndef NETDDE_OPTIONS_H
#define NETDDE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/nic/nic.h"
#include "replay/pace.h"

struct options {
    const struct nic_model *nic;
    const char *sync;   /* generation of semaphores, one of ddekit_sync_names() */
    const char *replay; /* the capture's path, or NULL */
    const char *rate;   /* as given, for the summary */
    struct pace pace;
    bool mac_given;
    uint8_t mac[NIC_MAC_LENGTH];
    bool quiet;
};

enum options_outcome {
    OPTIONS_RUN,  /* *options is complete */
    OPTIONS_DONE, /* --help, --version or --list has been answered on standard output */
    OPTIONS_WRONG /* one line on standard error has said what is wrong */
};

/* Read the command line. The strings in *options point into argv or are static. */
enum options_outcome options_read(int argc, char **argv, struct options *options);

#endif
