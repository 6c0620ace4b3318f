/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Client requests: what a program may tell lockcheck about itself.
 *
 * Every request is optional. A program that makes none is explored from main() and is judged by what the
 * interposed functions show. The requests resolve weakly: a program that uses this header needs no library of
 * ours, and outside lockcheck each request costs one test of a pointer.
 *
 * Text arguments are copied; the caller keeps them. An object is named by any address that stays its own for
 * its lifetime. None of the requests fails; none changes errno.
 */
#ifndef LOCKCHECK_H
#define LOCKCHECK_H

#ifdef __cplusplus
extern "C" {
#endif

enum lockcheck_request {
    LOCKCHECK_NAME_THREAD,    /* text: the calling thread's name */
    LOCKCHECK_NAME_OBJECT,    /* object; text: its name; kind: what it is */
    LOCKCHECK_PROGRESS,       /* the program got something done */
    LOCKCHECK_OUTSTANDING,    /* argument: change of the count of work outstanding; text: what work */
    LOCKCHECK_IRQ_ENTER,      /* argument: interrupt line */
    LOCKCHECK_IRQ_EXIT,       /* argument: interrupt line */
    LOCKCHECK_SEM_INIT,       /* object: semaphore; argument: its first value */
    LOCKCHECK_SEM_DESTROY,    /* object: semaphore */
    LOCKCHECK_SEM_UP_BEGIN,   /* object: semaphore */
    LOCKCHECK_SEM_UP_END,     /* object: semaphore */
    LOCKCHECK_SEM_DOWN_BEGIN, /* object: semaphore; argument: milliseconds, 0 for a try, -1 for ever */
    LOCKCHECK_SEM_DOWN_END,   /* object: semaphore; argument: 0 it took one, 1 it took none */
    LOCKCHECK_MSG_SEND,       /* object: port; argument: number of the message, unique in the process */
    LOCKCHECK_MSG_RECEIVE,    /* object: port; argument: number of the message */
    LOCKCHECK_MSG_DROP, /* object: port; argument: number of the message; it was queued, nobody will get it */
    LOCKCHECK_FINDING,  /* kind; text: summary; object: what it is about, or NULL. The execution ends here, but
                         * see lockcheck_finding_survived, whose argument is 1 */
    LOCKCHECK_HAND_OVER, /* object: it goes over to whoever works on it next, as a descriptor to a device */
    LOCKCHECK_INPUT, /* argument: number; text: what; kind: of what. The calling thread takes this input up */
    LOCKCHECK_IRQ_DISABLE, /* the calling thread will not be interrupted from now on */
    LOCKCHECK_IRQ_ENABLE,  /* it may be again */
    LOCKCHECK_BUSY_BEGIN,  /* the calling thread waits like a delay loop, whatever by: it does not sleep */
    LOCKCHECK_BUSY_END,
    LOCKCHECK_DEVICE_BEGIN, /* the calling thread accesses memory in the place of a device, until _END: what
                             * it accesses atomically is a word that a driver may poll by plain accesses */
    LOCKCHECK_DEVICE_END,
    LOCKCHECK_TAKE_BACK, /* object: it was handed over, and is its owner's again */
    LOCKCHECK_TELL_OF,   /* object; argument: 1 or 2; text. See lockcheck_tell_of */
    LOCKCHECK_MIGHT_SLEEP, /* the calling thread may have to sleep here, whether or not it does this time */
    LOCKCHECK_WITHHOLD,    /* object: memory; argument: bytes. No thread is to access it for a while, but in
                            * the place of a device. See lockcheck_on_withheld_access */
    LOCKCHECK_GRANT,       /* object: memory; argument: bytes. It may be accessed again, withheld or not */
    LOCKCHECK_ON_WITHHELD_ACCESS, /* see lockcheck_on_withheld_access */
    LOCKCHECK_REQUESTS
};

/* Without a reference through the global offset table the linker takes a weak function that nobody defines
 * for one that never will be, in programs that are not position-independent. clang makes no such reference
 * there: with it a program that makes requests must be position-independent, which is the default. */
#if defined __has_attribute
#if __has_attribute(noplt)
#define LOCKCHECK_WEAK __attribute__((weak, noplt))
#endif
#endif
#ifndef LOCKCHECK_WEAK
#define LOCKCHECK_WEAK __attribute__((weak))
#endif

/* Provided by the runtime when there is one. Use the functions below. */
extern void lockcheck_request(enum lockcheck_request request, const void *object, long argument,
                              const char *text, const char *kind) LOCKCHECK_WEAK;
extern void lockcheck_checkpoint_request(void) LOCKCHECK_WEAK;

/* Start-up is over: explore schedules from here. Call once, from the main thread. */
static inline void lockcheck_checkpoint(void)
{
    if (lockcheck_checkpoint_request)
        lockcheck_checkpoint_request();
}

/* For the fixed-form requests of enum lockcheck_request: object or NULL, argument or 0. */
static inline void lockcheck_event(enum lockcheck_request request, const void *object, long argument)
{
    if (lockcheck_request)
        lockcheck_request(request, object, argument, (const char *)0, (const char *)0);
}

/* Name the calling thread, any length (pthread_setname_np is heard too). */
static inline void lockcheck_name_thread(const char *name)
{
    if (lockcheck_request)
        lockcheck_request(LOCKCHECK_NAME_THREAD, (const void *)0, 0, name, (const char *)0);
}

/* Give an object a kind ("port", "semaphore", ...) and a name for reports. */
static inline void lockcheck_name_object(const void *object, const char *kind, const char *name)
{
    if (lockcheck_request)
        lockcheck_request(LOCKCHECK_NAME_OBJECT, object, 0, name, kind);
}

/* Count work outstanding: what names the work; delta is +1 when accepted, -1 when done or dropped. */
static inline void lockcheck_outstanding(const char *what, long delta)
{
    if (lockcheck_request)
        lockcheck_request(LOCKCHECK_OUTSTANDING, (const void *)0, delta, what, (const char *)0);
}

/* The calling thread takes up an input, for reports: lockcheck_input("frame", 12, "download.pcapng"). */
static inline void lockcheck_input(const char *what, long number, const char *source)
{
    if (lockcheck_request)
        lockcheck_request(LOCKCHECK_INPUT, (const void *)0, number, what, source);
}

/* End this execution with a finding of the program's own, for example kind "dma-fault". Returns when the
 * program does not run under lockcheck. */
static inline void lockcheck_finding(const char *kind, const char *summary)
{
    if (lockcheck_request)
        lockcheck_request(LOCKCHECK_FINDING, (const void *)0, 0, summary, kind);
}

/* The same about an object (or NULL): the summary gets its name, and reports tell what happened to it. */
static inline void lockcheck_finding_about(const void *object, const char *kind, const char *summary)
{
    if (lockcheck_request)
        lockcheck_request(LOCKCHECK_FINDING, object, 0, summary, kind);
}

/* The same of what the program survives, such as an access of a device that was refused: when a suppression
 * matches, it returns and the execution goes on. */
static inline void lockcheck_finding_survived(const void *object, const char *kind, const char *summary)
{
    if (lockcheck_request)
        lockcheck_request(LOCKCHECK_FINDING, object, 1, summary, kind);
}

/*
 * The finding that comes next has to do with this object: text says how, and reports show where it was handed
 * over last (LOCKCHECK_HAND_OVER) and, with steps 2, where it was taken back (LOCKCHECK_TAKE_BACK).
 */
static inline void lockcheck_tell_of(const void *object, int steps, const char *text)
{
    if (lockcheck_request)
        lockcheck_request(LOCKCHECK_TELL_OF, object, steps, text, (const char *)0);
}

/*
 * What a thread accesses though it is withheld (LOCKCHECK_WITHHOLD) is a finding of this kind, if the code was
 * built by lockcheck-cc. tell is called then, by that thread, and returns the summary, or NULL when nothing is
 * wrong after all. It may call lockcheck_tell_of. Both must stay valid, as must *access.
 */
struct lockcheck_withheld_access {
    const char *kind;
    const char *(*tell)(const void *address, unsigned long bytes, int write);
};
static inline void lockcheck_on_withheld_access(const struct lockcheck_withheld_access *access)
{
    if (lockcheck_request)
        lockcheck_request(LOCKCHECK_ON_WITHHELD_ACCESS, access, 0, (const char *)0, (const char *)0);
}

/*
 * A program may define this function: what it returns are suppressions (lockcheck(1) has their format) that
 * it brings along for what is known about it. It is called once, when start-up is over; the text must stay. A
 * program that is stripped of its symbols must export it: -Wl,--export-dynamic-symbol=NAME.
 */
const char *lockcheck_default_suppressions(void);

#ifdef __cplusplus
}
#endif
#endif
