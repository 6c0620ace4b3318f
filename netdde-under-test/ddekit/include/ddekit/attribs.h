/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: compiler attributes of its interface.
 */
#ifndef DDEKIT_ATTRIBS_H
#define DDEKIT_ATTRIBS_H

#define DDEKIT_PRINTF(fmt, first) __attribute__((__format__(__printf__, fmt, first)))
#define DDEKIT_NORETURN __attribute__((__noreturn__))

#endif
