/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/bug.h>. BUG ends the process through ddekit_panic; a warning is one line, and an event
 * for whoever watches: see linux_report.
 */
#ifndef DDE_LINUX_BUG_H
#define DDE_LINUX_BUG_H

#include <linux/printk.h>
#include <stdbool.h>

__attribute__((noreturn)) void linux_bug(const char *what, const char *file, int line);

/* The system cannot go on. */
__attribute__((noreturn)) __printf(1, 2) void panic(const char *fmt, ...);

/*
 * Where all complaints about code that runs in this environment go: prints the text. kind: what it is,
 * "assertion" (a WARN), "deadlock", "lock-misuse", "sleep-in-atomic" or "leak"; object: the lock that it is
 * about, or NULL. An instrumentation may take the place of this function.
 */
void linux_report(const char *kind, const void *object, const char *text);
/* The same says what the next complaint has to do with: an object of that kind. */
void linux_report_about(const void *object, const char *kind, const char *text);

/* Report an assertion of a driver's that does not hold. */
__printf(3, 4) void linux_warn(const char *file, int line, const char *fmt, ...);

#define BUG() linux_bug("BUG", __FILE__, __LINE__)
#define BUG_ON(condition)                                                                                    \
    do {                                                                                                     \
        if (unlikely(condition))                                                                             \
            linux_bug("BUG_ON(" #condition ")", __FILE__, __LINE__);                                         \
    } while (0)
/* The condition need not be a constant expression, only one that the compiler finds to be false. */
#define BUILD_BUG_ON(condition) __build_bug_on(condition, #condition, __COUNTER__)
#define __build_bug_on(condition, text, number) __build_bug_if(condition, text, number)
#define __build_bug_if(condition, text, number)                                                              \
    do {                                                                                                     \
        extern void __build_bug_##number(void) __attribute__((__error__("BUILD_BUG_ON(" text ")")));         \
        if (condition)                                                                                       \
            __build_bug_##number();                                                                          \
    } while (0)

#define WARN(condition, fmt, ...)                                                                            \
    ({                                                                                                       \
        bool __warned = !!(condition);                                                                       \
        if (unlikely(__warned))                                                                              \
            linux_warn(__FILE__, __LINE__, fmt, ##__VA_ARGS__);                                              \
        unlikely(__warned);                                                                                  \
    })
#define WARN_ON(condition) WARN(condition, "WARN_ON(" #condition ")\n")
#define WARN_ONCE(condition, fmt, ...)                                                                       \
    ({                                                                                                       \
        static bool __already;                                                                               \
        bool __now = !!(condition);                                                                          \
        if (unlikely(__now && !__already)) {                                                                 \
            __already = true;                                                                                \
            WARN(1, fmt, ##__VA_ARGS__);                                                                     \
        }                                                                                                    \
        unlikely(__now);                                                                                     \
    })
#define WARN_ON_ONCE(condition) WARN_ONCE(condition, "WARN_ON_ONCE(" #condition ")\n")

#endif
