/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Physical memory and the IOMMU. See dma.h.
 *
 * Physical memory is one reserved range; pages are given out first fit. Mappings of a device are an array
 * sorted by bus address, searched by halving; bus addresses are given out next fit, with an unmapped page
 * after each.
 */
#include "harness/machine/dma.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <lockcheck.h>

#define PHYSICAL_PAGES (DMA_PHYSICAL_BYTES / DMA_PAGE_BYTES)
#define BUS_END ((uint64_t)IOMMU_BUS_BASE + IOMMU_BUS_BYTES)
#define BUS_PHASE_MASK 15u /* low bits that a bus address shares with the memory's */
#define FAULT_TEXT_MAX 256

_Static_assert(DMA_PHYSICAL_BASE + (uint64_t)DMA_PHYSICAL_BYTES <= IOMMU_BUS_BASE, "address spaces overlap");
_Static_assert(BUS_END <= UINT64_C(1) << 32, "bus addresses take 32 bits");

/* The machine's memory: there is one machine. */
static struct {
    pthread_mutex_t lock;
    unsigned char *_Atomic base;   /* NULL until the first allocation; never changes after */
    uint32_t runs[PHYSICAL_PAGES]; /* at the first page of an allocation: its pages; elsewhere 0 */
} memory = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct mapping {
    uint64_t bus;
    uint64_t length;
    unsigned char *memory;
    enum iommu_direction direction;
    const char *use; /* or NULL */
};

struct dma_device {
    const char *name;
    pthread_mutex_t lock; /* held while bytes are copied, so that an unmap waits for the access */
    bool master;
    unsigned count;
    uint64_t next_bus; /* a page's start */
    atomic_ulong faults;
    struct mapping mappings[IOMMU_MAPPINGS_MAX]; /* sorted by bus, disjoint, no two in one page */
};

/* Static, because mappings are many and a device stays for ever. */
static struct dma_device devices[DMA_DEVICES_MAX];
static atomic_uint devices_used;

/* --- Physical memory --- */

static uint64_t pages_of(uint64_t bytes)
{
    return bytes / DMA_PAGE_BYTES + (bytes % DMA_PAGE_BYTES != 0);
}

/* First fit. Called with the lock held. Returns the first page, or PHYSICAL_PAGES. */
static size_t find_pages(size_t pages, uint64_t low, uint64_t high, uint64_t align)
{
    size_t page = 0;
    while (page + pages <= PHYSICAL_PAGES) {
        uint64_t physical = DMA_PHYSICAL_BASE + (uint64_t)page * DMA_PAGE_BYTES;
        if (physical < low || physical % align != 0) {
            page += memory.runs[page] ? memory.runs[page] : 1;
            continue;
        }
        if (physical + (uint64_t)pages * DMA_PAGE_BYTES > high)
            return PHYSICAL_PAGES;
        size_t taken = page;
        while (taken < page + pages && memory.runs[taken] == 0)
            taken++;
        if (taken == page + pages)
            return page;
        page = taken + memory.runs[taken];
    }
    return PHYSICAL_PAGES;
}

void *dma_memory_allocate(size_t size, uint64_t low, uint64_t high, uint64_t align, uint64_t *physical)
{
    if (align == 0)
        align = DMA_PAGE_BYTES;
    assert(align >= DMA_PAGE_BYTES && (align & (align - 1)) == 0);
    uint64_t pages = pages_of(size);
    if (pages == 0 || pages > PHYSICAL_PAGES)
        return NULL;

    void *result = NULL;
    pthread_mutex_lock(&memory.lock);
    if (!memory.base) {
        void *base = mmap(NULL, DMA_PHYSICAL_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        memory.base = base == MAP_FAILED ? NULL : base;
    }
    size_t page = memory.base ? find_pages(pages, low, high, align) : PHYSICAL_PAGES;
    if (page < PHYSICAL_PAGES) {
        memory.runs[page] = (uint32_t)pages;
        result = memory.base + page * DMA_PAGE_BYTES;
        *physical = DMA_PHYSICAL_BASE + (uint64_t)page * DMA_PAGE_BYTES;
    }
    pthread_mutex_unlock(&memory.lock);
    if (result)
        memset(result, 0, pages * DMA_PAGE_BYTES);
    return result;
}

static bool offset_of(const void *address, uint64_t *offset)
{
    uintptr_t base = (uintptr_t)memory.base;
    *offset = (uintptr_t)address - base;
    return base != 0 && (uintptr_t)address >= base && *offset < DMA_PHYSICAL_BYTES;
}

void dma_memory_free(void *address, size_t size)
{
    uint64_t offset;
    bool inside = offset_of(address, &offset);
    assert(inside && offset % DMA_PAGE_BYTES == 0);
    (void)inside;
    size_t page = offset / DMA_PAGE_BYTES;
    pthread_mutex_lock(&memory.lock);
    assert(memory.runs[page] != 0 && memory.runs[page] == pages_of(size));
    memory.runs[page] = 0;
    pthread_mutex_unlock(&memory.lock);
    (void)size;
}

bool dma_memory_physical(const void *address, uint64_t *physical)
{
    uint64_t offset;
    if (!offset_of(address, &offset))
        return false;
    *physical = DMA_PHYSICAL_BASE + offset;
    return true;
}

void *dma_memory_virtual(uint64_t physical)
{
    unsigned char *base = memory.base;
    if (!base || physical < DMA_PHYSICAL_BASE || physical - DMA_PHYSICAL_BASE >= DMA_PHYSICAL_BYTES)
        return NULL;
    return base + (physical - DMA_PHYSICAL_BASE);
}

/* --- The IOMMU --- */

struct dma_device *dma_device_create(const char *name)
{
    unsigned index = atomic_fetch_add(&devices_used, 1);
    assert(index < DMA_DEVICES_MAX);
    struct dma_device *device = &devices[index];
    device->name = name;
    device->next_bus = IOMMU_BUS_BASE;
    pthread_mutex_init(&device->lock, NULL);
    lockcheck_name_object(&device->lock, "mutex", "IOMMU");
    return device;
}

void dma_device_set_master(struct dma_device *device, bool on)
{
    pthread_mutex_lock(&device->lock);
    device->master = on;
    pthread_mutex_unlock(&device->lock);
}

/* Index of the first mapping that begins after `bus`. Called with the lock held. */
static unsigned first_after(const struct dma_device *device, uint64_t bus)
{
    unsigned low = 0, high = device->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (device->mappings[middle].bus <= bus)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The mapping that begins last at or before `bus`, or NULL. Called with the lock held. */
static struct mapping *mapping_at_or_before(struct dma_device *device, uint64_t bus)
{
    unsigned after = first_after(device, bus);
    return after > 0 ? &device->mappings[after - 1] : NULL;
}

/* The page behind a mapping that keeps it apart from the next. */
static uint64_t end_with_guard(const struct mapping *mapping)
{
    uint64_t end = mapping->bus + mapping->length;
    return pages_of(end) * DMA_PAGE_BYTES + DMA_PAGE_BYTES;
}

/* Next fit: `bytes` (whole pages) of bus addresses that nothing uses. Called with the lock held. Returns 0
 * when there are none. */
static uint64_t find_bus(struct dma_device *device, uint64_t bytes)
{
    uint64_t start = device->next_bus;
    bool wrapped = false;
    for (;;) {
        if (start + bytes > BUS_END) {
            if (wrapped)
                return 0;
            wrapped = true;
            start = IOMMU_BUS_BASE;
            continue;
        }
        unsigned after = first_after(device, start);
        const struct mapping *before = after > 0 ? &device->mappings[after - 1] : NULL;
        const struct mapping *next = after < device->count ? &device->mappings[after] : NULL;
        if (before && end_with_guard(before) > start)
            start = end_with_guard(before);
        else if (next && next->bus < start + bytes)
            start = end_with_guard(next);
        else
            break;
    }
    device->next_bus = start + bytes;
    return start;
}

uint64_t iommu_map_for(struct dma_device *device, void *address, size_t length,
                       enum iommu_direction direction, const char *use)
{
    assert(direction >= IOMMU_TO_DEVICE && direction <= IOMMU_BIDIRECTIONAL);
    if (length == 0 || length > IOMMU_BUS_BYTES / 2)
        return 0;
    uint64_t phase = (uintptr_t)address & BUS_PHASE_MASK;
    uint64_t bus = 0;

    pthread_mutex_lock(&device->lock);
    if (device->count < IOMMU_MAPPINGS_MAX) {
        uint64_t start = find_bus(device, pages_of(phase + length) * DMA_PAGE_BYTES + DMA_PAGE_BYTES);
        if (start != 0) {
            bus = start + phase;
            unsigned at = first_after(device, bus);
            memmove(&device->mappings[at + 1], &device->mappings[at],
                    (device->count - at) * sizeof(device->mappings[0]));
            device->mappings[at] = (struct mapping){bus, length, address, direction, use};
            device->count++;
        }
    }
    pthread_mutex_unlock(&device->lock);
    return bus;
}

uint64_t iommu_map(struct dma_device *device, void *address, size_t length, enum iommu_direction direction)
{
    return iommu_map_for(device, address, length, direction, NULL);
}

/* Report without the lock: the finding ends the execution here. */
static void report_fault(struct dma_device *device, const void *object, const char *text)
{
    atomic_fetch_add(&device->faults, 1);
    if (!lockcheck_request)
        fprintf(stderr, "dma-fault: %s\n", text);
    lockcheck_finding_about(object, "dma-fault", text);
}

void iommu_report_misuse(struct dma_device *device, const char *text)
{
    report_fault(device, NULL, text);
}

static const char *direction_name(enum iommu_direction direction)
{
    static const char *const names[] = {
        [IOMMU_TO_DEVICE] = "reading", [IOMMU_FROM_DEVICE] = "writing", [IOMMU_BIDIRECTIONAL] = "both"};

    return names[direction];
}

/* Remove a mapping. Returns whether it was there, with what it was in *was. */
static bool remove_mapping(struct dma_device *device, uint64_t bus, size_t length, struct mapping *was)
{
    pthread_mutex_lock(&device->lock);
    struct mapping *mapping = mapping_at_or_before(device, bus);
    bool found = mapping && mapping->bus == bus && mapping->length == length;
    if (found) {
        *was = *mapping;
        size_t at = (size_t)(mapping - device->mappings);
        memmove(mapping, mapping + 1, (device->count - at - 1) * sizeof(*mapping));
        device->count--;
    }
    pthread_mutex_unlock(&device->lock);
    if (!found) {
        char text[FAULT_TEXT_MAX];
        snprintf(text, sizeof(text),
                 "the driver unmaps %zu bytes at bus address 0x%" PRIx64
                 " from device %s, which is not a mapping",
                 length, bus, device->name);
        report_fault(device, NULL, text);
    }
    return found;
}

void iommu_unmap(struct dma_device *device, uint64_t bus, size_t length)
{
    struct mapping was;

    remove_mapping(device, bus, length, &was);
}

void iommu_unmap_for(struct dma_device *device, uint64_t bus, size_t length, enum iommu_direction direction,
                     const char *use)
{
    struct mapping was;
    char text[FAULT_TEXT_MAX];

    if (!remove_mapping(device, bus, length, &was))
        return;
    if (was.direction != direction)
        snprintf(text, sizeof(text),
                 "the driver unmaps %zu bytes at bus address 0x%" PRIx64
                 " from device %s for %s, but has mapped them for %s",
                 length, bus, device->name, direction_name(direction), direction_name(was.direction));
    else if (was.use != use && (!was.use || !use || strcmp(was.use, use) != 0))
        snprintf(text, sizeof(text),
                 "the driver unmaps %zu bytes at bus address 0x%" PRIx64
                 " from device %s as %s, but has mapped them as %s",
                 length, bus, device->name, use ? use : "memory", was.use ? was.use : "memory");
    else
        return;
    report_fault(device, NULL, text);
}

void iommu_sync(struct dma_device *device, uint64_t bus, size_t length, enum iommu_direction direction)
{
    char text[FAULT_TEXT_MAX] = "";

    pthread_mutex_lock(&device->lock);
    const struct mapping *mapping = mapping_at_or_before(device, bus);
    if (!mapping || bus - mapping->bus >= mapping->length || length > mapping->length - (bus - mapping->bus))
        snprintf(text, sizeof(text),
                 "the driver syncs %zu bytes at bus address 0x%" PRIx64
                 " of device %s, which do not lie in a mapping",
                 length, bus, device->name);
    else if (direction & ~mapping->direction)
        snprintf(text, sizeof(text),
                 "the driver syncs %zu bytes at bus address 0x%" PRIx64
                 " of device %s for %s, but has mapped them for %s",
                 length, bus, device->name, direction_name(direction), direction_name(mapping->direction));
    pthread_mutex_unlock(&device->lock);
    if (text[0])
        report_fault(device, NULL, text);
}

/*
 * Find the memory for an access. Called with the lock held. Returns NULL when the access is refused; text
 * then says why, or is empty when that is no fault.
 */
static unsigned char *translate(struct dma_device *device, uint64_t bus, size_t length,
                                enum iommu_direction direction, char *text)
{
    text[0] = '\0';
    if (!device->master)
        return NULL;
    struct mapping *mapping = mapping_at_or_before(device, bus);
    const char *verb = direction == IOMMU_TO_DEVICE ? "reads" : "writes";
    if (!mapping || bus - mapping->bus >= mapping->length) {
        snprintf(text, FAULT_TEXT_MAX,
                 "device %s %s %zu bytes at bus address 0x%" PRIx64 ", where nothing is mapped", device->name,
                 verb, length, bus);
        return NULL;
    }
    if (length > mapping->length - (bus - mapping->bus)) {
        snprintf(text, FAULT_TEXT_MAX,
                 "device %s %s %zu bytes at bus address 0x%" PRIx64 ", but the mapping ends after %" PRIu64,
                 device->name, verb, length, bus, mapping->length - (bus - mapping->bus));
        return NULL;
    }
    if (!(mapping->direction & direction)) {
        snprintf(text, FAULT_TEXT_MAX,
                 "device %s %s %zu bytes at bus address 0x%" PRIx64 ", which is mapped for %s only",
                 device->name, verb, length, bus, direction == IOMMU_TO_DEVICE ? "writing" : "reading");
        return NULL;
    }
    return mapping->memory + (bus - mapping->bus);
}

/* --- The device's accesses --- */

/* The machine moves these bytes at once; see dma.h. */
static bool is_word(const void *memory, size_t length)
{
    return (length == 1 || length == 2 || length == 4 || length == 8) && (uintptr_t)memory % length == 0;
}

static void load(void *buffer, const void *memory, size_t length)
{
    uint64_t word;

    switch (is_word(memory, length) ? length : 0) {
    case 1:
        word = __atomic_load_n((const uint8_t *)memory, __ATOMIC_ACQUIRE);
        break;
    case 2:
        word = __atomic_load_n((const uint16_t *)memory, __ATOMIC_ACQUIRE);
        break;
    case 4:
        word = __atomic_load_n((const uint32_t *)memory, __ATOMIC_ACQUIRE);
        break;
    case 8:
        word = __atomic_load_n((const uint64_t *)memory, __ATOMIC_ACQUIRE);
        break;
    default:
        memcpy(buffer, memory, length);
        return;
    }
    memcpy(buffer, &word, length);
}

static void store(void *memory, const void *buffer, size_t length)
{
    uint64_t word = 0;

    if (!is_word(memory, length)) {
        memcpy(memory, buffer, length);
        return;
    }
    memcpy(&word, buffer, length);
    if (length == 1)
        __atomic_store_n((uint8_t *)memory, (uint8_t)word, __ATOMIC_RELEASE);
    else if (length == 2)
        __atomic_store_n((uint16_t *)memory, (uint16_t)word, __ATOMIC_RELEASE);
    else if (length == 4)
        __atomic_store_n((uint32_t *)memory, (uint32_t)word, __ATOMIC_RELEASE);
    else
        __atomic_store_n((uint64_t *)memory, word, __ATOMIC_RELEASE);
}

bool dma_peek(struct dma_device *device, uint64_t bus, void *buffer, size_t length)
{
    char text[FAULT_TEXT_MAX];

    pthread_mutex_lock(&device->lock);
    const unsigned char *source = translate(device, bus, length, IOMMU_TO_DEVICE, text);
    if (source)
        load(buffer, source, length);
    pthread_mutex_unlock(&device->lock);
    return source != NULL;
}

bool dma_is_mapped(struct dma_device *device, uint64_t bus)
{
    pthread_mutex_lock(&device->lock);
    const struct mapping *mapping = mapping_at_or_before(device, bus);
    bool mapped = mapping && bus - mapping->bus < mapping->length;
    pthread_mutex_unlock(&device->lock);
    return mapped;
}

bool dma_read(struct dma_device *device, uint64_t bus, void *buffer, size_t length, const void *object)
{
    char text[FAULT_TEXT_MAX];
    pthread_mutex_lock(&device->lock);
    const unsigned char *source = translate(device, bus, length, IOMMU_TO_DEVICE, text);
    if (source) {
        lockcheck_event(LOCKCHECK_DEVICE_BEGIN, NULL, 0);
        load(buffer, source, length);
        lockcheck_event(LOCKCHECK_DEVICE_END, NULL, 0);
    }
    pthread_mutex_unlock(&device->lock);
    if (text[0])
        report_fault(device, object, text);
    return source != NULL;
}

bool dma_write(struct dma_device *device, uint64_t bus, const void *buffer, size_t length, const void *object)
{
    char text[FAULT_TEXT_MAX];
    pthread_mutex_lock(&device->lock);
    unsigned char *destination = translate(device, bus, length, IOMMU_FROM_DEVICE, text);
    if (destination) {
        lockcheck_event(LOCKCHECK_DEVICE_BEGIN, NULL, 0);
        store(destination, buffer, length);
        lockcheck_event(LOCKCHECK_DEVICE_END, NULL, 0);
    }
    pthread_mutex_unlock(&device->lock);
    if (text[0])
        report_fault(device, object, text);
    return destination != NULL;
}

unsigned long dma_fault_count(const struct dma_device *device)
{
    return device->faults;
}

unsigned dma_mapping_count(struct dma_device *device)
{
    pthread_mutex_lock(&device->lock);
    unsigned count = device->count;
    pthread_mutex_unlock(&device->lock);
    return count;
}
