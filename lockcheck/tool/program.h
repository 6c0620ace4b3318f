/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program under test: which file it is, and whether lockcheck can run it at all.
 *
 * It must be a dynamically linked x86-64 ELF program without privileges of its own, since the runtime enters
 * it by LD_PRELOAD, and without a sanitizer that takes threads over as the runtime does. A script is refused:
 * name its interpreter.
 */
#ifndef LOCKCHECK_TOOL_PROGRAM_H
#define LOCKCHECK_TOOL_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

struct program {
    char *path;               /* absolute */
    char **argv;              /* as it gets it, NULL at the end */
    char *cwd;                /* the directory where it runs */
    char build_id[128];       /* hexadecimal; "crc32-..." of the file for a program without one */
    bool own_checkpoint;      /* it calls lockcheck_checkpoint() */
    uint64_t suppressions_at; /* address of its lockcheck_default_suppressions() in the file; 0: none */
};

/*
 * Finds argv[0] as execvp() does, then beside the lockcheck command, and checks it. argv is copied; the
 * program is to run in the current directory. Returns 0, or -1 after saying what is wrong.
 */
int program_find(struct program *program, char *const argv[]);

/* The same for a program that runs under ThreadSanitizer: it must be built with it. */
int program_find_tsan(struct program *program, char *const argv[]);

/* The same for a known path and directory, both absolute (from a schedule file). */
int program_open(struct program *program, const char *path, char *const argv[], const char *cwd);

/*
 * Is it the build that the schedule in that file was recorded with? Returns 0, also after a warning that it
 * is not when forced, or -1 after saying so.
 */
int program_check_build(const struct program *program, const char *recorded, const char *file, bool forced);

void program_free(struct program *program);

#endif
