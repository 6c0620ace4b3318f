/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Further clients of a device, beside the one that plays a capture: each has a thread and a filter of its
 * own, and a way to live that a device server has to bear with. What they receive must be the capture's,
 * whole and in its order, as for the first client; how much of it they get is their own affair.
 */
#ifndef NETDDE_PFINET_OBSERVER_H
#define NETDDE_PFINET_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mach.h>

#include "netdde-under-test/pfinet/sequence.h"
#include "replay/replay.h"

#define OBSERVERS_MAX 8 /* of one device */
#define OBSERVER_MESSAGE_MAX 128

/* A way to live. */
struct observer_kind {
    const char *name;
    const char *description; /* one line */
    const char *expression;  /* what it wants, see pcap-filter(7) */
    unsigned directions;     /* NETF_IN, NETF_OUT */
    unsigned stay;           /* frames that it reads before it goes and comes again; OBSERVER_STAYS */
    bool reads;
    bool promiscuous;
    bool dies;  /* it goes without closing the device */
    bool pests; /* it sends wrong requests, and changes its filter */
};
#define OBSERVER_STAYS 0

/* All kinds; the last one's name is NULL. */
extern const struct observer_kind observer_kinds[];

/* The kind with this name, or NULL. */
const struct observer_kind *observer_find_kind(const char *name);

struct observers;

struct observers_config {
    mach_port_t device_master;   /* where devices are opened */
    const char *device;          /* which; must outlive the observers, as replay must */
    const struct replay *replay; /* what comes and goes through the device */
    enum sequence_order order;   /* that frames must come in */
    const struct observer_kind *const *kinds;
    size_t count; /* at most OBSERVERS_MAX */
};

/* Have them come, each when its thread gets to it. They are never freed: the device may tell of losses until
 * the process ends. NULL without memory. */
struct observers *observers_open(const struct observers_config *config);

/* A frame was for the client with this port, and there was no room. Any thread may tell. */
void observers_note_loss(struct observers *observers, mach_port_t port);

/* Send them all away, and wait until they are gone, for each so long at most; 0: for as long as it takes.
 * Those that die leave the device open until the server notices. Returns whether all are gone: one whose
 * request is not answered is not. */
bool observers_dismiss(struct observers *observers, unsigned patience_ms);

struct observer_counts {
    const struct observer_kind *kind;
    uint64_t visits; /* times that it opened the device */
    uint64_t frames; /* that it read */
    uint64_t wrong;  /* of them, frames that are not the capture's or not in its order */
    uint64_t lost;   /* for want of room in its port */
    /* What the device server did not do as it should, or an empty string. */
    char complaint[OBSERVER_MESSAGE_MAX];
};

/* After observers_dismiss; number: below the config's count. */
struct observer_counts observers_counts(const struct observers *observers, size_t number);

#endif
