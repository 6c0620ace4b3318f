/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of the program by exit() or by a return from main(): a last step, since threads that are left are
 * cut off there, and how far they get is a matter of scheduling. It comes after all handlers and destructors
 * of the program's.
 *
 * Then the loader would go through the destructors of every library. In a process that was forked for one
 * schedule that takes longer than many a schedule, as each page that it touches has to be mapped anew. So the
 * process ends at once where that makes no difference: nothing is loaded but the program and the libraries
 * listed here, the program's file has no destructors, no stream has anything to write, and the status is
 * known.
 */
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "lockcheck/runtime/interpose.h"

/* Their destructors do nothing that anybody could see. */
static const char *const silent_libraries[] = {
    "ld-linux-x86-64.so.2", "libc.so.6",      "libdl.so.2",      "libgcc_s.so.1",
    "liblockcheck.so",      "liblzma.so.5",   "libm.so.6",       "libpthread.so.0",
    "librt.so.1",           "libunwind.so.8", "linux-vdso.so.1",
};

/* The newest loaded object, when there are none but silent ones; what the program loads later comes after it.
 */
static const struct link_map *last_silent;
LC_WRITTEN static int status;
LC_WRITTEN static bool status_known;

static bool is_silent(const struct link_map *object)
{
    const char *slash = strrchr(object->l_name, '/'), *name = slash ? slash + 1 : object->l_name;
    for (size_t i = 0; i < sizeof silent_libraries / sizeof *silent_libraries; i++)
        if (strcmp(name, silent_libraries[i]) == 0)
            return true;
    return false;
}

/* Beyond the one that the compiler's start files put into every program. */
static bool has_destructors(const struct link_map *program)
{
    for (const ElfW(Dyn) *d = program->l_ld; d->d_tag != DT_NULL; d++)
        if (d->d_tag == DT_FINI_ARRAYSZ && d->d_un.d_val > sizeof(void *))
            return true;
    return false;
}

void lc_exit_prepare(void)
{
    const struct link_map *object = _r_debug.r_map; /* the program */
    last_silent = NULL;
    if (!object || has_destructors(object))
        return;
    while (object->l_next && is_silent(object->l_next))
        object = object->l_next;
    if (!object->l_next)
        last_silent = object;
}

extern FILE *_IO_list_all; /* the C library's list of open streams */

static bool streams_are_written(void)
{
    for (const FILE *f = _IO_list_all; f; f = f->_chain)
        if (f->_IO_write_ptr > f->_IO_write_base || f->_mode > 0)
            return false;
    return true;
}

static void last_step(void)
{
    LC_WRITTEN static bool taken;
    if (taken || !lc_controlled() || !lc.scheduled)
        return;
    taken = true;
    lc_point(LC_OP_PROCESS_EXIT, NULL);
    if (lc.strategy->end)
        lc.strategy->end();
    lc_debugger_exit();
}

/* What the loader registers to run when the program's exit handlers have run. */
static void (*loaders_end)(void);

static void end(void)
{
    /* r_version: there is more than one list of loaded objects (dlmopen). */
    if (lc.scheduled && lc_controlled() && status_known && last_silent && !last_silent->l_next &&
        _r_debug.r_version == 1) {
        int code = status; /* another thread may call exit() too, in the last step */
        last_step();
        if (streams_are_written()) {
            if (code == 0)
                lc_rewind();
            lc_quiet_call(SYS_exit_group, code, 0, 0, 0);
        }
    }
    if (loaders_end)
        loaders_end();
}

void (*lc_exit_handler(void (*loader_fini)(void)))(void)
{
    loaders_end = loader_fini;
    return end;
}

int lc_exit_with(int code)
{
    status = code;
    status_known = true;
    return code;
}

LC_EXPORT void exit(int code)
{
    lc_exit_with(code);
    LC_REAL(exit)(code);
    __builtin_unreachable();
}

__attribute__((destructor)) static void finish(void)
{
    last_step();
}
