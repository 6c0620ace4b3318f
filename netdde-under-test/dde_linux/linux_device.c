/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Buses, see <linux/device.h>.
 *
 * One mutex stands for Linux's lock of each device: whoever binds or unbinds a driver holds it, so that a
 * device has one driver, and is not added or removed meanwhile. The lists of a bus are changed under it as
 * well.
 */
#include <stdarg.h>
#include <stdio.h>

#include <linux/device.h>
#include <linux/errno.h>
#include <linux/mutex.h>

static DEFINE_MUTEX(bus_mutex);

int bus_register(struct bus_type *bus)
{
    INIT_LIST_HEAD(&bus->devices);
    INIT_LIST_HEAD(&bus->drivers);
    return 0;
}

void bus_unregister(struct bus_type *bus)
{
    WARN_ON(!list_empty(&bus->devices) || !list_empty(&bus->drivers));
}

/* Under the mutex. */
static void offer(struct device *dev, struct device_driver *driver)
{
    int rc;

    if (dev->driver || !dev->bus->match(dev, driver))
        return;
    dev->driver = driver;
    rc = dev->bus->probe(dev);
    if (!rc)
        return;
    dev->driver = NULL;
    if (rc != -ENODEV && rc != -ENXIO)
        printk(KERN_WARNING "%s: probe of %s failed with error %d\n", driver->name, dev_name(dev), rc);
}

/* Under the mutex. */
static void take_away(struct device *dev)
{
    if (!dev->driver)
        return;
    dev->bus->remove(dev);
    dev->driver = NULL;
    dev->driver_data = NULL;
}

int driver_register(struct device_driver *driver)
{
    struct device *dev;

    mutex_lock(&bus_mutex);
    list_add_tail(&driver->bus_list, &driver->bus->drivers);
    list_for_each_entry(dev, &driver->bus->devices, bus_list) offer(dev, driver);
    mutex_unlock(&bus_mutex);
    return 0;
}

void driver_unregister(struct device_driver *driver)
{
    struct device *dev;

    mutex_lock(&bus_mutex);
    list_del(&driver->bus_list);
    list_for_each_entry(dev, &driver->bus->devices, bus_list)
    {
        if (dev->driver == driver)
            take_away(dev);
    }
    mutex_unlock(&bus_mutex);
}

void device_initialize(struct device *dev)
{
    atomic_set(&dev->refcount, 1);
}

int dev_set_name(struct device *dev, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(dev->name, sizeof(dev->name), fmt, args);
    va_end(args);
    return 0;
}

int device_add(struct device *dev)
{
    struct device_driver *driver;

    get_device(dev);
    mutex_lock(&bus_mutex);
    list_add_tail(&dev->bus_list, &dev->bus->devices);
    list_for_each_entry(driver, &dev->bus->drivers, bus_list) offer(dev, driver);
    mutex_unlock(&bus_mutex);
    return 0;
}

void device_unregister(struct device *dev)
{
    mutex_lock(&bus_mutex);
    take_away(dev);
    list_del(&dev->bus_list);
    mutex_unlock(&bus_mutex);
    put_device(dev); /* the bus's */
    put_device(dev);
}

struct device *get_device(struct device *dev)
{
    atomic_inc(&dev->refcount);
    return dev;
}

void put_device(struct device *dev)
{
    if (atomic_dec_and_test(&dev->refcount))
        dev->release(dev);
}
