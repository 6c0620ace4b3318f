/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory that the process can write to: its mappings, and which pages of them there are. */
#ifndef LOCKCHECK_RUNTIME_PAGES_H
#define LOCKCHECK_RUNTIME_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

struct lc_range {
    uintptr_t start, end;
    bool runtimes; /* the runtime's memory, used up to lc_memory_end() */
    bool of_file;  /* a page that was not written to is the file's, not zero */
};

/*
 * Lists the private mappings that can be read and written, ascending, the main thread's stack as far as it
 * may grow. *shared: there are others that can be read and are not private, besides the channel and a trace.
 * Makes quiet calls only. Returns false when there are more than `room`, or they cannot be read.
 */
bool lc_ranges_list(struct lc_range *ranges, uint32_t room, uint32_t *count, bool *shared);

/* Bits of an entry of /proc/PID/pagemap: Documentation/admin-guide/mm/pagemap.rst. */
#define LC_PAGE_PRESENT (1ull << 63)
#define LC_PAGE_SWAPPED (1ull << 62)
#define LC_PAGE_OF_FILE (1ull << 61) /* not written to, as far as its mapping is private */
#define LC_PAGE_EXCLUSIVE (1ull << 56)

#pragma GCC visibility pop
#endif
