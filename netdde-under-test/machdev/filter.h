/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet filters of one device: who wants which frames, and the delivery to them.
 *
 * A filter is a BPF program (S. McCanne, V. Jacobson, "The BSD Packet Filter", USENIX 1993), in the form that
 * <device/net_status.h> describes, and a port. It sees the frame from its Ethernet header on. Frames go to
 * every filter that matches, highest priority first; a filter of NET_HI_PRI or more that matches keeps the
 * frame from those behind it.
 *
 * Left out: Mach's older stack-machine filters, and how much of a frame a program asks for (who gets a frame
 * gets it whole), as in the Hurd's libbpf.
 */
#ifndef NETDDE_MACHDEV_FILTER_H
#define NETDDE_MACHDEV_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <device/device.h>

/* Filters that one device may have; one more is refused with D_NO_MEMORY. */
#define FILTERS_MAX 32

struct filter_list;

/* What became of a frame for one client. */
enum filter_outcome {
    FILTER_DELIVERED,   /* it is in the client's queue */
    FILTER_NO_MATCH,    /* the client does not want it */
    FILTER_NO_ROOM,     /* the client does, and its port was full or memory was short */
    FILTER_CLIENT_GONE, /* the client did, and is dead */
};

/* What became of a frame. */
struct filter_report {
    unsigned direction; /* NETF_IN: received; NETF_OUT: sent by a client */
    size_t count;       /* clients that wanted it, highest priority first */
    struct {
        mach_port_t port;
        enum filter_outcome outcome;
    } clients[FILTERS_MAX];
    enum filter_outcome others; /* for all other clients */
};

/* What became of it for the client with this port. */
enum filter_outcome filter_report_for(const struct filter_report *report, mach_port_t port);

/* A list without filters, to be freed with filter_list_free; NULL without memory. */
struct filter_list *filter_list_new(void);

/* Frees the list and its rights. Nobody may use it any more. */
void filter_list_free(struct filter_list *list);

/*
 * Set the filter of a port, in place of the one it had.
 *
 * deliver_to   a send right, which the list takes when it answers D_SUCCESS, and else leaves to the caller
 * priority     0 .. NET_PRI_MAX
 * words, count the filter
 *
 * Returns D_SUCCESS; D_INVALID_OPERATION for something else than a valid BPF filter with NETF_IN or NETF_OUT,
 * a priority out of range or no port; D_NO_MEMORY.
 */
io_return_t filter_list_set(struct filter_list *list, mach_port_t deliver_to, int priority,
                            const filter_t *words, size_t count);

/* Drop the filter of a port, if it has one, with its right. */
void filter_list_forget(struct filter_list *list, mach_port_t port);

/* Drop every filter, with its right. */
void filter_list_clear(struct filter_list *list);

/* The number of filters. */
size_t filter_list_count(struct filter_list *list);

/* Whether there are filters for this direction, by a look that takes no lock. */
bool filter_list_wants(const struct filter_list *list, unsigned direction);

/*
 * Give a frame to those that want it: length octets, from the Ethernet header on. Never waits for a client:
 * one whose port is full misses this frame, one whose port is dead loses its filter, and neither keeps the
 * frame from the others.
 *
 * direction  NETF_IN or NETF_OUT
 */
struct filter_report filter_list_deliver(struct filter_list *list, unsigned direction, const uint8_t *frame,
                                         size_t length);

#endif
