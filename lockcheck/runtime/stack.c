/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stacks, by libunwind. It is loaded with its names kept local: linked in the ordinary way its _Unwind_*
 * functions would take the place of libgcc's in programs that throw.
 *
 * It runs as the main thread, whichever fiber asks: its thread-local storage is allocated at first use, and
 * in a fiber that would be from the fiber's own heap. What the program allocates must have the same addresses
 * with and without evidence.
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lockcheck/runtime/runtime.h"

static int (*backtrace_function)(void **, int);
static uintptr_t main_tp;

/* Not inlined: errno is elsewhere before and after. */
__attribute__((noinline)) static int backtrace_as_main(void **stack, uint32_t room)
{
    int error = errno;
    int frames = backtrace_function(stack, (int)room);
    errno = error;
    return frames;
}

/* libunwind's memory of return addresses is large and written in full when it is made. Schedules begin with
 * one that is zero, which is an empty one, instead of a copy. Nothing else that it maps is as large; that it
 * maps it by this function is why this is exported. */
#define LARGE (128u << 10)
static bool making_memory;

LC_EXPORT void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    void *area = (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
    if (unlikely(making_memory) && length >= LARGE && area != MAP_FAILED)
        madvise(area, length, MADV_WIPEONFORK);
    return area;
}

void lc_backtrace_init(void)
{
    lc.inside++;
    void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
    if (library)
        backtrace_function = (int (*)(void **, int))dlsym(library, "unw_backtrace");
    if (!backtrace_function)
        lc_internal("cannot load libunwind.so.8 (Debian package libunwind8): %s", dlerror());
    main_tp = lc_self->tp;
    void *stack[LC_MAX_STACK];
    making_memory = true;
    backtrace_as_main(stack, LC_MAX_STACK); /* it allocates now what it needs */
    making_memory = false;
    lc.inside--;
}

/* Ours are the text segment's bounds, from the linker. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char __etext[] __attribute__((visibility("hidden")));

extern const char __start_lc_hooks[] __attribute__((visibility("hidden")));
extern const char __stop_lc_hooks[] __attribute__((visibility("hidden")));

/* What the compiler put before an access. */
static bool hook(const void *pc)
{
    return (const char *)pc >= __start_lc_hooks && (const char *)pc < __stop_lc_hooks;
}

static bool ours(const void *pc)
{
    return ((const char *)pc >= __ehdr_start && (const char *)pc < __etext) || hook(pc);
}

/* Of the runtime's frames only the function that the program called is worth showing, if the programmer wrote
 * the call. */
static uint32_t trim(void **stack, uint32_t frames)
{
    uint32_t first = 0;
    while (first + 1 < frames && ours(stack[first + 1]))
        first++;
    if (first == 0 && !ours(stack[0]))
        return frames;
    if (first + 1 < frames && hook(stack[first]))
        first++;
    while (frames > first + 1 && ours(stack[frames - 1]))
        frames--;
    memmove(stack, stack + first, (frames - first) * sizeof *stack);
    return frames - first;
}

uint32_t lc_backtrace(void **stack, uint32_t room)
{
    if (!backtrace_function)
        return 0;
    lc.inside++;
    lc.unwinding = true;
    uintptr_t tp = lc_self->tp;
    lc_set_thread_pointer(main_tp);
    int frames = backtrace_as_main(stack, room);
    lc_set_thread_pointer(tp);
    lc.unwinding = false;
    lc.inside--;
    return frames > 0 ? trim(stack, (uint32_t)frames) : 0;
}
