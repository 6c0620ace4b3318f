/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See expression.h. */
#include "netdde-under-test/pfinet/expression.h"

#include <pcap/pcap.h>
#include <string.h>

size_t expression_compile(const char *expression, unsigned directions, filter_t words[NET_MAX_FILTER])
{
    const struct bpf_insn header = {.code = (u_short)(NETF_BPF | directions)};
    const size_t room = NET_MAX_FILTER * sizeof words[0] - sizeof header;
    struct bpf_program program;
    size_t bytes = 0;

    pcap_t *pcap = pcap_open_dead(DLT_EN10MB, NET_RCV_MAX);
    if (!pcap)
        return 0;
    if (pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0) {
        bytes = program.bf_len * sizeof *program.bf_insns;
        if (bytes <= room) {
            memcpy(words, &header, sizeof header);
            memcpy(words + sizeof header / sizeof words[0], program.bf_insns, bytes);
        }
        pcap_freecode(&program);
    }
    pcap_close(pcap);
    return bytes > 0 && bytes <= room ? (sizeof header + bytes) / sizeof words[0] : 0;
}
