/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: see options.h. */
#include "lockcheck/tool/options.h"
#include "lockcheck/tool/detectors.h"
#include "lockcheck/tool/opinion.h"
#include "lockcheck/runtime/channel.h"
#include "lockcheck/tool/strategies.h"
#include "lockcheck/tool/text.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_SCHEDULES 1000
#define DEFAULT_SECONDS 60.0
#define DEFAULT_STEPS 20000000
#define MAX_JOBS 64
#define MAX_SHARDS 1000000
#define MAX_DEPTH 1000
#define MAX_PREEMPTIONS 1000000

static const char usage_text[] =
    "Usage:\n"
    "  lockcheck run        [OPTION]... -- PROGRAM [ARG]...   one execution\n"
    "  lockcheck explore    [OPTION]... -- PROGRAM [ARG]...   many schedules, until a finding or the "
    "budget's end\n"
    "  lockcheck explore    --resume DIR [OPTION]...          go on where a run ended or was killed\n"
    "  lockcheck replay     [OPTION]... SCHEDULE              the same execution again\n"
    "  lockcheck shrink     [OPTION]... SCHEDULE -o SHORTER   the same finding with fewer preemptions\n"
    "  lockcheck merge      [OPTION]... DIR...                join the results of shards or seeds\n"
    "  lockcheck run --native [OPTION]... -- PROGRAM [ARG]... real threads at full speed, their waits "
    "watched\n"
    "  lockcheck stress     [OPTION]... -- PROGRAM [ARG]...   that again and again, with random delays\n"
    "  lockcheck run --valgrind TOOL|--tsan [OPTION]... -- PROGRAM [ARG]...\n"
    "                                                         a second opinion: Helgrind's, DRD's, "
    "ThreadSanitizer's\n"
    "  lockcheck compare    [OPTION]... -- PROGRAM [ARG]...   several of these side by side\n"
    "  lockcheck compare    DIR...                            several comparisons in one table\n"
    "  lockcheck attach     PID                               who waits for whom in a process that runs so\n"
    "  lockcheck report     [OPTION]... DIR                   show the results in DIR\n"
    "  lockcheck trace      [OPTION]... DIR                   print a trace that --ctf has written\n"
    "  lockcheck strategies                                   what each strategy does\n"
    "\n"
    "Runs a program's threads under a scheduler of its own, in virtual time, and finds deadlocks, hangs, "
    "lost\n"
    "wake-ups, crashes and failed assertions that depend on the schedule. The program is an ordinary "
    "dynamically\n"
    "linked x86-64 program; its standard input is empty.\n"
    "\n"
    "Options of explore:\n"
    "  --strategy NAME   how threads are chosen, see \"lockcheck strategies\" (default %s)\n"
    "  --schedules N     try up to N schedules (default 1000; dfs: no limit)\n"
    "  --time SECONDS    try for up to SECONDS (default 60); with one of the two given, the other has no "
    "limit\n"
    "  --seed N          everything random derives from it; equal seeds give equal results (default 1)\n"
    "  --jobs N          schedules explored at once (default: the number of cores; dfs: 1)\n"
    "  --keep-going      go on after a finding, and group equal ones\n"
    "  --shrink          shrink the schedule of each finding\n"
    "  --shard I/N       only every Nth schedule, beginning with the Ith: N such runs share the work of "
    "one\n"
    "  --resume DIR      go on with the run whose results are in DIR\n"
    "Options of run:\n"
    "  --strategy NAME   (default cooperative: each thread runs until it blocks)\n"
    "  --seed N          for strategies that draw lots (default 1)\n"
    "Options of run and explore:\n"
    "  --steps N         give a schedule up after N steps (default 20000000)\n"
    "  --depth N         pct: how many orderings a bug may need (default 3)\n"
    "  --preemptions N   dfs: no execution with more than N preemptions\n"
    "  --points KIND     where threads may be stopped: sync (default), memory or auto (memory accesses too, "
    "in\n"
    "                    code built with lockcheck-cc; auto: only what threads share and write)\n"
    "  --detect LIST     what to find besides that did no harm this time: lock-order, lock-misuse, data-race "
    "(in\n"
    "                    code built with lockcheck-cc), irq-unsafe, sleep-in-atomic, livelock (by states "
    "that\n"
    "                    come again), leak; with commas, or all (the default, without leak) or none\n"
    "  --out DIR         where results go (default lockcheck.out); older results there are replaced\n"
    "Options of run, explore and replay:\n"
    "  --suppressions FILE          pass over findings that match what is in FILE; may be repeated\n"
    "  --no-default-suppressions    do not pass over those that the program itself says are known\n"
    "Options of run and replay:\n"
    "  --ctf DIR         write a trace of the execution there, in CTF 1.8; with --last N about the newest N "
    "events\n"
    "Options of run --native and of stress:\n"
    "  --timeout SECONDS a run that takes longer is a hang (default: only one that is certain)\n"
    "                    also of run --valgrind and run --tsan, and of compare (default there 60, for each "
    "tool)\n"
    "  --keep-running    leave the program as it is after a finding, for a debugger, until Ctrl-C\n"
    "Options of stress:\n"
    "  --time SECONDS    repeat for up to SECONDS (default 60)\n"
    "  --runs N          repeat up to N times\n"
    "  --seed N          of the delays (default 1)\n"
    "Options of run:\n"
    "  --valgrind TOOL   run under Valgrind's helgrind or drd, and show its findings\n"
    "  --tsan            run a program built with -fsanitize=thread, and show ThreadSanitizer's findings\n"
    "  --no-annotations  with these, do not tell the checker of order that it cannot see\n"
    "Options of compare:\n"
    "  --tools LIST      with commas: run, explore, detect, helgrind, drd, tsan (default: all that there "
    "are)\n"
    "  --tsan-program FILE      the program built with -fsanitize=thread, for tsan\n"
    "  --memory-program FILE    the program built with lockcheck-cc, for detect\n"
    "  --schedules N, --time SECONDS, --seed N    of explore and detect (default 1000 schedules, 60 s, 1)\n"
    "  --format FORMAT   text (default) or json\n"
    "  --out DIR         where the results of each tool go (default lockcheck.compare)\n"
    "Options of report:\n"
    "  --format FORMAT   text (default), json, html, dot, sarif, junit, chrome or suppressions\n"
    "  --output FILE     write to FILE and not to standard output\n"
    "  --color WHEN      of text: always, never or auto (default: on a terminal, without NO_COLOR)\n"
    "Options of trace: what to print (default everything)\n"
    "  --thread NAME, --object NAME, --operation NAME   a thread and an object also by number\n"
    "  --from STEP, --to STEP, --begin MS, --end MS     a range of steps, of virtual time\n"
    "  --last N          of these the newest N\n"
    "  --summary         how many events there are of each thread, operation and object, and not the events\n"
    "Options of attach:\n"
    "  --format FORMAT   as of report (default text)\n"
    "Options of merge:\n"
    "  --out DIR         where the joined results go (default lockcheck.merged)\n"
    "Options of replay and shrink:\n"
    "  --force           try a schedule that was recorded with another build of the program\n"
    "Options of replay:\n"
    "  --times N         replay N times; all must be the same execution (default 1)\n"
    "  --trace           print each switch: who was preempted or waits where, and why the next could run; "
    "with\n"
    "                    --last N, --from STEP, --to STEP only those\n"
    "  --to STEP         stop before that step and print where each thread is\n"
    "  --gdb             stop in gdb at the finding, or at --to STEP; words after \"--\" are for gdb\n"
    "  --out DIR         where results go (default lockcheck.replay)\n"
    "Everywhere:\n"
    "  -o NAME           the same as --out NAME, or --output NAME\n"
    "  --quiet           print nothing but errors\n"
    "  --help, --version\n"
    "\n"
    "Exit codes: 0 nothing found; 1 a finding; 2 wrong usage or unusable input; 3 the program could not be\n"
    "controlled, every schedule was given up after --steps, or lockcheck itself failed. Interrupted with "
    "nothing\n"
    "found: ended by that signal (130 after Ctrl-C).\n"
    "\n"
    "Examples:\n"
    "  lockcheck run -- ./server --selftest\n"
    "  lockcheck explore --schedules 5000 --seed 7 -- ./server --selftest\n"
    "  lockcheck explore --strategy dfs --preemptions 2 -- ./small-test\n"
    "  lockcheck merge shard1 shard2 -o merged\n"
    "  lockcheck shrink lockcheck.out/0042.schedule -o short.schedule\n"
    "  lockcheck replay short.schedule\n"
    "  lockcheck replay --gdb short.schedule\n"
    "  lockcheck replay --ctf trace short.schedule && lockcheck trace --thread main trace\n"
    "  lockcheck report lockcheck.out --format html -o report.html\n";

enum option_id {
    OPT_STRATEGY = 1000,
    OPT_SCHEDULES,
    OPT_TIME,
    OPT_SEED,
    OPT_JOBS,
    OPT_KEEP_GOING,
    OPT_OUT,
    OPT_STEPS,
    OPT_DEPTH,
    OPT_PREEMPTIONS,
    OPT_POINTS,
    OPT_DETECT,
    OPT_SHRINK,
    OPT_SHARD,
    OPT_RESUME,
    OPT_QUIET,
    OPT_SUPPRESSIONS,
    OPT_NO_DEFAULT_SUPPRESSIONS,
    OPT_FORCE,
    OPT_TIMES,
    OPT_GDB,
    OPT_TRACE,
    OPT_FROM,
    OPT_TO,
    OPT_LAST,
    OPT_CTF,
    OPT_THREAD,
    OPT_OBJECT,
    OPT_OPERATION,
    OPT_BEGIN,
    OPT_END,
    OPT_SUMMARY,
    OPT_NATIVE,
    OPT_TIMEOUT,
    OPT_KEEP_RUNNING,
    OPT_RUNS,
    OPT_VALGRIND,
    OPT_TSAN,
    OPT_NO_ANNOTATIONS,
    OPT_TOOLS,
    OPT_TSAN_PROGRAM,
    OPT_MEMORY_PROGRAM,
    OPT_FORMAT,
    OPT_COLOR,
    OPT_HELP,
};

static const struct option run_options[] = {
    {"strategy", required_argument, NULL, OPT_STRATEGY},
    {"seed", required_argument, NULL, OPT_SEED},
    {"steps", required_argument, NULL, OPT_STEPS},
    {"depth", required_argument, NULL, OPT_DEPTH},
    {"preemptions", required_argument, NULL, OPT_PREEMPTIONS},
    {"points", required_argument, NULL, OPT_POINTS},
    {"detect", required_argument, NULL, OPT_DETECT},
    {"out", required_argument, NULL, OPT_OUT},
    {"suppressions", required_argument, NULL, OPT_SUPPRESSIONS},
    {"no-default-suppressions", no_argument, NULL, OPT_NO_DEFAULT_SUPPRESSIONS},
    {"ctf", required_argument, NULL, OPT_CTF},
    {"last", required_argument, NULL, OPT_LAST},
    {"native", no_argument, NULL, OPT_NATIVE},
    {"valgrind", required_argument, NULL, OPT_VALGRIND},
    {"tsan", no_argument, NULL, OPT_TSAN},
    {"no-annotations", no_argument, NULL, OPT_NO_ANNOTATIONS},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"keep-running", no_argument, NULL, OPT_KEEP_RUNNING},
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
    {"shrink", no_argument, NULL, OPT_SHRINK},
    {"shard", required_argument, NULL, OPT_SHARD},
    {"resume", required_argument, NULL, OPT_RESUME},
    {"steps", required_argument, NULL, OPT_STEPS},
    {"depth", required_argument, NULL, OPT_DEPTH},
    {"preemptions", required_argument, NULL, OPT_PREEMPTIONS},
    {"points", required_argument, NULL, OPT_POINTS},
    {"detect", required_argument, NULL, OPT_DETECT},
    {"out", required_argument, NULL, OPT_OUT},
    {"suppressions", required_argument, NULL, OPT_SUPPRESSIONS},
    {"no-default-suppressions", no_argument, NULL, OPT_NO_DEFAULT_SUPPRESSIONS},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static const struct option replay_options[] = {
    {"force", no_argument, NULL, OPT_FORCE},
    {"gdb", no_argument, NULL, OPT_GDB},
    {"trace", no_argument, NULL, OPT_TRACE},
    {"ctf", required_argument, NULL, OPT_CTF},
    {"from", required_argument, NULL, OPT_FROM},
    {"to", required_argument, NULL, OPT_TO},
    {"last", required_argument, NULL, OPT_LAST},
    {"times", required_argument, NULL, OPT_TIMES},
    {"suppressions", required_argument, NULL, OPT_SUPPRESSIONS},
    {"no-default-suppressions", no_argument, NULL, OPT_NO_DEFAULT_SUPPRESSIONS},
    {"out", required_argument, NULL, OPT_OUT},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static const struct option shrink_options[] = {
    {"force", no_argument, NULL, OPT_FORCE},
    {"out", required_argument, NULL, OPT_OUT},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static const struct option merge_options[] = {
    {"out", required_argument, NULL, OPT_OUT},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static const struct option stress_options[] = {
    {"time", required_argument, NULL, OPT_TIME},
    {"runs", required_argument, NULL, OPT_RUNS},
    {"seed", required_argument, NULL, OPT_SEED},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"keep-running", no_argument, NULL, OPT_KEEP_RUNNING},
    {"suppressions", required_argument, NULL, OPT_SUPPRESSIONS},
    {"out", required_argument, NULL, OPT_OUT},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static const struct option compare_options[] = {
    {"tools", required_argument, NULL, OPT_TOOLS},
    {"tsan-program", required_argument, NULL, OPT_TSAN_PROGRAM},
    {"memory-program", required_argument, NULL, OPT_MEMORY_PROGRAM},
    {"schedules", required_argument, NULL, OPT_SCHEDULES},
    {"time", required_argument, NULL, OPT_TIME},
    {"seed", required_argument, NULL, OPT_SEED},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"out", required_argument, NULL, OPT_OUT},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static const struct option attach_options[] = {
    {"format", required_argument, NULL, OPT_FORMAT},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static const struct option report_options[] = {
    {"format", required_argument, NULL, OPT_FORMAT},
    {"output", required_argument, NULL, OPT_OUT},
    {"color", required_argument, NULL, OPT_COLOR},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static const struct option trace_options[] = {
    {"thread", required_argument, NULL, OPT_THREAD},
    {"object", required_argument, NULL, OPT_OBJECT},
    {"operation", required_argument, NULL, OPT_OPERATION},
    {"from", required_argument, NULL, OPT_FROM},
    {"to", required_argument, NULL, OPT_TO},
    {"begin", required_argument, NULL, OPT_BEGIN},
    {"end", required_argument, NULL, OPT_END},
    {"last", required_argument, NULL, OPT_LAST},
    {"summary", no_argument, NULL, OPT_SUMMARY},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static const struct option strategies_options[] = {
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

/* + : words of the program's command line are not ours. Elsewhere options may follow what they are for. */
static const struct verb_words {
    const char *name;
    enum verb verb;
    const struct option *options;
    const char *short_options, *operand; /* NULL: none is taken */
    int most;                            /* operands */
} verbs[] = {
    {"run", VERB_RUN, run_options, "+:o:", "a program to run: lockcheck run -- PROGRAM [ARG]...", INT_MAX},
    {"explore", VERB_EXPLORE, explore_options,
     "+:o:", "a program to explore: lockcheck explore -- PROGRAM [ARG]...", INT_MAX},
    {"replay", VERB_REPLAY, replay_options,
     ":o:", "a schedule file: lockcheck replay lockcheck.out/0001.schedule", 1},
    {"shrink", VERB_SHRINK, shrink_options,
     ":o:", "a schedule file: lockcheck shrink lockcheck.out/0001.schedule -o short.schedule", 1},
    {"merge", VERB_MERGE, merge_options,
     ":o:", "directories of results: lockcheck merge shard1 shard2 -o merged", INT_MAX},
    {"stress", VERB_STRESS, stress_options, "+:o:", "a program to run: lockcheck stress -- PROGRAM [ARG]...",
     INT_MAX},
    {"compare", VERB_COMPARE, compare_options,
     "+:o:", "a program, or directories that it has written: lockcheck compare -- PROGRAM [ARG]...", INT_MAX},
    {"attach", VERB_ATTACH, attach_options, ":", "the number of a process: lockcheck attach PID", 1},
    {"report", VERB_REPORT, report_options, ":o:", "a directory of results: lockcheck report lockcheck.out",
     1},
    {"trace", VERB_TRACE, trace_options, ":",
     "the directory of a trace: lockcheck trace DIR, after lockcheck run --ctf DIR", 1},
    {"strategies", VERB_STRATEGIES, strategies_options, ":", NULL, 0},
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
    complain("%s%s %s: a whole number from %llu to %llu is expected",
             isupper((unsigned char)*option) ? "" : "--", option, text, (unsigned long long)least,
             (unsigned long long)most);
    return false;
}

static bool parse_seconds(const char *option, const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    if ((isdigit((unsigned char)*text) || *text == '.') && !*end && isfinite(*value) && *value > 0)
        return true;
    complain("--%s %s: a number of seconds greater than 0 is expected", option, text);
    return false;
}

static bool parse_ms(const char *option, const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    if ((isdigit((unsigned char)*text) || *text == '.') && !*end && isfinite(*value))
        return true;
    complain("--%s %s: a number of milliseconds is expected", option, text);
    return false;
}

static bool parse_strategy(const char *name)
{
    if (strategy_offered(name))
        return true;
    char *known = strategy_names();
    complain("unknown strategy %s; there are: %s", name, known);
    free(known);
    return false;
}

static bool parse_points(const char *text, uint32_t *points)
{
    static const char *const names[] = {
        [LC_POINTS_SYNC] = "sync", [LC_POINTS_MEMORY] = "memory", [LC_POINTS_AUTO] = "auto"};
    for (uint32_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], text) == 0) {
            *points = i;
            return true;
        }
    complain("--points %s: sync, memory or auto is expected", text);
    return false;
}

static bool parse_shard(const char *text, struct options *options)
{
    char *end;
    errno = 0;
    options->shard = strtoull(text, &end, 10);
    bool good = isdigit((unsigned char)*text) && *end == '/' && isdigit((unsigned char)end[1]);
    if (good)
        options->shards = strtoull(end + 1, &end, 10);
    if (good && !*end && !errno && options->shard >= 1 && options->shard <= options->shards &&
        options->shards <= MAX_SHARDS)
        return true;
    complain("--shard %s: I/N is expected, with I from 1 to N and N at most %d", text, MAX_SHARDS);
    return false;
}

static bool add_suppressions(struct options *options, const char *path)
{
    size_t count = 0;
    while (options->suppressions && options->suppressions[count])
        count++;
    options->suppressions = reallocate(options->suppressions, (count + 2) * sizeof *options->suppressions);
    options->suppressions[count] = path;
    options->suppressions[count + 1] = NULL;
    return true;
}

static bool set_checker(struct options *options, const char *checker, const char *value)
{
    if (!checker)
        complain("--valgrind %s: helgrind or drd is expected", value);
    else if (options->checker)
        complain("--valgrind and --tsan: one of the two is expected, once");
    bool good = checker && !options->checker;
    options->checker = checker;
    return good;
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
        return parse_seconds("time", value, &options->seconds);
    case OPT_TIMEOUT:
        return parse_seconds("timeout", value, &options->timeout);
    case OPT_RUNS:
        return parse_number("runs", value, 1, INT64_MAX, &options->schedules);
    case OPT_NATIVE:
        options->native = true;
        return true;
    case OPT_VALGRIND:
        return set_checker(options, opinion_checker(value), value);
    case OPT_TSAN:
        return set_checker(options, "tsan", NULL);
    case OPT_NO_ANNOTATIONS:
        options->annotations = false;
        return true;
    case OPT_TOOLS:
        options->tools = value;
        return true;
    case OPT_TSAN_PROGRAM:
        options->tsan_program = value;
        return true;
    case OPT_MEMORY_PROGRAM:
        options->memory_program = value;
        return true;
    case OPT_KEEP_RUNNING:
        options->keep_running = true;
        return true;
    case OPT_SEED:
        return parse_number("seed", value, 0, INT64_MAX, &options->seed);
    case OPT_JOBS:
        if (!parse_number("jobs", value, 1, MAX_JOBS, &number))
            return false;
        options->jobs = (unsigned)number;
        return true;
    case OPT_STEPS:
        return parse_number("steps", value, 1, INT64_MAX, &options->max_steps);
    case OPT_DEPTH:
        if (!parse_number("depth", value, 1, MAX_DEPTH, &number))
            return false;
        options->depth = (uint32_t)number;
        return true;
    case OPT_PREEMPTIONS:
        if (!parse_number("preemptions", value, 0, MAX_PREEMPTIONS, &number))
            return false;
        options->preemptions = (int32_t)number;
        return true;
    case OPT_POINTS:
        return parse_points(value, &options->points);
    case OPT_DETECT:
        if (!detectors_parse(value, &options->detect))
            complain("--detect %s: names of detectors with commas are expected, all or none; there are: "
                     "lock-order, lock-misuse, data-race, irq-unsafe, sleep-in-atomic, livelock, leak",
                     value);
        return detectors_parse(value, &options->detect);
    case OPT_SHARD:
        return parse_shard(value, options);
    case OPT_RESUME:
        options->resume = value;
        if (!*value)
            complain("--resume: the directory of the run to go on with is expected");
        return *value;
    case OPT_SHRINK:
        options->shrink = true;
        return true;
    case OPT_TIMES:
        return parse_number("times", value, 1, 1000000, &options->times);
    case OPT_GDB:
        options->gdb = true;
        return true;
    case OPT_TRACE:
        options->trace = true;
        return true;
    case OPT_FROM:
        return parse_number("from", value, 1, INT64_MAX, &options->from);
    case OPT_TO:
        return parse_number("to", value, 1, INT64_MAX, &options->to);
    case OPT_LAST:
        return parse_number("last", value, 1, INT64_MAX, &options->last);
    case OPT_CTF:
        options->ctf = value;
        if (!*value)
            complain("--ctf: the directory for the trace is expected");
        return *value;
    case OPT_THREAD:
        options->thread = value;
        return true;
    case OPT_OBJECT:
        options->object = value;
        return true;
    case OPT_OPERATION:
        options->operation = value;
        return true;
    case OPT_BEGIN:
        return parse_ms("begin", value, &options->begin_ms);
    case OPT_END:
        return parse_ms("end", value, &options->end_ms);
    case OPT_SUMMARY:
        options->summary = true;
        return true;
    case OPT_KEEP_GOING:
        options->keep_going = true;
        return true;
    case OPT_QUIET:
        options->quiet = true;
        return true;
    case OPT_SUPPRESSIONS:
        return add_suppressions(options, value);
    case OPT_NO_DEFAULT_SUPPRESSIONS:
        options->default_suppressions = false;
        return true;
    case OPT_FORCE:
        options->force = true;
        return true;
    case OPT_OUT:
    case 'o':
        options->out = value;
        if (!*value)
            complain("--out: the name of what is to be written is expected");
        return *value;
    case OPT_COLOR:
        options->color = value;
        return true;
    default:
        options->format = value;
        return true;
    }
}

static void set_defaults(struct options *options)
{
    if (!options->strategy)
        options->strategy = options->verb == VERB_RUN ? "cooperative" : DEFAULT_STRATEGY;
    const struct lc_strategy *strategy = lc_strategy_find(options->strategy);
    if (!(options->timeout > 0))
        options->timeout = (double)INFINITY;
    options->budget_given = options->schedules || options->seconds > 0;
    if (!options->schedules)
        options->schedules = options->budget_given || strategy->sequential || options->verb == VERB_STRESS
                                 ? UINT64_MAX
                                 : DEFAULT_SCHEDULES;
    if (!(options->seconds > 0))
        options->seconds = options->budget_given ? (double)INFINITY : DEFAULT_SECONDS;
    if (options->verb == VERB_RUN) {
        options->schedules = 1;
        options->seconds = (double)INFINITY;
        options->jobs = 1;
    }
    if (!options->jobs) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        options->jobs = cores < 1 ? 1 : cores > MAX_JOBS ? MAX_JOBS : (unsigned)cores;
    }
    if (strategy->sequential)
        options->jobs = 1;
    if (!options->out && options->verb != VERB_SHRINK && options->verb != VERB_REPORT &&
        options->verb != VERB_TRACE)
        options->out = options->resume                 ? options->resume
                       : options->verb == VERB_REPLAY  ? "lockcheck.replay"
                       : options->verb == VERB_COMPARE ? "lockcheck.compare"
                       : options->verb == VERB_MERGE   ? "lockcheck.merged"
                                                       : "lockcheck.out";
}

static bool take_operands(struct options *options, const struct verb_words *words, int argc, char *argv[],
                          int *code)
{
    int count = argc - optind;
    if (options->resume && count) {
        complain("--resume goes on with the program of %s; %s is one word too many", options->resume,
                 argv[optind]);
        return wrong(code);
    }
    if (count == 0 && words->operand && !options->resume) {
        complain("%s needs %s", words->name, words->operand);
        return wrong(code);
    }
    if (count > words->most && !options->gdb) {
        complain("%s takes %s; %s is one too many", words->name, words->most ? "one operand" : "no operand",
                 argv[optind + words->most]);
        return wrong(code);
    }
    options->program = options->directories = argv + optind;
    options->schedule = options->directory = argv[optind];
    options->gdb_arguments = argv + optind + (count > 0);
    if (options->verb == VERB_ATTACH && !parse_number("PID", options->schedule, 1, INT32_MAX, &options->pid))
        return wrong(code);
    if (options->resume)
        options->program = NULL;
    return true;
}

/* To look into an execution is one thing at a time, and writes no results. */
static bool check_debugging(const struct options *options, uint64_t given, int *code)
{
    bool looks = options->gdb || options->trace || (options->to && options->verb == VERB_REPLAY);
    if (options->last && options->verb == VERB_RUN && !options->ctf) {
        complain("--last says how many events --ctf is to keep; it means nothing without");
        return wrong(code);
    }
    if (options->verb == VERB_REPLAY && (options->from || (options->last && !options->ctf)) &&
        !options->trace) {
        complain("--%s says what --trace is to print; it means nothing without",
                 options->from ? "from" : "last");
        return wrong(code);
    }
    if (options->ctf && (looks || given & 1ull << (OPT_TIMES - OPT_STRATEGY))) {
        complain("--ctf: one execution is traced, to its end; --%s cannot be given with it",
                 options->gdb     ? "gdb"
                 : options->trace ? "trace"
                 : options->to    ? "to"
                                  : "times");
        return wrong(code);
    }
    if (options->gdb && options->trace) {
        complain("--gdb and --trace: one of the two is expected");
        return wrong(code);
    }
    if (options->from && options->to && options->from > options->to) {
        complain("--from %llu --to %llu: there is no step between", (unsigned long long)options->from,
                 (unsigned long long)options->to);
        return wrong(code);
    }
    if (looks && given & (1ull << (OPT_OUT - OPT_STRATEGY) | 1ull << (OPT_TIMES - OPT_STRATEGY))) {
        complain("--%s: a replay with --gdb, --trace or --to is one execution and writes no results",
                 given & 1ull << (OPT_OUT - OPT_STRATEGY) ? "out" : "times");
        return wrong(code);
    }
    return true;
}

/* Options that say what a run is cannot change when it goes on, and some belong to one strategy. */
static bool check_together(const struct options *options, uint64_t given, int *code)
{
    static const struct {
        int id;
        const char *name;
    } scheduled[] = {{OPT_STRATEGY, "strategy"},
                     {OPT_SEED, "seed"},
                     {OPT_STEPS, "steps"},
                     {OPT_DEPTH, "depth"},
                     {OPT_POINTS, "points"},
                     {OPT_DETECT, "detect"},
                     {OPT_PREEMPTIONS, "preemptions"},
                     {OPT_CTF, "ctf"},
                     {OPT_NO_DEFAULT_SUPPRESSIONS, "no-default-suppressions"}};
    const char *way = !options->checker                       ? "native"
                      : strcmp(options->checker, "tsan") == 0 ? "tsan"
                                                              : "valgrind";
    if (options->native && options->checker) {
        complain("--native and --%s: one of the two is expected", way);
        return wrong(code);
    }
    for (size_t i = 0; (options->native || options->checker) && i < sizeof scheduled / sizeof *scheduled; i++)
        if (given & 1ull << (scheduled[i].id - OPT_STRATEGY)) {
            complain("--%s runs the program without schedules; --%s means nothing to it", way,
                     scheduled[i].name);
            return wrong(code);
        }
    if (!options->annotations && !options->checker) {
        complain("--no-annotations needs --valgrind or --tsan: nothing else is told of any");
        return wrong(code);
    }
    if (options->verb == VERB_RUN && options->checker && options->keep_running) {
        complain(
            "--keep-running needs --native: a checker's report is whole only when the program has ended");
        return wrong(code);
    }
    if (options->verb == VERB_RUN && !options->native && !options->checker &&
        (options->timeout > 0 || options->keep_running)) {
        complain("--%s needs --native: under the scheduler a hang is found without waiting for it",
                 options->timeout > 0 ? "timeout" : "keep-running");
        return wrong(code);
    }
    static const struct {
        int id;
        const char *name;
    } fixed[] = {{OPT_STRATEGY, "strategy"},
                 {OPT_SEED, "seed"},
                 {OPT_STEPS, "steps"},
                 {OPT_DEPTH, "depth"},
                 {OPT_POINTS, "points"},
                 {OPT_DETECT, "detect"},
                 {OPT_SHARD, "shard"},
                 {OPT_PREEMPTIONS, "preemptions"},
                 {OPT_SUPPRESSIONS, "suppressions"},
                 {OPT_NO_DEFAULT_SUPPRESSIONS, "no-default-suppressions"},
                 {OPT_OUT, "out"}};
    for (size_t i = 0; options->resume && i < sizeof fixed / sizeof *fixed; i++)
        if (given & 1ull << (fixed[i].id - OPT_STRATEGY)) {
            complain("--resume goes on with the run as it was; --%s cannot be given", fixed[i].name);
            return wrong(code);
        }
    const struct lc_strategy *strategy = options->strategy ? lc_strategy_find(options->strategy) : NULL;
    if (options->shards > 1 && strategy && strategy->sequential) {
        complain("--shard: the schedules of strategy %s follow from each other and cannot be divided",
                 strategy->name);
        return wrong(code);
    }
    if (options->preemptions >= 0 && (!strategy || !strategy->sequential)) {
        complain("--preemptions bounds strategy dfs; it means nothing to %s",
                 strategy ? strategy->name : "the default strategy");
        return wrong(code);
    }
    return true;
}

static bool parse_words(struct options *options, const struct verb_words *words, int argc, char *argv[],
                        int *code)
{
    uint64_t given = 0;
    opterr = 0;
    optind = 1;
    for (int id; (id = getopt_long(argc, argv, words->short_options, words->options, NULL)) != -1;) {
        if (id == OPT_HELP) {
            printf(usage_text, DEFAULT_STRATEGY);
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
        given |= 1ull << (id == 'o' ? OPT_OUT - OPT_STRATEGY : id - OPT_STRATEGY);
    }
    return check_together(options, given, code) && check_debugging(options, given, code) &&
           take_operands(options, words, argc, argv, code);
}

bool options_parse(struct options *options, int argc, char *argv[], int *code)
{
    *options = (struct options){.seed = 1,
                                .max_steps = DEFAULT_STEPS,
                                .detect = LC_DETECT_ALL,
                                .preemptions = -1,
                                .shard = 1,
                                .shards = 1,
                                .times = 1,
                                .default_suppressions = true,
                                .end_ms = (double)INFINITY,
                                .annotations = true,
                                .format = "text",
                                .color = "auto"};
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
        printf(usage_text, DEFAULT_STRATEGY);
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
    char known[128] = "";
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", verbs[i].name);
    if (*verb)
        complain("unknown command %s; there are: %s", verb, known);
    else
        complain("a command is missing: there are %s", known);
    return wrong(code);
}
