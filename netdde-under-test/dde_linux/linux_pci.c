/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI core: devices found through DDEKit, drivers matched to them. See <linux/pci.h>.
 *
 * Left out: what <linux/pci.h> names; conflicts of regions.
 */
#include <stdio.h>

#include <ddekit/pci.h>
#include <ddekit/resources.h>

#include <dde_linux/dde_linux.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include "netdde-under-test/dde_linux/internal.h"

#define HEADER_LAYOUT 0x7f /* the other bit says whether there are several functions */
#define REPORT_MAX 160

static LIST_HEAD(devices); /* made once by pci_init */
static LIST_HEAD(drivers); /* under the mutex, as the binding of devices to drivers */
static DEFINE_MUTEX(pci_mutex);

static unsigned int slot_of(const struct pci_dev *dev)
{
    return PCI_SLOT(dev->devfn);
}

static unsigned int func_of(const struct pci_dev *dev)
{
    return PCI_FUNC(dev->devfn);
}

/* --- Configuration space ------------------------------------------------------------------------------- */

#define CONFIG_ACCESS(name, type, letter)                                                                    \
    int pci_read_config_##name(const struct pci_dev *dev, int where, type *val)                              \
    {                                                                                                        \
        if (ddekit_pci_read##letter((int)dev->bus_number, (int)slot_of(dev), (int)func_of(dev), where, val)) \
            return PCIBIOS_BAD_REGISTER_NUMBER;                                                              \
        return PCIBIOS_SUCCESSFUL;                                                                           \
    }                                                                                                        \
    int pci_write_config_##name(const struct pci_dev *dev, int where, type val)                              \
    {                                                                                                        \
        if (ddekit_pci_write##letter((int)dev->bus_number, (int)slot_of(dev), (int)func_of(dev), where,      \
                                     val))                                                                   \
            return PCIBIOS_BAD_REGISTER_NUMBER;                                                              \
        return PCIBIOS_SUCCESSFUL;                                                                           \
    }

CONFIG_ACCESS(byte, u8, b)
CONFIG_ACCESS(word, u16, w)
CONFIG_ACCESS(dword, u32, l)

/* The next capability of a kind in the list that `pointer`, an offset of configuration space, begins. */
static u8 search_capabilities(struct pci_dev *dev, int pointer, int cap)
{
    u8 offset, id;

    pci_read_config_byte(dev, pointer, &offset);
    /* 48 capabilities fill the space: a longer list is a loop. */
    for (int left = 48; left > 0 && offset >= PCI_STD_HEADER_SIZEOF; left--) {
        offset &= (u8)~3;
        pci_read_config_byte(dev, offset + PCI_CAP_LIST_ID, &id);
        if (id == cap)
            return offset;
        pci_read_config_byte(dev, offset + PCI_CAP_LIST_NEXT, &offset);
    }
    return 0;
}

u8 pci_find_capability(struct pci_dev *dev, int cap)
{
    u16 status;

    pci_read_config_word(dev, PCI_STATUS, &status);
    return status & PCI_STATUS_CAP_LIST ? search_capabilities(dev, PCI_CAPABILITY_LIST, cap) : 0;
}

u8 pci_find_next_capability(struct pci_dev *dev, u8 pos, int cap)
{
    return search_capabilities(dev, pos + PCI_CAP_LIST_NEXT, cap);
}

static void update_command(struct pci_dev *dev, u16 set, u16 clear)
{
    u16 command;

    pci_read_config_word(dev, PCI_COMMAND, &command);
    pci_write_config_word(dev, PCI_COMMAND, (u16)((command & ~clear) | set));
}

/* The bridge that leads to the device's bus, NULL on bus 0. */
static struct pci_dev *upstream_bridge(const struct pci_dev *dev)
{
    struct pci_dev *bridge;

    list_for_each_entry(bridge, &devices, bus_list)
    {
        if (bridge->hdr_type == PCI_HEADER_TYPE_BRIDGE && bridge->secondary_bus == dev->bus_number)
            return bridge;
    }
    return NULL;
}

static void enable_bridges(const struct pci_dev *dev)
{
    struct pci_dev *bridge = upstream_bridge(dev);

    if (!bridge)
        return;
    enable_bridges(bridge);
    update_command(bridge, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
}

/* kinds: which BARs to decode, IORESOURCE_*. */
static int enable_device(struct pci_dev *dev, unsigned long kinds)
{
    u16 decode = 0;

    if (atomic_inc_return(&dev->enable_cnt) > 1)
        return 0;
    enable_bridges(dev);
    for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
        if (pci_resource_flags(dev, bar) & kinds & IORESOURCE_IO)
            decode |= PCI_COMMAND_IO;
        if (pci_resource_flags(dev, bar) & kinds & IORESOURCE_MEM)
            decode |= PCI_COMMAND_MEMORY;
    }
    update_command(dev, decode, 0);
    return 0;
}

int pci_enable_device(struct pci_dev *dev)
{
    return enable_device(dev, IORESOURCE_IO | IORESOURCE_MEM);
}

int pci_enable_device_mem(struct pci_dev *dev)
{
    return enable_device(dev, IORESOURCE_MEM);
}

int pcim_enable_device(struct pci_dev *dev)
{
    int rc = dev->is_managed ? 0 : pci_enable_device(dev);

    dev->is_managed = rc == 0;
    return rc;
}

/* As in Linux only bus mastering ends: the registers can still be read. */
void pci_disable_device(struct pci_dev *dev)
{
    if (atomic_dec_return(&dev->enable_cnt) == 0)
        pci_clear_master(dev);
}

void pci_set_master(struct pci_dev *dev)
{
    update_command(dev, PCI_COMMAND_MASTER, 0);
}

void pci_clear_master(struct pci_dev *dev)
{
    update_command(dev, 0, PCI_COMMAND_MASTER);
}

void pci_intx(struct pci_dev *dev, int enable)
{
    if (enable)
        update_command(dev, 0, PCI_COMMAND_INTX_DISABLE);
    else
        update_command(dev, PCI_COMMAND_INTX_DISABLE, 0);
}

int pci_set_mwi(struct pci_dev *dev)
{
    u16 command;

    update_command(dev, PCI_COMMAND_INVALIDATE, 0);
    pci_read_config_word(dev, PCI_COMMAND, &command);
    return command & PCI_COMMAND_INVALIDATE ? 0 : -EINVAL;
}

void pci_clear_mwi(struct pci_dev *dev)
{
    update_command(dev, 0, PCI_COMMAND_INVALIDATE);
}

/* The field of the PCI-X command register counts from 512 bytes in powers of two. */
#define PCIX_READ_MIN 512

int pcix_get_mmrbc(struct pci_dev *dev)
{
    u8 capability = pci_find_capability(dev, PCI_CAP_ID_PCIX);
    u16 command;

    if (!capability)
        return -EINVAL;
    pci_read_config_word(dev, capability + PCI_X_CMD, &command);
    return PCIX_READ_MIN << ((command & PCI_X_CMD_MAX_READ) >> 2);
}

int pcix_set_mmrbc(struct pci_dev *dev, int mmrbc)
{
    u8 capability = pci_find_capability(dev, PCI_CAP_ID_PCIX);
    u16 command, field = 0;

    if (!capability || mmrbc < PCIX_READ_MIN || mmrbc > PCIX_READ_MIN << 3 || (mmrbc & (mmrbc - 1)))
        return -EINVAL;
    while (PCIX_READ_MIN << field < mmrbc)
        field++;
    pci_read_config_word(dev, capability + PCI_X_CMD, &command);
    pci_write_config_word(dev, capability + PCI_X_CMD, (u16)((command & ~PCI_X_CMD_MAX_READ) | field << 2));
    return 0;
}

bool pci_device_is_present(struct pci_dev *dev)
{
    u16 vendor;

    pci_read_config_word(dev, PCI_VENDOR_ID, &vendor);
    return vendor == dev->vendor;
}

int pci_save_state(struct pci_dev *dev)
{
    for (int i = 0; i < PCI_SAVED_DWORDS; i++)
        pci_read_config_dword(dev, i * 4, &dev->saved_config_space[i]);
    dev->state_saved = true;
    return 0;
}

/* From the end, so that the command register comes after the base addresses. */
void pci_restore_state(struct pci_dev *dev)
{
    if (!dev->state_saved)
        return;
    for (int i = PCI_SAVED_DWORDS - 1; i >= 0; i--)
        pci_write_config_dword(dev, i * 4, dev->saved_config_space[i]);
    msi_restore(dev);
    dev->state_saved = false;
}

/* --- Base address registers ---------------------------------------------------------------------------- */

int pci_select_bars(struct pci_dev *dev, unsigned long flags)
{
    int bars = 0;

    for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++)
        bars |= pci_resource_flags(dev, bar) & flags ? 1 << bar : 0;
    return bars;
}

int pci_request_selected_regions(struct pci_dev *dev, int bars, const char *name)
{
    for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
        if (!(bars & 1 << bar) || pci_resource_len(dev, bar) == 0)
            continue;
        if ((pci_resource_flags(dev, bar) & IORESOURCE_IO) &&
            ddekit_request_io(pci_resource_start(dev, bar), pci_resource_len(dev, bar)) != 0)
            return -EBUSY;
        dev->resource[bar].name = name;
    }
    return 0;
}

void pci_release_selected_regions(struct pci_dev *dev, int bars)
{
    for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
        if (!(bars & 1 << bar))
            continue;
        if (dev->resource[bar].name && (pci_resource_flags(dev, bar) & IORESOURCE_IO))
            ddekit_release_io(pci_resource_start(dev, bar), pci_resource_len(dev, bar));
        dev->resource[bar].name = NULL;
    }
}

#define ALL_BARS ((1 << PCI_STD_NUM_BARS) - 1)

int pci_request_regions(struct pci_dev *dev, const char *name)
{
    return pci_request_selected_regions(dev, ALL_BARS, name);
}

void pci_release_regions(struct pci_dev *dev)
{
    pci_release_selected_regions(dev, ALL_BARS);
}

int pci_request_region(struct pci_dev *dev, int bar, const char *name)
{
    return pci_request_selected_regions(dev, 1 << bar, name);
}

void pci_release_region(struct pci_dev *dev, int bar)
{
    pci_release_selected_regions(dev, 1 << bar);
}

void __iomem *pci_ioremap_bar(struct pci_dev *dev, int bar)
{
    return pci_resource_flags(dev, bar) & IORESOURCE_MEM ? pci_iomap(dev, bar, 0) : NULL;
}

void __iomem *pci_iomap_range(struct pci_dev *dev, int bar, unsigned long offset, unsigned long maxlen)
{
    resource_size_t start, length;

    if (bar < 0 || bar >= PCI_STD_NUM_BARS || pci_resource_len(dev, bar) <= offset)
        return NULL;
    start = pci_resource_start(dev, bar) + offset;
    length = pci_resource_len(dev, bar) - offset;
    if (maxlen && length > maxlen)
        length = maxlen;
    if (pci_resource_flags(dev, bar) & IORESOURCE_IO)
        return (void __iomem *)(IO_COOKIE_BASE + start);
    return ioremap(start, length);
}

void __iomem *pci_iomap(struct pci_dev *dev, int bar, unsigned long maxlen)
{
    return pci_iomap_range(dev, bar, 0, maxlen);
}

void pci_iounmap(struct pci_dev *dev __always_unused, void __iomem *addr)
{
    if ((unsigned long)addr >= IO_COOKIE_END)
        iounmap(addr);
}

/* --- Devices ------------------------------------------------------------------------------------------- */

static void read_resources(struct pci_dev *dev, struct ddekit_pci_dev *found)
{
    for (unsigned int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
        const ddekit_pci_res_t *res = ddekit_pci_get_resource(found, bar);

        if (!res || res->type == DDEKIT_PCI_RES_NONE || res->size == 0)
            continue;
        dev->resource[bar].start = res->start;
        dev->resource[bar].end = res->start + res->size - 1;
        dev->resource[bar].flags = res->type == DDEKIT_PCI_RES_IO ? IORESOURCE_IO : IORESOURCE_MEM;
        if (res->prefetchable)
            dev->resource[bar].flags |= IORESOURCE_PREFETCH;
        if (res->wide)
            dev->resource[bar].flags |= IORESOURCE_MEM_64;
    }
}

static void add_device(struct ddekit_pci_dev *found, int bus, int slot, int func)
{
    struct pci_dev *dev = kzalloc(sizeof(*dev), GFP_KERNEL);

    if (!dev)
        BUG();
    dev->bus_number = (unsigned int)bus;
    dev->devfn = (unsigned int)PCI_DEVFN(slot, func);
    dev->vendor = ddekit_pci_get_vendor(found);
    dev->device = ddekit_pci_get_device_id(found);
    dev->subsystem_vendor = ddekit_pci_get_sub_vendor(found);
    dev->subsystem_device = ddekit_pci_get_sub_device(found);
    dev->class = ddekit_pci_get_dev_class(found);
    dev->irq = (unsigned int)ddekit_pci_get_irq(found);
    pci_read_config_byte(dev, PCI_REVISION_ID, &dev->revision);
    pci_read_config_byte(dev, PCI_INTERRUPT_PIN, &dev->pin);
    pci_read_config_byte(dev, PCI_HEADER_TYPE, &dev->hdr_type);
    dev->hdr_type &= HEADER_LAYOUT;
    if (dev->hdr_type == PCI_HEADER_TYPE_BRIDGE)
        pci_read_config_byte(dev, PCI_SECONDARY_BUS, &dev->secondary_bus);
    read_resources(dev, found);
    dev->dma_mask = DMA_BIT_MASK(32);
    dev->dev.dma_mask = &dev->dma_mask;
    dev->dev.coherent_dma_mask = DMA_BIT_MASK(32);
    dev->dev.dma_domain = machine_dma_domain(dev->bus_number, slot_of(dev), func_of(dev));
    snprintf(dev->dev.name, sizeof(dev->dev.name), "0000:%02x:%02x.%x", dev->bus_number & 0xff, slot_of(dev),
             func_of(dev));
    list_add_tail(&dev->bus_list, &devices);
}

void pci_init(void)
{
    struct ddekit_pci_dev *found = NULL;

    for (;;) {
        int bus = DDEKIT_PCI_ANY_ID, slot = DDEKIT_PCI_ANY_ID, func = DDEKIT_PCI_ANY_ID;

        found = ddekit_pci_find_device(&bus, &slot, &func, found);
        if (!found)
            break;
        add_device(found, bus, slot, func);
    }
}

int pci_bound_devices(void)
{
    struct pci_dev *dev;
    int count = 0;

    mutex_lock(&pci_mutex);
    list_for_each_entry(dev, &devices, bus_list) count += dev->driver != NULL;
    mutex_unlock(&pci_mutex);
    return count;
}

/* --- Drivers ------------------------------------------------------------------------------------------- */

static bool matches(u32 wanted, u32 is)
{
    return wanted == (u32)PCI_ANY_ID || wanted == is;
}

struct pci_dev *pci_get_device(unsigned int vendor, unsigned int device, struct pci_dev *from)
{
    struct list_head *next = from ? from->bus_list.next : devices.next;

    for (; next != &devices; next = next->next) {
        struct pci_dev *dev = list_entry(next, struct pci_dev, bus_list);

        if (matches(vendor, dev->vendor) && matches(device, dev->device))
            return dev;
    }
    return NULL;
}

static const struct pci_device_id *match_device(const struct pci_device_id *ids, const struct pci_dev *dev)
{
    for (; ids && (ids->vendor || ids->subvendor || ids->class_mask); ids++) {
        if (matches(ids->vendor, dev->vendor) && matches(ids->device, dev->device) &&
            matches(ids->subvendor, dev->subsystem_vendor) &&
            matches(ids->subdevice, dev->subsystem_device) && !((ids->class ^ dev->class) & ids->class_mask))
            return ids;
    }
    return NULL;
}

/* No driver has the device any longer, or one has refused it. */
static void unbind(struct pci_dev *dev)
{
    dev->driver = NULL;
    dev->dev.driver = NULL;
    dev->dev.driver_data = NULL;
}

/* What pcim_enable_device promised. The driver may have disabled the device itself. */
static void release_managed(struct pci_dev *dev)
{
    if (!dev->is_managed)
        return;
    dev->is_managed = false;
    pci_release_regions(dev);
    if (atomic_read(&dev->enable_cnt) > 0)
        pci_disable_device(dev);
}

static void probe(struct pci_driver *driver, struct pci_dev *dev)
{
    const struct pci_device_id *id = match_device(driver->id_table, dev);
    int rc;

    if (!id)
        return;
    dev->driver = driver;
    dev->dev.driver = &driver->driver;
    rc = driver->probe(dev, id);
    if (rc < 0) {
        release_managed(dev);
        unbind(dev);
        if (rc != -ENODEV && rc != -ENXIO)
            printk(KERN_WARNING "%s: probe of %s failed with error %d\n", driver->name, pci_name(dev), rc);
    }
}

int pci_register_driver(struct pci_driver *driver)
{
    struct pci_dev *dev;

    driver->driver.name = driver->name;
    mutex_lock(&pci_mutex);
    list_add_tail(&driver->node, &drivers);
    list_for_each_entry(dev, &devices, bus_list)
    {
        if (!dev->driver)
            probe(driver, dev);
    }
    mutex_unlock(&pci_mutex);
    return 0;
}

/* A driver has left the device: it must have given back what it asked for. */
static void check_released(struct pci_dev *dev, const char *driver)
{
    char text[REPORT_MAX];
    int bars = 0;

    for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++)
        bars += dev->resource[bar].name != NULL;
    if (bars == 0 && atomic_read(&dev->enable_cnt) == 0 && !dev->vectors)
        return;
    snprintf(text, sizeof(text), "driver %s has left device %s with %d of its regions requested%s%s", driver,
             pci_name(dev), bars, atomic_read(&dev->enable_cnt) ? ", enabled" : "",
             dev->vectors ? ", with interrupt vectors" : "");
    linux_report("leak", NULL, text);
}

void pci_unregister_driver(struct pci_driver *driver)
{
    struct pci_dev *dev;

    mutex_lock(&pci_mutex);
    list_for_each_entry(dev, &devices, bus_list)
    {
        if (dev->driver != driver)
            continue;
        if (driver->remove)
            driver->remove(dev);
        release_managed(dev);
        dma_check_released(&dev->dev, driver->name);
        check_released(dev, driver->name);
        unbind(dev);
    }
    list_del(&driver->node);
    mutex_unlock(&pci_mutex);
}

/* --- Sleep --------------------------------------------------------------------------------------------- */

/* Under the mutex, as the next three. A driver has callbacks of the one kind or the other. */
static int suspend(struct pci_dev *dev)
{
    const struct dev_pm_ops *pm = dev->driver->driver.pm;
    int rc = 0;

    if (pm && pm->suspend)
        rc = pm->suspend(&dev->dev);
    else if (dev->driver->suspend)
        rc = dev->driver->suspend(dev, PMSG_SUSPEND);
    if (!rc && !dev->state_saved)
        pci_save_state(dev);
    return rc;
}

static int resume(struct pci_dev *dev)
{
    const struct dev_pm_ops *pm = dev->driver->driver.pm;

    pci_restore_state(dev);
    if (pm && pm->resume)
        return pm->resume(&dev->dev);
    return dev->driver->resume ? dev->driver->resume(dev) : 0;
}

/* Those that sleep. Returns the first error; the others are woken up all the same. */
static int resume_all(void)
{
    struct pci_dev *dev;
    int first = 0;

    list_for_each_entry(dev, &devices, bus_list)
    {
        int rc = dev->sleeps && dev->driver ? resume(dev) : 0;

        dev->sleeps = false;
        if (rc)
            printk(KERN_ERR "%s: error %d at resume\n", pci_name(dev), rc);
        if (!first)
            first = rc;
    }
    return first;
}

/* The last one first: what is behind a bridge before the bridge. Returns 0 when all of them sleep. */
static int suspend_all(void)
{
    struct pci_dev *dev;

    list_for_each_entry_reverse(dev, &devices, bus_list)
    {
        int rc = dev->driver ? suspend(dev) : 0;

        dev->sleeps = dev->driver && rc == 0;
        if (rc)
            return rc;
    }
    return 0;
}

int dde_linux_suspend(unsigned long sleep_jiffies)
{
    int refused, failed;

    mutex_lock(&pci_mutex);
    refused = suspend_all();
    if (!refused) {
        irq_suspend_all();
        schedule_timeout_uninterruptible((long)sleep_jiffies);
        irq_resume_all();
    }
    failed = resume_all();
    mutex_unlock(&pci_mutex);
    return refused ? refused : failed;
}
