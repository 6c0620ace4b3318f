/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/firmware.h>. This machine has no file system, and so no firmware in it. */
#ifndef DDE_LINUX_FIRMWARE_H
#define DDE_LINUX_FIRMWARE_H

#include <linux/types.h>

struct device;

struct firmware {
    size_t size;
    const u8 *data;
};

/* -ENOENT, always; *firmware is NULL then. */
int request_firmware(const struct firmware **firmware, const char *name, struct device *device);
/* NULL is fine. */
void release_firmware(const struct firmware *firmware);

#endif
