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
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "lockcheck/runtime/runtime.h"

static int (*backtrace_function)(void **, int);
static uintptr_t main_tp;

/* What else is called of libunwind, as its header has it for x86-64; a context is the C library's ucontext_t.
 */
#define CURSOR_WORDS 127u
static struct {
    int (*get_context)(ucontext_t *);
    int (*init)(uint64_t cursor[CURSOR_WORDS], ucontext_t *);
    int (*step)(uint64_t cursor[CURSOR_WORDS]);
    int (*get)(uint64_t cursor[CURSOR_WORDS], int register_number, uint64_t *value);
} unwinder;

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

static int add_library(struct dl_phdr_info *info, size_t size, void *name)
{
    (void)size;
    if (!strstr(info->dlpi_name, name))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD)
            lc_memory_add(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, info->dlpi_phdr[i].p_memsz);
    return 1;
}

LC_EXPORT void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    void *area = (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
    if (unlikely(making_memory || lc.unwinding) && area != MAP_FAILED)
        lc_memory_add((uintptr_t)area, length);
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
    *(void **)&unwinder.get_context = dlsym(library, "_Ux86_64_getcontext");
    *(void **)&unwinder.init = dlsym(library, "_ULx86_64_init_local");
    *(void **)&unwinder.step = dlsym(library, "_ULx86_64_step");
    *(void **)&unwinder.get = dlsym(library, "_ULx86_64_get_reg");
    dl_iterate_phdr(add_library, "/libunwind.so");
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

/* Between these two libunwind may be called, and may make system calls. */
static uint8_t enter_unwinder(void)
{
    lc.inside++;
    lc.unwinding = true;
    lc_set_thread_pointer(main_tp);
    return lc_quiet_pause();
}

static void leave_unwinder(uint8_t quiet)
{
    lc_quiet_resume(quiet);
    lc_set_thread_pointer(lc_self->tp);
    lc.unwinding = false;
    lc.inside--;
}

uint32_t lc_backtrace(void **stack, uint32_t room)
{
    if (!backtrace_function)
        return 0;
    uint8_t quiet = enter_unwinder();
    int frames = backtrace_as_main(stack, room);
    leave_unwinder(quiet);
    return frames > 0 ? trim(stack, (uint32_t)frames) : 0;
}

/* ---- the program's stacks ---- */

extern void *__libc_stack_end; /* of the dynamic linker: the main thread's first word */

#define ROOM 16384u                 /* bytes, for what looks at states */
#define CLEARED 4096u               /* more than what the runtime calls takes otherwise */
#define GUARD 8192u                 /* a guard page, and what the C library has above the thread pointer */
#define LARGEST_OF_MAIN (64u << 20) /* where the stack has no limit */

struct lc_own_stack lc_stack_of(const struct lc_thread *t)
{
    static uintptr_t mains_bottom;
    if (!t->is_main)
        return (struct lc_own_stack){t->tp - t->sleeper->stack_bytes + GUARD,
                                     (uintptr_t)t->sleeper->stack_top};
    if (!mains_bottom) {
        struct rlimit limit = {0};
        lc_quiet_call(SYS_prlimit64, 0, RLIMIT_STACK, 0, (long)&limit);
        rlim_t bytes = limit.rlim_cur < LARGEST_OF_MAIN ? limit.rlim_cur : LARGEST_OF_MAIN;
        mains_bottom = (uintptr_t)__libc_stack_end - bytes + GUARD;
    }
    return (struct lc_own_stack){mains_bottom, (uintptr_t)__libc_stack_end};
}

bool lc_has_room_on_stack(void)
{
    struct lc_own_stack stack = lc_stack_of(lc_self);
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return here < stack.top && here >= stack.bottom + ROOM;
}

void lc_clear_stack(void)
{
    if (!lc_has_room_on_stack())
        return;
    char below[CLEARED];
    memset(below, 0, sizeof below);
    __asm__ volatile("" : : "r"(below) : "memory");
}

/* A thread that does not run is in lc_switch(): where that returns to. */
static void put_context(const struct lc_thread *t, ucontext_t *context)
{
    static const int kept[] = {
        [LC_DEBUG_RBP] = REG_RBP, [LC_DEBUG_RBX] = REG_RBX, [LC_DEBUG_R12] = REG_R12,
        [LC_DEBUG_R13] = REG_R13, [LC_DEBUG_R14] = REG_R14, [LC_DEBUG_R15] = REG_R15,
    };
    uint64_t registers[LC_DEBUG_REGISTERS];
    lc_debugger_context(t, registers);
    memset(context, 0, sizeof *context);
    for (int i = LC_DEBUG_RBP; i <= LC_DEBUG_R15; i++)
        context->uc_mcontext.gregs[kept[i]] = (greg_t)registers[i];
    const uintptr_t *sp = (const uintptr_t *)registers[LC_DEBUG_RSP];
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)sp[0];
    context->uc_mcontext.gregs[REG_RSP] = (greg_t)(sp + 1);
}

/* Up to the first frame that is not the runtime's. */
static bool find_callers(const struct lc_thread *t, uint64_t registers[LC_CALLER_REGISTERS])
{
    static const int numbers[LC_CALLER_REGISTERS] = {16, 7, 3, 6, 12, 13, 14, 15}; /* DWARF has others */
    static ucontext_t context;
    static uint64_t cursor[CURSOR_WORDS];
    uint64_t pc;
    if (t == lc_self)
        unwinder.get_context(
            &context); /* of this function, which has to be there as long as its caller is looked for */
    else
        put_context(t, &context);
    if (unwinder.init(cursor, &context) != 0)
        return false;
    do {
        if (unwinder.step(cursor) <= 0 || unwinder.get(cursor, numbers[0], &pc) != 0)
            return false;
    } while (ours((const void *)pc));
    for (uint32_t i = 0; i < LC_CALLER_REGISTERS; i++)
        if (unwinder.get(cursor, numbers[i], &registers[i]) != 0)
            return false;
    return true;
}

bool lc_callers_registers(const struct lc_thread *t, uint64_t registers[LC_CALLER_REGISTERS])
{
    if (!unwinder.get_context || !unwinder.init || !unwinder.step || !unwinder.get)
        return false;
    uint8_t quiet = enter_unwinder();
    bool found = find_callers(t, registers);
    leave_unwinder(quiet);
    return found;
}
