/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <xen/xen.h>. virtio_ring asks it, and nobody else: a device that does not offer
 * VIRTIO_F_ACCESS_PLATFORM, as no legacy one can, is given physical addresses, but for a guest of Xen, whose
 * devices know the addresses of the DMA API only. In this respect the machine is one: each device is behind
 * the IOMMU.
 */
#ifndef DDE_XEN_XEN_H
#define DDE_XEN_XEN_H

#include <linux/types.h>

#define xen_domain() true

#endif
