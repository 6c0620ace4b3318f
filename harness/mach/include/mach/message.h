/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages and mach_msg(), after "Mach 3 Kernel Interfaces" and the GNU Mach Reference Manual; the constants
 * have GNU Mach's values, the type descriptor its x86_64 form.
 *
 * Left out: out-of-line memory and the transfer of receive rights (MACH_SEND_INVALID_TYPE), message-accepted
 * and send-once notifications, and port names of pointer width in a message (they take 32 bits here).
 */
#ifndef HARNESS_MACH_MESSAGE_H
#define HARNESS_MACH_MESSAGE_H

#include <mach/port.h>

typedef unsigned int mach_msg_bits_t;
typedef unsigned int mach_msg_size_t;
typedef integer_t mach_msg_id_t;
typedef integer_t mach_msg_option_t;
typedef natural_t mach_msg_timeout_t; /* milliseconds */
typedef unsigned int mach_msg_type_name_t;
typedef natural_t mach_msg_type_number_t;
typedef kern_return_t mach_msg_return_t;

#define MACH_MSG_TIMEOUT_NONE ((mach_msg_timeout_t)0)

/* msgh_bits: what right msgh_remote_port and msgh_local_port carry; COMPLEX: the body carries rights. */
#define MACH_MSGH_BITS_REMOTE_MASK 0x000000ffu
#define MACH_MSGH_BITS_LOCAL_MASK 0x0000ff00u
#define MACH_MSGH_BITS_COMPLEX 0x80000000u
#define MACH_MSGH_BITS(remote, local) ((mach_msg_bits_t)(remote) | ((mach_msg_bits_t)(local) << 8))
#define MACH_MSGH_BITS_REMOTE(bits) ((bits)&MACH_MSGH_BITS_REMOTE_MASK)
#define MACH_MSGH_BITS_LOCAL(bits) (((bits)&MACH_MSGH_BITS_LOCAL_MASK) >> 8)
#define MACH_MSGH_BITS_OTHER(bits) ((bits) & ~(MACH_MSGH_BITS_REMOTE_MASK | MACH_MSGH_BITS_LOCAL_MASK))

typedef struct {
    mach_msg_bits_t msgh_bits;
    mach_msg_size_t msgh_size;    /* bytes, header included */
    mach_port_t msgh_remote_port; /* sent: destination; received: where to reply */
    mach_port_t msgh_local_port;  /* sent: where to reply; received: the port it came through */
    mach_port_seqno_t msgh_seqno; /* received: how many messages the port gave out before */
    mach_msg_id_t msgh_id;
} mach_msg_header_t;

/* In front of each item of the body. The item follows, padded to MACH_MSG_USER_ALIGNMENT bytes. */
typedef struct {
    unsigned int msgt_name : 8, msgt_size : 16 /* bits of one element */, msgt_unused : 5, msgt_inline : 1,
        msgt_longform : 1, msgt_deallocate : 1;
    mach_msg_type_number_t msgt_number; /* elements */
} __attribute__((aligned(8))) mach_msg_type_t;
#define MACH_MSG_USER_ALIGNMENT 8u

/* msgt_name */
#define MACH_MSG_TYPE_UNSTRUCTURED 0
#define MACH_MSG_TYPE_BOOLEAN 0
#define MACH_MSG_TYPE_INTEGER_16 1
#define MACH_MSG_TYPE_INTEGER_32 2
#define MACH_MSG_TYPE_CHAR 8
#define MACH_MSG_TYPE_BYTE 9
#define MACH_MSG_TYPE_INTEGER_64 11
#define MACH_MSG_TYPE_STRING_C 12
#define MACH_MSG_TYPE_PORT_NAME 15
#define MACH_MSG_TYPE_MOVE_RECEIVE 16
#define MACH_MSG_TYPE_MOVE_SEND 17
#define MACH_MSG_TYPE_MOVE_SEND_ONCE 18
#define MACH_MSG_TYPE_COPY_SEND 19
#define MACH_MSG_TYPE_MAKE_SEND 20
#define MACH_MSG_TYPE_MAKE_SEND_ONCE 21
/* What a receiver finds in place of the above. */
#define MACH_MSG_TYPE_PORT_RECEIVE MACH_MSG_TYPE_MOVE_RECEIVE
#define MACH_MSG_TYPE_PORT_SEND MACH_MSG_TYPE_MOVE_SEND
#define MACH_MSG_TYPE_PORT_SEND_ONCE MACH_MSG_TYPE_MOVE_SEND_ONCE

/* option */
#define MACH_MSG_OPTION_NONE 0x00000000
#define MACH_SEND_MSG 0x00000001
#define MACH_RCV_MSG 0x00000002
#define MACH_SEND_TIMEOUT 0x00000010
#define MACH_SEND_INTERRUPT 0x00000040
#define MACH_RCV_TIMEOUT 0x00000100
#define MACH_RCV_INTERRUPT 0x00000400
#define MACH_RCV_LARGE 0x00000800

#define MACH_MSG_SUCCESS 0x00000000
#define MACH_SEND_INVALID_DATA 0x10000002   /* no message */
#define MACH_SEND_INVALID_DEST 0x10000003   /* no such right, or the port is dead, or died meanwhile */
#define MACH_SEND_TIMED_OUT 0x10000004      /* the queue stayed full; nothing was sent */
#define MACH_SEND_INTERRUPTED 0x10000007    /* thread_abort() */
#define MACH_SEND_MSG_TOO_SMALL 0x10000008  /* shorter than a header */
#define MACH_SEND_INVALID_REPLY 0x10000009  /* msgh_local_port is no right of that kind */
#define MACH_SEND_INVALID_RIGHT 0x1000000a  /* nor is one in the body */
#define MACH_SEND_NO_BUFFER 0x1000000d      /* longer than MACH_MESSAGE_SIZE_MAX */
#define MACH_SEND_INVALID_TYPE 0x1000000f   /* the body is no sequence of described items */
#define MACH_SEND_INVALID_HEADER 0x10000010 /* msgh_bits asks for what is left out */
#define MACH_RCV_INVALID_NAME 0x10004002    /* no receive right and no port set */
#define MACH_RCV_TIMED_OUT 0x10004003
#define MACH_RCV_TOO_LARGE 0x10004004    /* msgh_size says what it takes */
#define MACH_RCV_INTERRUPTED 0x10004005  /* thread_abort() */
#define MACH_RCV_PORT_CHANGED 0x10004006 /* the port was put into a set meanwhile */
#define MACH_RCV_INVALID_DATA 0x10004008 /* no buffer */
#define MACH_RCV_PORT_DIED 0x10004009    /* the port or set was destroyed meanwhile */
#define MACH_RCV_IN_SET 0x1000400a       /* receive from its set instead */

/* Longest message, header included. The largest in use is struct net_rcv_msg. */
#define MACH_MESSAGE_SIZE_MAX 8192u

/*
 * Send a message, receive one, or send and then receive, in one call.
 *
 * msg          sent: the message, send_size bytes. Received: where it goes, rcv_size bytes. Both are the
 *              caller's; a sent message is copied before the call returns. May be NULL for a receive with
 *              rcv_size 0, which never takes a message (MACH_RCV_TOO_LARGE and the message is lost, or with
 *              MACH_RCV_LARGE stays).
 * option       MACH_SEND_MSG, MACH_RCV_MSG; _TIMEOUT: the call blocks at most `timeout` milliseconds for
 *              that half, and with 0 not at all; _INTERRUPT: report an abort, where mach_msg() otherwise
 *              begins that half again with the same time-out; MACH_RCV_LARGE: leave a message that does not
 *              fit in the queue.
 * rcv_name     a receive right, or a port set
 * notify       ignored, give MACH_PORT_NULL
 *
 * A send to a port whose queue is full waits for room, unless it goes by a send-once right: that one is
 * always queued. The body's rights move (or are copied) only when the message is queued.
 *
 * A receive that times out or is aborted while a message has come in returns the message.
 *
 * Returns MACH_MSG_SUCCESS or one of the codes above.
 */
mach_msg_return_t mach_msg(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                           mach_msg_size_t rcv_size, mach_port_t rcv_name, mach_msg_timeout_t timeout,
                           mach_port_t notify);

/* The same without beginning again: an abort is always reported. */
mach_msg_return_t mach_msg_trap(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                                mach_msg_size_t rcv_size, mach_port_t rcv_name, mach_msg_timeout_t timeout,
                                mach_port_t notify);

/* Release the rights that a received message carries: its reply right and those in its body. */
void mach_msg_destroy(mach_msg_header_t *msg);

#endif
