/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network devices under Mach: their status, the packet filter's words, and the message a received frame
 * arrives in. Names and values are GNU Mach's.
 *
 * A BPF filter is an array of BPF instructions (8 bytes, as libpcap's struct bpf_insn) given as filter_t
 * words. The first instruction is a header: its code is NETF_BPF and NETF_IN (for frames received) or NETF_OUT
 * (for frames that clients send) or both, its other fields are 0, and the program proper begins with the
 * second. See <device/bpf.h> for what Mach adds.
 *
 * Left out: the stack-machine filter language of the original (only its type bits are needed to refuse it),
 * and formats of other networks than Ethernet.
 */
#ifndef HARNESS_DEVICE_NET_STATUS_H
#define HARNESS_DEVICE_NET_STATUS_H

#include <device/device_types.h>
#include <mach/message.h>

/* device_get_status(NET_STATUS): NET_STATUS_COUNT integers. */
struct net_status {
    int min_packet_size; /* bytes, header included */
    int max_packet_size; /* bytes, header included */
    int header_format;   /* HDR_ETHERNET */
    int header_size;     /* bytes */
    int address_size;    /* bytes */
    int flags;           /* IFF_* */
    int mapped_size;     /* 0: not mappable */
};
#define NET_STATUS_COUNT (sizeof(struct net_status) / sizeof(int))
#define NET_STATUS (('n' << 16) + 1)
#define NET_ADDRESS (('n' << 16) + 2) /* bytes of the address in integers, each in network byte order */
#define NET_DSTADDR (('n' << 16) + 3)
#define NET_FLAGS (('n' << 16) + 4) /* get and set: one integer of IFF_* */

#define HDR_ETHERNET 1

typedef unsigned short filter_t;
typedef filter_t *filter_array_t;
#define NET_MAX_FILTER 512 /* words of filter_t */

#define NETF_NBPA 10
#define NETF_NBPO 6
#define NETF_TYPE_MASK (((1 << NETF_NBPO) - 1) << NETF_NBPA)
#define NETF_BPF (1 << NETF_NBPA)
#define NETF_IN 0x1
#define NETF_OUT 0x2

#define NET_HI_PRI 100
#define NET_PRI_MAX 255

#define NET_RCV_MAX 4095
#define NET_HDW_HDR_MAX 64
#define NET_RCV_MSG_ID 2999

/* In front of the payload, in `packet`: what the filter sees in place of the hardware header. */
struct packet_header {
    unsigned short length; /* bytes: this header and the payload */
    unsigned short type;   /* as in the frame, network byte order */
};

/*
 * A received frame. header: the Ethernet header, zeros after it. packet: a struct packet_header, then the
 * payload; msgt_number of packet_type counts both. The message ends with the packet, padded to
 * MACH_MSG_USER_ALIGNMENT: `sent` is only in reach when the packet is full.
 */
struct net_rcv_msg {
    mach_msg_header_t msg_hdr;
    mach_msg_type_t header_type;
    char header[NET_HDW_HDR_MAX];
    mach_msg_type_t packet_type;
    char packet[NET_RCV_MAX];
    boolean_t sent; /* the frame was sent by this host, not received */
};
typedef struct net_rcv_msg *net_rcv_msg_t;
#define net_rcv_msg_packet_count packet_type.msgt_number

#endif
