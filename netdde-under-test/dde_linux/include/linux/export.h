/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/export.h>: everything is one program. */
#ifndef DDE_LINUX_EXPORT_H
#define DDE_LINUX_EXPORT_H

struct module;

#define THIS_MODULE ((struct module *)0)
#define EXPORT_SYMBOL(symbol) struct module
#define EXPORT_SYMBOL_GPL(symbol) struct module

#endif
