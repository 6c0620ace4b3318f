/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packet filters and the delivery through them: see filter.h. */
#include "netdde-under-test/machdev/filter.h"

#include <sys/types.h> /* u_int, for the next */
#include <pcap/bpf.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <device/device_messages.h>
#include <mach.h>

#define ETHERNET_HEADER 14
#define PROGRAM_MAX (NET_MAX_FILTER * sizeof(filter_t) / sizeof(struct bpf_insn))
#define PAYLOAD_MAX (NET_RCV_MAX - sizeof(struct packet_header))

struct filter {
    mach_port_t deliver_to; /* a send right of the list's, or by now a dead name */
    int priority;
    struct bpf_insn program[PROGRAM_MAX];
};

struct filter_list {
    /* Guards all that follows. It is held while frames are sent to clients, which never waits, so that a
     * filter neither changes nor goes while it is used. */
    pthread_mutex_t lock;
    size_t count;
    struct filter *filters[FILTERS_MAX]; /* highest priority first, among equals the oldest */
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

/* The list is locked. */
static void remove_at(struct filter_list *list, size_t place)
{
    struct filter *filter = list->filters[place];

    memmove(&list->filters[place], &list->filters[place + 1],
            (list->count - place - 1) * sizeof list->filters[0]);
    list->count--;
    mach_port_deallocate(mach_task_self(), filter->deliver_to);
    free(filter);
}

/* The list is locked and has room. */
static void insert(struct filter_list *list, struct filter *filter)
{
    size_t place = list->count++;

    for (; place > 0 && list->filters[place - 1]->priority < filter->priority; place--)
        list->filters[place] = list->filters[place - 1];
    list->filters[place] = filter;
}

/* The program in a filter's words; NULL for what is no program, *why then says so. */
static struct filter *read_filter(const filter_t *words, size_t count, io_return_t *why)
{
    size_t bytes = count * sizeof words[0], instructions = bytes / sizeof(struct bpf_insn);

    *why = D_INVALID_OPERATION;
    if (count > NET_MAX_FILTER || bytes % sizeof(struct bpf_insn) != 0 || instructions < 2 ||
        (words[0] & NETF_TYPE_MASK) != NETF_BPF || (words[0] & NETF_IN) == 0)
        return NULL;
    struct filter *filter = calloc(1, sizeof *filter);
    if (!filter) {
        *why = D_NO_MEMORY;
        return NULL;
    }
    /* The first instruction is the header that has just been read. */
    memcpy(filter->program, words + sizeof(struct bpf_insn) / sizeof words[0],
           bytes - sizeof(struct bpf_insn));
    if (!bpf_validate(filter->program, (int)instructions - 1)) {
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
    for (size_t i = 0; i < list->count; i++)
        if (list->filters[i]->deliver_to == deliver_to) {
            remove_at(list, i);
            break;
        }
    bool room = list->count < FILTERS_MAX;
    if (room)
        insert(list, filter);
    pthread_mutex_unlock(&list->lock);
    if (!room)
        free(filter);
    return room ? D_SUCCESS : D_NO_MEMORY;
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
        return FILTER_PORT_FULL;
    }
}

/* The list is locked. */
static enum filter_outcome deliver_locked(struct filter_list *list, const uint8_t *frame, size_t length)
{
    enum filter_outcome outcome = FILTER_NO_MATCH;
    bool filled = false;

    for (size_t i = 0; i < list->count;) {
        const struct filter *filter = list->filters[i];
        bool last = filter->priority >= NET_HI_PRI;
        if (bpf_filter(filter->program, frame, (u_int)length, (u_int)length) == 0) {
            i++;
            continue;
        }
        if (!filled)
            fill_message(&list->message, frame, length);
        filled = true;
        enum filter_outcome one = send_to(list, filter);
        if (outcome != FILTER_DELIVERED)
            outcome = one;
        if (one == FILTER_CLIENT_GONE) {
            remove_at(list, i);
            continue; /* a dead client keeps nothing from the others */
        }
        if (last)
            break;
        i++;
    }
    return outcome;
}

enum filter_outcome filter_list_deliver(struct filter_list *list, const uint8_t *frame, size_t length)
{
    if (length < ETHERNET_HEADER || length - ETHERNET_HEADER > PAYLOAD_MAX)
        return FILTER_NO_MATCH;
    pthread_mutex_lock(&list->lock);
    enum filter_outcome outcome = deliver_locked(list, frame, length);
    pthread_mutex_unlock(&list->lock);
    return outcome;
}
