/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/module.h> and <linux/moduleparam.h> for drivers that are linked in.
 *
 * module_init, module_exit and module_param leave records in linker sections, which dde_linux_probe_drivers,
 * dde_linux_remove_drivers and dde_linux_set_parameter read. KBUILD_MODNAME, a string, names the driver; the
 * build defines it.
 */
#ifndef DDE_LINUX_MODULE_H
#define DDE_LINUX_MODULE_H

#include <linux/compiler.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/kernel.h>

/* When an init function runs: buses before their drivers. */
enum linux_init_level { LINUX_INIT_CORE, LINUX_INIT_DEVICE, LINUX_INIT_LEVELS };

struct linux_initcall {
    const char *module;
    int (*init)(void);
    enum linux_init_level level;
};

struct linux_exitcall {
    const char *module;
    void (*exit)(void);
};

struct linux_parameter {
    const char *module;
    const char *name;
    const char *type; /* "int", "uint", "ulong", "bool" or "charp" */
    void *value;
    unsigned int count;       /* elements at most */
    unsigned int *count_used; /* set to the number of elements given; or NULL */
};

#define __linux_record(section_name)                                                                         \
    static const __attribute__((__used__, __section__(section_name), __aligned__(8)))

#define __linux_init(function, level)                                                                        \
    __linux_record("linux_init") struct linux_initcall __linux_init_##function = {KBUILD_MODNAME, function,  \
                                                                                  level}
#define core_initcall(function) __linux_init(function, LINUX_INIT_CORE)
#define module_init(function) __linux_init(function, LINUX_INIT_DEVICE)
#define module_exit(function)                                                                                \
    __linux_record("linux_exit") struct linux_exitcall __linux_exit_##function = {KBUILD_MODNAME, function}

/* Each of the three turns its own argument into text: one level further down "bool" would be "_Bool". */
#define __linux_parameter(name, type_text, address, count, count_used)                                       \
    __linux_record("linux_param") struct linux_parameter __linux_param_##name = {                            \
        KBUILD_MODNAME, #name, type_text, (address), (count), (count_used)}
#define module_param(name, type, perm) __linux_parameter(name, #type, &name, 1, NULL)
#define module_param_named(name, variable, type, perm) __linux_parameter(name, #type, &(variable), 1, NULL)
#define module_param_array(name, type, nump, perm)                                                           \
    __linux_parameter(name, #type, name, (unsigned int)ARRAY_SIZE(name), nump)
#define module_param_array_named(name, array, type, nump, perm)                                              \
    __linux_parameter(name, #type, array, (unsigned int)ARRAY_SIZE(array), nump)
#define __MODULE_STRING(x) __stringify(x)
#define MODULE_PARM_DESC(name, text) struct module

#define MODULE_AUTHOR(text) struct module
#define MODULE_DESCRIPTION(text) struct module
#define MODULE_LICENSE(text) struct module
#define MODULE_VERSION(text) struct module
#define MODULE_FIRMWARE(text) struct module
#define MODULE_ALIAS(text) struct module
#define MODULE_SOFTDEP(text) struct module
#define MODULE_DEVICE_TABLE(type, name) struct module

#endif
