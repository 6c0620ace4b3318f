/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/bpf.h>: programs that are attached to drivers. There is no interpreter and no way to
 * attach one: no driver's ndo_bpf is called, a driver's program pointers stay NULL, and what it would do with
 * a program is compiled and never reached. Reaching it is a bug, and ends the process.
 */
#ifndef DDE_LINUX_BPF_H
#define DDE_LINUX_BPF_H

#include_next <linux/bpf.h>

#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/types.h>

struct bpf_prog;
struct net_device;

static inline void bpf_prog_add(struct bpf_prog *prog __always_unused, int count __always_unused)
{
    BUG();
}

static inline void bpf_prog_sub(struct bpf_prog *prog __always_unused, int count __always_unused)
{
    BUG();
}

static inline void bpf_prog_put(struct bpf_prog *prog __always_unused)
{
    BUG();
}

#endif
