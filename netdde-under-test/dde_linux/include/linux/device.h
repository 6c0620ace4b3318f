/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/device.h>: buses, their devices and their drivers. A driver is offered each device of
 * its bus that matches and has none, whichever of the two comes first.
 *
 * PCI's own devices and drivers are matched in linux_pci.c. Left out: sysfs (attributes are described, and
 * nobody shows them), uevents (nobody listens), classes, power domains.
 */
#ifndef DDE_LINUX_DEVICE_H
#define DDE_LINUX_DEVICE_H

#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/pm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/types.h>

struct module;
struct device;
struct device_driver;
struct device_node;
struct kobj_uevent_env;

/* What sysfs would show. */
struct attribute {
    const char *name;
};

struct device_attribute {
    struct attribute attr;
    ssize_t (*show)(struct device *dev, struct device_attribute *attr, char *buf);
    ssize_t (*store)(struct device *dev, struct device_attribute *attr, const char *buf, size_t count);
};

struct attribute_group {
    struct attribute **attrs; /* ends with NULL */
};

#define DEVICE_ATTR(name, mode, show, store) struct device_attribute dev_attr_##name = {{#name}, show, store}
#define DEVICE_ATTR_RO(name) DEVICE_ATTR(name, 0444, name##_show, NULL)

/* 0: there is no sysfs in which it could fail. */
static inline int device_create_file(struct device *dev __always_unused,
                                     const struct device_attribute *attr __always_unused)
{
    return 0;
}

static inline void device_remove_file(struct device *dev __always_unused,
                                      const struct device_attribute *attr __always_unused)
{
}

#define ATTRIBUTE_GROUPS(name)                                                                               \
    static const struct attribute_group name##_group = {.attrs = name##_attrs};                              \
    static const struct attribute_group *name##_groups[] = {&name##_group, NULL}

/* match answers 1 when the driver could take the device, probe 0 when it has. */
struct bus_type {
    const char *name;
    const struct attribute_group **dev_groups; /* ends with NULL */
    int (*match)(struct device *dev, struct device_driver *driver);
    int (*uevent)(struct device *dev, struct kobj_uevent_env *env);
    int (*probe)(struct device *dev);
    void (*remove)(struct device *dev);
    void (*shutdown)(struct device *dev);
    struct list_head devices, drivers; /* the core's */
};

struct device_driver {
    const char *name;
    struct module *owner;
    const struct dev_pm_ops *pm;
    struct bus_type *bus;
    struct list_head bus_list; /* the core's */
};

struct device {
    struct device *parent;
    struct device_driver *driver;
    char name[32];
    void *driver_data;
    u64 *dma_mask; /* NULL: no DMA */
    u64 coherent_dma_mask;
    void *dma_domain; /* what the machine's IOMMU knows the device by */

    struct bus_type *bus; /* set by who adds it, as the next two */
    void (*release)(struct device *dev);
    struct device_node *of_node;
    atomic_t refcount;
    struct list_head bus_list; /* the core's */
};

int bus_register(struct bus_type *bus);
void bus_unregister(struct bus_type *bus);

/* Probes all devices that match. 0; errors of probes are printed. */
int driver_register(struct device_driver *driver);
/* Removes it from its devices. */
void driver_unregister(struct device_driver *driver);

/* One reference, the caller's. */
void device_initialize(struct device *dev);
__printf(2, 3) int dev_set_name(struct device *dev, const char *fmt, ...);
/* Add it to its bus, where a driver may take it. 0. */
int device_add(struct device *dev);
/* Remove the driver from it, take it off the bus and drop the caller's reference. */
void device_unregister(struct device *dev);
struct device *get_device(struct device *dev);
/* The last reference calls release. */
void put_device(struct device *dev);

#define add_uevent_var(env, fmt, ...) ((void)(env), no_printk(fmt, ##__VA_ARGS__))
#define dev_of_node(dev) ((dev)->of_node)

static inline const char *dev_name(const struct device *dev)
{
    return dev->name;
}

static inline void *dev_get_drvdata(const struct device *dev)
{
    return dev->driver_data;
}

static inline void dev_set_drvdata(struct device *dev, void *data)
{
    dev->driver_data = data;
}

static inline const char *dev_driver_string(const struct device *dev)
{
    return dev->driver ? dev->driver->name : "";
}

static inline bool device_can_wakeup(struct device *dev __always_unused)
{
    return false;
}

static inline bool device_may_wakeup(struct device *dev __always_unused)
{
    return false;
}

static inline void device_set_wakeup_enable(struct device *dev __always_unused, bool enable __always_unused)
{
}

__printf(3, 4) void linux_dev_printk(const char *level, const struct device *dev, const char *fmt, ...);

#define dev_err(dev, fmt, ...) linux_dev_printk(KERN_ERR, dev, fmt, ##__VA_ARGS__)
#define dev_warn(dev, fmt, ...) linux_dev_printk(KERN_WARNING, dev, fmt, ##__VA_ARGS__)
/* One limit serves all messages that have one. */
#define dev_err_ratelimited(dev, fmt, ...)                                                                   \
    do {                                                                                                     \
        if (net_ratelimit())                                                                                 \
            dev_err(dev, fmt, ##__VA_ARGS__);                                                                \
    } while (0)
#define dev_notice(dev, fmt, ...) linux_dev_printk(KERN_NOTICE, dev, fmt, ##__VA_ARGS__)
#define dev_info(dev, fmt, ...) linux_dev_printk(KERN_INFO, dev, fmt, ##__VA_ARGS__)
#define dev_dbg(dev, fmt, ...)                                                                               \
    do {                                                                                                     \
        if (0)                                                                                               \
            linux_dev_printk(KERN_DEBUG, dev, fmt, ##__VA_ARGS__);                                           \
    } while (0)

#endif
