/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/pci_ids.h>: the names that drivers here use. */
#ifndef DDE_LINUX_PCI_IDS_H
#define DDE_LINUX_PCI_IDS_H

#define PCI_CLASS_NETWORK_ETHERNET 0x0200
#define PCI_VENDOR_ID_INTEL 0x8086
#define PCI_VENDOR_ID_VMWARE 0x15ad
#define PCI_VENDOR_ID_REDHAT_QUMRANET 0x1af4
#define PCI_VENDOR_ID_REALTEK 0x10ec
#define PCI_DEVICE_ID_REALTEK_8139 0x8139
#define PCI_VENDOR_ID_TTTECH 0x0357
#define PCI_DEVICE_ID_TTTECH_MC322 0x000a
#define PCI_VENDOR_ID_ATHEROS 0x168c

#endif
