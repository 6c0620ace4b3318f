/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running the program under another checker: see opinion.h. */
#include "lockcheck/tool/opinion.h"
#include "lockcheck/tool/child.h"
#include "lockcheck/tool/launch.h"
#include "lockcheck/tool/locate.h"
#include "lockcheck/tool/program.h"
#include "lockcheck/tool/python.h"
#include "lockcheck/tool/report.h"
#include "lockcheck/tool/result.h"
#include "lockcheck/tool/suppress.h"
#include "lockcheck/tool/symbolize.h"
#include "lockcheck/tool/text.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 10
#define REPORT_GRACE_NS 5000000000ull /* for the checker to write its report when the time is over */
#define VALGRIND_FRAMES "20"

/* Lines of stacks with tabs between their parts, which no name has. */
#define TSAN_FRAMES "    #%n\t%f\t%s\t%l\t%m\t%o"

static const struct checker {
    const char *name, *title;
    bool valgrind;
} checkers[] = {
    {"helgrind", "Helgrind", true},
    {"drd", "DRD", true},
    {"tsan", "ThreadSanitizer", false},
};

const char *opinion_checker(const char *name)
{
    for (size_t i = 0; i < sizeof checkers / sizeof *checkers; i++)
        if (checkers[i].valgrind && strcmp(checkers[i].name, name) == 0)
            return checkers[i].name;
    return NULL;
}

/* One run under a checker. */
struct opinion {
    const struct options *options;
    const struct checker *checker;
    struct program program;
    struct suppressions suppressions;
    uint64_t *suppressed; /* how many findings each suppression has taken */
    char *directory;      /* for the checker's report, and the library's notes */
    pid_t pid;
    siginfo_t end;
    uint64_t started_ns;
    double seconds;
    bool timed_out, interrupted;
    json_t *findings; /* a list */
    json_t *error;    /* or NULL */
};

/* ---- running ---- */

static char *file_in(const struct opinion *opinion, const char *name)
{
    return print_text("%s/%s", opinion->directory, name);
}

static int make_directory(struct opinion *opinion)
{
    const char *temporary = getenv("TMPDIR");
    /* ThreadSanitizer's options have no way to write this. */
    bool usable = temporary && *temporary == '/' && !strchr(temporary, '\'');
    opinion->directory = print_text("%s/lockcheck-XXXXXX", usable ? temporary : "/tmp");
    if (mkdtemp(opinion->directory))
        return 0;
    complain("cannot make the directory %s: %s", opinion->directory, strerror(errno));
    free(opinion->directory);
    opinion->directory = NULL;
    return -1;
}

static void remove_directory(const struct opinion *opinion)
{
    DIR *listing = opinion->directory ? opendir(opinion->directory) : NULL;
    for (struct dirent *entry; listing && (entry = readdir(listing));)
        unlinkat(dirfd(listing), entry->d_name, 0);
    if (listing)
        closedir(listing);
    if (opinion->directory)
        rmdir(opinion->directory);
}

/* In the child. */
static int prepare(const void *more)
{
    const struct opinion *opinion = more;
    setenv("LOCKCHECK_ANNOTATE", opinion->directory, 1);
    if (!opinion->options->annotations)
        setenv("LOCKCHECK_ANNOTATE_NOTHING", "1", 1);
    if (opinion->checker->valgrind)
        return 0;
    /* Its own options come last and so count. It leaves the exit status to the program. */
    const char *given = getenv("TSAN_OPTIONS");
    char *options = print_text("%s log_path='%s/report' exitcode=0 second_deadlock_stack=1 print_summary=1 "
                               "stack_trace_format='%s'",
                               given ? given : "", opinion->directory, TSAN_FRAMES);
    setenv("TSAN_OPTIONS", options, 1);
    free(options);
    /* Its shadow memory takes the place of what kernels since 6.6 map there when they randomise addresses.
     * Where the kernel does not let us it may still do. */
    int now = personality(0xffffffff);
    if (now >= 0)
        personality((unsigned long)now | ADDR_NO_RANDOMIZE);
    return 0;
}

/* Atomic operations of programs that lockcheck-cc built are made by the library of annotations, and are no
 * races. */
static const char atomics[] =
    "{\n atomic\n Helgrind:Race\n obj:*/liblockcheck-annotate-valgrind.so\n}\n"
    "{\n atomic\n drd:ConflictingAccess\n obj:*/liblockcheck-annotate-valgrind.so\n}\n";

/* Writes their suppressions, of which there are none when nothing is to be told. Returns 0, or -1 after
 * saying what is wrong. */
static int write_suppressions(const struct opinion *opinion)
{
    char *path = file_in(opinion, "atomics.supp");
    FILE *out = fopen(path, "we");
    if (out && opinion->options->annotations)
        fputs(atomics, out);
    int result = out && fclose(out) == 0 ? 0 : -1;
    if (result != 0)
        complain("%s: %s", path, strerror(errno));
    free(path);
    return result;
}

/* DRD looks through its history for parts to merge at every tenth operation, which for a program of many
 * atomic operations is most of its time; seldom, it compares with too many. */
static const char *merging(const struct opinion *opinion)
{
    const char *given = getenv("VALGRIND_OPTS");
    bool ours = strcmp(opinion->checker->name, "drd") == 0 && !(given && strstr(given, "--segment-merging"));
    return ours ? "--segment-merging-interval=100" : "--xml=yes";
}

/* The words of `valgrind`; the caller frees the array, and its third and fourth word. */
static char **valgrind_words(const struct opinion *opinion)
{
    size_t count = 0;
    while (opinion->program.argv[count])
        count++;
    char *file = print_text("--xml-file=%s/report.xml", opinion->directory);
    char *suppressions = print_text("--suppressions=%s/atomics.supp", opinion->directory);
    const char *before[] = {"valgrind",
                            strcmp(opinion->checker->name, "drd") == 0 ? "--tool=drd" : "--tool=helgrind",
                            file,
                            suppressions,
                            "--xml=yes",
                            merging(opinion),
                            "--quiet",
                            "--child-silent-after-fork=yes",
                            "--fair-sched=try",
                            "--num-callers=" VALGRIND_FRAMES,
                            opinion->program.path};
    size_t own = sizeof before / sizeof *before;
    char **words = allocate((own + count) * sizeof *words);
    memcpy(words, before, sizeof before);
    memcpy(words + own, opinion->program.argv + 1, count * sizeof *words); /* with the NULL */
    return words;
}

static int start(struct opinion *opinion)
{
    bool valgrind = opinion->checker->valgrind;
    char *library = locate_annotate(valgrind);
    if (!library) {
        complain(
            "the library of annotations is missing: ../lib/lockcheck/liblockcheck-annotate%s.so beside the "
            "directory of this command",
            valgrind ? "-valgrind" : "");
        return -1;
    }
    if (!child_preloads(library)) {
        free(library);
        return -1;
    }
    if (valgrind && write_suppressions(opinion) != 0) {
        free(library);
        return -1;
    }
    char **words = valgrind ? valgrind_words(opinion) : NULL;
    opinion->started_ns = now_ns();
    int error = child_start(&opinion->pid,
                            &(struct child_program){.path = valgrind ? "valgrind" : opinion->program.path,
                                                    .argv = valgrind ? words : opinion->program.argv,
                                                    .preload = library,
                                                    .prepare = prepare,
                                                    .more = opinion});
    if (error && valgrind && error == ENOENT)
        complain("there is no valgrind in PATH; install it (Debian: apt install valgrind)");
    else if (error)
        complain("cannot start %s: %s", valgrind ? "valgrind" : opinion->program.path, strerror(error));
    for (size_t i = 2; words && i < 4; i++)
        free(words[i]);
    free(words);
    free(library);
    return error ? -1 : 0;
}

/* Until the program has ended, or has to. */
static void watch(struct opinion *opinion)
{
    while (!child_ended(opinion->pid)) {
        if (interrupted()) {
            opinion->interrupted = true;
            child_interrupt(opinion->pid);
            break;
        }
        if ((double)(now_ns() - opinion->started_ns) / 1e9 >= opinion->options->timeout) {
            opinion->timed_out = true;
            kill(opinion->pid, SIGTERM); /* the checker then still writes what it knows */
            child_await_end(opinion->pid, REPORT_GRACE_NS);
            break;
        }
        child_await_end(opinion->pid, LOOK_MS * 1000000ull);
    }
    opinion->seconds = (double)(now_ns() - opinion->started_ns) / 1e9;
    waitid(P_PID, (id_t)opinion->pid, &opinion->end, WEXITED | WNOHANG | WNOWAIT);
    children_kill(opinion->pid);
}

/* ---- judging ---- */

static json_t *finding_of(const struct opinion *opinion, const char *kind, char *summary)
{
    json_t *finding = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:[]}", "id", kind, "kind", kind, "source",
                                "program", "summary", summary, "count", 1, "first_schedule", 1, "frames");
    json_object_set_new(finding, "seconds", json_real(opinion->seconds));
    free(summary);
    return finding;
}

static bool is_crash(const json_t *finding)
{
    const char *kind = json_string_value(json_object_get(finding, "kind"));
    return strcmp(kind, "crash") == 0 || strcmp(kind, "assertion") == 0;
}

static void set_error(struct opinion *opinion, char *summary)
{
    json_decref(opinion->error);
    opinion->error = json_pack("{s:s, s:s}", "kind", opinion->interrupted ? "interrupted" : "checker-failed",
                               "summary", summary);
    free(summary);
}

/* "status 1" */
static char *describe_end(const struct opinion *opinion)
{
    return opinion->end.si_code == CLD_EXITED
               ? print_text("with status %d", opinion->end.si_status)
               : print_text("by signal %d (%s)", opinion->end.si_status, strsignal(opinion->end.si_status));
}

/* What the end of the program itself, or of the checker, means. */
static void judge_end(struct opinion *opinion, bool started, bool whole)
{
    const struct checker *checker = opinion->checker;
    bool exited = opinion->end.si_code == CLD_EXITED, crashed = false;
    size_t i;
    json_t *finding;
    json_array_foreach(opinion->findings, i, finding) crashed |= is_crash(finding);
    char *end = describe_end(opinion);
    if (opinion->interrupted) {
        set_error(opinion, copy_text("before the program came to its end"));
    } else if (opinion->timed_out) {
        json_array_append_new(opinion->findings,
                              finding_of(opinion, "hang",
                                         print_text("the program has not ended after %g s under %s",
                                                    opinion->options->timeout, checker->title)));
    } else if (!started) {
        set_error(opinion,
                  print_text("%s did not get the program to run, and ended %s; what it says stands above"
                             "%s",
                             checker->title, end,
                             checker->valgrind ? ""
                                               : ". If it speaks of a memory mapping or of an address "
                                                 "range, try \"setarch -R lockcheck run --tsan ...\", "
                                                 "and less of \"ulimit -v\""));
    } else if (!whole) {
        set_error(opinion, print_text("%s ended %s before its report was whole%s", checker->title, end,
                                      exited && checker->valgrind
                                          ? "; a program that becomes another one by exec() leaves Valgrind"
                                          : ""));
    } else if (!crashed && (!exited || opinion->end.si_status != 0)) {
        json_array_append_new(opinion->findings,
                              finding_of(opinion, exited ? "assertion" : "crash",
                                         exited ? print_text("the program ended itself %s", end)
                                                : print_text("the program was ended %s", end)));
    }
    free(end);
}

/* Of a checker that was told to end the signal is ours. */
static void drop_crashes(json_t *findings)
{
    for (size_t i = json_array_size(findings); i-- > 0;)
        if (is_crash(json_array_get(findings, i)))
            json_array_remove(findings, i);
}

/* ---- names ---- */

/* What an address is known as. */
struct names {
    struct symbolizer *symbolizer; /* or NULL */
    char *notes;                   /* what the library has written, or NULL */
};

/* The newest name that the program has given to it: a part of the notes, which is as long as that; or NULL.
 */
static const char *given_name(const struct names *names, uint64_t address, size_t *length)
{
    const char *found = NULL;
    for (const char *line = names->notes; line && *line;) {
        const char *end = line + strcspn(line, "\n");
        uint64_t at;
        int kind_ends = 0;
        if (sscanf(line, "object %" SCNx64 " %*s %n", &at, &kind_ends) == 1 && kind_ends && at == address &&
            line + kind_ends < end) {
            found = line + kind_ends;
            *length = (size_t)(end - found);
        }
        line = end + (*end == '\n');
    }
    return found;
}

/* The text with names instead of {@ADDRESS} and {@ADDRESS|WORDS}; the caller frees it. */
static char *with_names(const struct names *names, const char *text)
{
    char *named = NULL;
    size_t size;
    FILE *out = open_memstream(&named, &size);
    for (const char *at; (at = strstr(text, "{@")); text = at) {
        char *end;
        uint64_t address = strtoull(at + 2, &end, 16);
        fwrite(text, 1, (size_t)(at - text), out);
        const char *words = *end == '|' ? end + 1 : NULL;
        size_t words_length = words ? strcspn(words, "}") : 0;
        const char *close = words ? words + words_length : end;
        if (*close != '}') {
            fputs("{@", out);
            at += 2;
            continue;
        }
        at = close + 1;
        size_t length = 0;
        const char *given = given_name(names, address, &length);
        const char *variable =
            given || words || !names->symbolizer ? NULL : symbolize_variable(names->symbolizer, address);
        if (given)
            fprintf(out, "%.*s", (int)length, given);
        else if (words)
            fprintf(out, "%.*s", (int)words_length, words);
        else if (variable)
            fputs(variable, out);
        else
            fprintf(out, "%#" PRIx64, address);
    }
    fputs(text, out);
    fclose(out);
    return named;
}

/* Gives names in all texts of a value. */
static void give_names(const struct names *names, json_t *value)
{
    size_t i;
    const char *key;
    json_t *part;
    if (json_is_string(value) && strstr(json_string_value(value), "{@")) {
        char *named = with_names(names, json_string_value(value));
        json_string_set(value, named);
        free(named);
    }
    if (json_is_array(value))
        json_array_foreach(value, i, part) give_names(names, part);
    if (json_is_object(value))
        json_object_foreach(value, key, part) give_names(names, part);
}

static void name_all(const struct opinion *opinion)
{
    size_t length;
    char *maps_file = file_in(opinion, "maps"), *notes_file = file_in(opinion, "notes");
    char *maps = read_whole_file(maps_file, &length);
    struct names names = {.symbolizer = maps ? symbolizer_new(maps) : NULL,
                          .notes = read_whole_file(notes_file, &length)};
    if (names.notes)
        make_utf8(names.notes, length);
    give_names(&names, opinion->findings);
    if (names.symbolizer)
        symbolizer_free(names.symbolizer);
    free(names.notes);
    free(maps);
    free(maps_file);
    free(notes_file);
}

/* ---- suppressions ---- */

/* The stacks of a finding, as suppressions look at them; what they point to belongs to frames. */
static struct evidence_stacks stacks_of(const json_t *frames)
{
    struct evidence_stacks stacks = {.stacks =
                                         allocate((json_array_size(frames) + 1) * sizeof *stacks.stacks)};
    size_t i, k;
    json_t *item, *line;
    json_array_foreach(frames, i, item)
    {
        struct evidence_stack *stack = &stacks.stacks[stacks.count++];
        const json_t *lines = json_object_get(item, "lines");
        *stack = (struct evidence_stack){.thread = json_integer_value(json_object_get(item, "thread")),
                                         .concerned = json_is_true(json_object_get(item, "concerned")),
                                         .symbols =
                                             allocate((json_array_size(lines) + 1) * sizeof *stack->symbols)};
        json_array_foreach(lines, k, line)
        {
            struct symbol *symbol = allocate(sizeof *symbol);
            *symbol = (struct symbol){
                .text = (char *)json_string_value(json_object_get(line, "text")),
                .function = json_string_length(json_object_get(line, "function")),
                .object = (char *)json_string_value(json_object_get(line, "object")),
            };
            stack->symbols[stack->lines++] = symbol;
        }
    }
    if (!stacks.count) /* a program that ended without a word leaves one stack, of which nothing is known */
        stacks.stacks[stacks.count++] = (struct evidence_stack){.concerned = true};
    return stacks;
}

static void free_stacks(struct evidence_stacks *stacks)
{
    for (size_t i = 0; i < stacks->count; i++) {
        for (size_t k = 0; k < stacks->stacks[i].lines; k++)
            free((void *)stacks->stacks[i].symbols[k]);
        free(stacks->stacks[i].symbols);
    }
    free(stacks->stacks);
}

/* Takes out what is suppressed, and adds to the others the block that would do it. */
static void suppress(struct opinion *opinion)
{
    for (size_t i = 0; i < json_array_size(opinion->findings);) {
        json_t *finding = json_array_get(opinion->findings, i);
        const char *kind = json_string_value(json_object_get(finding, "kind"));
        struct evidence_stacks stacks = stacks_of(json_object_get(finding, "frames"));
        size_t found = suppressions_match(&opinion->suppressions, kind, &stacks);
        if (found == NOT_SUPPRESSED) {
            char *block = suppression_print_stacks(kind, &stacks);
            json_object_set_new(finding, "suppression", json_string(block));
            free(block);
            json_object_del(finding, "frames");
            i++;
        } else {
            opinion->suppressed[found]++;
        }
        free_stacks(&stacks);
        if (found != NOT_SUPPRESSED)
            json_array_remove(opinion->findings, i);
    }
}

/* ---- results ---- */

/* Reads what the checker has reported. Returns 0, or -1 after saying what is wrong. */
static int read_report(struct opinion *opinion)
{
    const char *words[] = {opinion->checker->name, opinion->directory, NULL};
    size_t length;
    char *text = python_output("lockcheck.opinion", words, &length);
    json_error_t problem;
    json_t *json = text ? json_loadb(text, length, 0, &problem) : NULL;
    free(text);
    if (!json)
        return -1;
    char *maps = file_in(opinion, "maps");
    bool started = access(maps, R_OK) == 0;
    opinion->findings = json_incref(json_object_get(json, "findings"));
    name_all(opinion);
    if (opinion->timed_out || opinion->interrupted)
        drop_crashes(opinion->findings);
    judge_end(opinion, started, json_is_true(json_object_get(json, "whole")));
    free(maps);
    json_decref(json);
    return 0;
}

/* Returns the exit code. */
static int conclude_opinion(struct opinion *opinion)
{
    const struct options *options = opinion->options;
    struct results results;
    results_init(&results);
    size_t count = json_array_size(opinion->findings);
    json_object_set(results.json, "findings", opinion->findings);
    suppressions_describe(&opinion->suppressions, opinion->suppressed, results.json);
    json_object_set_new(results.json, "mode", json_string("native"));
    json_object_set_new(results.json, "source", json_string(opinion->checker->name));
    if (opinion->error)
        json_object_set(results.json, "error", opinion->error);
    results_set_head(&results, &(struct results_head){.command = "run",
                                                      .verdict = count            ? "finding"
                                                                 : opinion->error ? "error"
                                                                                  : "clean",
                                                      .program = &opinion->program,
                                                      .strategy = opinion->checker->name,
                                                      .seed = options->seed,
                                                      .schedules = 1,
                                                      .seconds = opinion->seconds,
                                                      .interrupted = opinion->interrupted});
    char *written;
    int code = count                  ? EXIT_FINDING
               : opinion->interrupted ? EXIT_INTERRUPTED
               : opinion->error       ? EXIT_UNCONTROLLED
                                      : EXIT_CLEAN;
    if (results_write(&results, options->out, false, &written) != 0)
        code = EXIT_USAGE;
    if (count && written && !options->quiet)
        report_print(written, "text");
    if (opinion->error)
        results_complain(opinion->error);
    if (!options->quiet) {
        suppressions_print(json_object_get(results.json, "suppressions"));
        if (count)
            printf("lockcheck: %zu finding%s of %s (%.1f s)%s%s\n", count, plural(count),
                   opinion->checker->title, opinion->seconds,
                   written ? "; everything is in " : ", not written anywhere", written ? written : "");
        else if (!opinion->error)
            printf("lockcheck: %s found nothing (%.1f s)\n", opinion->checker->title, opinion->seconds);
        fflush(stdout);
    }
    free(written);
    results_free(&results);
    return code;
}

static int run(struct opinion *opinion)
{
    if (start(opinion) != 0)
        return EXIT_USAGE;
    watch(opinion);
    if (read_report(opinion) != 0)
        return EXIT_UNCONTROLLED;
    suppress(opinion);
    return conclude_opinion(opinion);
}

int opinion_command(const struct options *options)
{
    struct opinion opinion = {.options = options, .checker = checkers};
    while (strcmp(opinion.checker->name, options->checker) != 0)
        opinion.checker++;
    int found = opinion.checker->valgrind ? program_find(&opinion.program, options->program)
                                          : program_find_tsan(&opinion.program, options->program);
    int code = EXIT_USAGE;
    if (found == 0 && suppressions_read_all(&opinion.suppressions, options->suppressions) == 0 &&
        results_open(options->out) == 0 && make_directory(&opinion) == 0) {
        opinion.suppressed = allocate((opinion.suppressions.count + 1) * sizeof *opinion.suppressed);
        memset(opinion.suppressed, 0, (opinion.suppressions.count + 1) * sizeof *opinion.suppressed);
        code = run(&opinion);
        remove_directory(&opinion);
    }
    json_decref(opinion.findings);
    json_decref(opinion.error);
    suppressions_free(&opinion.suppressions);
    program_free(&opinion.program);
    free(opinion.suppressed);
    free(opinion.directory);
    return code;
}
