/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of netdde: see options.h. */
#include "netdde-under-test/options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ddekit/sync.h>

#include "harness/machine/irq.h"

#define DEFAULT_NIC "rtl8139"
#define DEFAULT_DRIVER "8139too"
#define DEFAULT_SYNC "posix"
#define DEFAULT_RATE "recorded"
#define SLOT_FIRST 0x01
#define SLOT_LAST 0x1d
#define LIST_COLUMN 17 /* octets that a name takes in a list */
#define NAMES_MAX 256  /* octets of a list of names in a message */

static const struct option long_options[] = {
    {"nic", required_argument, NULL, 'n'},
    {"driver", required_argument, NULL, 'd'},
    {"sync", required_argument, NULL, 's'},
    {"replay", required_argument, NULL, 'f'},
    {"rate", required_argument, NULL, 'r'},
    {"mac", required_argument, NULL, 'm'},
    {"fault", required_argument, NULL, 'F'},
    {"clients", required_argument, NULL, 'c'},
    {"list", no_argument, NULL, 'l'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "Usage: netdde [OPTION]...\n"
    "The network driver stack of the GNU Hurd on a simulated machine.\n"
    "\n"
    "  --driver NAME[,PROPERTY=VALUE]...\n"
    "                  the Linux driver, and the network card that it is for (" DEFAULT_DRIVER "). Given\n"
    "                  several times: as many cards, each on a wire of its own with a client\n"
    "  --nic NAME[,PROPERTY=VALUE]...\n"
    "                  the same by the card's name (" DEFAULT_NIC "). Properties of a card:\n"
    "                  slot=SLOT     its place on the PCI bus, 01 to 1d as lspci writes it (03 for the "
    "first,\n"
    "                                04 for the second, ...)\n"
    "                  bus=BUS       its bus, 0 to 3: behind so many bridges, each behind the one before "
    "(0)\n"
    "                  irq=LINE      its interrupt line, 1 to 23 (11, 10, 5, 9 for slots 03 to 06 and so "
    "on);\n"
    "                                cards may share one\n"
    "                  queues=N      pairs of queues, 1 to 4, of a card that can have several (1), and\n"
    "                                so many processors; frames then keep their order within each flow\n"
    "                  mac=ADDRESS   as --mac, for this card\n"
    "                  fault=KIND    as --fault, for this card\n"
    "                  replay=FILE   as --replay, for this card; the last property\n"
    "  --sync NAME     generation of the semaphores: legacy, drain or posix (" DEFAULT_SYNC ")\n"
    "  --replay FILE   play this capture (pcap or pcapng, Ethernet): its frames to the device come from the\n"
    "                  wire, the device's own are sent by a client. Without it: find the card, open the\n"
    "                  device, print its state and end\n"
    "  --rate RATE     the wire's pace: recorded, a multiple of it (2x), bytes per second (4M), max, which "
    "is\n"
    "                  100 Mbit/s, or window: as fast as frames arrive, 16 under way at most (" DEFAULT_RATE
    ")\n"
    "  --mac ADDRESS   the device's address; without it found in the capture\n"
    "  --fault KIND[@N]\n"
    "                  the card has a fault, which strikes once, the Nth time that it can (100):\n"
    "                  lost-interrupt        the Nth interrupt reaches nobody\n"
    "                  spurious-interrupt    with the Nth frame of either way one comes for no reason\n"
    "                  stuck-transmitter     from the Nth frame on nothing is sent before the card is reset\n"
    "                  transmit-error        the Nth frame sent meets an error, of which the card tells\n"
    "                  corrupted-descriptor  what the card says of the Nth frame received is nonsense\n"
    "                  surprise-removal      with the Nth frame the card is taken out of its slot\n"
    "                  master-abort          with the Nth frame an access to memory has no answer\n"
    "                  What the driver does not recover from is given up: the frames, the answers to what "
    "was\n"
    "                  sent, and the device server, after 30 s each\n"
    "  --clients KIND[,KIND]...\n"
    "                  while captures are played, further clients of each card, with filters of their own:\n"
    "                  they come, go, die or do not read (--list has the kinds)\n"
    "  --list          list cards with their drivers, generations of semaphores, and kinds of clients\n"
    "  --quiet         print nothing but errors\n"
    "  --help, --version\n"
    "\n"
    "Exit codes: 0 all went well (frames lost on the way, and what is given up because of a fault, are told "
    "and\n"
    "no error); 1 frames came that are not the capture's or not in its order, or the device failed; 2 wrong "
    "usage\n"
    "or unusable input.\n";

static enum options_outcome wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

static enum options_outcome wrong(const char *format, ...)
{
    va_list arguments;

    fputs("netdde: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return OPTIONS_WRONG;
}

static void append_name(char *names, const char *name)
{
    size_t used = strlen(names);

    snprintf(names + used, NAMES_MAX - used, "%s%s", used ? ", " : "", name);
}

/* --- Cards -----------------------------------------------------------------------------------------------
 */

#define WORD_MAX 64 /* octets of a name or a value, with the final zero */

/* The properties of a card: each reads its value, false for what it does not accept. */
struct property {
    const char *name;
    bool (*read)(const char *text, struct card_options *card);
    const char *accepted;
};

static bool read_number(const char *text, int base, unsigned long least, unsigned long most, unsigned *number)
{
    char *end;
    unsigned long value = strtoul(text, &end, base);

    *number = (unsigned)value;
    return isxdigit((unsigned char)*text) && *end == '\0' && value >= least && value <= most;
}

static bool read_slot(const char *text, struct card_options *card)
{
    return read_number(text, 16, SLOT_FIRST, SLOT_LAST, &card->pci_slot);
}

static bool read_bus(const char *text, struct card_options *card)
{
    return read_number(text, 10, 0, OPTIONS_BRIDGES_MAX, &card->pci_bridges);
}

static bool read_irq(const char *text, struct card_options *card)
{
    return read_number(text, 10, 1, IRQ_LINES - 1, &card->irq_line);
}

static bool read_queues(const char *text, struct card_options *card)
{
    unsigned most = card->model->queue_pairs;

    return read_number(text, 10, 1, most ? most : 1, &card->queue_pairs);
}

static bool read_card_mac(const char *text, struct card_options *card)
{
    card->mac_given = true;
    return replay_parse_mac(text, card->mac) == 0;
}

static bool read_card_fault(const char *text, struct card_options *card)
{
    return fault_parse(text, &card->fault);
}

static const char fault_accepted[] =
    "lost-interrupt, spurious-interrupt, stuck-transmitter, transmit-error, corrupted-descriptor, "
    "surprise-removal or "
    "master-abort, with @ and a number behind it if it is not to be the 100th";

static const struct property properties[] = {
    {"slot", read_slot, "a place on the PCI bus, 01 to 1d"},
    {"bus", read_bus, "a number of bridges, 0 to 3"},
    {"irq", read_irq, "an interrupt line, 1 to 23"},
    {"queues", read_queues, "a number of pairs of queues that this card can have"},
    {"mac", read_card_mac, "the address of one host, such as 52:54:00:12:34:56"},
    {"fault", read_card_fault, fault_accepted},
};

/* What is left of a card's option to be read. */
struct rest {
    const char *option; /* its name, for messages */
    const char *text;
    bool more;      /* it goes on behind a comma */
    unsigned given; /* a bit for each property that was read */
};

/* Cut the next word off at a comma; the text is the caller's, so it is copied. False when it is too long. */
static bool next_word(struct rest *rest, char word[WORD_MAX])
{
    size_t length = strcspn(rest->text, ",");

    if (length >= WORD_MAX)
        return false;
    memcpy(word, rest->text, length);
    word[length] = '\0';
    rest->more = rest->text[length] == ',';
    rest->text += length + rest->more;
    return true;
}

static enum options_outcome read_property(struct rest *rest, struct card_options *card)
{
    static const char replay[] = "replay=";
    char word[WORD_MAX];

    if (strncmp(rest->text, replay, strlen(replay)) == 0) {
        card->replay = rest->text + strlen(replay);
        rest->more = false;
        return OPTIONS_RUN;
    }
    if (!next_word(rest, word))
        return wrong("%s: '%s' is too long for a property", rest->option, rest->text);
    char *value = strchr(word, '=');
    if (value)
        *value++ = '\0';
    for (size_t i = 0; value && i < sizeof properties / sizeof properties[0]; i++) {
        if (strcmp(properties[i].name, word) != 0)
            continue;
        if (rest->given & 1u << i)
            return wrong("%s: %s= is given twice", rest->option, word);
        rest->given |= 1u << i;
        if (properties[i].read(value, card))
            return OPTIONS_RUN;
        return wrong("%s: %s: '%s' is not %s", rest->option, word, value, properties[i].accepted);
    }
    return wrong(
        "%s: a card has no property '%s'; it has slot=, bus=, irq=, queues=, mac=, fault=, and last replay=",
        rest->option, word);
}

static enum options_outcome read_card(const char *option, const char *text,
                                      const struct nic_model *(*find)(const char *name),
                                      struct options *options)
{
    struct rest rest = {.option = option, .text = text};
    char name[WORD_MAX];

    if (options->card_count == OPTIONS_CARDS_MAX)
        return wrong("%s: there is room for %d cards", option, OPTIONS_CARDS_MAX);
    struct card_options *card = &options->cards[options->card_count++];
    if (!next_word(&rest, name))
        return wrong("%s: '%s' is too long for a name", option, text);
    card->model = find(name);
    if (!card->model)
        return OPTIONS_WRONG;
    while (rest.more) {
        enum options_outcome outcome = read_property(&rest, card);
        if (outcome != OPTIONS_RUN)
            return outcome;
    }
    return OPTIONS_RUN;
}

static const struct nic_model *find_nic(const char *name)
{
    const struct nic_model *model = nic_find_model(name);
    char names[NAMES_MAX] = "";

    for (size_t i = 0; nic_models[i]; i++)
        append_name(names, nic_models[i]->name);
    if (!model)
        wrong("--nic: there is no card '%s'; there are: %s", name, names);
    return model;
}

static const struct nic_model *find_driver(const char *name)
{
    const struct nic_model *model = nic_find_driver(name);
    char names[NAMES_MAX] = "";

    for (size_t i = 0; nic_models[i]; i++)
        if (i == 0 || strcmp(nic_models[i]->driver, nic_models[i - 1]->driver) != 0)
            append_name(names, nic_models[i]->driver);
    if (!model)
        wrong("--driver: there is no driver '%s'; there are: %s", name, names);
    return model;
}

/* Whether another card is in that slot of its bus. */
static bool is_taken(const struct options *options, unsigned slot, size_t by)
{
    for (size_t i = 0; i < options->card_count; i++) {
        const struct card_options *card = &options->cards[i];

        if (i != by && card->pci_bridges == options->cards[by].pci_bridges && card->pci_slot == slot)
            return true;
    }
    return false;
}

/* What is not said of each card: its slot, the first that is free, and what is said of all. */
static enum options_outcome complete_cards(struct options *options, const struct card_options *all)
{
    bool plays = false, wanted = false; /* a capture; that of all cards */

    if (options->card_count == 0)
        options->cards[options->card_count++].model = nic_find_model(DEFAULT_NIC);
    for (size_t i = 0; i < options->card_count; i++) {
        struct card_options *card = &options->cards[i];

        if (card->pci_slot != 0 && is_taken(options, card->pci_slot, i))
            return wrong("slot=%02x: two cards cannot be in one slot", card->pci_slot);
        for (unsigned slot = NIC_DEFAULT_PCI_SLOT; card->pci_slot == 0; slot++) {
            if (!is_taken(options, slot, i))
                card->pci_slot = slot;
        }
        wanted |= card->replay == NULL;
        if (!card->replay)
            card->replay = all->replay;
        plays |= card->replay != NULL;
        if (card->fault.kind == FAULT_NONE)
            card->fault = all->fault;
        if (!card->mac_given && all->mac_given) {
            card->mac_given = true;
            memcpy(card->mac, all->mac, sizeof card->mac);
        }
    }
    if (all->replay && !wanted)
        return wrong("--replay: each card has a capture of its own");
    if (options_have_fault(options) && options->pace.kind == PACE_WINDOW)
        return wrong("--rate: window waits for frames that a fault may lose; with --fault give another one");
    if (options->observer_count > 0 && !plays)
        return wrong("--clients: they come while a capture is played; give --replay, too");
    return OPTIONS_RUN;
}

/* --- The others ------------------------------------------------------------------------------------------
 */

static enum options_outcome read_sync(const char *name, struct options *options)
{
    char names[NAMES_MAX] = "";

    options->sync = name;
    for (const char *const *known = ddekit_sync_names(); *known; known++) {
        if (strcmp(*known, name) == 0)
            return OPTIONS_RUN;
        append_name(names, *known);
    }
    return wrong("--sync: there is no generation '%s'; there are: %s", name, names);
}

static enum options_outcome read_rate(const char *text, struct options *options)
{
    char error[REPLAY_MESSAGE_MAX];

    options->rate = text;
    if (pace_parse(text, &options->pace, error, sizeof error) == 0)
        return OPTIONS_RUN;
    return wrong("--rate: %s", error);
}

static enum options_outcome read_clients(const char *text, struct options *options)
{
    struct rest rest = {.option = "--clients", .text = text};
    char word[WORD_MAX], names[NAMES_MAX] = "";

    for (const struct observer_kind *kind = observer_kinds; kind->name; kind++)
        append_name(names, kind->name);
    do {
        const struct observer_kind *kind = next_word(&rest, word) ? observer_find_kind(word) : NULL;
        if (!kind)
            return wrong("--clients: not all of '%s' are kinds of clients; there are: %s", text, names);
        if (options->observer_count == OBSERVERS_MAX)
            return wrong("--clients: there is room for %d", OBSERVERS_MAX);
        options->observers[options->observer_count++] = kind;
    } while (rest.more);
    return OPTIONS_RUN;
}

static enum options_outcome read_mac(const char *text, struct card_options *all)
{
    if (read_card_mac(text, all))
        return OPTIONS_RUN;
    return wrong("--mac: '%s' is not the address of one host, such as 52:54:00:12:34:56", text);
}

static enum options_outcome read_fault(const char *text, struct card_options *all)
{
    if (read_card_fault(text, all))
        return OPTIONS_RUN;
    return wrong("--fault: '%s' is not %s", text, fault_accepted);
}

static enum options_outcome print_list(void)
{
    puts("cards:");
    for (size_t i = 0; nic_models[i]; i++)
        printf("  %-*s %s (driver %s)\n", LIST_COLUMN, nic_models[i]->name, nic_models[i]->description,
               nic_models[i]->driver);
    puts("generations of semaphores:");
    for (const char *const *name = ddekit_sync_names(); *name; name++)
        printf("  %s\n", *name);
    puts("kinds of further clients:");
    for (const struct observer_kind *kind = observer_kinds; kind->name; kind++)
        printf("  %-*s %s\n", LIST_COLUMN, kind->name, kind->description);
    return OPTIONS_DONE;
}

static enum options_outcome print_help(void)
{
    fputs(help, stdout);
    return OPTIONS_DONE;
}

static enum options_outcome print_version(void)
{
    puts("netdde " LOCKCHECK_VERSION);
    return OPTIONS_DONE;
}

/* word: the argument at which getopt_long stopped. all: what is said of all cards. */
static enum options_outcome read_one(int letter, const char *word, struct options *options,
                                     struct card_options *all)
{
    switch (letter) {
    case 'n':
        return read_card("--nic", optarg, find_nic, options);
    case 'd':
        return read_card("--driver", optarg, find_driver, options);
    case 's':
        return read_sync(optarg, options);
    case 'f':
        all->replay = optarg;
        return OPTIONS_RUN;
    case 'r':
        return read_rate(optarg, options);
    case 'm':
        return read_mac(optarg, all);
    case 'F':
        return read_fault(optarg, all);
    case 'c':
        return read_clients(optarg, options);
    case 'q':
        options->quiet = true;
        return OPTIONS_RUN;
    case 'l':
        return print_list();
    case 'h':
        return print_help();
    case 'V':
        return print_version();
    case ':':
        return wrong("%s needs a value; see netdde --help", word);
    default:
        return wrong("there is no option '%s'; see netdde --help", word);
    }
}

unsigned options_queue_pairs(const struct options *options)
{
    unsigned most = 1;

    for (size_t i = 0; i < options->card_count; i++)
        if (options->cards[i].queue_pairs > most)
            most = options->cards[i].queue_pairs;
    return most;
}

bool options_have_fault(const struct options *options)
{
    for (size_t i = 0; i < options->card_count; i++)
        if (options->cards[i].fault.kind != FAULT_NONE)
            return true;
    return false;
}

enum options_outcome options_read(int argc, char **argv, struct options *options)
{
    struct card_options all = {0};

    *options = (struct options){.sync = DEFAULT_SYNC, .rate = DEFAULT_RATE, .pace = {PACE_RECORDED, 1000, 0}};
    opterr = 0; /* the messages are ours: one line each */
    for (;;) {
        int before = optind, letter = getopt_long(argc, argv, "+:", long_options, NULL);
        if (letter == -1)
            break;
        enum options_outcome outcome =
            read_one(letter, argv[before < argc ? before : argc - 1], options, &all);
        if (outcome != OPTIONS_RUN)
            return outcome;
    }
    if (optind < argc)
        return wrong("what is '%s'? netdde takes options only; see netdde --help", argv[optind]);
    return complete_cards(options, &all);
}
