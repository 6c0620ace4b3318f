/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The `lockcheck` command. */
#include "lockcheck/tool/hunt.h"
#include "lockcheck/tool/launch.h"
#include "lockcheck/tool/native.h"
#include "lockcheck/tool/options.h"
#include "lockcheck/tool/replay.h"
#include "lockcheck/tool/report.h"
#include "lockcheck/tool/shrink.h"
#include "lockcheck/tool/strategies.h"

#include <stdlib.h>

int main(int argc, char *argv[])
{
    struct options options;
    int code;
    if (!options_parse(&options, argc, argv, &code))
        return code;
    if (options.verb == VERB_REPORT)
        return report_command(&options);
    if (options.verb == VERB_STRATEGIES)
        return strategies_command();
    if (options.verb == VERB_ATTACH)
        return attach_command(&options);
    catch_interrupts();
    switch (options.verb) {
    case VERB_REPLAY:
        return replay_command(&options);
    case VERB_SHRINK:
        return shrink_command(&options);
    case VERB_STRESS:
        return native_command(&options);
    default:
        return options.native ? native_command(&options) : hunt_command(&options);
    }
}
