/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packet filters and the delivery through them: see filter.h.
 *
 * The programs are run by libpcap's bpf_filter(). It ends the process at an instruction that it does not
 * know, and its scratch memory begins as what the stack happens to hold; and its bpf_validate() lets unknown
 * instructions pass, and jumps back, by which a program could run for ever. So each instruction is looked at
 * here first, and programs begin by clearing what they read.
 */
#include "netdde-under-test/machdev/filter.h"

#include <sys/types.h> /* u_int, for the next */
#include <pcap/bpf.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <device/bpf.h>
#include <device/device_messages.h>
#include <mach.h>

#define ETHERNET_HEADER 14
/* Instructions: those that a filter's words have room for, those in the place of a match, and those that
 * clear the scratch memory. */
#define INSTRUCTIONS_MAX (NET_MAX_FILTER * sizeof(filter_t) / sizeof(struct bpf_insn))
#define PROGRAM_MAX (INSTRUCTIONS_MAX + 2 * N_NET_HASH_KEYS + 2 + BPF_MEMWORDS)
#define DIRECTIONS (NETF_IN | NETF_OUT)
#define PAYLOAD_MAX (NET_RCV_MAX - sizeof(struct packet_header))

struct filter {
    mach_port_t deliver_to; /* a send right of the list's, or by now a dead name */
    unsigned directions;    /* NETF_IN, NETF_OUT */
    int priority;
    size_t length; /* instructions */
    struct bpf_insn program[PROGRAM_MAX];
};

struct filter_list {
    /* Guards all that follows. It is held while frames are sent to clients, which never waits, so that a
     * filter neither changes nor goes while it is used. */
    pthread_mutex_t lock;
    size_t count;
    struct filter *filters[FILTERS_MAX]; /* highest priority first, among equals the oldest */
    _Atomic unsigned directions;         /* of all of them; read without the lock, too */
    struct net_rcv_msg message;          /* the frame at hand; what all frames have in common stays */
};

struct filter_list *filter_list_new(void)
{
    struct filter_list *list = calloc(1, sizeof *list);

    if (!list)
        return NULL;
    pthread_mutex_init(&list->lock, NULL);
    list->message.msg_hdr.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0);
    list->message.msg_hdr.msgh_id = NET_RCV_MSG_ID;
    list->message.header_type = DEVICE_ITEM(MACH_MSG_TYPE_BYTE, 8, NET_HDW_HDR_MAX);
    list->message.packet_type = DEVICE_ITEM(MACH_MSG_TYPE_BYTE, 8, 0);
    return list;
}

void filter_list_free(struct filter_list *list)
{
    filter_list_clear(list);
    pthread_mutex_destroy(&list->lock);
    free(list);
}

/* The list is locked, and its filters have changed. */
static void note_directions(struct filter_list *list)
{
    unsigned directions = 0;

    for (size_t i = 0; i < list->count; i++)
        directions |= list->filters[i]->directions;
    list->directions = directions;
}

/* The list is locked. */
static void remove_at(struct filter_list *list, size_t place)
{
    struct filter *filter = list->filters[place];

    memmove(&list->filters[place], &list->filters[place + 1],
            (list->count - place - 1) * sizeof list->filters[0]);
    list->count--;
    note_directions(list);
    mach_port_deallocate(mach_task_self(), filter->deliver_to);
    free(filter);
}

/* The list is locked. */
static void remove_port(struct filter_list *list, mach_port_t port)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->filters[i]->deliver_to == port) {
            remove_at(list, i);
            return; /* there is one of a port */
        }
}

/* The list is locked and has room. */
static void insert(struct filter_list *list, struct filter *filter)
{
    size_t place = list->count++;

    for (; place > 0 && list->filters[place - 1]->priority < filter->priority; place--)
        list->filters[place] = list->filters[place - 1];
    list->filters[place] = filter;
    note_directions(list);
}

/* --- Reading filters -------------------------------------------------------------------------------------
 */

/* An instruction that bpf_filter() knows. */
static bool is_known(uint16_t code)
{
    static const uint16_t known[] = {
        BPF_LD | BPF_W | BPF_ABS,
        BPF_LD | BPF_H | BPF_ABS,
        BPF_LD | BPF_B | BPF_ABS,
        BPF_LD | BPF_W | BPF_IND,
        BPF_LD | BPF_H | BPF_IND,
        BPF_LD | BPF_B | BPF_IND,
        BPF_LD | BPF_W | BPF_LEN,
        BPF_LD | BPF_IMM,
        BPF_LD | BPF_MEM,
        BPF_LDX | BPF_W | BPF_LEN,
        BPF_LDX | BPF_IMM,
        BPF_LDX | BPF_MEM,
        BPF_LDX | BPF_B | BPF_MSH,
        BPF_ST,
        BPF_STX,
        BPF_ALU | BPF_ADD | BPF_K,
        BPF_ALU | BPF_ADD | BPF_X,
        BPF_ALU | BPF_SUB | BPF_K,
        BPF_ALU | BPF_SUB | BPF_X,
        BPF_ALU | BPF_MUL | BPF_K,
        BPF_ALU | BPF_MUL | BPF_X,
        BPF_ALU | BPF_DIV | BPF_K,
        BPF_ALU | BPF_DIV | BPF_X,
        BPF_ALU | BPF_MOD | BPF_K,
        BPF_ALU | BPF_MOD | BPF_X,
        BPF_ALU | BPF_AND | BPF_K,
        BPF_ALU | BPF_AND | BPF_X,
        BPF_ALU | BPF_OR | BPF_K,
        BPF_ALU | BPF_OR | BPF_X,
        BPF_ALU | BPF_XOR | BPF_K,
        BPF_ALU | BPF_XOR | BPF_X,
        BPF_ALU | BPF_LSH | BPF_K,
        BPF_ALU | BPF_LSH | BPF_X,
        BPF_ALU | BPF_RSH | BPF_K,
        BPF_ALU | BPF_RSH | BPF_X,
        BPF_ALU | BPF_NEG,
        BPF_JMP | BPF_JA,
        BPF_JMP | BPF_JEQ | BPF_K,
        BPF_JMP | BPF_JEQ | BPF_X,
        BPF_JMP | BPF_JGT | BPF_K,
        BPF_JMP | BPF_JGT | BPF_X,
        BPF_JMP | BPF_JGE | BPF_K,
        BPF_JMP | BPF_JGE | BPF_X,
        BPF_JMP | BPF_JSET | BPF_K,
        BPF_JMP | BPF_JSET | BPF_X,
        BPF_RET | BPF_K,
        BPF_RET | BPF_A,
        BPF_MISC | BPF_TAX,
        BPF_MISC | BPF_TXA,
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i] == code)
            return true;
    return false;
}

/*
 * Put standard instructions in place of Mach's match at `place`: it becomes a jump behind the program, where
 * the keys are compared one by one. Who jumps to a key finds no match there, as before. Returns false for
 * what is no match.
 */
static bool expand_match(struct filter *filter, size_t place)
{
    struct bpf_insn *match = &filter->program[place], *next = &filter->program[filter->length];
    const struct bpf_insn reject = {.code = BPF_RET | BPF_K, .k = 0},
                          accept = {.code = BPF_RET | BPF_K, .k = match->k};
    const unsigned keys = match->jt;

    if (keys == 0 || keys > N_NET_HASH_KEYS || keys >= filter->length - place)
        return false;
    *match = (struct bpf_insn){.code = BPF_JMP | BPF_JA, .k = (bpf_u_int32)(filter->length - place - 1)};
    for (unsigned i = 0; i < keys; i++) {
        struct bpf_insn *key = match + 1 + i;
        if (key->code != (BPF_MISC | BPF_KEY))
            return false;
        *next++ = (struct bpf_insn){.code = BPF_LD | BPF_MEM, .k = i};
        /* Those behind are two for each key left and one that accepts; then comes the one that rejects. */
        *next++ = (struct bpf_insn){
            .code = BPF_JMP | BPF_JEQ | BPF_K, .k = key->k, .jt = 0, .jf = (u_char)(2 * (keys - 1 - i) + 1)};
        *key = reject;
    }
    *next++ = accept;
    *next++ = reject;
    filter->length = (size_t)(next - filter->program);
    return true;
}

/* Put instructions in front that clear each word of the scratch memory that the program reads; the
 * accumulator begins as 0. */
static void clear_scratch(struct filter *filter)
{
    struct bpf_insn clearing[BPF_MEMWORDS];
    bool read[BPF_MEMWORDS] = {false};
    size_t count = 0;

    for (size_t i = 0; i < filter->length; i++) {
        const struct bpf_insn *one = &filter->program[i];
        if ((one->code == (BPF_LD | BPF_MEM) || one->code == (BPF_LDX | BPF_MEM)) && one->k < BPF_MEMWORDS)
            read[one->k] = true;
    }
    for (unsigned word = 0; word < BPF_MEMWORDS; word++)
        if (read[word])
            clearing[count++] = (struct bpf_insn){.code = BPF_ST, .k = word};
    memmove(filter->program + count, filter->program, filter->length * sizeof filter->program[0]);
    memcpy(filter->program, clearing, count * sizeof clearing[0]);
    filter->length += count;
}

/* Bring the program into a form that bpf_filter() takes. Returns false for what is no program. */
static bool translate(struct filter *filter)
{
    const size_t length = filter->length;
    bool matched = false;

    if (BPF_CLASS(filter->program[length - 1].code) != BPF_RET)
        return false;
    for (size_t i = 0; i < length; i++) {
        const struct bpf_insn *one = &filter->program[i];
        if (one->code == (BPF_RET | BPF_MATCH_IMM)) {
            if (matched || !expand_match(filter, i))
                return false;
            matched = true;
        } else if (!is_known(one->code) || (one->code == (BPF_JMP | BPF_JA) && one->k >= length - i - 1)) {
            return false;
        }
    }
    clear_scratch(filter);
    return bpf_validate(filter->program, (int)filter->length);
}

/* The filter in these words; NULL for what is none, *why then says so. */
static struct filter *read_filter(const filter_t *words, size_t count, io_return_t *why)
{
    size_t bytes = count * sizeof words[0], instructions = bytes / sizeof(struct bpf_insn);

    *why = D_INVALID_OPERATION;
    if (count > NET_MAX_FILTER || bytes % sizeof(struct bpf_insn) != 0 || instructions < 2 ||
        (words[0] & NETF_TYPE_MASK) != NETF_BPF || (words[0] & DIRECTIONS) == 0)
        return NULL;
    struct filter *filter = calloc(1, sizeof *filter);
    if (!filter) {
        *why = D_NO_MEMORY;
        return NULL;
    }
    /* The first instruction is the header that has just been read. */
    filter->directions = words[0] & DIRECTIONS;
    filter->length = instructions - 1;
    memcpy(filter->program, words + sizeof(struct bpf_insn) / sizeof words[0],
           filter->length * sizeof filter->program[0]);
    if (!translate(filter)) {
        free(filter);
        return NULL;
    }
    return filter;
}

io_return_t filter_list_set(struct filter_list *list, mach_port_t deliver_to, int priority,
                            const filter_t *words, size_t count)
{
    io_return_t result;

    if (!MACH_PORT_VALID(deliver_to) || priority < 0 || priority > NET_PRI_MAX)
        return D_INVALID_OPERATION;
    struct filter *filter = read_filter(words, count, &result);
    if (!filter)
        return result;
    filter->deliver_to = deliver_to;
    filter->priority = priority;

    pthread_mutex_lock(&list->lock);
    remove_port(list, deliver_to);
    bool room = list->count < FILTERS_MAX;
    if (room)
        insert(list, filter);
    pthread_mutex_unlock(&list->lock);
    if (!room)
        free(filter);
    return room ? D_SUCCESS : D_NO_MEMORY;
}

void filter_list_forget(struct filter_list *list, mach_port_t port)
{
    pthread_mutex_lock(&list->lock);
    remove_port(list, port);
    pthread_mutex_unlock(&list->lock);
}

void filter_list_clear(struct filter_list *list)
{
    pthread_mutex_lock(&list->lock);
    while (list->count > 0)
        remove_at(list, list->count - 1);
    pthread_mutex_unlock(&list->lock);
}

size_t filter_list_count(struct filter_list *list)
{
    pthread_mutex_lock(&list->lock);
    size_t count = list->count;
    pthread_mutex_unlock(&list->lock);
    return count;
}

bool filter_list_wants(const struct filter_list *list, unsigned direction)
{
    return list->directions & direction;
}

/* --- Delivery --------------------------------------------------------------------------------------------
 */

/* Write the frame into the list's message. */
static void fill_message(struct net_rcv_msg *message, const uint8_t *frame, size_t length)
{
    size_t payload = length - ETHERNET_HEADER;
    struct packet_header header = {.length = (unsigned short)(sizeof header + payload)};

    memcpy(&header.type, frame + ETHERNET_HEADER - sizeof header.type, sizeof header.type);
    memcpy(message->header, frame, ETHERNET_HEADER);
    memcpy(message->packet, &header, sizeof header);
    memcpy(message->packet + sizeof header, frame + ETHERNET_HEADER, payload);
    message->net_rcv_msg_packet_count = header.length;
    message->msg_hdr.msgh_size = DEVICE_MESSAGE_SIZE(struct net_rcv_msg, packet, header.length);
}

static enum filter_outcome send_to(struct filter_list *list, const struct filter *filter)
{
    mach_msg_header_t *header = &list->message.msg_hdr;

    header->msgh_remote_port = filter->deliver_to;
    switch (mach_msg(header, MACH_SEND_MSG | MACH_SEND_TIMEOUT, header->msgh_size, 0, MACH_PORT_NULL, 0,
                     MACH_PORT_NULL)) {
    case MACH_MSG_SUCCESS:
        return FILTER_DELIVERED;
    case MACH_SEND_INVALID_DEST:
        return FILTER_CLIENT_GONE;
    default: /* a time-out, or no memory for the message: the client misses it */
        return FILTER_NO_ROOM;
    }
}

static bool matches(const struct filter *filter, unsigned direction, const uint8_t *frame, size_t length)
{
    return (filter->directions & direction) != 0 &&
           bpf_filter(filter->program, frame, (u_int)length, (u_int)length) != 0;
}

/* The list is locked. */
static void deliver_locked(struct filter_list *list, const uint8_t *frame, size_t length,
                           struct filter_report *report)
{
    for (size_t i = 0; i < list->count;) {
        const struct filter *filter = list->filters[i];
        bool last = filter->priority >= NET_HI_PRI;
        if (!matches(filter, report->direction, frame, length)) {
            i++;
            continue;
        }
        if (report->count == 0)
            fill_message(&list->message, frame, length);
        enum filter_outcome outcome = send_to(list, filter);
        report->clients[report->count].port = filter->deliver_to;
        report->clients[report->count++].outcome = outcome;
        if (outcome == FILTER_CLIENT_GONE) {
            remove_at(list, i);
            continue; /* a dead client keeps nothing from the others */
        }
        if (last)
            break;
        i++;
    }
}

struct filter_report filter_list_deliver(struct filter_list *list, unsigned direction, const uint8_t *frame,
                                         size_t length)
{
    struct filter_report report = {.direction = direction, .others = FILTER_NO_MATCH};

    if (length < ETHERNET_HEADER || length - ETHERNET_HEADER > PAYLOAD_MAX)
        return report;
    pthread_mutex_lock(&list->lock);
    deliver_locked(list, frame, length, &report);
    pthread_mutex_unlock(&list->lock);
    return report;
}

enum filter_outcome filter_report_for(const struct filter_report *report, mach_port_t port)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->clients[i].port == port)
            return report->clients[i].outcome;
    return report->others;
}
