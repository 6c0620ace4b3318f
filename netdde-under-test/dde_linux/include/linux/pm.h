/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/pm.h>: what drivers do when the system goes to sleep and wakes up. Only suspend and
 * resume are ever called, see dde_linux_suspend in <dde_linux/dde_linux.h>.
 */
#ifndef DDE_LINUX_PM_H
#define DDE_LINUX_PM_H

struct device;

typedef struct pm_message {
    int event;
} pm_message_t;

#define PM_EVENT_SUSPEND 0x0002
#define PMSG_SUSPEND ((struct pm_message){.event = PM_EVENT_SUSPEND})

struct dev_pm_ops {
    int (*suspend)(struct device *dev);
    int (*resume)(struct device *dev);
    int (*freeze)(struct device *dev);
    int (*thaw)(struct device *dev);
    int (*poweroff)(struct device *dev);
    int (*restore)(struct device *dev);
    int (*runtime_suspend)(struct device *dev);
    int (*runtime_resume)(struct device *dev);
    int (*runtime_idle)(struct device *dev);
};

#define SET_SYSTEM_SLEEP_PM_OPS(suspend_fn, resume_fn)                                                       \
    .suspend = suspend_fn, .resume = resume_fn, .freeze = suspend_fn, .thaw = resume_fn,                     \
    .poweroff = suspend_fn, .restore = resume_fn,

#define SIMPLE_DEV_PM_OPS(name, suspend_fn, resume_fn)                                                       \
    const struct dev_pm_ops __attribute__((__unused__))                                                      \
    name = {SET_SYSTEM_SLEEP_PM_OPS(suspend_fn, resume_fn)}

#endif
