/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/printk.h>. Messages go to ddekit_printf. Of Linux's %p extensions %pM (a MAC address) is
 * and %*ph (so many octets; also with C, D or N) are understood; a plain %p prints as "(____ptrval____)", as Linux does before it can hash addresses, so that
 * the output does not depend on where things lie. Debug messages (pr_debug and the like) are compiled and
 * dropped.
 */
#ifndef DDE_LINUX_PRINTK_H
#define DDE_LINUX_PRINTK_H

#include <linux/compiler.h>
#include <linux/kern_levels.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Messages of a level below this number are printed: 0 none, 8 all. The default is 7, all but debug. */
extern int console_loglevel;

__printf(1, 2) int printk(const char *fmt, ...);
__printf(1, 0) int vprintk(const char *fmt, va_list args);

/* Like vsnprintf, with the %p extensions. */
int linux_vsnprintf(char *buf, size_t size, const char *fmt, va_list args);

/* Print memory as rows of rowsize hexadecimal bytes, each after its offset or nothing; groups and text are
 * not supported. */
enum { DUMP_PREFIX_NONE, DUMP_PREFIX_ADDRESS, DUMP_PREFIX_OFFSET };
void print_hex_dump(const char *level, const char *prefix, int prefix_type, int rowsize, int groupsize,
                    const void *buf, size_t len, bool ascii);

/* Whether one more message that may come often should be printed: ten in five seconds. */
int net_ratelimit(void);

#define no_printk(fmt, ...)                                                                                  \
    ({                                                                                                       \
        if (0)                                                                                               \
            printk(fmt, ##__VA_ARGS__);                                                                      \
        0;                                                                                                   \
    })

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif
#define pr_emerg(fmt, ...) printk(KERN_EMERG pr_fmt(fmt), ##__VA_ARGS__)
#define pr_alert(fmt, ...) printk(KERN_ALERT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_crit(fmt, ...) printk(KERN_CRIT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err(fmt, ...) printk(KERN_ERR pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...) printk(KERN_WARNING pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice(fmt, ...) printk(KERN_NOTICE pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...) printk(KERN_INFO pr_fmt(fmt), ##__VA_ARGS__)
#define pr_cont(fmt, ...) printk(KERN_CONT fmt, ##__VA_ARGS__)
#define pr_debug(fmt, ...) no_printk(KERN_DEBUG pr_fmt(fmt), ##__VA_ARGS__)

#define pr_info_once(fmt, ...) printk_once(KERN_INFO pr_fmt(fmt), ##__VA_ARGS__)

#define net_warn_ratelimited(fmt, ...)                                                                       \
    do {                                                                                                     \
        if (net_ratelimit())                                                                                 \
            pr_warn(fmt, ##__VA_ARGS__);                                                                     \
    } while (0)

#define printk_once(fmt, ...)                                                                                \
    ({                                                                                                       \
        static bool __already;                                                                               \
        if (!__already) {                                                                                    \
            __already = true;                                                                                \
            printk(fmt, ##__VA_ARGS__);                                                                      \
        }                                                                                                    \
    })
#define pr_warn_once(fmt, ...) printk_once(KERN_WARNING pr_fmt(fmt), ##__VA_ARGS__)

#endif
