/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the program under test: threads, objects, the scheduler and the event stream.
 *
 * One kernel thread, the carrier, runs every thread of the program as a fiber, so nothing here needs a lock.
 * The order of the parts: interposers call the scheduler (sched.c) and emit events (event.c); detectors
 * consume events; a finding ends the process (finding.c).
 */
#ifndef LOCKCHECK_RUNTIME_RUNTIME_H
#define LOCKCHECK_RUNTIME_RUNTIME_H

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lockcheck/runtime/channel.h"
#include "lockcheck/strategy/strategy.h"

/* Declarations too are of this library alone: their addresses need not be looked up. */
#pragma GCC visibility push(hidden)

#define LC_MAX_STACK 48u   /* frames kept of a stack */
#define LC_HISTORY 24u     /* events kept of an object */
#define LC_NAME_MAX 64u    /* bytes of a name, with its end */
#define LC_NEVER INT64_MAX /* no deadline */
#define LC_FIRST_REALTIME_NS                                                                                 \
    1767225600000000000ll /* 2026-01-01 00:00 UTC: where the virtual clocks start                            \
                           */
#define LC_FIRST_MONOTONIC_NS 1000000000000ll

#define LC_EXPORT __attribute__((visibility("default")))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* ---- operations and events: one vocabulary ---- */

enum lc_op {
    LC_OP_NONE,
    LC_OP_THREAD_CREATE,
    LC_OP_THREAD_START,
    LC_OP_THREAD_EXIT,
    LC_OP_THREAD_JOIN,
    LC_OP_THREAD_DETACH,
    LC_OP_THREAD_CANCEL,
    LC_OP_YIELD,
    LC_OP_SLEEP,
    LC_OP_LOCK,
    LC_OP_TRYLOCK,
    LC_OP_TIMEDLOCK,
    LC_OP_UNLOCK,
    LC_OP_READ_LOCK,
    LC_OP_WRITE_LOCK,
    LC_OP_WAIT,
    LC_OP_TIMEDWAIT,
    LC_OP_SIGNAL,
    LC_OP_BROADCAST,
    LC_OP_SEM_WAIT,
    LC_OP_SEM_POST,
    LC_OP_SEM_TRYWAIT,
    LC_OP_BARRIER_WAIT,
    LC_OP_ONCE,
    LC_OP_FUTEX_WAIT,
    LC_OP_FUTEX_WAKE,
    LC_OP_READ,  /* of memory */
    LC_OP_WRITE, /* of memory, or both */
    LC_OP_INIT,
    LC_OP_DESTROY,
    LC_OP_KILL,         /* pthread_kill() of another thread, kill() of the program itself */
    LC_OP_SIGNAL_WAIT,  /* sigwait() and the like */
    LC_OP_PROCESS_EXIT, /* the end of the process, with all threads that are left */
    LC_OP_FILE_OPEN,    /* these are of descriptors: see descriptor.c */
    LC_OP_FILE_READ,
    LC_OP_FILE_WRITE,
    LC_OP_FILE_POLL,
    LC_OP_FILE_ACCEPT,
    LC_OP_FILE_CONNECT,
    LC_OP_FILE_CONTROL,
    LC_OP_FILE_CLOSE,
    LC_OP_WOKEN, /* the rest of an event wait that another thread has ended */
    /* What follows is only ever an event, never a step. */
    LC_OP_ACQUIRED,
    LC_OP_LOCKED, /* the same, of a mutex, a spin lock or a rwlock */
    LC_OP_JOINED, /* of a thread that has ended */
    LC_OP_BUSY,
    LC_OP_FILE_DONE, /* with the system call's result */
    LC_OP_TIMED_OUT,
    LC_OP_TIME,
    LC_OP_REQUEST, /* a client request: LC_OP_REQUEST + enum lockcheck_request */
};

const char *lc_op_name(unsigned op);

/* ---- objects ---- */

enum lc_kind {
    LC_KIND_NONE,
    LC_KIND_THREAD,
    LC_KIND_MUTEX,
    LC_KIND_COND,
    LC_KIND_RWLOCK,
    LC_KIND_SPINLOCK,
    LC_KIND_BARRIER,
    LC_KIND_ONCE,
    LC_KIND_SEMAPHORE,
    LC_KIND_FUTEX,
    LC_KIND_DESCRIPTOR, /* an open file, or the table of them, or a set to wait for */
    LC_KIND_MEMORY,     /* 8 aligned bytes; address: theirs + 1; value: the address that was accessed first */
    LC_KIND_NAMED,      /* known by client requests only */
};

struct lc_event {
    uint64_t step;
    int64_t time_ns;
    uint32_t thread;
    uint32_t op; /* enum lc_op, or LC_OP_REQUEST + request */
    int64_t argument;
    uint32_t frames;
    void *stack[LC_MAX_STACK];
};

struct lc_thread;

struct lc_waiters {
    struct lc_thread *first, *last;
};

struct lc_reader {
    struct lc_reader *next;
    struct lc_thread *thread;
    uint32_t count;
};

struct lc_object {
    uintptr_t address;
    uint32_t id;
    enum lc_kind kind;
    int type;                  /* mutex: PTHREAD_MUTEX_*; cond: its clock */
    bool robust, inconsistent; /* mutex */
    bool destroyed;
    bool shared;             /* among processes */
    struct lc_thread *owner; /* mutex, spin lock, rwlock held for writing, once in progress */
    int64_t value; /* semaphore: tokens; recursive mutex: depth; barrier: its count; once: 1 when done;
                    * condition: see detect/lost_wakeup.c */
    struct lc_reader *readers; /* rwlock */
    struct lc_waiters waiters;
    struct lc_object *next;     /* in its hash chain, or in the free list */
    struct lc_object *all_next; /* every object of the process, oldest first */
    const char *kind_name;      /* given by a client request, or NULL */
    bool called_spin_lock;      /* that is what kind_name says */
    char *name;                 /* given by a client request, or NULL */
    void *detector;             /* the semaphore detector's record, or NULL */
    struct lc_order *order;     /* detect/order.c's, or NULL */
    uint64_t site; /* of what a call makes: equal for those that one place in the program made; 0: unknown */
    uint64_t class; /* detect/held.c's, of a lock, or 0 */
    struct lc_event *history; /* ring of LC_HISTORY, when evidence is taken */
    uint64_t history_count;
    uint32_t created_frames;
    void **created;
};

/* The object at that address; made when new. kind LC_KIND_NONE accepts any. */
struct lc_object *lc_object_at(const void *address, enum lc_kind kind);
/* The object at that address, or NULL. */
struct lc_object *lc_object_find(const void *address);
/* A fresh object at that address, whatever was there before. */
struct lc_object *lc_object_new(const void *address, enum lc_kind kind);
/* The same for what the program makes by a call, and can destroy by one. */
struct lc_object *lc_object_new_made(const void *address, enum lc_kind kind);
void lc_object_forget(struct lc_object *object);
const char *lc_object_kind_name(const struct lc_object *object);
void lc_object_name(struct lc_object *object, const char *kind, const char *name);
extern struct lc_object *lc_objects; /* all, oldest first */

/* ---- threads ---- */

enum lc_state { LC_UNUSED, LC_ENABLED, LC_BLOCKED, LC_FINISHED };

/* What a signal does to a system call that waits: signal(7). */
enum lc_interruption { LC_NOT_INTERRUPTED, LC_INTERRUPTED, LC_RESTARTED };

struct lc_thread {
    void *sp;     /* saved stack pointer while another thread runs */
    uintptr_t tp; /* thread pointer: the FS base */
    uint32_t id;
    enum lc_state state;

    /* What it is about to do, or waits for. */
    enum lc_op op;
    struct lc_object *object;
    struct lc_object *object2; /* the mutex of a condition wait */
    int64_t deadline_ns;       /* virtual monotonic; LC_NEVER for none */
    bool timed_out;            /* its deadline has passed */
    bool woken;                /* its event wait was ended by another thread */
    bool event_wait;           /* blocked until another thread's act or its deadline, not for a lock */
    bool cancellable;          /* the wait is a cancellation point */
    bool interruptible;        /* a signal with a handler ends the wait */
    enum lc_interruption interrupted;
    struct lc_object *argument_of_wait; /* condition variable: the mutex to take after the wake-up */
    struct lc_object *queued_on;
    struct lc_thread *queue_next, *queue_previous;

    /* Life. */
    pthread_t real;
    void *(*start)(void *);
    void *argument;
    void *result;
    bool detached, joined, is_main;
    struct lc_sleeper *sleeper;
    struct lc_object *self; /* its object of kind thread */
    struct lc_thread *reap_next;
    char name[LC_NAME_MAX];

    /* Ends early. */
    bool cancel_requested, cancel_disabled, cancel_async, exiting;
    void *cleanup_chain; /* newest buffer of pthread_cleanup_push in C */
    void *unwind_base;   /* jmp_buf of the outermost frame */
    uint64_t signals;    /* pthread_kill()s to deliver when it next runs; bit 0 is signal 1 */
    uint64_t mask;       /* blocked signals, in the kernel's form */
    uint64_t signals_awaited; /* by the sigwait() it is in */

    /* Evidence. */
    uint64_t blocked_step;
    uint64_t enabled_step; /* in which it became able to run; 0: before the first */
    uint32_t frames;
    void *stack[LC_MAX_STACK];
    uint32_t created_frames;
    void *created[LC_MAX_STACK];
    uint32_t clock_reads; /* in a row, without a step between */

    /* The descriptor interposers': what it waits for, and what poll() keeps for the next time. */
    struct lc_descriptor_wait *descriptor_wait;
    struct lc_object *poll_set;
    struct pollfd *poll_copy;
    size_t poll_room;

    /* The semaphore detector's: the annotated down it is in, see detect/semaphore.c. */
    struct lc_down *down;

    bool device; /* it accesses memory in the place of a device */
};

extern struct lc_thread *lc_self;                    /* the thread that runs */
extern struct lc_thread **lc_threads; /* by number */
static inline struct lc_thread *lc_thread_by_number(uint32_t id)
{
    return lc_threads[id];
}
uint32_t lc_thread_count(void);                 /* numbers 1 .. count have been given */
struct lc_thread *lc_thread_of(pthread_t real); /* NULL when unknown */

/* Assembly: save the running fiber's registers and stack pointer in *save, continue the other one. */
void lc_switch(void **save, void *sp, uintptr_t tp);
void lc_fiber_trampoline(void);
/* Where a debugger shows a fiber that does not run: at the return from lc_switch(), or nowhere. */
extern const char lc_switch_return[], lc_no_stack[];
/* The running code becomes, for the C library, the thread that tp belongs to. */
void lc_set_thread_pointer(uintptr_t tp);
extern int lc_has_fsgsbase;

void lc_threads_init(void);

/* A real thread that sleeps and lends its stack and thread pointer to a fiber. */
struct lc_sleeper {
    pthread_t real;
    uintptr_t tp;
    size_t stack_bytes;
    char *stack_top;     /* where the fiber's stack may begin */
    uint32_t generation; /* of the process that its kernel thread lives in */
    int ready, release;  /* futexes */
    bool own_attributes; /* made with attributes of the program's */
    struct lc_sleeper *next;
};

/* Make as many for the schedules' processes as the channel says; in the template. */
void lc_sleepers_prepare(void);
/* One with these attributes (NULL for the default); NULL and an error number when it cannot be made. */
struct lc_sleeper *lc_sleeper_take(const pthread_attr_t *attr, int *error);
/* Its fiber has ended: let the C library have the stack. */
void lc_sleeper_release(struct lc_sleeper *sleeper);

/* The kernel no longer tells the C library which processor the carrier is on; in the template. */
void lc_processor_forget(void);
/* Keep the carrier on the processor that the channel names; in the template, at its checkpoint. */
void lc_processor_pin(void);

/* ---- the scheduler ---- */

struct lc_runtime {
    bool active;         /* the program is controlled; otherwise every interposer passes through */
    bool scheduled;      /* past the checkpoint */
    bool evidence;       /* take stacks and histories */
    bool tracing;        /* write a trace */
    bool ending;         /* a finding is being written */
    unsigned inside;     /* > 0: a library that the runtime uses is calling */
    bool unwinding;      /* that library is libunwind */
    uint32_t generation; /* 0 in the template, 1 in a schedule's process */
    struct lc_channel *channel;
    int socket;
    bool plain_accesses; /* accesses of memory are events, and never points */
    uint64_t accesses;   /* since the last event: how many, in the upper half, and a sum of what they were */
    int64_t now_ns;      /* virtual time since start */
    uint64_t learned;    /* counts readings of clocks, and what client requests tell of progress */
    bool watched;        /* a livelock is looked for: see detect/livelock.c */
    const struct lc_strategy *strategy;
};
extern struct lc_runtime lc;

/* Every interposer starts with this: false means "pass through to the C library". */
bool lc_activate(void);
static inline bool lc_controlled(void)
{
    return likely(lc.active && lc.inside == 0) || (lc.inside == 0 && lc_activate());
}

/* A scheduling point before an operation that can always be done. */
void lc_point(enum lc_op op, struct lc_object *object);

/* Wait until another thread calls lc_wake() on the caller, or the deadline passes. Returns true when woken.
 * The caller is queued on object->waiters (when object is given) and off it again on return. */
bool lc_wait(enum lc_op op, struct lc_object *object, int64_t deadline_ns);
void lc_wake(struct lc_thread *thread);

/* Waits of the lock kind: take `object` by `op` as soon as it is available. Returns false when the deadline
 * passed first. The caller takes it in the same step. */
bool lc_acquire(enum lc_op op, struct lc_object *object, int64_t deadline_ns);
/* A thread that waits in lc_wait() shall go on by acquiring `lock`. */
void lc_wake_to_acquire(struct lc_thread *thread, struct lc_object *lock);
/* To be called when lc_wait() returned because of that: completes it. */
void lc_acquire_requeued(struct lc_object *lock);
/* Could `thread` take `object` by `op` now? */
bool lc_available(enum lc_op op, const struct lc_object *object, const struct lc_thread *thread);
/* The object was taken or released: let its waiters compete again. */
void lc_availability_changed(struct lc_object *object);
/* `thread` waits as a lock waits, and can or cannot go on now. */
void lc_set_available(struct lc_thread *thread, bool available);

void lc_enable(struct lc_thread *thread);
void lc_unqueue(struct lc_thread *thread);
/* The running fiber has ended. */
_Noreturn void lc_schedule_away(void);
/* In the template, before it forks: what all schedules of a batch have in common. */
void lc_schedules_prepare(void);
void lc_schedule_begin(void);
/* Counts a step that is about to be taken in the channel's profile. */
void lc_profile_step(const struct lc_choice *choice, uint32_t chosen);

int64_t lc_deadline(clockid_t clock, const struct timespec *absolute); /* to virtual ns */
int64_t lc_deadline_in(const struct timespec *relative);
bool lc_timespec_valid(const struct timespec *t);
/* Is it a clock by which the C library's locks and semaphores can wait? */
bool lc_clock_waits(clockid_t clock);
/* For a call that looks at the time only when it would have to wait, as the C library's do: the deadline,
 * long past when the time is not valid, and in *error what it then fails with. */
int64_t lc_deadline_or_error(clockid_t clock, const struct timespec *absolute, int *error);

/* Cancellation, called at cancellation points; does not return when the thread ends. */
void lc_test_cancel(void);

/* ---- descriptors ---- */

/* Could the thread, which waits for descriptors, go on now? */
bool lc_descriptors_ready(const struct lc_thread *thread);
/* Something may have happened: let those that wait for descriptors look again. */
void lc_descriptors_look(void);
/* No thread can run. True when one can, after all, because of a descriptor. */
bool lc_descriptors_rescue(void);
/* A schedule's process begins: its descriptors are to be its own. */
void lc_descriptors_renew(void);
/* The process has made another, which has its descriptors too. */
void lc_descriptors_shared(void);

/* ---- processes that the program makes ---- */

extern bool lc_made_processes;

/* In the template, at its checkpoint: from now on it adopts what loses its parent. */
void lc_leftovers_prepare(void);
/* In the process of a schedule, at its begin. */
void lc_leftovers_begin(void);
/* In the template, after each schedule: ends what that has left running. plainly: it has ended with nothing
 * to tell; when the program goes on in such a process, that is uncontrolled. */
void lc_leftovers_end(bool plainly);

/* ---- suppressions ---- */

/* Gives the command those that the program brings along; in the template, at its checkpoint. */
void lc_suppressions_tell(void);

/* ---- events and evidence ---- */

void lc_emit(unsigned op, struct lc_object *object, int64_t argument);
/* Puts the accesses of memory since the last event into the hash. */
void lc_accesses_end(void);
uint32_t lc_backtrace(void **stack, uint32_t room);
void lc_backtrace_init(void);
/* What the program's function that called the runtime has in the registers that a callee preserves, where it
 * goes on, and its stack pointer there. */
enum { LC_CALLER_RIP, LC_CALLER_RSP, LC_CALLER_REGISTERS = 8 };
bool lc_callers_registers(const struct lc_thread *thread, uint64_t registers[LC_CALLER_REGISTERS]);
/* The stack that the thread was made with, without what is not to be relied on at its ends. */
struct lc_own_stack {
    uintptr_t bottom, top;
};
struct lc_own_stack lc_stack_of(const struct lc_thread *thread);
/* Is the running fiber on it, and not on one of the program's making, and is there room left to look at
 * states? */
bool lc_has_room_on_stack(void);
/* Zeroes what the runtime's calls have left on the running fiber's stack, which differs from step to step, and
 * which frames of the program could come to contain. Does nothing where that has no room. */
void lc_clear_stack(void);

/* Evidence of what led to the finding, oldest first; {tN} and {oN} as in the summary. */
void lc_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* More of the one-sentence summary, when a detector knows the cause. */
void lc_add_to_summary(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A stack of that thread from before the finding, with a title: {tN} and {oN} as in the summary. The frames
 * are not copied, and must stay until the end of the process. */
void lc_show_stack(uint32_t thread, void *const *stack, uint32_t frames, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Forgets all that: the finding that it led to is passed over. */
void lc_forget_notes(void);

/* Counts a finding that the execution could go on after, once for each key. True when the execution is to end
 * with it: then call lc_finding(). Keys depend on addresses in the program, and on nothing that differs
 * between schedules. */
bool lc_report(uint64_t key);
/* The same, with an access before that takes part in it. */
bool lc_report_of_access(uint64_t key, struct lc_earlier earlier);
/* Puts those so far into the channel. */
void lc_reports_write(void);

/* End this execution. `format` is the one-sentence summary. */
_Noreturn void lc_finding(const char *kind, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void lc_stop(enum lc_outcome outcome, const char *kind, const char *format, va_list arguments);
_Noreturn void lc_uncontrolled(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void lc_internal(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void lc_limit_reached(void);
_Noreturn void lc_no_choice(void); /* the strategy gave up */
_Noreturn void lc_exhausted(void);
void lc_raise(int sig);           /* to the running fiber */
extern uint64_t lc_carriers_mask; /* of signals, as the kernel has it */
void lc_set_mask(uint64_t mask);
/* Gives the carrier the running fiber's mask; after a switch, on its stack. */
static inline void lc_mask_of_running(void)
{
    if (unlikely(lc_self->mask != lc_carriers_mask))
        lc_set_mask(lc_self->mask);
}
extern bool lc_sends_signals; /* the program has sent one to itself or to a thread */
void lc_deliver_signals(void); /* those sent to the running fiber that it does not block */
void lc_signals_init(void);
/* The handler of fatal signals. */
void lc_crashed(int sig, siginfo_t *info, void *context);

/* The running thread takes up an input of the program's. */
void lc_input(const char *what, long number, const char *source);

/* Writes the evidence of this moment into the channel. */
void lc_evidence_write(const char *kind);

/* ---- debuggers ---- */

/* A schedule's process begins: wait until the command holds it, if it is to. */
void lc_debugger_wait(void);
/* Something that a debugger waits for; nothing happens when none is there. */
void lc_debugger_stop(enum lc_debug_stop why);
/* The last step is over. */
void lc_debugger_exit(void);
/* A step has been chosen: is it the one to stop before? Called where its thread is about to go on. */
void lc_debugger_at_step(void);
_Noreturn void lc_stopped_at_step(void); /* there is no debugger: that was all */
/* The registers with which a thread that does not run goes on, by enum lc_debug_register. */
void lc_debugger_context(const struct lc_thread *thread, uint64_t registers[LC_DEBUG_REGISTERS]);

/* ---- traces: see trace.h ---- */

/* A schedule's process begins. */
void lc_trace_begin(void);
/* Those below only when lc.tracing. */
void lc_trace_event(unsigned op, const struct lc_object *object, int64_t argument);
void lc_trace_switch(const struct lc_choice *choice, uint32_t chosen);
void lc_trace_thread(const struct lc_thread *thread);                /* it has another name */
void lc_trace_object(const struct lc_object *object, bool made_now); /* or another kind */
bool lc_trace_is_at(uintptr_t address);                              /* where its files are mapped */

/* Outstanding work, by name. */
void lc_outstanding(const char *what, long delta);
size_t lc_outstanding_write(char *buffer, size_t size, bool json);

/* The semaphore whose annotated down the thread is in, or NULL. */
const struct lc_object *lc_semaphore_of_down(const struct lc_thread *thread);
/* It is in an annotated down or up: what it does there is the semaphore's business. */
bool lc_in_semaphore(const struct lc_thread *thread);

/* ---- states of the program: see state.c ---- */

/* Of its threads only; different numbers mean different states. */
uint64_t lc_state_of_threads(void);
/* Of all that decides how it goes on but the scheduler's choices, and the kernel, which it has to leave alone:
 * keeps it, in the place of the one before. Returns false when it cannot be known. */
bool lc_state_keep(void);
/* Is it in that state now? */
enum lc_comparison { LC_UNKNOWN, LC_OTHER, LC_SAME };
enum lc_comparison lc_state_compare(void);

/* ---- the end of the program ---- */

/* Looks at what is loaded; in the template, at its checkpoint. */
void lc_exit_prepare(void);
/* What is to run in place of the loader's function at the program's exit. */
void (*lc_exit_handler(void (*loader_fini)(void)))(void);
/* The program ends with that status, which is returned. */
int lc_exit_with(int code);

/* ---- memory accesses of the program ---- */

extern bool lc_memory_hooks;       /* it has code that calls the hooks of memory_access.c */
#define LC_MEMORY_HOOKS "lc_hooks" /* the section that these are in, and what they jump to */
#define LC_HOOK_TAIL __attribute__((noinline, section(LC_MEMORY_HOOKS)))
/* The object of the memory at that address where accesses to it are points of their own, or NULL. */
struct lc_object *lc_memory_object(const void *address);
/* For a finding, an object for the very address. */
struct lc_object *lc_memory_to_tell(uintptr_t address);
/* Of memory, with evidence: several threads have been there lately, and it is among the last such. */
bool lc_memory_is_contended(const struct lc_object *object);

/* Memory that threads are not to access: see withheld.c. */
struct lockcheck_withheld_access;
extern size_t lc_withheld_bytes;
void lc_withheld_set(uintptr_t address, size_t bytes, bool withhold);
void lc_withheld_on_access(const struct lockcheck_withheld_access *access);
/* A hook: the running thread is about to access memory, while some is withheld. */
void lc_withheld_access(uintptr_t address, size_t bytes, bool write);

/* A block of the program's heap, as far as races are looked for and evidence is taken. */
#define LC_HEAP_FRAMES 16u
struct lc_heap_block {
    uintptr_t address;
    size_t bytes;
    uint64_t number; /* counts allocations */
    uint32_t thread; /* which allocated it */
    uint32_t frames;
    void *stack[LC_HEAP_FRAMES];
};
/* The one that the address is in, or was in last; NULL when none is known. */
const struct lc_heap_block *lc_heap_block_at(uintptr_t address);

/* ---- memory that belongs to the runtime ---- */

/* Zeroed, never given back; ends the process when there is none. */
void *lc_allocate(size_t bytes);
/* The end of what it has handed out, and of what it may. */
uintptr_t lc_memory_end(void);
uintptr_t lc_memory_limit(void);
/* A mapping of its own, zero; NULL when there is no room for it. */
void *lc_map(size_t bytes);
/* Makes whole pages of one zero, and gives the memory back until they are used again. */
void lc_unmap_pages(void *start, size_t bytes);
/* This is the runtime's too. */
void lc_memory_add(uintptr_t start, size_t bytes);
/* Does the address belong to the runtime, or to the library that unwinds its stacks, as code or memory?
 * *until: up to where that is so. */
bool lc_is_runtimes(uintptr_t address, uintptr_t *until);

/* ---- system calls that are noticed: see quiet.c ---- */

/* A system call that leaves nothing behind but what it writes to the channel or the caller's stack, or ends
 * the process. */
long lc_quiet_call(long number, long a, long b, long c, long d);
extern const char lc_quiet_call_start[] __attribute__((visibility("hidden")));
extern const char lc_quiet_call_end[] __attribute__((visibility("hidden")));
/* Can they be noticed? Not with a program that handles or blocks SIGSYS. */
bool lc_quiet_possible(void);
/* From now on, the first that is not quiet is noticed. Returns false when it cannot be. */
bool lc_quiet_begin(void);
/* There has been none since. */
bool lc_quiet_so_far(void);
/* In between they are not noticed. */
uint8_t lc_quiet_pause(void);
void lc_quiet_resume(uint8_t paused);
/* The handler of SIGSYS. False when it has not been caused here. */
bool lc_quiet_interrupted(const siginfo_t *info, void *context);
/* Between these two the first reading of the processor's clock counts as learned. Returns false when it cannot. */
bool lc_cycles_begin(void);
void lc_cycles_end(void);
/* The handler of SIGSEGV. False when it has not been caused here. */
bool lc_cycles_interrupted(const siginfo_t *info, const void *context);
/* Has the signal a handler, and which? */
bool lc_handles_signal(int sig, const void **handler);

/* ---- one process for many schedules: see rewind.c ---- */

/* Calls a function that does not return, on another stack, whose end is given. */
_Noreturn void lc_call_on(void *stack_end, void (*function)(void));

/* In the template, before the processes of a batch. */
void lc_rewind_prepare(void);
/* At the beginning of a process: is it to be rewound? Then to lc_rewind_place(), in the form of
 * __builtin_setjmp(), and in the state of the moment at which lc_rewind_arm() is called. */
bool lc_rewind_wanted(void);
void **lc_rewind_place(void);
void lc_rewind_arm(void);
/* At a plain end of its schedule: goes on with the next one, or returns where the process has to end. */
void lc_rewind(void);
/* The program has made a system call, or the runtime one that rewinding does not undo. */
void lc_rewind_noise(void);
/* Counts a schedule that has ended plainly, and moves the channel on to the next. False when that is not to be
 * run by this process, and nothing has been done. */
bool lc_batch_goes_on(void);

/* ---- the C library's own functions ---- */

struct lc_real {
    int (*pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    int (*pthread_join)(pthread_t, void **);
    void (*call_tls_dtors)(void);
};
extern struct lc_real lc_real;
/* The next definition of a function after ours; ends the process when there is none. */
void *lc_next(const char *name);
/* Where the program is not likely to look. */
#define LC_FIRST_HIDDEN_FD 900
#define LC_HIDDEN_FDS 100
/* Moves a descriptor there. Returns the new number, or the old one when it could not be moved. */
int lc_hide(int fd);
/* A system call past the C library, which leaves errno alone: the result, or a negative error number. */
static inline long lc_system_call(long number, long a, long b, long c, long d)
{
    long result;
    register long fourth __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
}
/* Calls the C library's function of the same name, with ours as the type. */
#define LC_REAL(name)                                                                                        \
    ({                                                                                                       \
        static __typeof__(&name) real_;                                                                      \
        if (unlikely(!real_))                                                                                \
            real_ = (__typeof__(&name))lc_next(#name);                                                       \
        real_;                                                                                               \
    })

#pragma GCC visibility pop
#endif
