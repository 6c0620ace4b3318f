/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netdde: the hosted driver stack as one program. Boots the machine, DDEKit, the Linux environment, the
 * drivers, the device server and a client for each card, plays captures through all of them, and says what
 * became of each frame.
 *
 * It ends by itself, whatever is lost on the way: every frame that the NIC took is delivered or counted as
 * dropped, every write is answered. Only of a card with a fault is some of that given up after a time.
 */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dde_linux/dde_linux.h>
#include <ddekit/ddekit.h>
#include <ddekit/pci.h>
#include <ddekit/printf.h>
#include <ddekit/sync.h>
#include <ddekit/thread.h>
#include <ddekit/timer.h>
#include <mach_error.h>

#include "harness/machine/machine.h"
#include "harness/machine/pci.h"
#include "harness/nic/nic.h"
#include "harness/wire/account.h"
#include "harness/wire/wire.h"
#include "netdde-under-test/machdev/machdev.h"
#include "netdde-under-test/options.h"
#include "netdde-under-test/pfinet/client.h"
#include "netdde-under-test/pfinet/observer.h"
#include "netdde-under-test/pfinet/sequence.h"
#include "replay/replay.h"

enum { EXIT_OK = 0, EXIT_WRONG_FRAMES = 1, EXIT_BAD_INPUT = 2 };

/* Without a capture, the first card's address: of the locally administered ones that virtual machines use.
 * The next ones follow. */
static const uint8_t default_mac[NIC_MAC_LENGTH] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

/* A write is answered when the driver has freed its buffer, and a driver that copies does so before the card
 * has sent the frame. The last ones get this long before the device is closed: rounds of milliseconds. */
#define LINGER_ROUNDS 50
#define LINGER_MS 10u

/* With a fault: the transmit watchdogs take up to 6 s, and resets and finding the link some more. */
#define PATIENCE_MS 30000u

#define NS_PER_S 1e9
#define BRIDGE_SLOT 0x1eu /* behind those that cards may be in */

_Static_assert(OPTIONS_BRIDGES_MAX < PCI_BUSES_MAX, "each bridge has a bus behind it");

/* One card, with its wire on one side and its client on the other. */
struct interface {
    const struct card_options *card;
    char name[DDE_LINUX_INTERFACE_NAME_MAX]; /* what Linux calls it: eth0 */
    struct replay *replay;                   /* or NULL */
    struct wire *wire;
    struct sequence transmitted; /* what came out of the card; used by the card's transmitter */
    struct client *client;
    mach_port_t player;          /* where the client gets its frames; outlives it as a name */
    struct observers *observers; /* further clients, or NULL */
    struct client_device device; /* what it says of itself, once it is open */
    struct client_counts counts; /* when the play is over */
    bool answered;               /* all its writes were */
    double seconds; /* from the first frame until the last has arrived or its write is answered */
};

struct stack {
    const struct options *options;
    mach_port_t device_master;
    bool serves; /* its device server: it has answered the last requests of all clients */
    struct interface interfaces[OPTIONS_CARDS_MAX]; /* options->card_count of them */
};

/* All interfaces of a stack, in order. */
#define FOR_EACH_INTERFACE(interface, stack)                                                                 \
    for (struct interface *interface = (stack)->interfaces;                                                  \
         interface < (stack)->interfaces + (stack)->options->card_count; interface++)

static bool failed(const char *what, const char *why)
{
    fprintf(stderr, "netdde: %s: %s\n", what, why);
    return false;
}

/* What a card with several queues keeps. */
static enum sequence_order order_of(const struct card_options *card)
{
    return card->queue_pairs > 1 ? SEQUENCE_BY_FLOW : SEQUENCE_WHOLE;
}

/* --- Before the boot -------------------------------------------------------------------------------------
 */

static int open_replay(struct interface *interface)
{
    const struct card_options *card = interface->card;
    char error[REPLAY_MESSAGE_MAX];

    if (!card->replay)
        return EXIT_OK;
    interface->replay = replay_open(card->replay, card->mac_given ? card->mac : NULL, error, sizeof error);
    if (!interface->replay) {
        fprintf(stderr, "netdde: %s\n", error);
        return EXIT_BAD_INPUT;
    }
    for (size_t i = 0; i < interface->replay->warning_count; i++)
        fprintf(stderr, "netdde: warning: %s\n", interface->replay->warnings[i]);
    if (sequence_init(&interface->transmitted, interface->replay, REPLAY_FROM_DEVICE, order_of(card)))
        return failed(card->replay, strerror(errno)), EXIT_WRONG_FRAMES;
    return EXIT_OK;
}

/* --- The boot --------------------------------------------------------------------------------------------
 */

static void frame_transmitted(void *opaque, uint64_t number, const uint8_t *frame, size_t length)
{
    struct interface *interface = opaque;

    (void)number;
    sequence_match(&interface->transmitted, frame, length);
}

/* What became of a frame for the client that the capture is played to. */
static enum filter_outcome outcome_for_player(struct stack *stack, const struct filter_report *report)
{
    FOR_EACH_INTERFACE(interface, stack)
    {
        enum filter_outcome outcome = filter_report_for(report, interface->player);
        if (outcome != FILTER_NO_MATCH)
            return outcome;
    }
    return FILTER_NO_MATCH;
}

/* The account is that of the frames that captures are played with. */
static void account_for(struct stack *stack, const struct filter_report *report)
{
    static const enum account_drop drops[] = {[FILTER_NO_MATCH] = ACCOUNT_DROP_NO_FILTER,
                                              [FILTER_NO_ROOM] = ACCOUNT_DROP_PORT_FULL,
                                              [FILTER_CLIENT_GONE] = ACCOUNT_DROP_CLIENT_GONE};
    enum filter_outcome outcome = outcome_for_player(stack, report);

    if (report->direction == NETF_IN && outcome != FILTER_DELIVERED)
        account_frame_dropped(drops[outcome]);
}

static void frame_handed_out(void *opaque, const struct filter_report *report)
{
    struct stack *stack = opaque;

    account_for(stack, report);
    FOR_EACH_INTERFACE(interface, stack)
    {
        for (size_t i = 0; interface->observers && i < report->count; i++)
            if (report->clients[i].outcome == FILTER_NO_ROOM)
                observers_note_loss(interface->observers, report->clients[i].port);
    }
}

static void choose_mac(const struct interface *interface, size_t number, uint8_t mac[NIC_MAC_LENGTH])
{
    const struct card_options *card = interface->card;

    memcpy(mac,
           interface->replay ? interface->replay->mac
           : card->mac_given ? card->mac
                             : default_mac,
           NIC_MAC_LENGTH);
    if (!interface->replay && !card->mac_given)
        mac[NIC_MAC_LENGTH - 1] += (uint8_t)number;
}

/* Cable and card. */
static bool plug_in(struct stack *stack, struct interface *interface)
{
    const struct card_options *card = interface->card;
    struct nic_config config = {.irq_line = card->irq_line,
                                .pci_bus = card->pci_bridges,
                                .pci_slot = card->pci_slot,
                                .queue_pairs = card->queue_pairs};

    interface->wire = wire_create(interface->replay, &stack->options->pace);
    if (!interface->wire)
        return failed("the wire", strerror(errno));
    wire_on_transmitted(interface->wire, frame_transmitted, interface);
    choose_mac(interface, (size_t)(interface - stack->interfaces), config.mac);
    config.wire = interface->wire;
    config.fault = card->fault;
    return card->model->create(&config) || failed(card->model->name, strerror(errno));
}

/* As many bridges, each behind the other, as some card is behind. */
static void plug_in_bridges(struct stack *stack)
{
    unsigned bus = 0;

    FOR_EACH_INTERFACE(interface, stack)
    {
        while (bus < interface->card->pci_bridges)
            bus = pci_bridge_register(bus, BRIDGE_SLOT);
    }
}

static bool boot_machine(struct stack *stack)
{
    machine_init();
    plug_in_bridges(stack);
    FOR_EACH_INTERFACE(interface, stack)
    {
        if (!plug_in(stack, interface))
            return false;
    }
    return true;
}

/* DDEKit, Linux, the drivers, the server. */
static bool boot_stack(struct stack *stack)
{
    ddekit_sync_select(stack->options->sync);
    ddekit_init();
    ddekit_init_timers();
    ddekit_pci_init();
    dde_linux_init();
    dde_linux_set_cpus(options_queue_pairs(stack->options));
    dde_linux_probe_drivers();
    machdev_on_handed_out(frame_handed_out, stack);
    kern_return_t result = machdev_start(&stack->device_master);
    return result == KERN_SUCCESS || failed("the device server", mach_error_string(result));
}

static bool open_client(struct interface *interface, mach_port_t device_master)
{
    struct client_config config = {.device_master = device_master,
                                   .device = interface->name,
                                   .replay = interface->replay,
                                   .order = order_of(interface->card),
                                   .delivered = account_frame_delivered,
                                   .recognised = wire_name_frame};
    char error[CLIENT_MESSAGE_MAX], place[sizeof "0000:00:00.0"];

    snprintf(place, sizeof place, "0000:%02x:%02x.0", interface->card->pci_bridges & 0xff,
             interface->card->pci_slot & 0xff);
    if (!dde_linux_find_interface(place, interface->name))
        return failed(interface->card->model->name, "no driver has taken the card");
    interface->client = client_open(&config, error, sizeof error);
    if (!interface->client)
        return failed("the client", error);
    interface->player = client_port(interface->client);
    interface->device = client_device(interface->client);
    return true;
}

static bool boot(struct stack *stack)
{
    if (!boot_machine(stack) || !boot_stack(stack))
        return false;
    FOR_EACH_INTERFACE(interface, stack)
    {
        if (!open_client(interface, stack->device_master))
            return false;
    }
    machine_boot_finished();
    return true;
}

/* --- The summary -----------------------------------------------------------------------------------------
 */

static void print_device(const struct interface *interface)
{
    const struct client_device *device = &interface->device;

    printf("%s: %s, address %02x:%02x:%02x:%02x:%02x:%02x, %s, link %s, frames up to %d octets\n",
           interface->name, interface->card->model->name, device->mac[0], device->mac[1], device->mac[2],
           device->mac[3], device->mac[4], device->mac[5], device->flags & IFF_UP ? "up" : "down",
           device->flags & IFF_RUNNING ? "up" : "down", device->max_frame_octets);
}

static void print_play(const struct interface *interface, const struct options *options)
{
    const struct replay *replay = interface->replay;
    const struct client_counts *counts = &interface->counts;
    const char *whose = order_of(interface->card) == SEQUENCE_WHOLE ? "its" : "each flow's";
    struct wire_counters wire = wire_read_counters(interface->wire);

    printf("%s, rate %s, semaphores %s, %.6f s\n", replay->path, options->rate, options->sync,
           interface->seconds);
    printf("wire to card: %" PRIu64 " frames of %zu; %" PRIu64 " accepted, %" PRIu64 " filtered, %" PRIu64
           " missed\n",
           wire.played, replay->to_device_count, wire.outcomes[WIRE_ACCEPTED], wire.outcomes[WIRE_FILTERED],
           wire.outcomes[WIRE_MISSED]);
    printf("card to client: %" PRIu64 " frames, %" PRIu64
           " octets, equal to the capture and in %s order; %" PRIu64 " wrong\n",
           counts->received, counts->received_bytes, whose, counts->wrong);
    printf("client to card: %" PRIu64 " frames of %zu, %" PRIu64 " octets; %" PRIu64 " errors; of %" PRIu64
           " delayed acknowledgements %" PRIu64 " sent by a timer\n",
           counts->sent, replay->from_device_count, counts->sent_bytes, counts->send_errors, counts->delayed,
           counts->by_timer);
    printf("card to wire: %" PRIu64 " frames, equal to the capture and in %s order; %" PRIu64 " wrong\n",
           interface->transmitted.matched, whose, interface->transmitted.wrong);
    if (counts->received == replay->to_device_count)
        printf("checksum %016" PRIx64 ", the capture's %016" PRIx64 "\n", counts->checksum,
               counts->expected_checksum);
}

/* Of all cards: who drops a frame does not always know which one it came by. */
static void print_drops(void)
{
    struct account account = account_read();

    for (int where = 0; where < ACCOUNT_DROPS; where++)
        if (account.dropped[where])
            printf("lost between card and client: %" PRIu64 ", %s\n", account.dropped[where],
                   account_drop_name((enum account_drop)where));
}

/* What faults have left in cards that do not work any more. */
static void print_given_up(struct stack *stack)
{
    if (account_outstanding() > 0)
        printf("given up: %" PRIu64 " frames that were not received from the card\n", account_outstanding());
    FOR_EACH_INTERFACE(interface, stack)
    {
        if (!interface->answered)
            printf("given up: writes to %s that were not answered\n", interface->name);
    }
    if (!stack->serves)
        printf("given up: a device server that does not answer\n");
}

static void print_observers(const struct interface *interface, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct observer_counts counts = observers_counts(interface->observers, i);
        printf("%s %zu: came %" PRIu64 " times, read %" PRIu64 " frames, %" PRIu64
               " wrong; had no room for %" PRIu64 "\n",
               counts.kind->name, i + 1, counts.visits, counts.frames, counts.wrong, counts.lost);
    }
}

static void print_summary(struct stack *stack)
{
    FOR_EACH_INTERFACE(interface, stack)
    {
        print_device(interface);
        if (interface->replay)
            print_play(interface, stack->options);
        if (interface->observers)
            print_observers(interface, stack->options->observer_count);
    }
    print_drops();
    print_given_up(stack);
}

/* --- The run ---------------------------------------------------------------------------------------------
 */

static void linger(const struct interface *interface)
{
    for (int i = 0; i < LINGER_ROUNDS; i++) {
        if (wire_read_counters(interface->wire).transmitted >= interface->counts.sent)
            break;
        ddekit_thread_msleep(LINGER_MS);
    }
}

static bool open_observers(struct stack *stack)
{
    struct observers_config config = {.device_master = stack->device_master,
                                      .kinds = stack->options->observers,
                                      .count = stack->options->observer_count};

    FOR_EACH_INTERFACE(interface, stack)
    {
        if (config.count == 0 || !interface->replay)
            continue;
        config.device = interface->name;
        config.replay = interface->replay;
        config.order = order_of(interface->card);
        interface->observers = observers_open(&config);
        if (!interface->observers)
            return failed("the clients", strerror(ENOMEM));
    }
    return true;
}

static void await_frames(void)
{
    for (unsigned ms = 0; ms < PATIENCE_MS && account_outstanding() > 0; ms += LINGER_MS)
        ddekit_thread_msleep(LINGER_MS);
}

static void play(struct stack *stack)
{
    bool faulty = options_have_fault(stack->options);
    uint64_t began = machine_now_ns();

    FOR_EACH_INTERFACE(interface, stack)
    {
        wire_start(interface->wire);
        client_start(interface->client);
    }
    FOR_EACH_INTERFACE(interface, stack)
    {
        wire_wait_finished(interface->wire);
    }
    if (faulty)
        await_frames();
    else
        account_wait_outstanding(0);
    FOR_EACH_INTERFACE(interface, stack)
    {
        interface->answered = client_finish(interface->client, faulty ? PATIENCE_MS : 0);
        interface->seconds = (double)(machine_now_ns() - began) / NS_PER_S;
        interface->counts = client_counts(interface->client);
        linger(interface);
    }
}

/* Devices whose clients died are closed as soon as the server notices. */
static void await_closed(void)
{
    for (int i = 0; i < LINGER_ROUNDS && machdev_open_devices() > 0; i++)
        ddekit_thread_msleep(LINGER_MS);
}

static bool observers_right(const struct interface *interface, size_t count)
{
    for (size_t i = 0; interface->observers && i < count; i++) {
        struct observer_counts counts = observers_counts(interface->observers, i);
        if (counts.complaint[0])
            return failed(counts.kind->name, counts.complaint);
        if (counts.wrong > 0)
            return failed(counts.kind->name, "got frames that are not the capture's, or not in its order");
    }
    return true;
}

/* Was everything right that was not lost? */
static bool all_right(const struct interface *interface)
{
    const struct client_counts *counts = &interface->counts;
    const struct replay *replay = interface->replay;

    if (!replay)
        return true;
    if (counts->wrong > 0 || interface->transmitted.wrong > 0)
        return failed(replay->path, "frames came through that are not the capture's, or not in its order");
    if (counts->send_errors == 0 && counts->sent_bytes != counts->requested_bytes)
        return failed(interface->name,
                      "the answers to device_write confirm another number of octets than were written");
    if (counts->received == replay->to_device_count && counts->checksum != counts->expected_checksum)
        return failed(replay->path, "the checksum over the received frames is not the capture's");
    return true;
}

static bool close_client(struct interface *interface)
{
    kern_return_t result = client_close(interface->client);
    char what[sizeof interface->name + sizeof ": device_close"];

    snprintf(what, sizeof what, "%s: device_close", interface->name);
    return result == KERN_SUCCESS || failed(what, mach_error_string(result));
}

/* Everybody goes, as long as the device server lets them: one request that never ends is the end of all. */
static bool close_clients(struct stack *stack)
{
    unsigned patience_ms = options_have_fault(stack->options) ? PATIENCE_MS : 0;
    bool right = true;

    stack->serves = true;
    FOR_EACH_INTERFACE(interface, stack)
    {
        if (interface->observers && stack->serves)
            stack->serves = observers_dismiss(interface->observers, patience_ms);
        if (stack->serves)
            right &= close_client(interface);
    }
    return right;
}

static int run(struct stack *stack)
{
    if (!boot(stack) || !open_observers(stack))
        return EXIT_WRONG_FRAMES;
    play(stack);
    bool right = close_clients(stack);
    await_closed();
    /* The cards have stopped: what they have transmitted stays as it is. */
    FOR_EACH_INTERFACE(interface, stack)
    {
        right &= all_right(interface);
        right &= observers_right(interface, stack->options->observer_count);
    }
    if (!stack->options->quiet)
        print_summary(stack);
    return right ? EXIT_OK : EXIT_WRONG_FRAMES;
}

/* A full disk is an error, also when it is only noticed now. */
static int finish_output(int code)
{
    bool lost = ferror(stdout);
    errno = 0;
    if (fflush(stdout) == 0 && !lost)
        return code;
    return failed("standard output", errno ? strerror(errno) : "not all of it could be written"),
           EXIT_WRONG_FRAMES;
}

int main(int argc, char **argv)
{
    /* Static, as threads that use them outlive main. */
    static struct options options;
    static struct stack stack = {.options = &options};

    switch (options_read(argc, argv, &options)) {
    case OPTIONS_DONE:
        return finish_output(EXIT_OK);
    case OPTIONS_WRONG:
        return EXIT_BAD_INPUT;
    case OPTIONS_RUN:
        break;
    }
    FOR_EACH_INTERFACE(interface, &stack)
    {
        interface->card = &options.cards[interface - stack.interfaces];
        int code = open_replay(interface);
        if (code != EXIT_OK)
            return code;
    }
    if (options.quiet)
        ddekit_print_to(-1);
    /* The machine has no power switch: its threads end with the process. */
    return finish_output(run(&stack));
}
