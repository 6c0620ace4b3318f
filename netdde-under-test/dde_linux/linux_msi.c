/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Message-signalled interrupts of PCI devices, see <linux/pci.h>; their numbers come from DDEKit. After the
 * PCI Local Bus Specification 3.0, section 6.8.
 */
#include <ddekit/interrupt.h>

#include <linux/pci.h>
#include <linux/slab.h>

#include "netdde-under-test/dde_linux/internal.h"

#define VECTORS_MAX 32 /* of one device */

/* The vectors that a device has. */
struct pci_vectors {
    u8 capability;
    unsigned int line; /* of the pin: dev->irq, but for MSI, which puts its first number there */
    unsigned int count;
    ddekit_uint64_t address;
    void __iomem *table; /* MSI-X's, else NULL */
    struct {
        unsigned int number;
        u16 entry; /* in the table */
    } vector[VECTORS_MAX];
};

static u16 read_control(struct pci_dev *dev, u8 capability)
{
    u16 control;

    pci_read_config_word(dev, capability + PCI_MSI_FLAGS, &control); /* MSI-X's is at the same place */
    return control;
}

static void write_control(struct pci_dev *dev, u8 capability, u16 control)
{
    pci_write_config_word(dev, capability + PCI_MSI_FLAGS, control);
}

int pci_msi_vec_count(struct pci_dev *dev)
{
    u8 capability = pci_find_capability(dev, PCI_CAP_ID_MSI);

    return capability ? 1 << ((read_control(dev, capability) & PCI_MSI_FLAGS_QMASK) >> 1) : -EINVAL;
}

int pci_msix_vec_count(struct pci_dev *dev)
{
    u8 capability = pci_find_capability(dev, PCI_CAP_ID_MSIX);

    return capability ? (read_control(dev, capability) & PCI_MSIX_FLAGS_QSIZE) + 1 : -EINVAL;
}

/* --- MSI: numbers that follow each other ----------------------------------------------------------------
 */

static unsigned int round_up_log2(unsigned int count)
{
    unsigned int log2 = 0;

    while (1u << log2 < count)
        log2++;
    return log2;
}

/* Tell the device; for the first time, and after its reset. */
static void program_msi(struct pci_dev *dev)
{
    const struct pci_vectors *vectors = dev->vectors;
    u8 msi = vectors->capability;
    u16 control = read_control(dev, msi) & (u16)~PCI_MSI_FLAGS_QSIZE;
    bool is_wide = control & PCI_MSI_FLAGS_64BIT;

    pci_write_config_dword(dev, msi + PCI_MSI_ADDRESS_LO, (u32)vectors->address);
    if (is_wide)
        pci_write_config_dword(dev, msi + PCI_MSI_ADDRESS_HI, (u32)(vectors->address >> 32));
    pci_write_config_word(dev, msi + (is_wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32),
                          (u16)vectors->vector[0].number);
    if (control & PCI_MSI_FLAGS_MASKBIT)
        pci_write_config_dword(dev, msi + (is_wide ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32), 0);
    write_control(dev, msi, (u16)(control | PCI_MSI_FLAGS_ENABLE | round_up_log2(vectors->count) << 4));
}

/* Returns 0 or -ENOSPC. */
static int take_msi_numbers(struct pci_vectors *vectors)
{
    int first = ddekit_interrupt_messages(1 << round_up_log2(vectors->count), &vectors->address);

    if (first < 0)
        return -ENOSPC;
    for (unsigned int i = 0; i < vectors->count; i++)
        vectors->vector[i].number = (unsigned int)first + i;
    return 0;
}

static int enable_msi(struct pci_dev *dev, unsigned int min, unsigned int max)
{
    int offered = pci_msi_vec_count(dev);
    struct pci_vectors *vectors;

    if (offered < 0 || pci_dev_msi_enabled(dev))
        return -EINVAL;
    if ((unsigned int)offered < min)
        return -ENOSPC;
    vectors = kzalloc(sizeof(*vectors), GFP_KERNEL);
    if (!vectors)
        return -ENOMEM;
    vectors->capability = pci_find_capability(dev, PCI_CAP_ID_MSI);
    vectors->line = dev->irq;
    vectors->count = min((unsigned int)offered, max);
    if (take_msi_numbers(vectors)) {
        vectors->count = min;
        if (take_msi_numbers(vectors)) {
            kfree(vectors);
            return -ENOSPC;
        }
    }
    dev->vectors = vectors;
    dev->irq = vectors->vector[0].number;
    dev->msi_enabled = true;
    pci_intx(dev, 0);
    program_msi(dev);
    return (int)vectors->count;
}

int pci_enable_msi(struct pci_dev *dev)
{
    int rc = enable_msi(dev, 1, 1);

    return rc < 0 ? rc : 0;
}

void pci_disable_msi(struct pci_dev *dev)
{
    struct pci_vectors *vectors = dev->vectors;

    if (!dev->msi_enabled)
        return;
    write_control(dev, vectors->capability,
                  read_control(dev, vectors->capability) & (u16)~PCI_MSI_FLAGS_ENABLE);
    pci_intx(dev, 1);
    dev->msi_enabled = false;
    dev->vectors = NULL;
    dev->irq = vectors->line;
    ddekit_interrupt_messages_free((int)vectors->vector[0].number, 1 << round_up_log2(vectors->count));
    kfree(vectors);
}

/* --- MSI-X: each vector a number of its own -------------------------------------------------------------
 */

static void __iomem *map_table(struct pci_dev *dev, u8 msix, int entries)
{
    u32 table;

    pci_read_config_dword(dev, msix + PCI_MSIX_TABLE, &table);
    return pci_iomap_range(dev, table & PCI_MSIX_TABLE_BIR, table & PCI_MSIX_TABLE_OFFSET,
                           (unsigned long)entries * PCI_MSIX_ENTRY_SIZE);
}

/* As program_msi. The whole function is masked meanwhile. */
static void program_msix(struct pci_dev *dev)
{
    const struct pci_vectors *vectors = dev->vectors;
    u16 control = read_control(dev, vectors->capability) & (u16)~PCI_MSIX_FLAGS_MASKALL;

    write_control(dev, vectors->capability, control | PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
    for (unsigned int i = 0; i < vectors->count; i++) {
        char __iomem *entry = (char __iomem *)vectors->table + vectors->vector[i].entry * PCI_MSIX_ENTRY_SIZE;

        writel((u32)vectors->address, entry + PCI_MSIX_ENTRY_LOWER_ADDR);
        writel((u32)(vectors->address >> 32), entry + PCI_MSIX_ENTRY_UPPER_ADDR);
        writel(vectors->vector[i].number, entry + PCI_MSIX_ENTRY_DATA);
        writel(0, entry + PCI_MSIX_ENTRY_VECTOR_CTRL);
    }
    write_control(dev, vectors->capability, control | PCI_MSIX_FLAGS_ENABLE);
}

/* Takes up to count numbers, and says in *vectors how many it got. */
static void take_msix_numbers(struct pci_vectors *vectors, const struct msix_entry *entries,
                              unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        int number = ddekit_interrupt_messages(1, &vectors->address);

        if (number < 0)
            return;
        vectors->vector[i].number = (unsigned int)number;
        vectors->vector[i].entry = entries ? entries[i].entry : (u16)i;
        vectors->count++;
    }
}

static void msix_release(struct pci_dev *dev, struct pci_vectors *vectors)
{
    if (vectors->table)
        pci_iounmap(dev, vectors->table);
    for (unsigned int i = 0; i < vectors->count; i++)
        ddekit_interrupt_messages_free((int)vectors->vector[i].number, 1);
    kfree(vectors);
}

/* Whether the device has them, and none is named twice. */
static bool entries_are_valid(const struct msix_entry *entries, int count, int offered)
{
    for (int i = 0; entries && i < count; i++) {
        if (entries[i].entry >= offered)
            return false;
        for (int j = 0; j < i; j++) {
            if (entries[j].entry == entries[i].entry)
                return false;
        }
    }
    return true;
}

int pci_enable_msix_range(struct pci_dev *dev, struct msix_entry *entries, int min, int max)
{
    int offered = pci_msix_vec_count(dev);
    struct pci_vectors *vectors;

    if (offered < 0 || min < 1 || max < min || pci_dev_msi_enabled(dev))
        return -EINVAL;
    max = min(min(max, offered), VECTORS_MAX);
    if (max < min)
        return -ENOSPC;
    if (!entries_are_valid(entries, max, offered))
        return -EINVAL;
    vectors = kzalloc(sizeof(*vectors), GFP_KERNEL);
    if (!vectors)
        return -ENOMEM;
    vectors->capability = pci_find_capability(dev, PCI_CAP_ID_MSIX);
    vectors->line = dev->irq;
    vectors->table = map_table(dev, vectors->capability, offered);
    take_msix_numbers(vectors, entries, (unsigned int)max);
    if (!vectors->table || vectors->count < (unsigned int)min) {
        int rc = vectors->table ? -ENOSPC : -ENOMEM;

        msix_release(dev, vectors);
        return rc;
    }
    for (unsigned int i = 0; entries && i < vectors->count; i++)
        entries[i].vector = vectors->vector[i].number;
    dev->vectors = vectors;
    dev->msix_enabled = true;
    pci_intx(dev, 0);
    program_msix(dev);
    return (int)vectors->count;
}

void pci_disable_msix(struct pci_dev *dev)
{
    struct pci_vectors *vectors = dev->vectors;

    if (!dev->msix_enabled)
        return;
    for (unsigned int i = 0; i < vectors->count; i++)
        writel(PCI_MSIX_ENTRY_CTRL_MASKBIT, (char __iomem *)vectors->table +
                                                vectors->vector[i].entry * PCI_MSIX_ENTRY_SIZE +
                                                PCI_MSIX_ENTRY_VECTOR_CTRL);
    write_control(dev, vectors->capability,
                  read_control(dev, vectors->capability) & (u16)~PCI_MSIX_FLAGS_ENABLE);
    pci_intx(dev, 1);
    dev->msix_enabled = false;
    dev->vectors = NULL;
    msix_release(dev, vectors);
}

/* --- Either, or the pin ----------------------------------------------------------------------------------
 */

int pci_alloc_irq_vectors_affinity(struct pci_dev *dev, unsigned int min, unsigned int max,
                                   unsigned int flags, struct irq_affinity *affinity __always_unused)
{
    int rc = -ENOSPC;

    if (min < 1 || max < min)
        return -EINVAL;
    max = min(max, (unsigned int)VECTORS_MAX);
    if (flags & PCI_IRQ_MSIX)
        rc = pci_enable_msix_range(dev, NULL, (int)min, (int)max);
    if (rc < 0 && (flags & PCI_IRQ_MSI))
        rc = enable_msi(dev, min, max);
    if (rc < 0 && (flags & PCI_IRQ_LEGACY) && min == 1 && dev->irq) {
        pci_intx(dev, 1);
        rc = 1;
    }
    return rc;
}

void pci_free_irq_vectors(struct pci_dev *dev)
{
    pci_disable_msix(dev);
    pci_disable_msi(dev);
}

int pci_irq_vector(struct pci_dev *dev, unsigned int nr)
{
    if (!dev->vectors)
        return nr == 0 ? (int)dev->irq : -EINVAL;
    return nr < dev->vectors->count ? (int)dev->vectors->vector[nr].number : -EINVAL;
}

void msi_restore(struct pci_dev *dev)
{
    if (dev->msix_enabled)
        program_msix(dev);
    else if (dev->msi_enabled)
        program_msi(dev);
}
