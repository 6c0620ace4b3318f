/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/device.h>: the device of a bus. No sysfs, no classes, no power domains. */
#ifndef DDE_LINUX_DEVICE_H
#define DDE_LINUX_DEVICE_H

#include <linux/kernel.h>
#include <linux/pm.h>
#include <linux/slab.h>
#include <linux/types.h>

struct module;
struct device;

struct device_driver {
    const char *name;
    struct module *owner;
    const struct dev_pm_ops *pm;
};

struct device {
    struct device *parent;
    struct device_driver *driver;
    char name[32];
    void *driver_data;
    u64 *dma_mask; /* NULL: no DMA */
    u64 coherent_dma_mask;
    void *dma_domain; /* what the machine's IOMMU knows the device by */
};

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
#define dev_notice(dev, fmt, ...) linux_dev_printk(KERN_NOTICE, dev, fmt, ##__VA_ARGS__)
#define dev_info(dev, fmt, ...) linux_dev_printk(KERN_INFO, dev, fmt, ##__VA_ARGS__)
#define dev_dbg(dev, fmt, ...)                                                                               \
    do {                                                                                                     \
        if (0)                                                                                               \
            linux_dev_printk(KERN_DEBUG, dev, fmt, ##__VA_ARGS__);                                           \
    } while (0)

#endif
