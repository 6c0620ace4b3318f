/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: functions that run at start-up without being named by their caller.
 */
#ifndef DDEKIT_INITCALL_H
#define DDEKIT_INITCALL_H

struct ddekit_initcall {
    void (*function)(void);
    struct ddekit_initcall *next;
};

/* Queues one initcall; the record stays the caller's and must live for ever. Use DDEKIT_INITCALL. */
void ddekit_initcall_register(struct ddekit_initcall *call);

/* At file scope: ddekit_init() calls void FN(void) once, after its own set-up, in the order in which the
 * files were linked. */
#define DDEKIT_INITCALL(FN)                                                                                  \
    static struct ddekit_initcall ddekit_initcall_##FN = {.function = (FN)};                                 \
    __attribute__((constructor)) static void ddekit_initcall_register_##FN(void)                             \
    {                                                                                                        \
        ddekit_initcall_register(&ddekit_initcall_##FN);                                                     \
    }                                                                                                        \
    extern int ddekit_initcall_needs_a_semicolon

#endif
