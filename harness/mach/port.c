/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names, rights and port sets. See ipc.h for the rules, <mach/mach_interface.h> for the calls.
 *
 * As all rights are in one name space, the send rights that a port's user holds and those in messages on
 * their way are one count.
 */
#include "harness/mach/ipc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lockcheck.h>

#define LABEL_MAX 64

/* The one name space. */
static struct slot slots[MACH_NAMES_MAX] = {
    [0] = {.lock = PTHREAD_MUTEX_INITIALIZER}, /* MACH_PORT_NULL: never used */
    [NAME_FIRST_FREE... MACH_NAMES_MAX - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER},
    [NAME_TASK] = {.lock = PTHREAD_MUTEX_INITIALIZER, .name = NAME_TASK, .kind = SLOT_KERNEL},
    [NAME_HOST_PRIV] = {.lock = PTHREAD_MUTEX_INITIALIZER, .name = NAME_HOST_PRIV, .kind = SLOT_KERNEL},
    [NAME_DEVICE_MASTER] = {.lock = PTHREAD_MUTEX_INITIALIZER,
                            .name = NAME_DEVICE_MASTER,
                            .kind = SLOT_KERNEL},
};

/* Its free slots: those never used yet, then the others in the order they became free. */
static struct {
    pthread_mutex_t lock;
    unsigned next_unused;
    unsigned short freed[MACH_NAMES_MAX]; /* ring */
    unsigned freed_first, freed_count;
} names = {.lock = PTHREAD_MUTEX_INITIALIZER, .next_unused = NAME_FIRST_FREE};

/* --- Slots --- */

struct slot *slot_of(mach_port_t name)
{
    return &slots[name % MACH_NAMES_MAX];
}

struct slot *slot_lock(mach_port_t name)
{
    if (!MACH_PORT_VALID(name))
        return NULL;
    struct slot *slot = slot_of(name);
    pthread_mutex_lock(&slot->lock);
    if (slot->name == name)
        return slot;
    pthread_mutex_unlock(&slot->lock);
    return NULL;
}

bool slot_is(const struct slot *slot, mach_port_t name, enum slot_kind kind)
{
    return slot->name == name && slot->kind == kind;
}

static void prepare(struct slot *slot)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&slot->receivers_cond, &attributes);
    pthread_cond_init(&slot->senders_cond, &attributes);
    pthread_condattr_destroy(&attributes);
    slot->prepared = true;
}

static void label(struct slot *slot, mach_port_t name, enum slot_kind kind)
{
    char text[LABEL_MAX];
    const char *what = kind == SLOT_THREAD ? "thread port" : kind == SLOT_SET ? "port set" : "port";
    snprintf(text, sizeof(text), "%s %u", what, name);
    lockcheck_name_object(&slot->receivers_cond, "port", text);
    snprintf(text, sizeof(text), "lock of %s %u", what, name);
    lockcheck_name_object(&slot->lock, "mutex", text);
    snprintf(text, sizeof(text), "room in %s %u", what, name);
    lockcheck_name_object(&slot->senders_cond, "cond", text);
}

struct slot *slot_allocate(enum slot_kind kind)
{
    mach_port_t *members = NULL;
    if (kind == SLOT_SET && !(members = calloc(MACH_SET_MEMBERS_MAX, sizeof(*members))))
        return NULL;

    struct slot *slot = NULL;
    pthread_mutex_lock(&names.lock);
    if (names.next_unused < MACH_NAMES_MAX) {
        slot = &slots[names.next_unused++];
    } else if (names.freed_count > 0) {
        slot = &slots[names.freed[names.freed_first]];
        names.freed_first = (names.freed_first + 1) % MACH_NAMES_MAX;
        names.freed_count--;
    }
    mach_port_t name = 0;
    if (slot) {
        if (!slot->prepared)
            prepare(slot);
        name = (mach_port_t)(slot - slots) + slot->life++ * MACH_NAMES_MAX;
        assert(MACH_PORT_VALID(name));
    }
    pthread_mutex_unlock(&names.lock);
    if (!slot) {
        free(members);
        return NULL;
    }

    label(slot, name, kind);
    pthread_mutex_lock(&slot->lock);
    assert(slot->kind == SLOT_FREE && slot->receivers_waiting == 0 && slot->senders_waiting == 0);
    slot->labelled = false;
    slot->first = slot->last = NULL;
    slot->count = 0;
    slot->qlimit = MACH_PORT_QLIMIT_DEFAULT;
    slot->seqno = 0;
    slot->set = 0;
    slot->send_rights = 0;
    slot->made_send = 0;
    slot->notify_dead = slot->notify_no_senders = 0;
    slot->members = members;
    slot->member_count = slot->next_member = 0;
    slot->thread = NULL;
    slot->suspensions = 0;
    slot->kind = kind;
    slot->name = name;
    pthread_mutex_unlock(&slot->lock);
    return slot;
}

void slot_free(struct slot *slot)
{
    assert(slot->kind != SLOT_FREE && slot->kind != SLOT_KERNEL);
    assert(slot->receivers_waiting == 0 && slot->senders_waiting == 0 && !slot->first);
    slot->kind = SLOT_FREE;
    slot->name = 0;
    pthread_mutex_lock(&names.lock);
    assert(names.freed_count < MACH_NAMES_MAX);
    names.freed[(names.freed_first + names.freed_count) % MACH_NAMES_MAX] = (unsigned short)(slot - slots);
    names.freed_count++;
    pthread_mutex_unlock(&names.lock);
}

void slot_free_if_unused(struct slot *slot)
{
    if (slot->kind == SLOT_DEAD && slot->send_rights == 0 && slot->receivers_waiting == 0 &&
        slot->senders_waiting == 0)
        slot_free(slot);
}

bool port_exists(mach_port_t name)
{
    return MACH_PORT_VALID(name) && slot_of(name)->name == name && slot_of(name)->kind == SLOT_PORT;
}

/* --- Send rights --- */

kern_return_t send_right_take(mach_port_t name, mach_msg_type_name_t type)
{
    struct slot *port = slot_lock(name);
    kern_return_t result = KERN_SUCCESS;
    if (!port)
        return KERN_INVALID_NAME;
    if (port->kind == SLOT_KERNEL || port->kind == SLOT_THREAD) {
        /* Theirs are not counted. */
        if (type == MACH_MSG_TYPE_MAKE_SEND)
            result = KERN_INVALID_RIGHT;
    } else if (type == MACH_MSG_TYPE_MAKE_SEND) {
        if (port->kind != SLOT_PORT)
            result = KERN_INVALID_RIGHT;
        else if (port->send_rights >= SEND_RIGHTS_MAX)
            result = KERN_UREFS_OVERFLOW;
        else {
            port->send_rights++;
            port->made_send++;
        }
    } else if (type == MACH_MSG_TYPE_COPY_SEND || type == MACH_MSG_TYPE_MOVE_SEND) {
        if ((port->kind != SLOT_PORT && port->kind != SLOT_DEAD) || port->send_rights == 0)
            result = KERN_INVALID_RIGHT;
        else if (port->send_rights >= SEND_RIGHTS_MAX)
            result = KERN_UREFS_OVERFLOW;
        else
            port->send_rights += type == MACH_MSG_TYPE_COPY_SEND;
    } else {
        result = KERN_INVALID_VALUE;
    }
    pthread_mutex_unlock(&port->lock);
    return result;
}

void send_right_drop(struct slot *port, struct notification *notification)
{
    assert(port->kind == SLOT_PORT && port->send_rights > 0);
    if (--port->send_rights > 0 || port->notify_no_senders == 0)
        return;
    notification->no_senders_to = port->notify_no_senders;
    notification->made_send = port->made_send;
    port->notify_no_senders = 0;
}

kern_return_t send_right_release(mach_port_t name)
{
    struct slot *slot = slot_lock(name);
    struct notification notification = {0};
    kern_return_t result = KERN_SUCCESS;
    if (!slot)
        return KERN_INVALID_NAME;
    switch (slot->kind) {
    case SLOT_PORT:
        if (slot->send_rights == 0)
            result = KERN_INVALID_RIGHT;
        else
            send_right_drop(slot, &notification);
        break;
    case SLOT_DEAD:
        if (slot->send_rights == 0)
            result = KERN_INVALID_NAME;
        else
            slot->send_rights--;
        slot_free_if_unused(slot);
        break;
    case SLOT_THREAD:
    case SLOT_KERNEL:
        break;
    default:
        result = KERN_INVALID_RIGHT;
    }
    pthread_mutex_unlock(&slot->lock);
    notification_send(&notification);
    return result;
}

/* --- Sets --- */

/* Take a port (locked) out of the set it says it is in, if that still is one. */
static void leave_set(struct slot *port)
{
    struct slot *set = slot_lock(port->set);
    if (set && set->kind == SLOT_SET) {
        unsigned i = 0;
        while (i < set->member_count && set->members[i] != port->name)
            i++;
        assert(i < set->member_count);
        memmove(&set->members[i], &set->members[i + 1],
                (set->member_count - i - 1) * sizeof(set->members[0]));
        set->member_count--;
    }
    if (set)
        pthread_mutex_unlock(&set->lock);
    port->set = 0;
}

static kern_return_t join_set(struct slot *port, mach_port_t name)
{
    struct slot *set = slot_lock(name);
    kern_return_t result = KERN_SUCCESS;
    if (!set)
        return KERN_INVALID_NAME;
    if (set->kind != SLOT_SET) {
        result = KERN_INVALID_RIGHT;
    } else if (set->member_count == MACH_SET_MEMBERS_MAX) {
        result = KERN_RESOURCE_SHORTAGE;
    } else {
        set->members[set->member_count++] = port->name;
        port->set = name;
        /* It may bring any number of messages along. */
        pthread_cond_broadcast(&set->receivers_cond);
    }
    pthread_mutex_unlock(&set->lock);
    return result;
}

kern_return_t mach_port_move_member(ipc_space_t task, mach_port_t member, mach_port_t after)
{
    if (task != NAME_TASK)
        return KERN_INVALID_TASK;
    struct slot *port = slot_lock(member);
    kern_return_t result = KERN_SUCCESS;
    if (!port)
        return KERN_INVALID_NAME;
    if (port->kind != SLOT_PORT) {
        result = KERN_INVALID_RIGHT;
    } else if (port->set != after || after == 0) {
        if (port->set)
            leave_set(port);
        if (after)
            result = join_set(port, after);
        if (port->set)
            pthread_cond_broadcast(&port->receivers_cond);
    }
    pthread_mutex_unlock(&port->lock);
    return result;
}

/* Called with the set's lock held, drops it. */
static void set_destroy(struct slot *set)
{
    mach_port_t members[MACH_SET_MEMBERS_MAX];
    unsigned count = set->member_count;
    mach_port_t name = set->name;
    memcpy(members, set->members, count * sizeof(members[0]));
    free(set->members);
    set->members = NULL;
    set->member_count = 0;
    set->kind = SLOT_DEAD;
    set->send_rights = 0;
    pthread_cond_broadcast(&set->receivers_cond);
    slot_free_if_unused(set);
    pthread_mutex_unlock(&set->lock);

    for (unsigned i = 0; i < count; i++) {
        struct slot *port = slot_lock(members[i]);
        if (port && port->kind == SLOT_PORT && port->set == name)
            port->set = 0;
        if (port)
            pthread_mutex_unlock(&port->lock);
    }
}

/* --- The death of a port --- */

/* Called with the port's lock held, drops it. */
static void port_destroy(struct slot *port)
{
    struct notification notification = {.dead_to = port->notify_dead, .dead_name = port->name};
    struct message *lost = port->first;

    if (port->set)
        leave_set(port);
    port->notify_dead = port->notify_no_senders = 0;
    port->first = port->last = NULL;
    port->count = 0;
    for (struct message *message = lost; message; message = message->next)
        lockcheck_event(LOCKCHECK_MSG_DROP, &port->receivers_cond, message->number);
    port->kind = SLOT_DEAD;
    if (port->receivers_waiting > 0)
        pthread_cond_broadcast(&port->receivers_cond);
    if (port->senders_waiting > 0)
        pthread_cond_broadcast(&port->senders_cond);
    slot_free_if_unused(port);
    pthread_mutex_unlock(&port->lock);

    while (lost) {
        struct message *message = lost;
        lost = message->next;
        message_destroy(message);
    }
    notification_send(&notification);
}

/* --- Calls --- */

mach_port_t mach_task_self(void)
{
    return NAME_TASK;
}

kern_return_t mach_port_allocate(ipc_space_t task, mach_port_right_t right, mach_port_t *name)
{
    if (task != NAME_TASK)
        return KERN_INVALID_TASK;
    if (right != MACH_PORT_RIGHT_RECEIVE && right != MACH_PORT_RIGHT_PORT_SET)
        return KERN_INVALID_VALUE;
    struct slot *slot = slot_allocate(right == MACH_PORT_RIGHT_RECEIVE ? SLOT_PORT : SLOT_SET);
    if (!slot)
        return KERN_RESOURCE_SHORTAGE;
    *name = slot->name;
    return KERN_SUCCESS;
}

mach_port_t mach_reply_port(void)
{
    mach_port_t name;
    if (mach_port_allocate(NAME_TASK, MACH_PORT_RIGHT_RECEIVE, &name) != KERN_SUCCESS)
        return MACH_PORT_NULL;
    return name;
}

kern_return_t mach_port_insert_right(ipc_space_t task, mach_port_t name, mach_port_t right,
                                     mach_msg_type_name_t type)
{
    if (task != NAME_TASK)
        return KERN_INVALID_TASK;
    if (name != right)
        return KERN_NAME_EXISTS;
    if (type != MACH_MSG_TYPE_MAKE_SEND && type != MACH_MSG_TYPE_COPY_SEND)
        return KERN_INVALID_VALUE;
    return send_right_take(name, type);
}

kern_return_t mach_port_deallocate(ipc_space_t task, mach_port_t name)
{
    return task == NAME_TASK ? send_right_release(name) : KERN_INVALID_TASK;
}

kern_return_t mach_port_destroy(ipc_space_t task, mach_port_t name)
{
    if (task != NAME_TASK)
        return KERN_INVALID_TASK;
    struct slot *slot = slot_lock(name);
    if (!slot)
        return KERN_INVALID_NAME;
    switch (slot->kind) {
    case SLOT_PORT:
        /* Rights held go with the name; those in messages cannot be told apart and go too. */
        slot->send_rights = 0;
        port_destroy(slot);
        return KERN_SUCCESS;
    case SLOT_SET:
        set_destroy(slot);
        return KERN_SUCCESS;
    case SLOT_DEAD:
        slot->send_rights = 0;
        slot_free_if_unused(slot);
        pthread_mutex_unlock(&slot->lock);
        return KERN_SUCCESS;
    default:
        pthread_mutex_unlock(&slot->lock);
        return KERN_INVALID_RIGHT;
    }
}

/* Called with the lock held. */
static kern_return_t change_references(struct slot *slot, mach_port_delta_t delta,
                                       struct notification *notification)
{
    if (delta < 0 && slot->send_rights < -(long)delta)
        return KERN_INVALID_VALUE;
    if (delta > 0 && slot->send_rights + (long)delta > SEND_RIGHTS_MAX)
        return KERN_UREFS_OVERFLOW;
    if (delta > 0) {
        if (slot->send_rights == 0)
            return KERN_INVALID_RIGHT;
        slot->send_rights += (unsigned)delta;
    }
    for (; delta < 0; delta++) {
        if (slot->kind == SLOT_PORT)
            send_right_drop(slot, notification);
        else
            slot->send_rights--;
    }
    slot_free_if_unused(slot);
    return KERN_SUCCESS;
}

kern_return_t mach_port_mod_refs(ipc_space_t task, mach_port_t name, mach_port_right_t right,
                                 mach_port_delta_t delta)
{
    if (task != NAME_TASK)
        return KERN_INVALID_TASK;
    struct slot *slot = slot_lock(name);
    if (!slot)
        return KERN_INVALID_NAME;
    struct notification notification = {0};
    kern_return_t result = KERN_INVALID_RIGHT;
    if ((right == MACH_PORT_RIGHT_RECEIVE && slot->kind == SLOT_PORT) ||
        (right == MACH_PORT_RIGHT_PORT_SET && slot->kind == SLOT_SET)) {
        if (delta == -1) {
            if (slot->kind == SLOT_PORT)
                port_destroy(slot);
            else
                set_destroy(slot);
            return KERN_SUCCESS;
        }
        result = delta == 0 ? KERN_SUCCESS : KERN_INVALID_VALUE;
    } else if ((right == MACH_PORT_RIGHT_SEND && slot->kind == SLOT_PORT) ||
               (right == MACH_PORT_RIGHT_DEAD_NAME && slot->kind == SLOT_DEAD)) {
        result = change_references(slot, delta, &notification);
    }
    pthread_mutex_unlock(&slot->lock);
    notification_send(&notification);
    return result;
}

kern_return_t mach_port_get_refs(ipc_space_t task, mach_port_t name, mach_port_right_t right, natural_t *refs)
{
    if (task != NAME_TASK)
        return KERN_INVALID_TASK;
    struct slot *slot = slot_lock(name);
    if (!slot)
        return KERN_INVALID_NAME;
    kern_return_t result = KERN_SUCCESS;
    switch (right) {
    case MACH_PORT_RIGHT_SEND:
        *refs = slot->kind == SLOT_PORT ? slot->send_rights : 0;
        break;
    case MACH_PORT_RIGHT_RECEIVE:
        *refs = slot->kind == SLOT_PORT;
        break;
    case MACH_PORT_RIGHT_PORT_SET:
        *refs = slot->kind == SLOT_SET;
        break;
    case MACH_PORT_RIGHT_DEAD_NAME:
        *refs = slot->kind == SLOT_DEAD ? slot->send_rights : 0;
        break;
    default:
        result = KERN_INVALID_VALUE;
    }
    pthread_mutex_unlock(&slot->lock);
    return result;
}

kern_return_t mach_port_set_qlimit(ipc_space_t task, mach_port_t name, mach_port_msgcount_t limit)
{
    if (task != NAME_TASK)
        return KERN_INVALID_TASK;
    if (limit > MACH_PORT_QLIMIT_MAX)
        return KERN_INVALID_VALUE;
    struct slot *port = slot_lock(name);
    if (!port)
        return KERN_INVALID_NAME;
    kern_return_t result = KERN_INVALID_RIGHT;
    if (port->kind == SLOT_PORT) {
        if (limit > port->qlimit && port->senders_waiting > 0)
            pthread_cond_broadcast(&port->senders_cond);
        port->qlimit = limit;
        result = KERN_SUCCESS;
    }
    pthread_mutex_unlock(&port->lock);
    return result;
}

kern_return_t mach_port_get_receive_status(ipc_space_t task, mach_port_t name, mach_port_status_t *status)
{
    if (task != NAME_TASK)
        return KERN_INVALID_TASK;
    struct slot *port = slot_lock(name);
    if (!port)
        return KERN_INVALID_NAME;
    kern_return_t result = KERN_INVALID_RIGHT;
    if (port->kind == SLOT_PORT) {
        *status = (mach_port_status_t){
            .mps_pset = port->set,
            .mps_seqno = port->seqno,
            .mps_mscount = port->made_send,
            .mps_qlimit = port->qlimit,
            .mps_msgcount = port->count,
            .mps_srights = port->send_rights > 0,
            .mps_nsrequest = port->notify_no_senders != 0,
        };
        result = KERN_SUCCESS;
    }
    pthread_mutex_unlock(&port->lock);
    return result;
}
