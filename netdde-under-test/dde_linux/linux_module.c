/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drivers that are linked in: their init and exit functions and their parameters, from the linker sections
 * that <linux/module.h> fills; and the start of the environment.
 */
#include <stdlib.h>

#include <dde_linux/dde_linux.h>
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "netdde-under-test/dde_linux/internal.h"

/* The linker defines these when there is such a section, that is when a driver is linked in. */
extern const struct linux_initcall __start_linux_init[] __weak, __stop_linux_init[] __weak;
extern const struct linux_exitcall __start_linux_exit[] __weak, __stop_linux_exit[] __weak;
extern const struct linux_parameter __start_linux_param[] __weak, __stop_linux_param[] __weak;

void dde_linux_init(void)
{
    wait_init();
    timer_init();
    tasklet_init();
    irq_init();
    napi_init();
    xmit_init();
    softirq_init();
    workqueue_init();
    linkwatch_init();
    rcu_init();
    pci_init();
    if (hrtimer_system_init)
        hrtimer_system_init();
}

int dde_linux_probe_drivers(void)
{
    for (int level = 0; level < LINUX_INIT_LEVELS; level++) {
        for (const struct linux_initcall *call = __start_linux_init; call < __stop_linux_init; call++) {
            int rc = (int)call->level == level ? call->init() : 0;

            if (rc)
                printk(KERN_ERR "%s: init failed with error %d\n", call->module, rc);
        }
    }
    return pci_bound_devices();
}

static void exit_module(const char *module)
{
    for (const struct linux_exitcall *call = __start_linux_exit; call < __stop_linux_exit; call++) {
        if (strcmp(call->module, module) == 0)
            call->exit();
    }
}

void dde_linux_remove_drivers(void)
{
    for (int level = LINUX_INIT_LEVELS - 1; level >= 0; level--) {
        for (const struct linux_initcall *call = __stop_linux_init; call > __start_linux_init;) {
            if ((int)(--call)->level == level)
                exit_module(call->module);
        }
    }
}

static int set_number(const struct linux_parameter *parameter, unsigned int index, long long number)
{
    if (strcmp(parameter->type, "int") == 0)
        ((int *)parameter->value)[index] = (int)number;
    else if (strcmp(parameter->type, "uint") == 0)
        ((unsigned int *)parameter->value)[index] = (unsigned int)number;
    else if (strcmp(parameter->type, "long") == 0)
        ((long *)parameter->value)[index] = (long)number;
    else if (strcmp(parameter->type, "ulong") == 0)
        ((unsigned long *)parameter->value)[index] = (unsigned long)number;
    else if (strcmp(parameter->type, "bool") == 0 && (number == 0 || number == 1))
        ((bool *)parameter->value)[index] = number == 1;
    else
        return -EINVAL;
    return 0;
}

static int set_numbers(const struct linux_parameter *parameter, const char *text)
{
    unsigned int index = 0;

    for (;;) {
        char *end;
        long long number = strtoll(text, &end, 0);

        if (end == text || (*end && *end != ',') || index == parameter->count)
            return -EINVAL;
        if (set_number(parameter, index, number))
            return -EINVAL;
        index++;
        if (!*end)
            break;
        text = end + 1;
    }
    if (parameter->count_used)
        *parameter->count_used = index;
    return 0;
}

int dde_linux_set_parameter(const char *module, const char *name, const char *value)
{
    for (const struct linux_parameter *p = __start_linux_param; p < __stop_linux_param; p++) {
        if (strcmp(p->module, module) != 0 || strcmp(p->name, name) != 0)
            continue;
        if (strcmp(p->type, "charp") != 0)
            return set_numbers(p, value);
        *(char **)p->value = kstrdup(value, GFP_KERNEL);
        return *(char **)p->value ? 0 : -ENOMEM;
    }
    return -ENOENT;
}
