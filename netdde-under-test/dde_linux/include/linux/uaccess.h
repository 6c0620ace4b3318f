/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/uaccess.h>: there is one address space. Both return the bytes not copied: none. */
#ifndef DDE_LINUX_UACCESS_H
#define DDE_LINUX_UACCESS_H

#include <linux/compiler.h>
#include <string.h>

static inline unsigned long copy_to_user(void __user *to, const void *from, unsigned long n)
{
    memcpy(to, from, n);
    return 0;
}

static inline unsigned long copy_from_user(void *to, const void __user *from, unsigned long n)
{
    memcpy(to, from, n);
    return 0;
}

#endif
