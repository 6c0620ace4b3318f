/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mach_msg(). See <mach/message.h> for what it promises, ipc.h for how waits and rights are kept.
 */
#include "harness/mach/ipc.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lockcheck.h>

#define NS_PER_MS 1000000L
#define NS_PER_S 1000000000L
#define MS_PER_S 1000
#define RIGHT_BITS 32 /* msgt_size of a port name */
#define LABEL_MAX 64

/* Numbers messages over all ports, which is what makes them unique. */
static atomic_long next_message_number = 1;

/* --- Rights in messages --- */

static bool is_right(mach_msg_type_name_t type)
{
    return type >= MACH_MSG_TYPE_MOVE_RECEIVE && type <= MACH_MSG_TYPE_MAKE_SEND_ONCE;
}

static bool is_send_once(mach_msg_type_name_t type)
{
    return type == MACH_MSG_TYPE_MOVE_SEND_ONCE || type == MACH_MSG_TYPE_MAKE_SEND_ONCE;
}

/* What the receiver of a right gets. */
static mach_msg_type_name_t received_type(mach_msg_type_name_t type)
{
    if (type == 0)
        return 0;
    return is_send_once(type) ? MACH_MSG_TYPE_PORT_SEND_ONCE : MACH_MSG_TYPE_PORT_SEND;
}

/* One described item of a body. */
struct item {
    mach_msg_type_t *type;
    void *data;
};

/* The item at *offset, which moves on behind it. Returns false at the end, and with *bad when what is there
 * is no item that may be sent. */
static bool next_item(mach_msg_header_t *msg, mach_msg_size_t size, size_t *offset, struct item *item,
                      bool *bad)
{
    if (*offset >= size)
        return false;
    *bad = true;
    if (size - *offset < sizeof(mach_msg_type_t))
        return false;
    item->type = (mach_msg_type_t *)((char *)msg + *offset);
    item->data = item->type + 1;
    size_t room = size - *offset - sizeof(mach_msg_type_t);
    size_t bytes = ((size_t)item->type->msgt_size * item->type->msgt_number + 7) / 8;
    if (!item->type->msgt_inline || item->type->msgt_longform || bytes > room)
        return false;
    if (is_right(item->type->msgt_name) &&
        (item->type->msgt_size != RIGHT_BITS || item->type->msgt_name == MACH_MSG_TYPE_MOVE_RECEIVE))
        return false;
    *offset += sizeof(mach_msg_type_t) +
               (bytes + MACH_MSG_USER_ALIGNMENT - 1) / MACH_MSG_USER_ALIGNMENT * MACH_MSG_USER_ALIGNMENT;
    *bad = false;
    return true;
}

static bool right_take(mach_port_t name, mach_msg_type_name_t type)
{
    if (!MACH_PORT_VALID(name))
        return true;
    if (is_send_once(type))
        return port_exists(name);
    return send_right_take(name, type) == KERN_SUCCESS;
}

/* Undo right_take(). */
static void right_untake(mach_port_t name, mach_msg_type_name_t type)
{
    if (MACH_PORT_VALID(name) && (type == MACH_MSG_TYPE_COPY_SEND || type == MACH_MSG_TYPE_MAKE_SEND))
        send_right_release(name);
}

/* Undo the first `count` right_take()s of a body. */
static void body_rights_untake(mach_msg_header_t *msg, mach_msg_size_t size, size_t count)
{
    size_t offset = sizeof(*msg);
    struct item item;
    bool bad = false;
    while (count > 0 && next_item(msg, size, &offset, &item, &bad)) {
        const mach_port_t *names = item.data;
        for (size_t i = 0; is_right(item.type->msgt_name) && i < item.type->msgt_number && count > 0; i++) {
            right_untake(names[i], item.type->msgt_name);
            count--;
        }
    }
}

/* Take every right that a body sends. *taken: how many, also on failure. */
static mach_msg_return_t body_rights_take(mach_msg_header_t *msg, mach_msg_size_t size, size_t *taken)
{
    size_t offset = sizeof(*msg);
    struct item item;
    bool bad = false;
    *taken = 0;
    while (next_item(msg, size, &offset, &item, &bad)) {
        const mach_port_t *names = item.data;
        for (size_t i = 0; is_right(item.type->msgt_name) && i < item.type->msgt_number; i++) {
            if (!right_take(names[i], item.type->msgt_name))
                return MACH_SEND_INVALID_RIGHT;
            ++*taken;
        }
    }
    return bad ? MACH_SEND_INVALID_TYPE : MACH_MSG_SUCCESS;
}

/* All rights of a message as it is sent, but for the destination's. */
static mach_msg_return_t rights_take(mach_msg_header_t *msg, mach_msg_size_t size)
{
    mach_msg_type_name_t reply_type = MACH_MSGH_BITS_LOCAL(msg->msgh_bits);
    if (!right_take(msg->msgh_local_port, reply_type))
        return MACH_SEND_INVALID_REPLY;
    if (!(msg->msgh_bits & MACH_MSGH_BITS_COMPLEX))
        return MACH_MSG_SUCCESS;
    size_t taken;
    mach_msg_return_t result = body_rights_take(msg, size, &taken);
    if (result != MACH_MSG_SUCCESS) {
        body_rights_untake(msg, size, taken);
        right_untake(msg->msgh_local_port, reply_type);
    }
    return result;
}

static void rights_untake(mach_msg_header_t *msg, mach_msg_size_t size)
{
    right_untake(msg->msgh_local_port, MACH_MSGH_BITS_LOCAL(msg->msgh_bits));
    if (msg->msgh_bits & MACH_MSGH_BITS_COMPLEX)
        body_rights_untake(msg, size, SIZE_MAX);
}

/* Bring a copy of a sent message into the form that it is received in. */
static void convert_to_received(mach_msg_header_t *msg)
{
    mach_msg_type_name_t destination = received_type(MACH_MSGH_BITS_REMOTE(msg->msgh_bits));
    mach_msg_type_name_t reply = received_type(MACH_MSGH_BITS_LOCAL(msg->msgh_bits));
    mach_msg_bits_t complex = msg->msgh_bits & MACH_MSGH_BITS_COMPLEX;
    msg->msgh_bits = complex | MACH_MSGH_BITS(reply, destination);
    msg->msgh_remote_port = msg->msgh_local_port;

    size_t offset = sizeof(*msg);
    struct item item;
    bool bad = false;
    while (complex && next_item(msg, msg->msgh_size, &offset, &item, &bad)) {
        if (is_right(item.type->msgt_name))
            item.type->msgt_name = received_type(item.type->msgt_name);
    }
}

void mach_msg_destroy(mach_msg_header_t *msg)
{
    if (MACH_MSGH_BITS_REMOTE(msg->msgh_bits) == MACH_MSG_TYPE_PORT_SEND)
        send_right_release(msg->msgh_remote_port);
    if (!(msg->msgh_bits & MACH_MSGH_BITS_COMPLEX))
        return;
    size_t offset = sizeof(*msg);
    struct item item;
    bool bad = false;
    while (next_item(msg, msg->msgh_size, &offset, &item, &bad)) {
        const mach_port_t *names = item.data;
        for (size_t i = 0; item.type->msgt_name == MACH_MSG_TYPE_PORT_SEND && i < item.type->msgt_number; i++)
            send_right_release(names[i]);
    }
}

/* --- Messages --- */

static struct message *message_create(const mach_msg_header_t *msg, mach_msg_size_t size)
{
    struct message *message = malloc(offsetof(struct message, header) + size);
    if (!message)
        return NULL;
    message->next = NULL;
    message->number = atomic_fetch_add(&next_message_number, 1);
    memcpy(&message->header, msg, size);
    message->header.msgh_size = size;
    convert_to_received(&message->header);
    return message;
}

void message_destroy(struct message *message)
{
    mach_msg_destroy(&message->header);
    free(message);
}

/* --- Waiting --- */

struct deadline deadline_in(bool timed, mach_msg_timeout_t milliseconds)
{
    struct deadline deadline = {.kind = WAIT_FOR_EVER};
    if (!timed)
        return deadline;
    deadline.kind = milliseconds == 0 ? WAIT_NOT : WAIT_UNTIL;
    if (deadline.kind == WAIT_UNTIL) {
        clock_gettime(CLOCK_MONOTONIC, &deadline.time);
        deadline.time.tv_sec += milliseconds / MS_PER_S;
        deadline.time.tv_nsec += (long)(milliseconds % MS_PER_S) * NS_PER_MS;
        if (deadline.time.tv_nsec >= NS_PER_S) {
            deadline.time.tv_nsec -= NS_PER_S;
            deadline.time.tv_sec++;
        }
    }
    return deadline;
}

enum wakening { WOKEN, TIMED_OUT, ABORTED };

/* Show, or no longer show, thread_abort() where the calling thread waits. */
static void wait_begin(struct slot *slot)
{
    struct mach_thread *thread = mach_thread_current();
    if (thread)
        thread->waits_at = (uintptr_t)slot;
}

static void wait_end(void)
{
    struct mach_thread *thread = mach_thread_current();
    if (thread)
        thread->waits_at = 0;
}

static bool wait_aborted(void)
{
    struct mach_thread *thread = mach_thread_current();
    return thread && (thread->waits_at & WAIT_ABORTED);
}

/* One wait, with the slot's lock held; *waiting counts who waits. */
static enum wakening wait_at(struct slot *slot, pthread_cond_t *condition, unsigned *waiting,
                             const struct deadline *deadline)
{
    if (deadline->kind == WAIT_NOT)
        return TIMED_OUT;
    if (wait_aborted())
        return ABORTED;
    int error;
    ++*waiting;
    if (deadline->kind == WAIT_UNTIL)
        error = pthread_cond_timedwait(condition, &slot->lock, &deadline->time);
    else
        error = pthread_cond_wait(condition, &slot->lock);
    --*waiting;
    if (wait_aborted())
        return ABORTED;
    assert(error == 0 || (error == ETIMEDOUT && deadline->kind == WAIT_UNTIL));
    return error ? TIMED_OUT : WOKEN;
}

/* --- Sending --- */

/* Called with the port's lock held. */
static void enqueue(struct slot *port, struct message *message)
{
    assert(port->count < QUEUE_MAX);
    if (port->last)
        port->last->next = message;
    else
        port->first = message;
    port->last = message;
    port->count++;
    lockcheck_event(LOCKCHECK_MSG_SEND, &port->receivers_cond, message->number);
    if (port->receivers_waiting > 0)
        pthread_cond_signal(&port->receivers_cond);
    if (port->set) {
        struct slot *set = slot_lock(port->set);
        if (set) {
            if (set->receivers_waiting > 0)
                pthread_cond_signal(&set->receivers_cond);
            pthread_mutex_unlock(&set->lock);
        }
    }
}

/* Wait until the queue of a locked port has room. */
static mach_msg_return_t wait_for_room(struct slot *port, mach_port_t name, const struct deadline *deadline)
{
    mach_msg_return_t result;
    wait_begin(port);
    for (;;) {
        enum wakening wakening = wait_at(port, &port->senders_cond, &port->senders_waiting, deadline);
        if (!slot_is(port, name, SLOT_PORT))
            result = MACH_SEND_INVALID_DEST;
        else if (port->count < port->qlimit)
            result = MACH_MSG_SUCCESS;
        else if (wakening == ABORTED)
            result = MACH_SEND_INTERRUPTED;
        else if (wakening == TIMED_OUT)
            result = MACH_SEND_TIMED_OUT;
        else
            continue;
        break;
    }
    wait_end();
    slot_free_if_unused(port);
    return result;
}

/* Queue a message at its destination, to which it goes by a right of that type. On success the message is the
 * port's. */
static mach_msg_return_t port_send(mach_port_t name, mach_msg_type_name_t type, struct message *message,
                                   const struct deadline *deadline)
{
    struct slot *port = slot_lock(name);
    struct notification notification = {0};
    mach_msg_return_t result = MACH_MSG_SUCCESS;
    if (!port)
        return MACH_SEND_INVALID_DEST;
    bool by_send_right = type == MACH_MSG_TYPE_COPY_SEND || type == MACH_MSG_TYPE_MOVE_SEND;
    if (port->kind != SLOT_PORT || (by_send_right && port->send_rights == 0))
        result = MACH_SEND_INVALID_DEST;
    else if (!is_send_once(type) && port->count >= port->qlimit)
        result = wait_for_room(port, name, deadline);
    if (result == MACH_MSG_SUCCESS) {
        enqueue(port, message);
        if (type == MACH_MSG_TYPE_MAKE_SEND)
            port->made_send++;
        /* Another thread may have given up the right while this one waited for room. */
        if (type == MACH_MSG_TYPE_MOVE_SEND && port->send_rights > 0)
            send_right_drop(port, &notification);
    }
    pthread_mutex_unlock(&port->lock);
    notification_send(&notification);
    return result;
}

static mach_msg_return_t check_header(const mach_msg_header_t *msg, mach_msg_size_t size)
{
    if (!msg)
        return MACH_SEND_INVALID_DATA;
    if (size < sizeof(*msg))
        return MACH_SEND_MSG_TOO_SMALL;
    if (size > MACH_MESSAGE_SIZE_MAX)
        return MACH_SEND_NO_BUFFER;
    mach_msg_type_name_t remote = MACH_MSGH_BITS_REMOTE(msg->msgh_bits);
    mach_msg_type_name_t local = MACH_MSGH_BITS_LOCAL(msg->msgh_bits);
    if (!is_right(remote) || remote == MACH_MSG_TYPE_MOVE_RECEIVE)
        return MACH_SEND_INVALID_HEADER;
    if (local == 0 ? msg->msgh_local_port != MACH_PORT_NULL
                   : !is_right(local) || local == MACH_MSG_TYPE_MOVE_RECEIVE)
        return MACH_SEND_INVALID_HEADER;
    return MACH_MSG_SUCCESS;
}

static mach_msg_return_t send_message(mach_msg_header_t *msg, mach_msg_size_t size,
                                      const struct deadline *deadline)
{
    mach_msg_return_t result = check_header(msg, size);
    if (result != MACH_MSG_SUCCESS)
        return result;
    result = rights_take(msg, size);
    if (result != MACH_MSG_SUCCESS)
        return result;
    struct message *message = message_create(msg, size);
    if (message)
        result = port_send(msg->msgh_remote_port, MACH_MSGH_BITS_REMOTE(msg->msgh_bits), message, deadline);
    else
        result = MACH_SEND_NO_BUFFER;
    if (result != MACH_MSG_SUCCESS) {
        free(message);
        rights_untake(msg, size);
    }
    return result;
}

bool kernel_send(mach_msg_header_t *msg, mach_msg_size_t size)
{
    static const struct deadline not = {.kind = WAIT_NOT};
    msg->msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND_ONCE, 0);
    msg->msgh_local_port = MACH_PORT_NULL;
    return send_message(msg, size, &not ) == MACH_MSG_SUCCESS;
}

/* --- Receiving --- */

/* What a receive wants, and what it got. */
struct receive {
    mach_msg_option_t option;
    mach_msg_size_t size;    /* room */
    struct message *message; /* taken */
    mach_msg_size_t large;   /* MACH_RCV_TOO_LARGE: bytes it takes */
};

/* Say in reports who receives from a port. Called with its lock held. */
static void label_with_receiver(struct slot *port)
{
    const struct mach_thread *thread = mach_thread_current();
    if (port->labelled || !thread || !thread->name[0])
        return;
    char text[LABEL_MAX];
    snprintf(text, sizeof(text), "port %u of %s", port->name, thread->name);
    lockcheck_name_object(&port->receivers_cond, "port", text);
    port->labelled = true;
}

/* Take the first message of a locked port that has one. */
static mach_msg_return_t take(struct slot *port, struct receive *receive)
{
    struct message *message = port->first;
    bool fits = message->header.msgh_size <= receive->size;
    if (!fits) {
        receive->large = message->header.msgh_size;
        if (receive->option & MACH_RCV_LARGE) {
            /* The wake-up was for a message that is still there. */
            if (port->receivers_waiting > 0)
                pthread_cond_signal(&port->receivers_cond);
            return MACH_RCV_TOO_LARGE;
        }
    }
    port->first = message->next;
    if (!port->first)
        port->last = NULL;
    port->count--;
    message->header.msgh_local_port = port->name;
    message->header.msgh_seqno = port->seqno++;
    receive->message = message;
    lockcheck_event(fits ? LOCKCHECK_MSG_RECEIVE : LOCKCHECK_MSG_DROP, &port->receivers_cond,
                    message->number);
    if (port->senders_waiting > 0 && port->count < port->qlimit)
        pthread_cond_signal(&port->senders_cond);
    return fits ? MACH_MSG_SUCCESS : MACH_RCV_TOO_LARGE;
}

/* Called with the port's lock held, drops it. */
static mach_msg_return_t receive_from_port(struct slot *port, mach_port_t name, struct receive *receive,
                                           const struct deadline *deadline)
{
    mach_msg_return_t result = MACH_RCV_IN_SET;
    label_with_receiver(port);
    if (!port->set && port->first) {
        result = take(port, receive);
    } else if (!port->set) {
        wait_begin(port);
        for (;;) {
            enum wakening wakening = wait_at(port, &port->receivers_cond, &port->receivers_waiting, deadline);
            if (!slot_is(port, name, SLOT_PORT))
                result = MACH_RCV_PORT_DIED;
            else if (port->set)
                result = MACH_RCV_PORT_CHANGED;
            else if (port->first)
                result = take(port, receive);
            else if (wakening == ABORTED)
                result = MACH_RCV_INTERRUPTED;
            else if (wakening == TIMED_OUT)
                result = MACH_RCV_TIMED_OUT;
            else
                continue;
            break;
        }
        wait_end();
        slot_free_if_unused(port);
    }
    pthread_mutex_unlock(&port->lock);
    return result;
}

/* The name of a member that has a message, or 0. Called with the set's lock held. The members' counts are
 * read without their locks: a sender counts its message first and then takes the set's lock to signal. */
static mach_port_t member_with_message(struct slot *set)
{
    for (unsigned i = 0; i < set->member_count; i++) {
        unsigned at = (set->next_member + i) % set->member_count;
        mach_port_t name = set->members[at];
        if (slot_of(name)->count > 0 && port_exists(name)) {
            set->next_member = (at + 1) % set->member_count;
            return name;
        }
    }
    return MACH_PORT_NULL;
}

/* Take a message from a member, if it is still one and still has one. */
static bool take_from_member(mach_port_t member, mach_port_t set, struct receive *receive,
                             mach_msg_return_t *result)
{
    struct slot *port = slot_lock(member);
    if (!port)
        return false;
    bool there = port->kind == SLOT_PORT && port->set == set && port->first;
    if (there) {
        label_with_receiver(port);
        *result = take(port, receive);
    }
    pthread_mutex_unlock(&port->lock);
    return there;
}

/* A receiver at a set leaves a message where it is: the signal for it, which was this receiver's, goes to
 * another. Called with the set's lock held. */
static void pass_on_set_signal(struct slot *set)
{
    if (set->receivers_waiting > 0 && member_with_message(set))
        pthread_cond_signal(&set->receivers_cond);
}

/* Called with the set's lock held, drops it. */
static mach_msg_return_t receive_from_set(struct slot *set, mach_port_t name, struct receive *receive,
                                          const struct deadline *deadline)
{
    mach_msg_return_t result = MACH_MSG_SUCCESS;
    enum wakening wakening = WOKEN;
    bool waiting = false; /* shown to thread_abort() */
    bool waited = false;  /* the lock was dropped */
    for (;;) {
        if (!slot_is(set, name, SLOT_SET)) {
            result = waited ? MACH_RCV_PORT_DIED : MACH_RCV_INVALID_NAME;
            break;
        }
        mach_port_t member = member_with_message(set);
        if (member) {
            /* Counted among the waiting, so that the slot stays this set's until the lock is back. */
            set->receivers_waiting++;
            pthread_mutex_unlock(&set->lock);
            bool taken = take_from_member(member, name, receive, &result);
            pthread_mutex_lock(&set->lock);
            set->receivers_waiting--;
            waited = true;
            if (taken)
                break;
            continue;
        }
        if (wakening == ABORTED)
            result = MACH_RCV_INTERRUPTED;
        if (wakening == TIMED_OUT)
            result = MACH_RCV_TIMED_OUT;
        if (wakening != WOKEN)
            break;
        /* One wait in the eyes of thread_abort(), however often it looks at the members in between. */
        if (!waiting)
            wait_begin(set);
        waiting = waited = true;
        wakening = wait_at(set, &set->receivers_cond, &set->receivers_waiting, deadline);
    }
    if (waiting)
        wait_end();
    if (result == MACH_RCV_TOO_LARGE)
        pass_on_set_signal(set);
    slot_free_if_unused(set);
    pthread_mutex_unlock(&set->lock);
    return result;
}

/* Hand a taken message to the caller, and free it. */
static void copy_out(mach_msg_header_t *msg, struct receive *receive, mach_msg_return_t result)
{
    if (result == MACH_MSG_SUCCESS) {
        memcpy(msg, &receive->message->header, receive->message->header.msgh_size);
        free(receive->message);
        return;
    }
    if (result == MACH_RCV_TOO_LARGE && receive->size >= sizeof(*msg))
        msg->msgh_size = receive->large;
    if (receive->message)
        message_destroy(receive->message);
}

static mach_msg_return_t receive_message(mach_msg_header_t *msg, mach_msg_option_t option,
                                         mach_msg_size_t size, mach_port_t name,
                                         const struct deadline *deadline)
{
    struct receive receive = {.option = option, .size = size};
    mach_msg_return_t result = MACH_RCV_INVALID_NAME;
    if (!msg && size > 0)
        return MACH_RCV_INVALID_DATA;
    struct slot *slot = slot_lock(name);
    if (!slot)
        return MACH_RCV_INVALID_NAME;
    if (slot->kind == SLOT_PORT)
        result = receive_from_port(slot, name, &receive, deadline);
    else if (slot->kind == SLOT_SET)
        result = receive_from_set(slot, name, &receive, deadline);
    else
        pthread_mutex_unlock(&slot->lock);
    copy_out(msg, &receive, result);
    return result;
}

/* --- The calls --- */

mach_msg_return_t mach_msg_trap(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                                mach_msg_size_t rcv_size, mach_port_t rcv_name, mach_msg_timeout_t timeout,
                                mach_port_t notify)
{
    (void)notify;
    mach_msg_return_t result = MACH_MSG_SUCCESS;
    mach_thread_stop_if_suspended();
    if (option & MACH_SEND_MSG) {
        struct deadline deadline = deadline_in(option & MACH_SEND_TIMEOUT, timeout);
        result = send_message(msg, send_size, &deadline);
    }
    if (result == MACH_MSG_SUCCESS && (option & MACH_RCV_MSG)) {
        struct deadline deadline = deadline_in(option & MACH_RCV_TIMEOUT, timeout);
        result = receive_message(msg, option, rcv_size, rcv_name, &deadline);
    }
    mach_thread_stop_if_suspended();
    return result;
}

mach_msg_return_t mach_msg(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                           mach_msg_size_t rcv_size, mach_port_t rcv_name, mach_msg_timeout_t timeout,
                           mach_port_t notify)
{
    for (;;) {
        mach_msg_return_t result = mach_msg_trap(msg, option, send_size, rcv_size, rcv_name, timeout, notify);
        if (result == MACH_RCV_INTERRUPTED && !(option & MACH_RCV_INTERRUPT))
            option &= ~MACH_SEND_MSG; /* sent already */
        else if (result != MACH_SEND_INTERRUPTED || (option & MACH_SEND_INTERRUPT))
            return result;
    }
}
