/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netdde: the hosted driver stack as one program. Boots the machine, DDEKit, the Linux environment, the
 * driver, the device server and a client, plays a capture through all of them, and says what became of each
 * frame.
 *
 * It ends by itself, whatever is lost on the way: every frame that the NIC took is delivered or counted as
 * dropped, every write is answered.
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
#include "harness/nic/nic.h"
#include "harness/wire/account.h"
#include "harness/wire/wire.h"
#include "netdde-under-test/machdev/machdev.h"
#include "netdde-under-test/options.h"
#include "netdde-under-test/pfinet/client.h"
#include "netdde-under-test/pfinet/sequence.h"
#include "replay/replay.h"

enum { EXIT_OK = 0, EXIT_WRONG_FRAMES = 1, EXIT_BAD_INPUT = 2 };

#define DEVICE "eth0"

/* Without a capture, the card's address: of the locally administered ones that virtual machines use. */
static const uint8_t default_mac[NIC_MAC_LENGTH] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

/* A write is answered when the driver has freed its buffer, and a driver that copies does so before the card
 * has sent the frame. The last ones get this long before the device is closed: rounds of milliseconds. */
#define LINGER_ROUNDS 50
#define LINGER_MS 10u

struct stack {
    const struct options *options;
    struct replay *replay; /* or NULL */
    struct wire *wire;
    struct sequence transmitted; /* what came out of the card; used by the card's transmitter */
    struct client *client;
};

/* --- Before the boot -------------------------------------------------------------------------------------
 */

static struct replay *open_replay(const struct options *options)
{
    char error[REPLAY_MESSAGE_MAX];
    struct replay *replay =
        replay_open(options->replay, options->mac_given ? options->mac : NULL, error, sizeof error);

    if (!replay) {
        fprintf(stderr, "netdde: %s\n", error);
        return NULL;
    }
    for (size_t i = 0; i < replay->warning_count; i++)
        fprintf(stderr, "netdde: warning: %s\n", replay->warnings[i]);
    return replay;
}

/* --- The boot --------------------------------------------------------------------------------------------
 */

static void frame_transmitted(void *opaque, uint64_t number, const uint8_t *frame, size_t length)
{
    struct stack *stack = opaque;

    (void)number;
    sequence_match(&stack->transmitted, frame, length);
}

static void frame_undelivered(enum filter_outcome why)
{
    account_frame_dropped(why == FILTER_NO_MATCH    ? ACCOUNT_DROP_NO_FILTER
                          : why == FILTER_PORT_FULL ? ACCOUNT_DROP_PORT_FULL
                                                    : ACCOUNT_DROP_CLIENT_GONE);
}

static bool failed(const char *what, const char *why)
{
    fprintf(stderr, "netdde: %s: %s\n", what, why);
    return false;
}

/* Power, cable, card. */
static bool boot_machine(struct stack *stack)
{
    const struct options *options = stack->options;
    const uint8_t *mac = stack->replay ? stack->replay->mac : options->mac_given ? options->mac : default_mac;
    struct nic_config config = {0};

    machine_init();
    stack->wire = wire_create(stack->replay, &options->pace);
    if (!stack->wire)
        return failed("the wire", strerror(errno));
    wire_on_transmitted(stack->wire, frame_transmitted, stack);
    memcpy(config.mac, mac, sizeof config.mac);
    config.wire = stack->wire;
    if (!options->nic->create(&config))
        return failed(options->nic->name, strerror(errno));
    return true;
}

/* DDEKit, Linux, the driver, the server, the client. */
static bool boot_stack(struct stack *stack)
{
    struct client_config config = {.device = DEVICE,
                                   .replay = stack->replay,
                                   .delivered = account_frame_delivered,
                                   .recognised = wire_name_frame};
    char error[CLIENT_MESSAGE_MAX];

    ddekit_sync_select(stack->options->sync);
    ddekit_init();
    ddekit_init_timers();
    ddekit_pci_init();
    dde_linux_init();
    if (dde_linux_probe_drivers() == 0)
        return failed(stack->options->nic->name, "no driver has taken the card");
    machdev_on_undelivered(frame_undelivered);
    kern_return_t result = machdev_start(&config.device_master);
    if (result != KERN_SUCCESS)
        return failed("the device server", mach_error_string(result));
    stack->client = client_open(&config, error, sizeof error);
    return stack->client || failed("the client", error);
}

/* --- The summary -----------------------------------------------------------------------------------------
 */

static void print_device(const struct options *options, struct client_device device)
{
    printf("%s: %s, address %02x:%02x:%02x:%02x:%02x:%02x, %s, link %s, frames up to %d octets\n", DEVICE,
           options->nic->name, device.mac[0], device.mac[1], device.mac[2], device.mac[3], device.mac[4],
           device.mac[5], device.flags & IFF_UP ? "up" : "down", device.flags & IFF_RUNNING ? "up" : "down",
           device.max_frame_octets);
}

static void print_drops(struct account account)
{
    for (int where = 0; where < ACCOUNT_DROPS; where++)
        if (account.dropped[where])
            printf("  lost: %" PRIu64 ", %s\n", account.dropped[where],
                   account_drop_name((enum account_drop)where));
}

static void print_summary(const struct stack *stack, struct client_device device, struct client_counts counts)
{
    const struct replay *replay = stack->replay;
    struct wire_counters wire = wire_read_counters(stack->wire);
    struct account account = account_read();

    print_device(stack->options, device);
    printf("%s, rate %s, semaphores %s\n", replay->path, stack->options->rate, stack->options->sync);
    printf("wire to card: %" PRIu64 " frames of %zu; %" PRIu64 " accepted, %" PRIu64 " filtered, %" PRIu64
           " missed\n",
           wire.played, replay->to_device_count, account.accepted, wire.outcomes[WIRE_FILTERED],
           wire.outcomes[WIRE_MISSED]);
    printf("card to client: %" PRIu64 " frames, %" PRIu64
           " octets, equal to the capture and in its order; %" PRIu64 " wrong\n",
           counts.received, counts.received_bytes, counts.wrong);
    print_drops(account);
    printf("client to card: %" PRIu64 " frames of %zu, %" PRIu64 " octets; %" PRIu64 " errors; of %" PRIu64
           " delayed acknowledgements %" PRIu64 " sent by a timer\n",
           counts.sent, replay->from_device_count, counts.sent_bytes, counts.send_errors, counts.delayed,
           counts.by_timer);
    printf("card to wire: %" PRIu64 " frames, equal to the capture and in its order; %" PRIu64 " wrong\n",
           stack->transmitted.matched, stack->transmitted.wrong);
    if (counts.received == replay->to_device_count)
        printf("checksum %016" PRIx64 ", the capture's %016" PRIx64 "\n", counts.checksum,
               counts.expected_checksum);
}

/* --- The run ---------------------------------------------------------------------------------------------
 */

static void linger(const struct stack *stack, uint64_t sent)
{
    for (int i = 0; i < LINGER_ROUNDS && wire_read_counters(stack->wire).transmitted < sent; i++)
        ddekit_thread_msleep(LINGER_MS);
}

static void play(struct stack *stack)
{
    wire_start(stack->wire);
    client_start(stack->client);
    wire_wait_finished(stack->wire);
    account_wait_settled();
    client_finish(stack->client);
    linger(stack, client_counts(stack->client).sent);
}

/* Was everything right that was not lost? */
static bool all_right(const struct stack *stack, struct client_counts counts)
{
    if (counts.wrong > 0 || stack->transmitted.wrong > 0)
        return failed(stack->replay->path,
                      "frames came through that are not the capture's, or not in its order");
    if (counts.send_errors == 0 && counts.sent_bytes != counts.requested_bytes)
        return failed(DEVICE,
                      "the answers to device_write confirm another number of octets than were written");
    if (counts.received == stack->replay->to_device_count && counts.checksum != counts.expected_checksum)
        return failed(stack->replay->path, "the checksum over the received frames is not the capture's");
    return true;
}

static int run(struct stack *stack)
{
    struct client_counts counts = {0};
    bool right = true;

    if (!boot_machine(stack) || !boot_stack(stack))
        return EXIT_WRONG_FRAMES;
    machine_boot_finished();
    struct client_device device = client_device(stack->client);
    if (stack->replay) {
        play(stack);
        counts = client_counts(stack->client);
    }
    kern_return_t result = client_close(stack->client);
    if (result != KERN_SUCCESS)
        right = failed(DEVICE ": device_close", mach_error_string(result));
    /* The card has stopped: what it has transmitted stays as it is. */
    if (stack->replay && !all_right(stack, counts))
        right = false;
    if (stack->options->quiet)
        return right ? EXIT_OK : EXIT_WRONG_FRAMES;
    if (stack->replay)
        print_summary(stack, device, counts);
    else
        print_device(stack->options, device);
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
    if (options.replay) {
        stack.replay = open_replay(&options);
        if (!stack.replay)
            return EXIT_BAD_INPUT;
        if (sequence_init(&stack.transmitted, stack.replay, REPLAY_FROM_DEVICE))
            return failed(options.replay, strerror(errno)), EXIT_WRONG_FRAMES;
    }
    if (options.quiet)
        ddekit_print_to(-1);
    /* The machine has no power switch: its threads end with the process. */
    return finish_output(run(&stack));
}
