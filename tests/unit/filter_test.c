/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet filters of the device server, with real ports for clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <sys/types.h>
#include <pcap/bpf.h>

#include <device/bpf.h>
#include <mach.h>

#include "netdde-under-test/machdev/filter.h"

#define LENGTH 100

/* A filter's words: a header and a program that accepts everything, or only frames of one Ethernet type. */
struct words {
    union {
        struct bpf_insn instructions[5];
        filter_t words[20];
    };
    size_t count;
};

static struct words accept_all(void)
{
    return (struct words){
        .instructions = {{.code = NETF_BPF | NETF_IN}, {.code = BPF_RET | BPF_K, .k = 0xffff}}, .count = 8};
}

static struct words accept_type(uint16_t type)
{
    return (struct words){.instructions = {{.code = NETF_BPF | NETF_IN},
                                           {.code = BPF_LD | BPF_H | BPF_ABS, .k = 12},
                                           {.code = BPF_JMP | BPF_JEQ | BPF_K, .k = type, .jt = 0, .jf = 1},
                                           {.code = BPF_RET | BPF_K, .k = 0xffff},
                                           {.code = BPF_RET | BPF_K, .k = 0}},
                          .count = 20};
}

static mach_port_t new_client(void)
{
    mach_port_t port;

    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port), KERN_SUCCESS);
    assert_int_equal(mach_port_insert_right(mach_task_self(), port, port, MACH_MSG_TYPE_MAKE_SEND),
                     KERN_SUCCESS);
    return port;
}

static void kill_client(mach_port_t port)
{
    assert_int_equal(mach_port_mod_refs(mach_task_self(), port, MACH_PORT_RIGHT_RECEIVE, -1), KERN_SUCCESS);
}

static int take(mach_port_t port, struct net_rcv_msg *message)
{
    return mach_msg(&message->msg_hdr, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof *message, port, 0,
                    MACH_PORT_NULL) == MACH_MSG_SUCCESS;
}

static unsigned queued(mach_port_t port)
{
    struct net_rcv_msg message;
    unsigned count = 0;

    while (take(port, &message))
        count++;
    return count;
}

static void fill_frame(uint8_t frame[LENGTH], uint16_t type)
{
    for (unsigned i = 0; i < LENGTH; i++)
        frame[i] = (uint8_t)(i * 7);
    frame[12] = (uint8_t)(type >> 8);
    frame[13] = (uint8_t)type;
}

static struct filter_list *list_with(mach_port_t port, int priority, struct words words)
{
    struct filter_list *list = filter_list_new();

    assert_non_null(list);
    assert_int_equal(filter_list_set(list, port, priority, words.words, words.count), D_SUCCESS);
    return list;
}

/* What became of a received frame for the client with this port. */
static enum filter_outcome deliver(struct filter_list *list, const uint8_t *frame, size_t length,
                                   mach_port_t client)
{
    struct filter_report report = filter_list_deliver(list, NETF_IN, frame, length);

    return filter_report_for(&report, client);
}

static void a_frame_arrives_whole_in_its_message(void **state)
{
    mach_port_t client = new_client();
    struct filter_list *list = list_with(client, 0, accept_all());
    struct net_rcv_msg message;
    uint8_t frame[LENGTH];
    struct packet_header header;

    (void)state;
    fill_frame(frame, 0x0800);
    assert_int_equal(deliver(list, frame, LENGTH, client), FILTER_DELIVERED);
    assert_true(take(client, &message));
    assert_int_equal(message.msg_hdr.msgh_id, NET_RCV_MSG_ID);
    assert_memory_equal(message.header, frame, 14);
    memcpy(&header, message.packet, sizeof header);
    assert_int_equal(header.length, sizeof header + LENGTH - 14);
    assert_memory_equal(&header.type, frame + 12, 2);
    assert_int_equal(message.net_rcv_msg_packet_count, header.length);
    assert_memory_equal(message.packet + sizeof header, frame + 14, LENGTH - 14);
    filter_list_free(list);
    kill_client(client);
}

static void only_those_whose_filter_matches_get_it(void **state)
{
    mach_port_t ipv4 = new_client(), arp = new_client();
    struct filter_list *list = list_with(ipv4, 0, accept_type(0x0800));
    struct words words = accept_type(0x0806);
    uint8_t frame[LENGTH];

    (void)state;
    assert_int_equal(filter_list_set(list, arp, 0, words.words, words.count), D_SUCCESS);
    fill_frame(frame, 0x0806);
    assert_int_equal(deliver(list, frame, LENGTH, arp), FILTER_DELIVERED);
    assert_int_equal(deliver(list, frame, LENGTH, ipv4), FILTER_NO_MATCH);
    assert_int_equal(queued(ipv4), 0);
    assert_int_equal(queued(arp), 2);
    fill_frame(frame, 0x86dd);
    assert_int_equal(filter_list_deliver(list, NETF_IN, frame, LENGTH).count, 0);
    assert_int_equal(filter_list_deliver(list, NETF_IN, frame, 5).count, 0); /* no Ethernet header */
    filter_list_free(list);
    kill_client(ipv4);
    kill_client(arp);
}

static void a_full_port_misses_the_frame_and_keeps_its_filter(void **state)
{
    mach_port_t slow = new_client(), quick = new_client();
    struct filter_list *list = list_with(slow, 1, accept_all());
    struct words words = accept_all();
    uint8_t frame[LENGTH];

    (void)state;
    fill_frame(frame, 0x0800);
    assert_int_equal(mach_port_set_qlimit(mach_task_self(), slow, 1), KERN_SUCCESS);
    assert_int_equal(deliver(list, frame, LENGTH, slow), FILTER_DELIVERED);
    assert_int_equal(deliver(list, frame, LENGTH, slow), FILTER_NO_ROOM);
    assert_int_equal(filter_list_set(list, quick, 0, words.words, words.count), D_SUCCESS);
    struct filter_report report = filter_list_deliver(list, NETF_IN, frame, LENGTH);
    assert_int_equal(filter_report_for(&report, slow), FILTER_NO_ROOM);
    assert_int_equal(filter_report_for(&report, quick), FILTER_DELIVERED);
    assert_int_equal(filter_list_count(list), 2);
    assert_int_equal(queued(slow), 1);
    assert_int_equal(queued(quick), 1);
    filter_list_free(list);
    kill_client(slow);
    kill_client(quick);
}

/* Known as dead-client-blocks: delivery stopped at the first client that was dead. */
static void dead_client_blocks_nobody_and_loses_its_filter(void **state)
{
    mach_port_t dead = new_client(), alive = new_client();
    struct filter_list *list = list_with(dead, NET_HI_PRI, accept_all());
    struct words words = accept_all();
    uint8_t frame[LENGTH];

    (void)state;
    fill_frame(frame, 0x0800);
    assert_int_equal(filter_list_set(list, alive, 0, words.words, words.count), D_SUCCESS);
    kill_client(dead);
    struct filter_report report = filter_list_deliver(list, NETF_IN, frame, LENGTH);
    assert_int_equal(filter_report_for(&report, dead), FILTER_CLIENT_GONE);
    assert_int_equal(filter_report_for(&report, alive), FILTER_DELIVERED);
    assert_int_equal(queued(alive), 1);
    assert_int_equal(filter_list_count(list), 1);
    kill_client(alive);
    assert_int_equal(deliver(list, frame, LENGTH, alive), FILTER_CLIENT_GONE);
    assert_int_equal(deliver(list, frame, LENGTH, alive), FILTER_NO_MATCH);
    filter_list_free(list);
}

static void high_priority_comes_first_and_may_keep_the_frame(void **state)
{
    mach_port_t high = new_client(), low = new_client();
    struct filter_list *list = list_with(low, 5, accept_all());
    struct words words = accept_all();
    uint8_t frame[LENGTH];

    (void)state;
    fill_frame(frame, 0x0800);
    assert_int_equal(filter_list_set(list, high, NET_HI_PRI, words.words, words.count), D_SUCCESS);
    assert_int_equal(deliver(list, frame, LENGTH, high), FILTER_DELIVERED);
    assert_int_equal(queued(high), 1);
    assert_int_equal(queued(low), 0);
    filter_list_free(list);
    kill_client(high);
    kill_client(low);
}

static void setting_a_ports_filter_again_replaces_it(void **state)
{
    mach_port_t client = new_client();
    struct filter_list *list = list_with(client, 0, accept_type(0x0800));
    struct words words = accept_type(0x0806);
    uint8_t frame[LENGTH];
    natural_t rights;

    (void)state;
    /* The list takes one right with each filter and gives back that of the filter it replaces. */
    assert_int_equal(mach_port_mod_refs(mach_task_self(), client, MACH_PORT_RIGHT_SEND, 1), KERN_SUCCESS);
    assert_int_equal(filter_list_set(list, client, 0, words.words, words.count), D_SUCCESS);
    assert_int_equal(mach_port_get_refs(mach_task_self(), client, MACH_PORT_RIGHT_SEND, &rights),
                     KERN_SUCCESS);
    assert_int_equal(rights, 1);
    assert_int_equal(filter_list_count(list), 1);
    fill_frame(frame, 0x0800);
    assert_int_equal(deliver(list, frame, LENGTH, client), FILTER_NO_MATCH);
    filter_list_free(list);
    assert_int_equal(mach_port_get_refs(mach_task_self(), client, MACH_PORT_RIGHT_SEND, &rights),
                     KERN_SUCCESS);
    assert_int_equal(rights, 0);
    kill_client(client);
}

static void what_is_no_filter_is_refused(void **state)
{
    mach_port_t client = new_client();
    struct filter_list *list = filter_list_new();
    struct words good = accept_all(), words;

    (void)state;
    assert_int_equal(filter_list_set(list, MACH_PORT_NULL, 0, good.words, good.count), D_INVALID_OPERATION);
    assert_int_equal(filter_list_set(list, client, -1, good.words, good.count), D_INVALID_OPERATION);
    assert_int_equal(filter_list_set(list, client, NET_PRI_MAX + 1, good.words, good.count),
                     D_INVALID_OPERATION);
    assert_int_equal(filter_list_set(list, client, 0, good.words, 0), D_INVALID_OPERATION);
    assert_int_equal(filter_list_set(list, client, 0, good.words, 4), D_INVALID_OPERATION); /* no program */
    assert_int_equal(filter_list_set(list, client, 0, good.words, 7), D_INVALID_OPERATION); /* half a one */
    words = good;
    words.words[0] = NETF_IN; /* the older language */
    assert_int_equal(filter_list_set(list, client, 0, words.words, words.count), D_INVALID_OPERATION);
    words.words[0] = NETF_BPF; /* neither what is received nor what is sent */
    assert_int_equal(filter_list_set(list, client, 0, words.words, words.count), D_INVALID_OPERATION);
    assert_int_equal(filter_list_count(list), 0);
    filter_list_free(list);
    kill_client(client);
}

#define RETURN                                                                                               \
    {                                                                                                        \
        .code = BPF_RET | BPF_K, .k = 1                                                                      \
    }

static void a_program_that_could_not_be_run_is_refused(void **state)
{
    static const struct {
        const char *what;
        struct bpf_insn program[4];
    } programs[] = {
        {"no return at the end", {RETURN, RETURN, RETURN, {.code = BPF_LD | BPF_IMM}}},
        {"a jump out of it", {{.code = BPF_JMP | BPF_JEQ | BPF_K, .jf = 3}, RETURN, RETURN, RETURN}},
        {"a far jump out of it", {{.code = BPF_JMP | BPF_JA, .k = 0x7fffffff}, RETURN, RETURN, RETURN}},
        {"a jump back", {RETURN, {.code = BPF_JMP | BPF_JA, .k = (bpf_u_int32)-2}, RETURN, RETURN}},
        {"a division by 0", {{.code = BPF_ALU | BPF_DIV | BPF_K}, RETURN, RETURN, RETURN}},
        {"scratch memory beyond its end", {{.code = BPF_ST, .k = BPF_MEMWORDS}, RETURN, RETURN, RETURN}},
        {"half a word of scratch memory", {{.code = BPF_LD | BPF_H | BPF_MEM}, RETURN, RETURN, RETURN}},
        {"an unknown miscellaneous operation", {{.code = BPF_MISC | 0x40}, RETURN, RETURN, RETURN}},
        {"a return of X", {{.code = BPF_RET | BPF_X}, RETURN, RETURN, RETURN}},
        {"a code beyond an octet", {{.code = 0x100 | BPF_LD}, RETURN, RETURN, RETURN}},
        {"a key without a match", {{.code = BPF_MISC | BPF_KEY}, RETURN, RETURN, RETURN}},
        {"a match without keys", {{.code = BPF_RET | BPF_MATCH_IMM}, RETURN, RETURN, RETURN}},
        {"a match with too many keys",
         {{.code = BPF_RET | BPF_MATCH_IMM, .jt = N_NET_HASH_KEYS + 1}, RETURN, RETURN, RETURN}},
        {"a match with other instructions for keys",
         {{.code = BPF_RET | BPF_MATCH_IMM, .jt = 1}, RETURN, RETURN, RETURN}},
        {"a match whose keys end with the program",
         {RETURN, RETURN, {.code = BPF_RET | BPF_MATCH_IMM, .jt = 1}, {.code = BPF_MISC | BPF_KEY}}},
    };
    mach_port_t client = new_client();
    struct filter_list *list = filter_list_new();

    (void)state;
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        struct words words = {.instructions = {{.code = NETF_BPF | NETF_IN}}, .count = 20};
        memcpy(&words.instructions[1], programs[i].program, sizeof programs[i].program);
        io_return_t result = filter_list_set(list, client, 0, words.words, words.count);
        if (result != D_INVALID_OPERATION)
            fail_msg("a program with %s: %d", programs[i].what, result);
    }
    assert_int_equal(filter_list_count(list), 0);
    filter_list_free(list);
    kill_client(client);
}

/* libpcap's interpreter ends the process at an instruction that it does not know. */
static void whatever_code_is_accepted_can_be_run(void **state)
{
    mach_port_t client = new_client();
    struct filter_list *list = filter_list_new();
    uint8_t frame[LENGTH];
    unsigned accepted = 0;

    (void)state;
    fill_frame(frame, 0x0800);
    for (unsigned code = 0; code <= UINT16_MAX; code++) {
        struct words words = {
            .instructions = {{.code = NETF_BPF | NETF_IN}, {.code = (u_short)code, .k = 1}, RETURN, RETURN},
            .count = 16};
        if (filter_list_set(list, client, 0, words.words, words.count) == D_INVALID_OPERATION)
            continue;
        mach_port_mod_refs(mach_task_self(), client, MACH_PORT_RIGHT_SEND, 1);
        deliver(list, frame, LENGTH, client);
        queued(client);
        accepted++;
    }
    assert_int_equal(accepted, 49);
    filter_list_free(list);
    kill_client(client);
}

static void a_match_compares_its_keys_with_the_scratch_memory(void **state)
{
    /* Octets 6 and 7 of the frame into words 0 and 1, which must be the keys. */
    struct {
        struct bpf_insn instructions[9];
    } filter = {{{.code = NETF_BPF | NETF_IN},
                 {.code = BPF_LD | BPF_B | BPF_ABS, .k = 6},
                 {.code = BPF_ST, .k = 0},
                 {.code = BPF_LD | BPF_B | BPF_ABS, .k = 7},
                 {.code = BPF_ST, .k = 1},
                 {.code = BPF_RET | BPF_MATCH_IMM, .jt = 2, .k = 0xffff},
                 {.code = BPF_MISC | BPF_KEY, .k = 0x42},
                 {.code = BPF_MISC | BPF_KEY, .k = 0x43},
                 {.code = BPF_RET | BPF_K, .k = 0}}};
    filter_t words[sizeof filter / sizeof(filter_t)];
    struct filter_list *list = filter_list_new();
    mach_port_t client = new_client();
    uint8_t frame[LENGTH];

    (void)state;
    memcpy(words, &filter, sizeof filter);
    fill_frame(frame, 0x0800);
    assert_int_equal(filter_list_set(list, client, 0, words, sizeof filter / sizeof(filter_t)), D_SUCCESS);
    frame[6] = 0x42;
    frame[7] = 0x43;
    assert_int_equal(deliver(list, frame, LENGTH, client), FILTER_DELIVERED);
    frame[7] = 0x44;
    assert_int_equal(deliver(list, frame, LENGTH, client), FILTER_NO_MATCH);
    frame[6] = 0x43;
    frame[7] = 0x43;
    assert_int_equal(deliver(list, frame, LENGTH, client), FILTER_NO_MATCH);
    filter_list_free(list);
    kill_client(client);
}

static void scratch_memory_begins_as_zeros(void **state)
{
    struct words words = {.instructions = {{.code = NETF_BPF | NETF_IN},
                                           {.code = BPF_LD | BPF_MEM, .k = BPF_MEMWORDS - 1},
                                           {.code = BPF_JMP | BPF_JEQ | BPF_K, .k = 0, .jt = 0, .jf = 1},
                                           {.code = BPF_RET | BPF_K, .k = 1},
                                           {.code = BPF_RET | BPF_K, .k = 0}},
                          .count = 20};
    mach_port_t client = new_client();
    struct filter_list *list = list_with(client, 0, words);
    uint8_t frame[LENGTH];

    (void)state;
    fill_frame(frame, 0x0800);
    assert_int_equal(deliver(list, frame, LENGTH, client), FILTER_DELIVERED);
    filter_list_free(list);
    kill_client(client);
}

static void who_wants_sent_frames_gets_those(void **state)
{
    mach_port_t both = new_client(), received = new_client();
    struct words words = accept_all();
    uint8_t frame[LENGTH];

    (void)state;
    struct filter_list *list = list_with(received, 0, words);
    assert_false(filter_list_wants(list, NETF_OUT));
    words.words[0] |= NETF_OUT;
    assert_int_equal(filter_list_set(list, both, 0, words.words, words.count), D_SUCCESS);
    assert_true(filter_list_wants(list, NETF_OUT));
    fill_frame(frame, 0x0800);
    struct filter_report report = filter_list_deliver(list, NETF_OUT, frame, LENGTH);
    assert_int_equal(report.direction, NETF_OUT);
    assert_int_equal(filter_report_for(&report, both), FILTER_DELIVERED);
    assert_int_equal(filter_report_for(&report, received), FILTER_NO_MATCH);
    assert_int_equal(filter_list_deliver(list, NETF_IN, frame, LENGTH).count, 2);
    kill_client(both);
    filter_list_forget(list, both);
    assert_false(filter_list_wants(list, NETF_OUT));
    filter_list_free(list);
    kill_client(received);
}

static void there_is_a_limit(void **state)
{
    struct filter_list *list = filter_list_new();
    struct words words = accept_all();
    mach_port_t clients[FILTERS_MAX + 1];

    (void)state;
    for (unsigned i = 0; i < FILTERS_MAX + 1; i++) {
        clients[i] = new_client();
        assert_int_equal(filter_list_set(list, clients[i], 0, words.words, words.count),
                         i < FILTERS_MAX ? D_SUCCESS : D_NO_MEMORY);
    }
    filter_list_free(list);
    for (unsigned i = 0; i < FILTERS_MAX + 1; i++)
        kill_client(clients[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_arrives_whole_in_its_message),
        cmocka_unit_test(only_those_whose_filter_matches_get_it),
        cmocka_unit_test(a_full_port_misses_the_frame_and_keeps_its_filter),
        cmocka_unit_test(dead_client_blocks_nobody_and_loses_its_filter),
        cmocka_unit_test(high_priority_comes_first_and_may_keep_the_frame),
        cmocka_unit_test(setting_a_ports_filter_again_replaces_it),
        cmocka_unit_test(what_is_no_filter_is_refused),
        cmocka_unit_test(a_program_that_could_not_be_run_is_refused),
        cmocka_unit_test(whatever_code_is_accepted_can_be_run),
        cmocka_unit_test(a_match_compares_its_keys_with_the_scratch_memory),
        cmocka_unit_test(scratch_memory_begins_as_zeros),
        cmocka_unit_test(who_wants_sent_frames_gets_those),
        cmocka_unit_test(there_is_a_limit),
    };

    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
