/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pages.h. Reads /proc/self/maps (proc(5)) into the channel. */
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "lockcheck/runtime/pages.h"
#include "lockcheck/runtime/runtime.h"

#define PAGE 4096u

struct list {
    struct lc_range *ranges;
    uint32_t count, room;
    bool shared;
    uintptr_t mapped_to;
};

static uintptr_t hexadecimal(const char **at)
{
    uintptr_t value = 0;
    for (;; (*at)++) {
        if (**at >= '0' && **at <= '9')
            value = value * 16 + (uintptr_t)(**at - '0');
        else if (**at >= 'a' && **at <= 'f')
            value = value * 16 + (uintptr_t)(**at - 'a') + 10;
        else
            return value;
    }
}

/* The main thread's stack grows without a system call. */
static uintptr_t stack_bottom(uintptr_t end, uintptr_t above)
{
    struct rlimit limit;
    if (lc_quiet_call(SYS_prlimit64, 0, RLIMIT_STACK, 0, (long)&limit) != 0 || limit.rlim_cur >= end)
        return above;
    uintptr_t bottom = (end - limit.rlim_cur) & ~(uintptr_t)(PAGE - 1);
    return bottom > above ? bottom : above;
}

/* One line. Returns false when there is no room for another range. */
static bool add(struct list *list, const char *line)
{
    const char *at = line;
    struct lc_range range = {.start = hexadecimal(&at)};
    at++;
    range.end = hexadecimal(&at);
    at++;
    bool readable = at[0] == 'r', written = readable && at[1] == 'w', private = at[3] == 'p';
    const char *end = strchr(line, '\n');
    if (memmem(at, (size_t)(end - at), "[stack]", 7))
        range.start = stack_bottom(range.end, list->mapped_to);
    range.of_file = memchr(at, '/', (size_t)(end - at));
    list->mapped_to = range.end;
    if (readable && !private && range.start != (uintptr_t)lc.channel && !lc_trace_is_at(range.start))
        list->shared = true;
    if (!written || !private)
        return true;
    range.runtimes = range.end == lc_memory_limit();
    if (list->count == list->room)
        return false;
    list->ranges[list->count++] = range;
    return true;
}

bool lc_ranges_list(struct lc_range *ranges, uint32_t room, uint32_t *count, bool *shared)
{
    char *text = (char *)lc.channel + LC_MAPS_OFFSET;
    long fd = lc_quiet_call(SYS_openat, AT_FDCWD, (long)"/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    size_t length = 0;
    long got;
    while ((got = lc_quiet_call(SYS_read, fd, (long)text + (long)length, (long)(LC_MAPS_SIZE - 1 - length),
                                0)) > 0)
        length += (size_t)got;
    lc_quiet_call(SYS_close, fd, 0, 0, 0);
    text[length] = 0;
    if (got != 0 || length == LC_MAPS_SIZE - 1)
        return false;
    struct list list = {.ranges = ranges, .room = room};
    for (const char *line = text; *line; line = strchr(line, '\n') + 1)
        if (!add(&list, line))
            return false;
    *count = list.count;
    *shared = list.shared;
    return true;
}
