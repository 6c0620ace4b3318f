/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/pci.h>: devices, drivers, configuration space, BARs. Over DDEKit's PCI.
 *
 * Bridges are devices without a driver, set up by the firmware; enabling a device enables those above it.
 *
 * Left out: hot plug, power states (accepted, without effect), resets of functions (no driver here asks for
 * any).
 */
#ifndef DDE_LINUX_PCI_H
#define DDE_LINUX_PCI_H

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/pci_ids.h>
#include <linux/pci_regs.h>

#define PCI_DEVFN(slot, func) ((((slot)&0x1f) << 3) | ((func)&0x07))
#define PCI_SLOT(devfn) (((devfn) >> 3) & 0x1f)
#define PCI_FUNC(devfn) ((devfn)&0x07)

#define PCI_STD_NUM_BARS 6
#define PCI_SAVED_DWORDS 16 /* the header's 64 bytes */

#define PCI_VDEVICE(vend, dev) PCI_VENDOR_ID_##vend, (dev), PCI_ANY_ID, PCI_ANY_ID, 0, 0
#define PCI_DEVICE(vend, dev)                                                                                \
    .vendor = (vend), .device = (dev), .subvendor = PCI_ANY_ID, .subdevice = PCI_ANY_ID

typedef int pci_power_t;
#define PCI_D0 0
#define PCI_D3hot 3
#define PCI_D3cold 4

/* Errors of the bus. Nothing on this one reports any, so no driver's handler is called. */
typedef unsigned int pci_channel_state_t;
enum { pci_channel_io_normal = 1, pci_channel_io_frozen = 2, pci_channel_io_perm_failure = 3 };
typedef unsigned int pci_ers_result_t;
enum {
    PCI_ERS_RESULT_NONE = 1,
    PCI_ERS_RESULT_CAN_RECOVER = 2,
    PCI_ERS_RESULT_NEED_RESET = 3,
    PCI_ERS_RESULT_DISCONNECT = 4,
    PCI_ERS_RESULT_RECOVERED = 5,
};

struct pci_dev;

struct pci_error_handlers {
    pci_ers_result_t (*error_detected)(struct pci_dev *dev, pci_channel_state_t error);
    pci_ers_result_t (*slot_reset)(struct pci_dev *dev);
    void (*resume)(struct pci_dev *dev);
};

struct pci_driver;

struct pci_vectors;

struct pci_dev {
    struct list_head bus_list;
    unsigned int bus_number;
    unsigned int devfn;
    unsigned short vendor, device;
    unsigned short subsystem_vendor, subsystem_device;
    unsigned int class; /* class, subclass, interface */
    u8 revision;
    u8 pin;
    u8 hdr_type;      /* PCI_HEADER_TYPE_*, without the bit for several functions */
    u8 secondary_bus; /* of a bridge: the bus behind it */
    unsigned int irq;
    struct resource resource[PCI_STD_NUM_BARS];
    struct pci_driver *driver;
    u64 dma_mask;
    struct device dev;
    atomic_t enable_cnt;
    bool is_managed; /* by pcim_enable_device */
    bool msi_enabled, msix_enabled;
    struct pci_vectors *vectors; /* while either is; msi.c's */
    bool sleeps;                 /* its driver has suspended it */
    bool state_saved;
    u32 saved_config_space[PCI_SAVED_DWORDS];
};

struct pci_driver {
    struct list_head node;
    const char *name;
    const struct pci_device_id *id_table;
    /* New device; 0 when the driver takes it. */
    int (*probe)(struct pci_dev *dev, const struct pci_device_id *id);
    void (*remove)(struct pci_dev *dev);
    int (*suspend)(struct pci_dev *dev, pm_message_t state);
    int (*resume)(struct pci_dev *dev);
    void (*shutdown)(struct pci_dev *dev);
    int (*sriov_configure)(struct pci_dev *dev, int num_vfs); /* nobody calls it */
    const struct pci_error_handlers *err_handler;
    struct device_driver driver;
};

#define to_pci_dev(n) container_of(n, struct pci_dev, dev)

/* Probes all devices that match and have no driver yet. 0 or -errno. */
int pci_register_driver(struct pci_driver *driver);
void pci_unregister_driver(struct pci_driver *driver);
#define module_pci_driver(driver)                                                                            \
    static int __init driver##_init(void)                                                                    \
    {                                                                                                        \
        return pci_register_driver(&(driver));                                                               \
    }                                                                                                        \
    module_init(driver##_init);                                                                              \
    static void __exit driver##_exit(void)                                                                   \
    {                                                                                                        \
        pci_unregister_driver(&(driver));                                                                    \
    }                                                                                                        \
    module_exit(driver##_exit)

/* The next device with these identifiers behind from (NULL: the first one), or NULL. Devices stay, and are
 * not counted. */
struct pci_dev *pci_get_device(unsigned int vendor, unsigned int device, struct pci_dev *from);
static inline void pci_dev_put(struct pci_dev *dev __always_unused) {}

/* Configuration space. 0, or PCIBIOS_BAD_REGISTER_NUMBER for an offset that is out of range or not aligned.
 */
#define PCIBIOS_SUCCESSFUL 0x00
#define PCIBIOS_BAD_REGISTER_NUMBER 0x87
int pci_read_config_byte(const struct pci_dev *dev, int where, u8 *val);
int pci_read_config_word(const struct pci_dev *dev, int where, u16 *val);
int pci_read_config_dword(const struct pci_dev *dev, int where, u32 *val);
int pci_write_config_byte(const struct pci_dev *dev, int where, u8 val);
int pci_write_config_word(const struct pci_dev *dev, int where, u16 val);
int pci_write_config_dword(const struct pci_dev *dev, int where, u32 val);

/* The offset of a capability in configuration space, 0 when the device has not got it. */
u8 pci_find_capability(struct pci_dev *dev, int cap);
/* The same behind the one at pos. */
u8 pci_find_next_capability(struct pci_dev *dev, u8 pos, int cap);

/* Decoding on, with a count of the users; off when the last has gone. 0 or -errno. */
int pci_enable_device(struct pci_dev *dev);
/* The same for memory BARs only. */
int pci_enable_device_mem(struct pci_dev *dev);
/* Enable it until the driver leaves it, or does not take it; its regions are given back then, too. */
int pcim_enable_device(struct pci_dev *dev);
void pci_disable_device(struct pci_dev *dev);
void pci_set_master(struct pci_dev *dev);
void pci_clear_master(struct pci_dev *dev);

/* Memory write and invalidate: 0, or -EINVAL when the device has not got it. */
int pci_set_mwi(struct pci_dev *dev);
void pci_clear_mwi(struct pci_dev *dev);
/* PCI-X: bytes that the device reads at once at most; -EINVAL for a device that is on another bus. */
int pcix_get_mmrbc(struct pci_dev *dev);
int pcix_set_mmrbc(struct pci_dev *dev, int mmrbc);

/* One BAR. 0 or -EBUSY. */
int pci_request_region(struct pci_dev *dev, int bar, const char *name);
void pci_release_region(struct pci_dev *dev, int bar);
/* A mask of the BARs of a kind (IORESOURCE_*), for the next two. */
int pci_select_bars(struct pci_dev *dev, unsigned long flags);
int pci_request_selected_regions(struct pci_dev *dev, int bars, const char *name);
void pci_release_selected_regions(struct pci_dev *dev, int bars);
int pci_request_regions(struct pci_dev *dev, const char *name);
void pci_release_regions(struct pci_dev *dev);

/* A cookie for ioread and iowrite, of at most maxlen bytes (0: all); NULL when the BAR does not exist. */
void __iomem *pci_iomap(struct pci_dev *dev, int bar, unsigned long maxlen);
/* The same from an offset on. */
void __iomem *pci_iomap_range(struct pci_dev *dev, int bar, unsigned long offset, unsigned long maxlen);
/* The registers of a memory BAR. */
void __iomem *pci_ioremap_bar(struct pci_dev *dev, int bar);
void pci_iounmap(struct pci_dev *dev, void __iomem *addr);

/* The interrupt pin on or off, by the command register. */
void pci_intx(struct pci_dev *dev, int enable);

/*
 * Message-signalled interrupts. Each vector is a number for request_irq; a device that has any leaves its
 * pin's line alone. A vector may interrupt from its allocation on: what comes before request_irq is handled
 * after it. Left out: affinity (accepted, without effect: every thread is a CPU of its own).
 */
#define PCI_IRQ_LEGACY (1 << 0)
#define PCI_IRQ_MSI (1 << 1)
#define PCI_IRQ_MSIX (1 << 2)
#define PCI_IRQ_AFFINITY (1 << 3)
#define PCI_IRQ_ALL_TYPES (PCI_IRQ_LEGACY | PCI_IRQ_MSI | PCI_IRQ_MSIX)

struct irq_affinity;

/* Between min and max vectors, of the first of MSI-X, MSI and the pin that flags allow and that has min.
 * Returns how many, or -ENOSPC, -ENOMEM, -EINVAL. pci_free_irq_vectors gives them back, when none is
 * requested any more. */
int pci_alloc_irq_vectors_affinity(struct pci_dev *dev, unsigned int min, unsigned int max,
                                   unsigned int flags, struct irq_affinity *affinity);
static inline int pci_alloc_irq_vectors(struct pci_dev *dev, unsigned int min, unsigned int max,
                                        unsigned int flags)
{
    return pci_alloc_irq_vectors_affinity(dev, min, max, flags, NULL);
}
void pci_free_irq_vectors(struct pci_dev *dev);
/* The number of vector nr, or -EINVAL. */
int pci_irq_vector(struct pci_dev *dev, unsigned int nr);
/* The CPUs that it is spread over. */
#define pci_irq_get_affinity(dev, nr) ((void)(dev), (void)(nr), cpu_online_mask)

/* How many the device offers, or -EINVAL when it has no such capability. */
int pci_msi_vec_count(struct pci_dev *dev);
int pci_msix_vec_count(struct pci_dev *dev);

/* The older calls. One vector by MSI, whose number is then dev->irq: 0 or -errno. */
int pci_enable_msi(struct pci_dev *dev);
void pci_disable_msi(struct pci_dev *dev);

struct msix_entry {
    u32 vector; /* out: the number */
    u16 entry;  /* in: the place in the device's table */
};
/* entries may be NULL: places from 0 on. Returns how many, between min and max, or -errno. */
int pci_enable_msix_range(struct pci_dev *dev, struct msix_entry *entries, int min, int max);
static inline int pci_enable_msix_exact(struct pci_dev *dev, struct msix_entry *entries, int count)
{
    int rc = pci_enable_msix_range(dev, entries, count, count);

    return rc < 0 ? rc : 0;
}
void pci_disable_msix(struct pci_dev *dev);

static inline int pci_msi_enabled(void)
{
    return 1;
}

static inline bool pci_dev_msi_enabled(const struct pci_dev *dev)
{
    return dev->msi_enabled || dev->msix_enabled;
}

int pci_save_state(struct pci_dev *dev);
void pci_restore_state(struct pci_dev *dev);
static inline int pci_set_power_state(struct pci_dev *dev __always_unused, pci_power_t state __always_unused)
{
    return 0;
}
static inline int pci_enable_wake(struct pci_dev *dev __always_unused, pci_power_t state __always_unused,
                                  bool enable __always_unused)
{
    return 0;
}

static inline int pci_wake_from_d3(struct pci_dev *dev __always_unused, bool enable __always_unused)
{
    return 0;
}

static inline void pci_pme_active(struct pci_dev *dev __always_unused, bool enable __always_unused) {}

static inline int pci_prepare_to_sleep(struct pci_dev *dev __always_unused)
{
    return 0;
}

/* False for one that was pulled out: all its registers read as ones. */
bool pci_device_is_present(struct pci_dev *dev);

/* No device on this bus has virtual functions, nor the extended capabilities of PCI Express. */
#define pci_find_ext_capability(dev, cap) ((void)(dev), (void)(cap), 0)
#define pci_enable_sriov(dev, count) ((void)(dev), (void)(count), -ENODEV)
#define pci_disable_sriov(dev) ((void)(dev))
#define pci_vfs_assigned(dev) ((void)(dev), 0)

static inline int pci_channel_offline(struct pci_dev *dev __always_unused)
{
    return 0;
}

static inline resource_size_t pci_resource_start(const struct pci_dev *dev, int bar)
{
    return dev->resource[bar].start;
}

static inline resource_size_t pci_resource_end(const struct pci_dev *dev, int bar)
{
    return dev->resource[bar].end;
}

static inline unsigned long pci_resource_flags(const struct pci_dev *dev, int bar)
{
    return dev->resource[bar].flags;
}

/* 0 for a BAR that does not exist. */
static inline resource_size_t pci_resource_len(const struct pci_dev *dev, int bar)
{
    return dev->resource[bar].end ? resource_size(&dev->resource[bar]) : 0;
}

static inline void *pci_get_drvdata(struct pci_dev *dev)
{
    return dev_get_drvdata(&dev->dev);
}

static inline void pci_set_drvdata(struct pci_dev *dev, void *data)
{
    dev_set_drvdata(&dev->dev, data);
}

static inline const char *pci_name(const struct pci_dev *dev)
{
    return dev_name(&dev->dev);
}

#endif
