/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of netdde: see options.h. */
#include "netdde-under-test/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <ddekit/sync.h>

#define DEFAULT_NIC "rtl8139"
#define DEFAULT_DRIVER "8139too"
#define DEFAULT_SYNC "posix"
#define DEFAULT_RATE "recorded"
#define NAMES_MAX 256 /* octets of a list of names in a message */

static const struct option long_options[] = {
    {"nic", required_argument, NULL, 'n'},
    {"driver", required_argument, NULL, 'd'},
    {"sync", required_argument, NULL, 's'},
    {"replay", required_argument, NULL, 'f'},
    {"rate", required_argument, NULL, 'r'},
    {"mac", required_argument, NULL, 'm'},
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
    "  --driver NAME   the Linux driver, and the network card that it is for (" DEFAULT_DRIVER ")\n"
    "  --nic NAME      the same by the card's name (" DEFAULT_NIC ")\n"
    "  --sync NAME     generation of the semaphores: legacy, drain or posix (" DEFAULT_SYNC ")\n"
    "  --replay FILE   play this capture (pcap or pcapng, Ethernet): its frames to the device come from the\n"
    "                  wire, the device's own are sent by a client. Without it: find the card, open the\n"
    "                  device, print its state and end\n"
    "  --rate RATE     the wire's pace: recorded, a multiple of it (2x), bytes per second (4M), or max\n"
    "                  (" DEFAULT_RATE ")\n"
    "  --mac ADDRESS   the device's address; without it found in the capture\n"
    "  --list          list cards with their drivers, and generations of semaphores\n"
    "  --quiet         print nothing but errors\n"
    "  --help, --version\n"
    "\n"
    "Exit codes: 0 all went well (frames lost on the way are counted and no error); 1 frames came that are\n"
    "not the capture's or not in its order, or the device failed; 2 wrong usage or unusable input.\n";

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

static enum options_outcome read_nic(const char *name, struct options *options)
{
    char names[NAMES_MAX] = "";

    options->nic = nic_find_model(name);
    if (options->nic)
        return OPTIONS_RUN;
    for (size_t i = 0; nic_models[i]; i++)
        append_name(names, nic_models[i]->name);
    return wrong("--nic: there is no card '%s'; there are: %s", name, names);
}

static enum options_outcome read_driver(const char *name, struct options *options)
{
    char names[NAMES_MAX] = "";

    options->nic = nic_find_driver(name);
    if (options->nic)
        return OPTIONS_RUN;
    for (size_t i = 0; nic_models[i]; i++)
        append_name(names, nic_models[i]->driver);
    return wrong("--driver: there is no driver '%s'; there are: %s", name, names);
}

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

static enum options_outcome read_mac(const char *text, struct options *options)
{
    options->mac_given = true;
    if (replay_parse_mac(text, options->mac) == 0)
        return OPTIONS_RUN;
    return wrong("--mac: '%s' is not the address of one host, such as 52:54:00:12:34:56", text);
}

static enum options_outcome print_list(void)
{
    puts("cards:");
    for (size_t i = 0; nic_models[i]; i++)
        printf("  %-10s %s (driver %s)\n", nic_models[i]->name, nic_models[i]->description,
               nic_models[i]->driver);
    puts("generations of semaphores:");
    for (const char *const *name = ddekit_sync_names(); *name; name++)
        printf("  %s\n", *name);
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

/* word: the argument at which getopt_long stopped. */
static enum options_outcome read_one(int letter, const char *word, struct options *options)
{
    switch (letter) {
    case 'n':
        return read_nic(optarg, options);
    case 'd':
        return read_driver(optarg, options);
    case 's':
        return read_sync(optarg, options);
    case 'f':
        options->replay = optarg;
        return OPTIONS_RUN;
    case 'r':
        return read_rate(optarg, options);
    case 'm':
        return read_mac(optarg, options);
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

enum options_outcome options_read(int argc, char **argv, struct options *options)
{
    *options = (struct options){.nic = nic_find_model(DEFAULT_NIC),
                                .sync = DEFAULT_SYNC,
                                .rate = DEFAULT_RATE,
                                .pace = {PACE_RECORDED, 1000, 0}};
    opterr = 0; /* the messages are ours: one line each */
    for (;;) {
        int before = optind, letter = getopt_long(argc, argv, "+:", long_options, NULL);
        if (letter == -1)
            break;
        enum options_outcome outcome = read_one(letter, argv[before < argc ? before : argc - 1], options);
        if (outcome != OPTIONS_RUN)
            return outcome;
    }
    if (optind < argc)
        return wrong("what is '%s'? netdde takes options only; see netdde --help", argv[optind]);
    return OPTIONS_RUN;
}
