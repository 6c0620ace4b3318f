/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit PCI: the functions on the bus, and their configuration space by mechanism #1.
 * After the PCI Local Bus Specification 3.0, section 3.2.2.3.2 (mechanism #1), 6.1 and 6.2 (configuration
 * header), 6.2.5.1 (sizing of base address registers), and the PCI-to-PCI Bridge Architecture Specification
 * 1.2, section 3.2 (header of a bridge).
 *
 * Buses are numbered and bridges set up by the firmware; they are searched as they are.
 *
 * Left out: base address registers of 4 GiB and more, expansion ROMs.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <ddekit/pci.h>
#include <ddekit/printf.h>
#include <ddekit/resources.h>

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE 0x80000000u
#define CONFIG_BYTES 256

#define SLOTS 32
#define BUSES 256
#define FUNCTIONS 8

/* Configuration header, 6.1. */
#define VENDOR_ID 0x00
#define DEVICE_ID 0x02
#define COMMAND 0x04
#define CLASS_REVISION 0x08
#define HEADER_TYPE 0x0e
#define BASE_ADDRESS 0x10
#define SECONDARY_BUS 0x19 /* of a bridge */
#define SUB_VENDOR_ID 0x2c
#define SUB_DEVICE_ID 0x2e
#define INTERRUPT_LINE 0x3c
#define INTERRUPT_PIN 0x3d

#define NO_VENDOR 0xffff
#define MULTIFUNCTION 0x80
#define HEADER_LAYOUT 0x7f
#define HEADER_BRIDGE 1
#define BRIDGE_RESOURCES 2 /* base address registers */
#define COMMAND_IO 0x0001u
#define COMMAND_MEMORY 0x0002u
#define COMMAND_MASTER 0x0004u

/* Base address registers, 6.2.5.1. */
#define BAR_IO 0x1u
#define BAR_IO_MASK (~0x3u)
#define BAR_64BIT 0x4u
#define BAR_PREFETCHABLE 0x8u
#define BAR_MEMORY_MASK (~0xfu)

struct ddekit_pci_dev {
    int bus, slot, func;
    char name[16];
    ddekit_uint16_t vendor, device, sub_vendor, sub_device;
    unsigned class;
    ddekit_uint8_t irq, pin;
    ddekit_pci_res_t resources[DDEKIT_PCI_RESOURCES];
};

/* On all buses. Filled by ddekit_pci_init() and constant from then on. */
static struct ddekit_pci_dev devices[DDEKIT_PCI_MAX_DEVICES];
static int device_count;

/* An access to configuration space is an access to one port and then to another. */
static pthread_mutex_t config_lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_config_offset(int pos, int size)
{
    return pos >= 0 && pos + size <= CONFIG_BYTES && pos % size == 0;
}

/* config_lock is held. Returns the port at which the register can be accessed now. */
static ddekit_addr_t select_register(int bus, int slot, int func, int pos)
{
    ddekit_outl(CONFIG_ADDRESS, CONFIG_ENABLE | (unsigned)bus << 16 | (unsigned)slot << 11 |
                                    (unsigned)func << 8 | ((unsigned)pos & ~3u));
    return CONFIG_DATA + ((unsigned)pos & 3u);
}

int ddekit_pci_readb(int bus, int slot, int func, int pos, ddekit_uint8_t *val)
{
    if (!is_config_offset(pos, 1))
        return -1;
    pthread_mutex_lock(&config_lock);
    *val = ddekit_inb(select_register(bus, slot, func, pos));
    pthread_mutex_unlock(&config_lock);
    return 0;
}

int ddekit_pci_readw(int bus, int slot, int func, int pos, ddekit_uint16_t *val)
{
    if (!is_config_offset(pos, 2))
        return -1;
    pthread_mutex_lock(&config_lock);
    *val = ddekit_inw(select_register(bus, slot, func, pos));
    pthread_mutex_unlock(&config_lock);
    return 0;
}

int ddekit_pci_readl(int bus, int slot, int func, int pos, ddekit_uint32_t *val)
{
    if (!is_config_offset(pos, 4))
        return -1;
    pthread_mutex_lock(&config_lock);
    *val = ddekit_inl(select_register(bus, slot, func, pos));
    pthread_mutex_unlock(&config_lock);
    return 0;
}

int ddekit_pci_writeb(int bus, int slot, int func, int pos, ddekit_uint8_t val)
{
    if (!is_config_offset(pos, 1))
        return -1;
    pthread_mutex_lock(&config_lock);
    ddekit_outb(select_register(bus, slot, func, pos), val);
    pthread_mutex_unlock(&config_lock);
    return 0;
}

int ddekit_pci_writew(int bus, int slot, int func, int pos, ddekit_uint16_t val)
{
    if (!is_config_offset(pos, 2))
        return -1;
    pthread_mutex_lock(&config_lock);
    ddekit_outw(select_register(bus, slot, func, pos), val);
    pthread_mutex_unlock(&config_lock);
    return 0;
}

int ddekit_pci_writel(int bus, int slot, int func, int pos, ddekit_uint32_t val)
{
    if (!is_config_offset(pos, 4))
        return -1;
    pthread_mutex_lock(&config_lock);
    ddekit_outl(select_register(bus, slot, func, pos), val);
    pthread_mutex_unlock(&config_lock);
    return 0;
}

static unsigned read8(const struct ddekit_pci_dev *dev, int pos)
{
    ddekit_uint8_t value;

    ddekit_pci_readb(dev->bus, dev->slot, dev->func, pos, &value);
    return value;
}

static ddekit_uint16_t read16(const struct ddekit_pci_dev *dev, int pos)
{
    ddekit_uint16_t value;

    ddekit_pci_readw(dev->bus, dev->slot, dev->func, pos, &value);
    return value;
}

static ddekit_uint32_t read32(const struct ddekit_pci_dev *dev, int pos)
{
    ddekit_uint32_t value;

    ddekit_pci_readl(dev->bus, dev->slot, dev->func, pos, &value);
    return value;
}

static void write16(const struct ddekit_pci_dev *dev, int pos, ddekit_uint16_t value)
{
    ddekit_pci_writew(dev->bus, dev->slot, dev->func, pos, value);
}

static void write32(const struct ddekit_pci_dev *dev, int pos, ddekit_uint32_t value)
{
    ddekit_pci_writel(dev->bus, dev->slot, dev->func, pos, value);
}

/* 6.2.5.1: write all ones, read back which bits stick, restore. Decoding is off meanwhile. */
static ddekit_pci_res_t read_base_address(const struct ddekit_pci_dev *dev, int pos)
{
    ddekit_uint32_t address = read32(dev, pos), sizes, mask;
    ddekit_pci_res_t resource = {.type = DDEKIT_PCI_RES_NONE};

    write32(dev, pos, ~0u);
    sizes = read32(dev, pos);
    write32(dev, pos, address);
    if (!sizes)
        return resource;
    mask = sizes & BAR_IO ? BAR_IO_MASK : BAR_MEMORY_MASK;
    resource.type = sizes & BAR_IO ? DDEKIT_PCI_RES_IO : DDEKIT_PCI_RES_MEM;
    resource.prefetchable = !(sizes & BAR_IO) && (sizes & BAR_PREFETCHABLE);
    resource.wide = !(sizes & BAR_IO) && (sizes & BAR_64BIT);
    resource.start = address & mask;
    resource.size = ~(sizes & mask) + 1;
    if (sizes & BAR_IO)
        resource.size &= 0xffff; /* the upper half of an I/O register may be hard-wired to 0 */
    else if (resource.wide)
        resource.start |= (ddekit_addr_t)read32(dev, pos + 4) << 32;
    return resource;
}

static bool is_bridge(const struct ddekit_pci_dev *dev)
{
    return (read8(dev, HEADER_TYPE) & HEADER_LAYOUT) == HEADER_BRIDGE;
}

static void read_resources(struct ddekit_pci_dev *dev)
{
    ddekit_uint16_t command = read16(dev, COMMAND);
    int registers = is_bridge(dev) ? BRIDGE_RESOURCES : DDEKIT_PCI_RESOURCES;

    write16(dev, COMMAND, command & (ddekit_uint16_t) ~(COMMAND_IO | COMMAND_MEMORY));
    for (int i = 0; i < registers; i++) {
        dev->resources[i] = read_base_address(dev, BASE_ADDRESS + 4 * i);
        if (dev->resources[i].wide)
            i++; /* the next register is the upper half of this one */
    }
    write16(dev, COMMAND, command);
}

static void add_function(int bus, int slot, int func)
{
    struct ddekit_pci_dev *dev = &devices[device_count];

    if (device_count == DDEKIT_PCI_MAX_DEVICES) {
        ddekit_printf("pci: %02x:%02x.%x left out: more than %d functions\n", (unsigned)bus, (unsigned)slot,
                      (unsigned)func, DDEKIT_PCI_MAX_DEVICES);
        return;
    }
    device_count++;
    dev->bus = bus;
    dev->slot = slot;
    dev->func = func;
    snprintf(dev->name, sizeof dev->name, "%02x:%02x.%x", (unsigned)bus & 0xff, (unsigned)slot & 0xff,
             (unsigned)func & 7);
    dev->vendor = read16(dev, VENDOR_ID);
    dev->device = read16(dev, DEVICE_ID);
    if (!is_bridge(dev)) { /* which has others in their place */
        dev->sub_vendor = read16(dev, SUB_VENDOR_ID);
        dev->sub_device = read16(dev, SUB_DEVICE_ID);
    }
    dev->class = read32(dev, CLASS_REVISION) >> 8;
    dev->irq = (ddekit_uint8_t)read8(dev, INTERRUPT_LINE);
    dev->pin = (ddekit_uint8_t)read8(dev, INTERRUPT_PIN);
    read_resources(dev);
}

static bool has_function(int bus, int slot, int func)
{
    ddekit_uint16_t vendor;

    ddekit_pci_readw(bus, slot, func, VENDOR_ID, &vendor);
    return vendor != NO_VENDOR;
}

static void add_slot(int bus, int slot)
{
    ddekit_uint8_t header;

    if (!has_function(bus, slot, 0))
        return;
    add_function(bus, slot, 0);
    ddekit_pci_readb(bus, slot, 0, HEADER_TYPE, &header);
    for (int func = 1; func < FUNCTIONS && (header & MULTIFUNCTION); func++) {
        if (has_function(bus, slot, func))
            add_function(bus, slot, func);
    }
}

/* First all that is on the bus, then what is behind its bridges. A number that is no greater than the bus's
 * own was not given by firmware, and would lead in a circle. */
static void add_bus(int bus)
{
    int first = device_count;

    for (int slot = 0; slot < SLOTS; slot++)
        add_slot(bus, slot);
    for (int i = first, last = device_count; i < last; i++) {
        int behind = is_bridge(&devices[i]) ? (int)read8(&devices[i], SECONDARY_BUS) : 0;

        if (behind > bus && behind < BUSES)
            add_bus(behind);
    }
}

void ddekit_pci_init(void)
{
    static bool done;

    if (done)
        return;
    done = true;
    add_bus(0);
}

int ddekit_pci_get_device(int nr, int *bus, int *slot, int *func)
{
    if (nr < 0 || nr >= device_count)
        return -1;
    *bus = devices[nr].bus;
    *slot = devices[nr].slot;
    *func = devices[nr].func;
    return 0;
}

static bool is_match(int wanted, int number)
{
    return wanted == DDEKIT_PCI_ANY_ID || wanted == number;
}

struct ddekit_pci_dev *ddekit_pci_find_device(int *bus, int *slot, int *func, struct ddekit_pci_dev *start)
{
    for (struct ddekit_pci_dev *dev = start ? start + 1 : devices; dev < devices + device_count; dev++) {
        if (is_match(*bus, dev->bus) && is_match(*slot, dev->slot) && is_match(*func, dev->func)) {
            *bus = dev->bus;
            *slot = dev->slot;
            *func = dev->func;
            return dev;
        }
    }
    return NULL;
}

unsigned short ddekit_pci_get_vendor(struct ddekit_pci_dev *dev)
{
    return dev->vendor;
}

unsigned short ddekit_pci_get_device_id(struct ddekit_pci_dev *dev)
{
    return dev->device;
}

unsigned short ddekit_pci_get_sub_vendor(struct ddekit_pci_dev *dev)
{
    return dev->sub_vendor;
}

unsigned short ddekit_pci_get_sub_device(struct ddekit_pci_dev *dev)
{
    return dev->sub_device;
}

unsigned ddekit_pci_get_dev_class(struct ddekit_pci_dev *dev)
{
    return dev->class;
}

unsigned long ddekit_pci_get_irq(struct ddekit_pci_dev *dev)
{
    return dev->irq;
}

char *ddekit_pci_get_name(struct ddekit_pci_dev *dev)
{
    return dev->name;
}

ddekit_pci_res_t *ddekit_pci_get_resource(struct ddekit_pci_dev *dev, unsigned idx)
{
    return idx < DDEKIT_PCI_RESOURCES ? &dev->resources[idx] : NULL;
}

int ddekit_pci_enable_device(struct ddekit_pci_dev *dev)
{
    write16(dev, COMMAND, read16(dev, COMMAND) | COMMAND_IO | COMMAND_MEMORY);
    return 0;
}

int ddekit_pci_disable_device(struct ddekit_pci_dev *dev)
{
    write16(dev, COMMAND, read16(dev, COMMAND) & (ddekit_uint16_t) ~(COMMAND_IO | COMMAND_MEMORY));
    return 0;
}

void ddekit_pci_set_master(struct ddekit_pci_dev *dev)
{
    write16(dev, COMMAND, read16(dev, COMMAND) | COMMAND_MASTER);
}

int ddekit_pci_irq_enable(int bus, int slot, int func, int pin, int *irq)
{
    struct ddekit_pci_dev *dev = ddekit_pci_find_device(&bus, &slot, &func, NULL);

    if (!dev || pin < 1 || dev->pin != pin)
        return -1;
    *irq = dev->irq;
    return 0;
}
