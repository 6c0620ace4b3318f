/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What remote procedure calls over Mach messages share: the form of a reply, and the codes a stub returns
 * when it is the call and not the called that failed. After "MIG - The MACH Interface Generator".
 */
#ifndef HARNESS_MACH_MIG_ERRORS_H
#define HARNESS_MACH_MIG_ERRORS_H

#include <mach/message.h>

typedef struct {
    mach_msg_header_t Head;
    mach_msg_type_t RetCodeType; /* MACH_MSG_TYPE_INTEGER_32, one */
    kern_return_t RetCode;
    int padding;
} mig_reply_header_t;

#define MIG_TYPE_ERROR -300      /* the reply is not of the form it should have */
#define MIG_REPLY_MISMATCH -301  /* the reply is to something else */
#define MIG_BAD_ID -303          /* the server does not know the request */
#define MIG_BAD_ARGUMENTS -304   /* the request is not of the form it should have */
#define MIG_NO_REPLY -305        /* server: the answer comes later, or never */
#define MIG_ARRAY_TOO_LARGE -307 /* more data than the caller's array takes */
#define MIG_SERVER_DIED -308     /* the port died */

/* A request's reply has the request's id plus this. */
#define MIG_REPLY_ID_OFFSET 100

#endif
