/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An operation on a controlled descriptor that the kernel might block in: made as often as it takes. */
#ifndef LOCKCHECK_RUNTIME_DESCRIPTOR_OPERATION_H
#define LOCKCHECK_RUNTIME_DESCRIPTOR_OPERATION_H

#include "lockcheck/runtime/descriptor.h"

struct lc_operation {
    int fd; /* as the program says */
    enum lc_op op;
    short events; /* of poll(), that make another attempt worthwhile */
    /* Does it without blocking: -1 with EAGAIN when it would have blocked. */
    ssize_t (*attempt)(struct lc_operation *o);
    /* Does it, or what is left of it, as the kernel does. */
    ssize_t (*real)(struct lc_operation *o);
    bool nonblocking;   /* EAGAIN is for the program to see */
    int timeout_option; /* of SOL_SOCKET; 0 for none */
    int timeout_error;  /* errno when that has passed */

    int number;           /* under which the kernel knows the file now */
    struct lc_file *file; /* with a reference */
    ssize_t done;         /* bytes, by attempts that were not the last one */
};

/* Returns what the system call would; a scheduling point and a cancellation point. */
ssize_t lc_operate(struct lc_operation *o);

#endif
