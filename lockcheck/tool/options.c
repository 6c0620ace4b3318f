/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: see options.h. */
#include "lockcheck/tool/options.h"
#include "lockcheck/tool/text.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_SCHEDULES 1000
#define DEFAULT_SECONDS 60.0
#define DEFAULT_STEPS 20000000
#define MAX_JOBS 64

static const char usage_text[] =
    "Usage:\n"
    "  lockcheck run      [OPTION]... -- PROGRAM [ARG]...   one execution\n"
    "  lockcheck explore  [OPTION]... -- PROGRAM [ARG]...   many schedules, until a finding or the budget's "
    "end\n"
    "  lockcheck replay   [OPTION]... SCHEDULE              the same execution again\n"
    "  lockcheck report   DIR [--format text|json]          show the results in DIR\n"
    "\n"
    "Runs a program's threads under a scheduler of its own, in virtual time, and finds deadlocks, hangs, "
    "lost\n"
    "wake-ups, crashes and failed assertions that depend on the schedule. The program is an ordinary "
    "dynamically\n"
    "linked x86-64 program; its standard input is empty.\n"
    "\n"
    "Options of explore:\n"
    "  --strategy NAME   how threads are chosen: random (default), cooperative\n"
    "  --schedules N     try up to N schedules (default 1000)\n"
    "  --time SECONDS    try for up to SECONDS (default 60); with one of the two given, the other has no "
    "limit\n"
    "  --seed N          everything random derives from it; equal seeds give equal results (default 1)\n"
    "  --jobs N          schedules explored at once (default: the number of cores)\n"
    "  --keep-going      go on after a finding, and group equal ones\n"
    "Options of run:\n"
    "  --strategy NAME   cooperative (default: each thread runs until it blocks), random\n"
    "  --seed N          for strategy random (default 1)\n"
    "Options of run and explore:\n"
    "  --steps N         give a schedule up after N steps (default 20000000)\n"
    "  --out DIR         where results go (default lockcheck.out); older results there are replaced\n"
    "Options of replay:\n"
    "  --force           try a schedule that was recorded with another build of the program\n"
    "  --times N         replay N times; all must be the same execution (default 1)\n"
    "  --out DIR         where results go (default lockcheck.replay)\n"
    "Everywhere:\n"
    "  --quiet           print nothing but errors\n"
    "  --help, --version\n"
    "\n"
    "Exit codes: 0 nothing found; 1 a finding; 2 wrong usage or unusable input; 3 the program could not be\n"
    "controlled, or lockcheck itself failed.\n"
    "\n"
    "Examples:\n"
    "  lockcheck run -- ./server --selftest\n"
    "  lockcheck explore --schedules 5000 --seed 7 -- ./server --selftest\n"
    "  lockcheck replay lockcheck.out/0042.schedule\n"
    "  lockcheck report lockcheck.out --format json\n";

static const char *const strategies[] = {"random", "cooperative", NULL};

enum option_id {
    OPT_STRATEGY = 1000,
    OPT_SCHEDULES,
    OPT_TIME,
    OPT_SEED,
    OPT_JOBS,
    OPT_KEEP_GOING,
    OPT_OUT,
    OPT_STEPS,
    OPT_QUIET,
    OPT_FORCE,
    OPT_TIMES,
    OPT_FORMAT,
    OPT_HELP,
};

static const struct option run_options[] = {
    {"strategy", required_argument, NULL, OPT_STRATEGY},
    {"seed", required_argument, NULL, OPT_SEED},
    {"steps", required_argument, NULL, OPT_STEPS},
    {"out", required_argument, NULL, OPT_OUT},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static const struct option explore_options[] = {
    {"strategy", required_argument, NULL, OPT_STRATEGY},
    {"schedules", required_argument, NULL, OPT_SCHEDULES},
    {"time", required_argument, NULL, OPT_TIME},
    {"seed", required_argument, NULL, OPT_SEED},
    {"jobs", required_argument, NULL, OPT_JOBS},
    {"keep-going", no_argument, NULL, OPT_KEEP_GOING},
    {"steps", required_argument, NULL, OPT_STEPS},
    {"out", required_argument, NULL, OPT_OUT},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static const struct option replay_options[] = {
    {"force", no_argument, NULL, OPT_FORCE},   {"times", required_argument, NULL, OPT_TIMES},
    {"out", required_argument, NULL, OPT_OUT}, {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},     {0},
};

static const struct option report_options[] = {
    {"format", required_argument, NULL, OPT_FORMAT},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

/* + or - : words of the program's command line are not ours. Elsewhere options may follow what they are for.
 */
static const struct verb_words {
    const char *name;
    enum verb verb;
    const struct option *options;
    const char *short_options, *operand;
} verbs[] = {
    {"run", VERB_RUN, run_options, "+:", "a program to run: lockcheck run -- PROGRAM [ARG]..."},
    {"explore", VERB_EXPLORE, explore_options,
     "+:", "a program to explore: lockcheck explore -- PROGRAM [ARG]..."},
    {"replay", VERB_REPLAY, replay_options, ":",
     "a schedule file: lockcheck replay lockcheck.out/0001.schedule"},
    {"report", VERB_REPORT, report_options, ":", "a directory of results: lockcheck report lockcheck.out"},
};

static bool wrong(int *code)
{
    fputs("Try \"lockcheck --help\".\n", stderr);
    *code = EXIT_USAGE;
    return false;
}

static bool parse_number(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (isdigit((unsigned char)*text) && !*end && !errno && *value >= least && *value <= most)
        return true;
    complain("--%s %s: a whole number from %llu to %llu is expected", option, text, (unsigned long long)least,
             (unsigned long long)most);
    return false;
}

static bool parse_seconds(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    if ((isdigit((unsigned char)*text) || *text == '.') && !*end && isfinite(*value) && *value > 0)
        return true;
    complain("--time %s: a number of seconds greater than 0 is expected", text);
    return false;
}

static bool parse_strategy(const char *name)
{
    for (size_t i = 0; strategies[i]; i++)
        if (strcmp(strategies[i], name) == 0)
            return true;
    char known[256] = "";
    for (size_t i = 0; strategies[i]; i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", strategies[i]);
    complain("unknown strategy %s; there are: %s", name, known);
    return false;
}

static bool take_option(struct options *options, int id, const char *value)
{
    uint64_t number;
    switch (id) {
    case OPT_STRATEGY:
        options->strategy = value;
        return parse_strategy(value);
    case OPT_SCHEDULES:
        return parse_number("schedules", value, 1, INT64_MAX, &options->schedules);
    case OPT_TIME:
        return parse_seconds(value, &options->seconds);
    case OPT_SEED:
        return parse_number("seed", value, 0, INT64_MAX, &options->seed);
    case OPT_JOBS:
        if (!parse_number("jobs", value, 1, MAX_JOBS, &number))
            return false;
        options->jobs = (unsigned)number;
        return true;
    case OPT_STEPS:
        return parse_number("steps", value, 1, INT64_MAX, &options->max_steps);
    case OPT_TIMES:
        return parse_number("times", value, 1, 1000000, &options->times);
    case OPT_KEEP_GOING:
        options->keep_going = true;
        return true;
    case OPT_QUIET:
        options->quiet = true;
        return true;
    case OPT_FORCE:
        options->force = true;
        return true;
    case OPT_OUT:
        options->out = value;
        if (!*value)
            complain("--out: the name of a directory is expected");
        return *value;
    default:
        options->format = value;
        return true;
    }
}

static void set_defaults(struct options *options)
{
    bool budget = options->schedules || options->seconds > 0;
    if (!options->schedules)
        options->schedules = budget ? UINT64_MAX : DEFAULT_SCHEDULES;
    if (!(options->seconds > 0))
        options->seconds = budget ? (double)INFINITY : DEFAULT_SECONDS;
    if (options->verb == VERB_RUN) {
        options->schedules = 1;
        options->seconds = (double)INFINITY;
        options->jobs = 1;
    }
    if (!options->strategy)
        options->strategy = options->verb == VERB_RUN ? "cooperative" : "random";
    if (!options->jobs) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        options->jobs = cores < 1 ? 1 : cores > MAX_JOBS ? MAX_JOBS : (unsigned)cores;
    }
    if (!options->out)
        options->out = options->verb == VERB_REPLAY ? "lockcheck.replay" : "lockcheck.out";
}

static bool take_operands(struct options *options, const struct verb_words *words, int argc, char *argv[],
                          int *code)
{
    if (optind >= argc) {
        complain("%s needs %s", words->name, words->operand);
        return wrong(code);
    }
    options->program = argv + optind;
    options->schedule = options->directory = argv[optind];
    if ((options->verb == VERB_REPLAY || options->verb == VERB_REPORT) && optind + 1 < argc) {
        complain("%s takes one operand; %s is one too many", words->name, argv[optind + 1]);
        return wrong(code);
    }
    return true;
}

static bool parse_words(struct options *options, const struct verb_words *words, int argc, char *argv[],
                        int *code)
{
    opterr = 0;
    optind = 1;
    for (int id; (id = getopt_long(argc, argv, words->short_options, words->options, NULL)) != -1;) {
        if (id == OPT_HELP) {
            fputs(usage_text, stdout);
            *code = EXIT_CLEAN;
            return false;
        }
        const char *word = argv[optind - 1];
        if (id == '?') {
            complain("%s: no such option of \"lockcheck %s\" (or it is ambiguous, or takes no value)", word,
                     words->name);
            return wrong(code);
        }
        if (id == ':') {
            complain("%s needs a value", word);
            return wrong(code);
        }
        if (!take_option(options, id, optarg))
            return wrong(code);
    }
    return take_operands(options, words, argc, argv, code);
}

bool options_parse(struct options *options, int argc, char *argv[], int *code)
{
    *options = (struct options){.seed = 1, .max_steps = DEFAULT_STEPS, .times = 1, .format = "text"};
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
        fputs(usage_text, stdout);
        *code = EXIT_CLEAN;
        return false;
    }
    if (strcmp(verb, "--version") == 0) {
        puts("lockcheck " LOCKCHECK_VERSION);
        *code = EXIT_CLEAN;
        return false;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verb, verbs[i].name) != 0)
            continue;
        options->verb = verbs[i].verb;
        if (!parse_words(options, &verbs[i], argc - 1, argv + 1, code))
            return false;
        set_defaults(options);
        return true;
    }
    if (*verb)
        complain("unknown command %s; there are: run, explore, replay, report", verb);
    else
        complain("a command is missing: run, explore, replay or report");
    return wrong(code);
}
