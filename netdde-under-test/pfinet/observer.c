/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Further clients: see observer.h. */
#include "netdde-under-test/pfinet/observer.h"

#include <net/if.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ddekit/debug.h>
#include <ddekit/lock.h>
#include <ddekit/semaphore.h>
#include <ddekit/thread.h>
#include <device/device.h>
#include <mach_error.h>

#include "netdde-under-test/pfinet/expression.h"
#include "netdde-under-test/pfinet/message.h"

#define PRIORITY 1 /* before the client that plays: what they do must not harm it */
#define THREAD_NAME_MAX 32
#define ETHERNET_ADDRESS 6

const struct observer_kind observer_kinds[] = {
    {.name = "reader",
     .description = "comes and reads every frame",
     .expression = "ip",
     .directions = NETF_IN,
     .reads = true},
    {.name = "sniffer",
     .description =
         "reads what is received and what is sent, with the card in promiscuous mode, as tcpdump does",
     .expression = "",
     .directions = NETF_IN | NETF_OUT,
     .reads = true,
     .promiscuous = true},
    {.name = "visitor",
     .description = "reads 20 frames, closes the device, and comes again",
     .expression = "tcp",
     .directions = NETF_IN,
     .stay = 20,
     .reads = true},
    {.name = "mortal",
     .description = "reads 20 frames and dies with the device open; another one comes",
     .expression = "greater 200",
     .directions = NETF_IN,
     .stay = 20,
     .reads = true,
     .dies = true},
    {.name = "sleeper",
     .description = "comes and never reads a frame",
     .expression = "",
     .directions = NETF_IN},
    {.name = "pest",
     .description = "asks for what there is not, and changes its filter, at every frame",
     .expression = "less 200",
     .directions = NETF_IN,
     .reads = true,
     .pests = true},
    {.name = NULL},
};

struct observer {
    const struct observers_config *config; /* all observers' */
    const struct observer_kind *kind;
    filter_t filter[NET_MAX_FILTER];
    size_t filter_words;
    device_t device;
    struct sequence received, sent; /* of the capture, as the device sees it */
    uint64_t visits;
    char complaint[OBSERVER_MESSAGE_MAX];

    ddekit_lock_t lock; /* guards the next two */
    bool dismissed;
    _Atomic mach_port_t port; /* its frames'; without the lock only to be compared with */

    ddekit_sem_t *leave; /* up: dismissed; for one that reads nothing */
    ddekit_sem_t *gone;  /* up: its thread has ended */
    atomic_uint_fast64_t lost;
};

struct observers {
    struct observers_config config;
    struct observer one[OBSERVERS_MAX];
};

const struct observer_kind *observer_find_kind(const char *name)
{
    for (const struct observer_kind *kind = observer_kinds; kind->name; kind++)
        if (strcmp(kind->name, name) == 0)
            return kind;
    return NULL;
}

/* --- What one does ---------------------------------------------------------------------------------------
 */

static bool is_dismissed(struct observer *observer)
{
    ddekit_lock_lock(&observer->lock);
    bool dismissed = observer->dismissed;
    ddekit_lock_unlock(&observer->lock);
    return dismissed;
}

/* Is the answer to a request the expected one? Keeps the first that is not. Who is being dismissed finds that
 * its port is no port any more. */
static bool answered(struct observer *observer, const char *what, kern_return_t code, kern_return_t expected)
{
    if (code == expected)
        return true;
    if (code == MACH_SEND_INVALID_RIGHT && is_dismissed(observer))
        return false;
    if (!observer->complaint[0])
        snprintf(observer->complaint, sizeof observer->complaint, "%s: %s", what, mach_error_string(code));
    return false;
}

/* Publish the port, unless it is too late. */
static bool take_port(struct observer *observer, mach_port_t port)
{
    ddekit_lock_lock(&observer->lock);
    bool dismissed = observer->dismissed;
    if (!dismissed)
        observer->port = port;
    ddekit_lock_unlock(&observer->lock);
    return !dismissed;
}

/* Have the port back, or MACH_PORT_NULL when it has been dropped already. */
static mach_port_t give_up_port(struct observer *observer)
{
    ddekit_lock_lock(&observer->lock);
    mach_port_t port = observer->port;
    observer->port = MACH_PORT_NULL;
    ddekit_lock_unlock(&observer->lock);
    return port;
}

static bool set_filter(struct observer *observer, mach_port_t port)
{
    return answered(observer, "device_set_filter",
                    device_set_filter(observer->device, port, MACH_MSG_TYPE_MAKE_SEND, PRIORITY,
                                      observer->filter, (mach_msg_type_number_t)observer->filter_words),
                    D_SUCCESS);
}

static void set_promiscuous(struct observer *observer, bool on)
{
    mach_msg_type_number_t count = 1;
    int flags;

    if (!answered(observer, "device_get_status",
                  device_get_status(observer->device, NET_FLAGS, &flags, &count), D_SUCCESS))
        return;
    flags = on ? flags | IFF_PROMISC : flags & ~IFF_PROMISC;
    answered(observer, "device_set_status", device_set_status(observer->device, NET_FLAGS, &flags, 1),
             D_SUCCESS);
}

static void close_device(struct observer *observer)
{
    if (observer->kind->promiscuous)
        set_promiscuous(observer, false);
    answered(observer, "device_close", device_close(observer->device), D_SUCCESS);
}

/* Open the device and ask for frames. Returns their port; MACH_PORT_NULL, and nothing kept, when that fails.
 */
static mach_port_t come(struct observer *observer)
{
    const struct observers_config *config = observer->config;
    mach_port_t port;

    if (!answered(observer, "device_open",
                  device_open(config->device_master, D_READ | D_WRITE, config->device, &observer->device),
                  D_SUCCESS))
        return MACH_PORT_NULL;
    observer->visits++;
    if (observer->kind->promiscuous)
        set_promiscuous(observer, true);
    if (answered(observer, "mach_port_allocate", message_port_new(&port), KERN_SUCCESS)) {
        if (take_port(observer, port)) {
            if (set_filter(observer, port))
                return port;
            port = give_up_port(observer);
        }
        message_port_drop(port);
    }
    close_device(observer);
    mach_port_deallocate(mach_task_self(), observer->device);
    return MACH_PORT_NULL;
}

/* Every wrong request has its error, whatever else goes on. */
static void pest(struct observer *observer, mach_port_t port)
{
    const filter_t none[] = {NETF_BPF | NETF_IN, 0, 0, 0};
    mach_msg_type_number_t count = 0;
    device_t device;
    int status, written;

    answered(observer, "device_open of none",
             device_open(observer->config->device_master, D_READ, "none", &device), D_NO_SUCH_DEVICE);
    answered(observer, "device_write of too little", device_write(observer->device, 0, 0, "", 1, &written),
             D_INVALID_SIZE);
    answered(observer, "device_get_status without room",
             device_get_status(observer->device, NET_ADDRESS, &status, &count), D_INVALID_SIZE);
    answered(observer, "device_set_filter without a program",
             device_set_filter(observer->device, port, MACH_MSG_TYPE_MAKE_SEND, PRIORITY, none, 4),
             D_INVALID_OPERATION);
    set_filter(observer, port);
}

static void check_frame(struct observer *observer, const uint8_t *frame, size_t length)
{
    bool sent = length >= ETHERNET_HEADER &&
                memcmp(frame + ETHERNET_ADDRESS, observer->config->replay->mac, ETHERNET_ADDRESS) == 0;

    sequence_match(sent ? &observer->sent : &observer->received, frame, length);
}

static void read_frames(struct observer *observer, mach_port_t port)
{
    struct net_rcv_msg message;
    uint8_t frame[MESSAGE_FRAME_MAX];

    for (unsigned i = 0; observer->kind->stay == OBSERVER_STAYS || i < observer->kind->stay; i++) {
        if (mach_msg(&message.msg_hdr, MACH_RCV_MSG, 0, sizeof message, port, MACH_MSG_TIMEOUT_NONE,
                     MACH_PORT_NULL) != MACH_MSG_SUCCESS)
            return; /* dismissed */
        check_frame(observer, frame, message_read(&message, frame));
        if (observer->kind->pests)
            pest(observer, port);
    }
}

static void go(struct observer *observer)
{
    if (!observer->kind->dies)
        close_device(observer);
    message_port_drop(give_up_port(observer));
    mach_port_deallocate(mach_task_self(), observer->device);
}

static void live(void *argument)
{
    struct observer *observer = argument;

    do {
        mach_port_t port = come(observer);
        if (port == MACH_PORT_NULL)
            break;
        if (observer->kind->reads)
            read_frames(observer, port);
        else
            ddekit_sem_down(observer->leave);
        go(observer);
    } while (!is_dismissed(observer));
    ddekit_sem_up(observer->gone);
}

/* --- All of them -----------------------------------------------------------------------------------------
 */

static bool start(struct observer *observer, const struct observers_config *config, size_t number)
{
    char name[THREAD_NAME_MAX];

    observer->config = config;
    observer->kind = config->kinds[number];
    observer->filter_words =
        expression_compile(observer->kind->expression, observer->kind->directions, observer->filter);
    observer->leave = ddekit_sem_init(0);
    observer->gone = ddekit_sem_init(0);
    ddekit_lock_init(&observer->lock);
    ddekit_sem_set_name(observer->leave, "observer's leave");
    ddekit_lock_set_name(&observer->lock, "observer's port");
    snprintf(name, sizeof name, "%s %zu", observer->kind->name, number + 1);
    return sequence_init(&observer->received, config->replay, REPLAY_TO_DEVICE, config->order) == 0 &&
           sequence_init(&observer->sent, config->replay, REPLAY_FROM_DEVICE, config->order) == 0 &&
           ddekit_thread_create(live, observer, name);
}

struct observers *observers_open(const struct observers_config *config)
{
    struct observers *observers = calloc(1, sizeof *observers);

    if (!observers)
        return NULL;
    observers->config = *config;
    for (size_t i = 0; i < config->count; i++)
        if (!start(&observers->one[i], &observers->config, i))
            return NULL; /* the process is about to end */
    return observers;
}

void observers_note_loss(struct observers *observers, mach_port_t port)
{
    for (size_t i = 0; i < observers->config.count; i++)
        if (observers->one[i].port == port)
            observers->one[i].lost++;
}

static void dismiss(struct observer *observer)
{
    ddekit_lock_lock(&observer->lock);
    observer->dismissed = true;
    ddekit_lock_unlock(&observer->lock);
    message_port_drop(give_up_port(observer));
    ddekit_sem_up(observer->leave);
}

static bool await_gone(struct observer *observer, unsigned patience_ms)
{
    if (patience_ms > 0)
        return ddekit_sem_down_timed(observer->gone, (int)patience_ms) == 0;
    ddekit_sem_down(observer->gone);
    return true;
}

bool observers_dismiss(struct observers *observers, unsigned patience_ms)
{
    bool gone = true;

    for (size_t i = 0; i < observers->config.count; i++)
        dismiss(&observers->one[i]);
    for (size_t i = 0; i < observers->config.count; i++)
        gone = gone && await_gone(&observers->one[i], patience_ms);
    return gone;
}

struct observer_counts observers_counts(const struct observers *observers, size_t number)
{
    const struct observer *observer = &observers->one[number];
    struct observer_counts counts = {.kind = observer->kind,
                                     .visits = observer->visits,
                                     .frames = observer->received.matched + observer->sent.matched,
                                     .wrong = observer->received.wrong + observer->sent.wrong,
                                     .lost = observer->lost};

    counts.frames += counts.wrong;
    memcpy(counts.complaint, observer->complaint, sizeof counts.complaint);
    return counts;
}
