/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting the comparison: see compare.h. */
#include "lockcheck/tool/compare.h"
#include "lockcheck/tool/locate.h"
#include "lockcheck/tool/program.h"
#include "lockcheck/tool/python.h"
#include "lockcheck/tool/result.h"
#include "lockcheck/tool/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

int compare_command(const struct options *options)
{
    struct program program = {0};
    if (!is_directory(options->program[0])) {
        if (program_find(&program, options->program) != 0) {
            program_free(&program);
            return EXIT_USAGE;
        }
        options->program[0] = program.path; /* also of one that is only beside this command */
    }
    size_t operands = 0, count = 0;
    while (options->program[operands])
        operands++;
    const char **words = allocate((operands + 24) * sizeof *words);
    char *commands = locate_commands();
    words[count++] = "--command";
    words[count++] = print_text("%s/lockcheck", commands ? commands : ".");
    words[count++] = "--out";
    words[count++] = options->out;
    words[count++] = "--format";
    words[count++] = options->format;
    words[count++] = "--seed";
    words[count++] = print_text("%" PRIu64, options->seed);
    if (options->schedules != UINT64_MAX) {
        words[count++] = "--schedules";
        words[count++] = print_text("%" PRIu64, options->schedules);
    }
    if (isfinite(options->seconds)) {
        words[count++] = "--time";
        words[count++] = print_text("%g", options->seconds);
    }
    if (isfinite(options->timeout)) {
        words[count++] = "--timeout";
        words[count++] = print_text("%g", options->timeout);
    }
    const char *given[][2] = {{"--tools", options->tools},
                              {"--tsan-program", options->tsan_program},
                              {"--memory-program", options->memory_program}};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        if (given[i][1]) {
            words[count++] = given[i][0];
            words[count++] = given[i][1];
        }
    if (options->quiet)
        words[count++] = "--quiet";
    words[count++] = "--";
    memcpy(words + count, options->program, (operands + 1) * sizeof *words);
    python_become("lockcheck.compare", words);
    return EXIT_UNCONTROLLED;
}
