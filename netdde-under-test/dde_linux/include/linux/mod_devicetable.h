/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/mod_devicetable.h>, PCI only. */
#ifndef DDE_LINUX_MOD_DEVICETABLE_H
#define DDE_LINUX_MOD_DEVICETABLE_H

#include <linux/types.h>

typedef unsigned long kernel_ulong_t;

#define PCI_ANY_ID (~0)

/* Drivers fill it by position. A table ends with an entry of zeroes. */
struct pci_device_id {
    __u32 vendor, device;
    __u32 subvendor, subdevice;
    __u32 class, class_mask;
    kernel_ulong_t driver_data;
    __u32 override_only;
};

#define VIRTIO_DEV_ANY_ID 0xffffffff

/* A table ends with a device of 0. */
struct virtio_device_id {
    __u32 device, vendor;
};

#endif
