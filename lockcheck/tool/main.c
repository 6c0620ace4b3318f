/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The `lockcheck` command. */
#include "lockcheck/tool/compare.h"
#include "lockcheck/tool/hunt.h"
#include "lockcheck/tool/launch.h"
#include "lockcheck/tool/merge.h"
#include "lockcheck/tool/native.h"
#include "lockcheck/tool/opinion.h"
#include "lockcheck/tool/options.h"
#include "lockcheck/tool/replay.h"
#include "lockcheck/tool/report.h"
#include "lockcheck/tool/shrink.h"
#include "lockcheck/tool/strategies.h"
#include "lockcheck/tool/text.h"
#include "lockcheck/tool/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file that is opened must not become the standard output because the command was started without one. */
static void open_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            exit(EXIT_UNCONTROLLED);
}

static int run_verb(const struct options *options)
{
    if (options->verb == VERB_REPORT)
        return report_command(options);
    if (options->verb == VERB_TRACE)
        return trace_command(options);
    if (options->verb == VERB_STRATEGIES)
        return strategies_command();
    if (options->verb == VERB_MERGE)
        return merge_command(options);
    if (options->verb == VERB_ATTACH)
        return attach_command(options);
    if (options->verb == VERB_COMPARE)
        return compare_command(options);
    catch_interrupts();
    switch (options->verb) {
    case VERB_REPLAY:
        return replay_command(options);
    case VERB_SHRINK:
        return shrink_command(options);
    case VERB_STRESS:
        return native_command(options);
    default:
        return options->checker  ? opinion_command(options)
               : options->native ? native_command(options)
                                 : hunt_command(options);
    }
}

/* A full disk, also when it is only noticed now, is an error; a reader who has seen enough is none. */
static int finish_output(int code)
{
    errno = 0;
    bool failed = ferror(stdout);
    if (fflush(stdout) == 0 && !failed)
        return code;
    if (errno == EPIPE)
        return code;
    complain("standard output: %s", errno ? strerror(errno) : "not all of it could be written");
    return code == EXIT_CLEAN || code == EXIT_UNCONTROLLED ? EXIT_USAGE : code;
}

int main(int argc, char *argv[])
{
    struct options options;
    int code;
    open_standard_descriptors();
    if (options_parse(&options, argc, argv, &code))
        code = run_verb(&options);
    code = finish_output(code);
    if (code == EXIT_INTERRUPTED)
        end_by_interrupt();
    return code;
}
