/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet filters of one device: who wants which received frames, and the delivery to them.
 *
 * A filter is a BPF program (S. McCanne, V. Jacobson, "The BSD Packet Filter", USENIX 1993), in the form that
 * <device/net_status.h> describes, and a port. It sees the frame from its Ethernet header on. Frames go to
 * every filter that matches, highest priority first; a filter of NET_HI_PRI or more that matches keeps the
 * frame from those behind it.
 *
 * Left out: Mach's older stack-machine filters, and NETF_OUT (nobody is shown what others send).
 */
#ifndef NETDDE_MACHDEV_FILTER_H
#define NETDDE_MACHDEV_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include <device/device.h>

/* Filters that one device may have; one more is refused with D_NO_MEMORY. */
#define FILTERS_MAX 16

struct filter_list;

/* What became of a frame. */
enum filter_outcome {
    FILTER_DELIVERED,   /* it is in the queue of at least one client */
    FILTER_NO_MATCH,    /* nobody wants it */
    FILTER_PORT_FULL,   /* somebody does, and has no room */
    FILTER_CLIENT_GONE, /* somebody did, and is dead */
};

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
 * Returns D_SUCCESS; D_INVALID_OPERATION for something else than a valid BPF filter with NETF_IN, a priority
 * out of range or no port; D_NO_MEMORY.
 */
io_return_t filter_list_set(struct filter_list *list, mach_port_t deliver_to, int priority,
                            const filter_t *words, size_t count);

/* Drop every filter, with its right. */
void filter_list_clear(struct filter_list *list);

/* The number of filters. */
size_t filter_list_count(struct filter_list *list);

/*
 * Give a received frame to those that want it: length octets, from the Ethernet header on. Never waits for a
 * client: one whose port is full misses this frame, one whose port is dead loses its filter, and neither
 * keeps the frame from the others.
 */
enum filter_outcome filter_list_deliver(struct filter_list *list, const uint8_t *frame, size_t length);

#endif
