/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calling the renderers: see report.h. */
#include "lockcheck/tool/report.h"
#include "lockcheck/tool/python.h"
#include "lockcheck/tool/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Returns only when it fails, after saying why. */
static void become_renderer(const char *directory, const char *format, const char *output, const char *color)
{
    const char *words[] = {"report",   "--format", format, "--color", color,
                           "--output", output,     "--",   directory, NULL};
    python_become("lockcheck", words);
}

int report_print(const char *directory, const char *format)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        become_renderer(directory, format, "-", "auto");
        _exit(127);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        complain("the report could not be rendered; the results are in %s/result.json", directory);
        return -1;
    }
    return 0;
}

int report_command(const struct options *options)
{
    char *result = print_text("%s/result.json", options->directory);
    int missing = access(result, R_OK) != 0 ? errno : 0;
    if (missing)
        complain("%s: %s; the directory of results of an earlier command is expected", result,
                 strerror(missing));
    free(result);
    if (missing)
        return EXIT_USAGE;
    become_renderer(options->directory, options->format, options->out ? options->out : "-", options->color);
    return EXIT_UNCONTROLLED;
}
