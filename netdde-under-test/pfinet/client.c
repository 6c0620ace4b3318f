/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client: see client.h. */
#include "netdde-under-test/pfinet/client.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ddekit/debug.h>
#include <ddekit/lock.h>
#include <ddekit/semaphore.h>
#include <ddekit/thread.h>
#include <ddekit/timer.h>
#include <device/device.h>
#include <device/device_messages.h>
#include <mach_error.h>

#include "netdde-under-test/pfinet/expression.h"
#include "netdde-under-test/pfinet/message.h"
#include "netdde-under-test/pfinet/script.h"

#define MS_PER_SECOND 1000u
#define FILTER_PRIORITY 0
#define NO_TIMER (-1)

/* How long to wait for the link: gigabit auto-negotiation takes some seconds. */
#define LINK_ROUNDS 500
#define LINK_MS 10u

/* What a timer's callback is given: which frame it is to send. */
struct due_frame {
    struct client *client;
    size_t number;
};

struct client {
    device_t device;
    struct client_device about;
    mach_port_t frames_port, replies_port; /* receive rights */
    void (*delivered)(void);
    void (*recognised)(const struct replay *replay, const struct replay_frame *frame);
    const struct replay *replay;
    unsigned threads;    /* that have been started */
    ddekit_sem_t *ended; /* up: one of them has ended */

    ddekit_sem_t *window; /* one for each write that may be begun */

    ddekit_lock_t stack; /* guards all of the following, up to the counts of client-reply */
    struct sequence received;
    struct script script;
    struct due_frame *due_frames; /* one for each frame of the script */
    size_t past;                  /* the peer's frames up to the last one received */
    size_t next_send;             /* the frame of the script to be sent next */
    int timer;                    /* pending for next_send, or NO_TIMER */
    uint64_t by_timer;
    size_t timers; /* that were started and not deleted: each ups `expired` once */
    bool closing;

    ddekit_sem_t *expired; /* up: a timer has expired, or the client closes */
    size_t fired;          /* the frame of the timer that expired last; atomically */

    ddekit_sem_t *given_up; /* up: client_finish has waited long enough */
    bool gives_up;          /* from then on; atomically. There is always room in the window, for nothing */

    _Atomic uint64_t replies, reply_errors, reply_bytes; /* written by client-reply */
    uint64_t sent_bytes; /* guarded by the stack's lock: octets of the requests */
};

/* --- Sending ---------------------------------------------------------------------------------------------
 */
/* All with the stack's lock held. */

/* A timer whose callback is already running stays without effect: the callback looks whether it is still the
 * frame's timer, under the lock. */
static void disarm(struct client *client)
{
    if (client->timer == NO_TIMER)
        return;
    if (ddekit_del_timer(client->timer) == DDEKIT_TIMER_DELETED)
        client->timers--;
    client->timer = NO_TIMER;
}

static bool enter_window(struct client *client)
{
    ddekit_sem_down(client->window);
    if (!__atomic_load_n(&client->gives_up, __ATOMIC_SEQ_CST))
        return true;
    ddekit_sem_up(client->window); /* for the next one */
    return false;
}

static void send_next(struct client *client)
{
    const struct replay_frame *frame = client->script.sends[client->next_send].frame;

    disarm(client);
    client->next_send++;
    if (!enter_window(client))
        return;
    client->sent_bytes += frame->length;
    if (device_write_request(client->device, client->replies_port, MACH_MSG_TYPE_MAKE_SEND_ONCE, 0, 0,
                             (const char *)frame->data, frame->length) != MACH_MSG_SUCCESS)
        ddekit_sem_up(client->window);
}

static void timer_expired(void *argument);

/* Send what the frames received until now make due, and start the timer of a delayed acknowledgement that
 * they make pending. */
static void send_due(struct client *client)
{
    const struct script *script = &client->script;
    const struct script_send *next = &script->sends[client->next_send];

    for (; client->next_send < script->count && client->past >= next->due; next++)
        send_next(client);
    if (client->next_send == script->count || client->timer != NO_TIMER || next->arm == 0 ||
        client->past < next->arm)
        return;
    client->timer =
        ddekit_add_timer(timer_expired, &client->due_frames[client->next_send],
                         fetch_jiffies() + (next->delay_ms * HZ + MS_PER_SECOND - 1) / MS_PER_SECOND);
    if (client->timer != NO_TIMER)
        client->timers++;
}

/* In ddekit_timer, which must not wait for the device: the device's driver may need its timers to go on. */
static void timer_expired(void *argument)
{
    const struct due_frame *due = argument;

    __atomic_store_n(&due->client->fired, due->number, __ATOMIC_SEQ_CST);
    ddekit_sem_up(due->client->expired);
}

/* The frame's timer has expired, unless it was disarmed meanwhile. */
static void handle_expired(struct client *client)
{
    if (client->timer == NO_TIMER || client->next_send != __atomic_load_n(&client->fired, __ATOMIC_SEQ_CST))
        return;
    client->timer = NO_TIMER; /* it is this one, and it is no longer pending */
    client->by_timer++;
    send_next(client);
    send_due(client);
}

/* Ends when the client closes and every timer's callback is over. */
static void timer_thread(void *argument)
{
    struct client *client = argument;
    size_t handled = 0;

    for (bool over = false; !over; handled++) {
        ddekit_sem_down(client->expired);
        ddekit_lock_lock(&client->stack);
        if (client->closing)
            over = handled == client->timers;
        else
            handle_expired(client);
        ddekit_lock_unlock(&client->stack);
    }
    ddekit_sem_up(client->ended);
}

/* --- Receiving -------------------------------------------------------------------------------------------
 */

static void handle_frame(struct client *client, const uint8_t *frame, size_t length)
{
    ddekit_lock_lock(&client->stack);
    size_t number = sequence_match(&client->received, frame, length);
    if (number != SEQUENCE_NONE) {
        if (client->recognised)
            client->recognised(client->replay, client->received.frames[number]);
        if (number >= client->past)
            client->past = number + 1;
        send_due(client);
    }
    ddekit_lock_unlock(&client->stack);
}

static void receive_thread(void *argument)
{
    struct client *client = argument;
    struct net_rcv_msg message;
    uint8_t frame[MESSAGE_FRAME_MAX];

    while (mach_msg(&message.msg_hdr, MACH_RCV_MSG, 0, sizeof message, client->frames_port,
                    MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL) == MACH_MSG_SUCCESS) {
        handle_frame(client, frame, message_read(&message, frame));
        if (client->delivered)
            client->delivered();
    }
    ddekit_sem_up(client->ended);
}

static void reply_thread(void *argument)
{
    struct client *client = argument;
    device_write_reply_t reply;

    while (mach_msg(&reply.Head, MACH_RCV_MSG, 0, sizeof reply, client->replies_port, MACH_MSG_TIMEOUT_NONE,
                    MACH_PORT_NULL) == MACH_MSG_SUCCESS) {
        client->replies++;
        if (reply.RetCode == D_SUCCESS)
            client->reply_bytes += (uint64_t)reply.bytes_written;
        else
            client->reply_errors++;
        ddekit_sem_up(client->window);
    }
    ddekit_sem_up(client->ended);
}

/* --- Opening ---------------------------------------------------------------------------------------------
 */

static void say(char *error, size_t error_size, const char *what, kern_return_t code)
{
    snprintf(error, error_size, "%s: %s", what, mach_error_string(code));
}

static kern_return_t read_device(device_t device, struct client_device *about)
{
    int address[2], integers[NET_STATUS_COUNT];
    mach_msg_type_number_t count = 2;
    struct net_status status;

    kern_return_t result = device_get_status(device, NET_ADDRESS, address, &count);
    if (result != D_SUCCESS)
        return result;
    for (size_t i = 0; i < count; i++)
        address[i] = (int)ntohl((uint32_t)address[i]);
    memcpy(about->mac, address, sizeof about->mac);

    count = NET_STATUS_COUNT;
    result = device_get_status(device, NET_STATUS, integers, &count);
    if (result != D_SUCCESS)
        return result;
    memcpy(&status, integers, sizeof status);
    about->flags = status.flags;
    about->max_frame_octets = status.max_packet_size;
    return D_SUCCESS;
}

/* The groups that the recorded host was in are not known: receive all of them. */
static kern_return_t receive_all_groups(struct client *client)
{
    int flags = client->about.flags | IFF_ALLMULTI;

    return device_set_status(client->device, NET_FLAGS, &flags, 1);
}

static kern_return_t set_filter(struct client *client)
{
    const uint8_t *mac = client->about.mac;
    filter_t words[NET_MAX_FILTER];
    char own[CLIENT_MESSAGE_MAX];

    snprintf(own, sizeof own, "ether dst %02x:%02x:%02x:%02x:%02x:%02x or ether multicast", mac[0], mac[1],
             mac[2], mac[3], mac[4], mac[5]);
    size_t count = expression_compile(own, NETF_IN, words);
    if (count == 0)
        return D_NO_MEMORY;
    return device_set_filter(client->device, client->frames_port, MACH_MSG_TYPE_MAKE_SEND, FILTER_PRIORITY,
                             words, (mach_msg_type_number_t)count);
}

/* Frames that are written before the link is up are lost, and some drivers look at the link only after a
 * while. A device whose cable is not plugged in is used as it is. */
static kern_return_t await_link(struct client *client)
{
    kern_return_t result = read_device(client->device, &client->about);

    for (int i = 0; i < LINK_ROUNDS && result == KERN_SUCCESS && !(client->about.flags & IFF_RUNNING); i++) {
        ddekit_thread_msleep(LINK_MS);
        result = read_device(client->device, &client->about);
    }
    return result;
}

static kern_return_t start_thread(struct client *client, void (*function)(void *), const char *name)
{
    if (!ddekit_thread_create(function, client, name))
        return KERN_RESOURCE_SHORTAGE;
    client->threads++;
    return KERN_SUCCESS;
}

/* The steps that need the device. Returns the first that failed, or NULL, and its code. */
static const char *set_up(struct client *client, const struct client_config *config, kern_return_t *code)
{
    if ((*code = device_open(config->device_master, D_READ | D_WRITE, config->device, &client->device)))
        return "device_open";
    if ((*code = await_link(client)))
        return "device_get_status";
    if (!config->replay)
        return NULL;
    if ((*code = receive_all_groups(client)))
        return "device_set_status";
    if ((*code = message_port_new(&client->frames_port)) || (*code = message_port_new(&client->replies_port)))
        return "mach_port_allocate";
    if ((*code = start_thread(client, receive_thread, "client-rx")) ||
        (*code = start_thread(client, reply_thread, "client-reply")) ||
        (*code = start_thread(client, timer_thread, "client-timer")))
        return "ddekit_thread_create";
    if ((*code = set_filter(client)))
        return "device_set_filter";
    return NULL;
}

/* What is expected and what to send. Returns 0, or -1 without memory. */
static int read_capture(struct client *client, const struct replay *replay, enum sequence_order order)
{
    if (sequence_init(&client->received, replay, REPLAY_TO_DEVICE, order) ||
        script_init(&client->script, replay))
        return -1;
    client->due_frames = calloc(client->script.count + 1, sizeof *client->due_frames);
    if (!client->due_frames)
        return -1;
    for (size_t i = 0; i < client->script.count; i++)
        client->due_frames[i] = (struct due_frame){client, i};
    return 0;
}

static void destroy(struct client *client)
{
    sequence_destroy(&client->received);
    script_destroy(&client->script);
    free(client->due_frames);
    ddekit_sem_deinit(client->window);
    ddekit_sem_deinit(client->expired);
    ddekit_sem_deinit(client->given_up);
    ddekit_sem_deinit(client->ended);
    ddekit_lock_deinit(&client->stack);
    free(client);
}

struct client *client_open(const struct client_config *config, char *error, size_t error_size)
{
    struct client *client = calloc(1, sizeof *client);
    kern_return_t code = KERN_SUCCESS;

    if (!client) {
        say(error, error_size, config->device, KERN_RESOURCE_SHORTAGE);
        return NULL;
    }
    client->timer = NO_TIMER;
    client->delivered = config->delivered;
    client->recognised = config->recognised;
    client->replay = config->replay;
    client->window = ddekit_sem_init(CLIENT_WINDOW);
    client->ended = ddekit_sem_init(0);
    client->expired = ddekit_sem_init(0);
    client->given_up = ddekit_sem_init(0);
    ddekit_lock_init(&client->stack);
    ddekit_sem_set_name(client->window, "transmit window");
    ddekit_sem_set_name(client->expired, "client's timer");
    ddekit_lock_set_name(&client->stack, "client's stack");

    const char *failed = "the capture";
    if (config->replay && read_capture(client, config->replay, config->order))
        code = KERN_RESOURCE_SHORTAGE;
    else
        failed = set_up(client, config, &code);
    if (!failed)
        return client;
    char what[CLIENT_MESSAGE_MAX];
    snprintf(what, sizeof what, "%s: %s", config->device, failed);
    say(error, error_size, what, code);
    client_close(client);
    return NULL;
}

struct client_device client_device(const struct client *client)
{
    return client->about;
}

mach_port_t client_port(const struct client *client)
{
    return client->frames_port;
}

/* --- Playing and closing ---------------------------------------------------------------------------------
 */

void client_start(struct client *client)
{
    ddekit_lock_lock(&client->stack);
    send_due(client);
    ddekit_lock_unlock(&client->stack);
}

/* In ddekit_timer. */
static void give_up(void *argument)
{
    struct client *client = argument;

    __atomic_store_n(&client->gives_up, true, __ATOMIC_SEQ_CST);
    ddekit_sem_up(client->window);
    ddekit_sem_up(client->given_up);
}

bool client_finish(struct client *client, unsigned patience_ms)
{
    int timer = NO_TIMER;

    if (patience_ms > 0)
        timer = ddekit_add_timer(give_up, client, fetch_jiffies() + patience_ms * HZ / MS_PER_SECOND);
    ddekit_lock_lock(&client->stack);
    while (client->next_send < client->script.count)
        send_next(client);
    ddekit_lock_unlock(&client->stack);
    for (unsigned i = 0; i < CLIENT_WINDOW && enter_window(client); i++)
        ;
    if (timer != NO_TIMER && ddekit_del_timer(timer) != DDEKIT_TIMER_DELETED)
        ddekit_sem_down(client->given_up);
    return !__atomic_load_n(&client->gives_up, __ATOMIC_SEQ_CST);
}

struct client_counts client_counts(const struct client *client)
{
    return (struct client_counts){
        .received = client->received.matched,
        .received_bytes = client->received.bytes,
        .wrong = client->received.wrong,
        .sent = client->replies - client->reply_errors,
        .sent_bytes = client->reply_bytes,
        .send_errors = client->next_send - (client->replies - client->reply_errors),
        .requested_bytes = client->sent_bytes,
        .delayed = client->script.delayed,
        .by_timer = client->by_timer,
        .checksum = client->received.checksum,
        .expected_checksum = client->received.expected_checksum,
    };
}

kern_return_t client_close(struct client *client)
{
    kern_return_t result = D_SUCCESS;

    if (client->device != MACH_PORT_NULL) {
        result = device_close(client->device);
        mach_port_deallocate(mach_task_self(), client->device);
    }
    message_port_drop(client->frames_port); /* the threads that receive from them end */
    message_port_drop(client->replies_port);
    ddekit_lock_lock(&client->stack);
    disarm(client);
    client->closing = true;
    ddekit_lock_unlock(&client->stack);
    ddekit_sem_up(client->expired);
    for (unsigned i = 0; i < client->threads; i++)
        ddekit_sem_down(client->ended);
    destroy(client);
    return result;
}
