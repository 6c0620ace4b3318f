/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Mach adds to the instructions of BPF filters: M. Yuhara, B. Bershad, C. Maeda, J. Moss, "Efficient
 * Packet Demultiplexing for Multiple Endpoints and Large Messages", USENIX 1994. Names and values are GNU
 * Mach's; the other instructions are those of <pcap/bpf.h>.
 *
 * BPF_RET | BPF_MATCH_IMM ends a program like BPF_RET | BPF_K, if the first jt words of the scratch memory
 * are the keys: the k of the jt instructions BPF_MISC | BPF_KEY that follow it. Otherwise the frame does not
 * match. A program has one such instruction at most.
 *
 * Left out: the paper's instructions for fragments (BPF_MATCH_DATA and the like), as in the Hurd's libbpf.
 */
#ifndef HARNESS_DEVICE_BPF_H
#define HARNESS_DEVICE_BPF_H

#define BPF_MATCH_IMM 0x18
#define BPF_KEY 0x10

#define N_NET_HASH_KEYS 4 /* keys that one match may have */

#endif
