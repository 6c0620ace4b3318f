/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The directory of a trace that the runtime writes (see lockcheck/runtime/trace.h), and its metadata, which
 * say in TSDL, the language of CTF 1.8, what the files consist of.
 *
 * The metadata are written before the program starts, so that the trace can be read whatever happens, and
 * again when the execution has ended: then they have the names of all threads and objects in the events, as
 * enumerations, so that every reader shows them. The names are also in a stream of their own, from the
 * beginning on.
 */
#ifndef LOCKCHECK_TOOL_CTF_H
#define LOCKCHECK_TOOL_CTF_H

#include "lockcheck/tool/program.h"

#include <stdint.h>

/* What the metadata say about the execution. */
struct ctf_facts {
    const struct program *program;
    const char *strategy;
    uint64_t seed, schedule;
    /* When it has ended: */
    const char *ending; /* a kind of finding, "clean" or the like; NULL: it has not */
    uint64_t steps, hash;
    uint32_t error; /* the error number that the trace ended with; 0: it is whole */
};

/*
 * Makes the directory if need be, refuses one that holds anything but a trace of ours, removes that, and
 * writes the first metadata. Returns the directory's absolute path, to be freed, or NULL after saying what is
 * wrong.
 */
char *ctf_open(const char *directory, const struct ctf_facts *facts);

/* The process that wrote the trace has ended: writes the last metadata, and gives back the room that was not
 * used. Returns 0, or -1 after saying what is wrong; the trace can be read anyway. */
int ctf_finish(const char *directory, const struct ctf_facts *facts);

#endif
