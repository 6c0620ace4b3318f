/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IOMMU, and the accesses that devices make through it. See dma.h.
 *
 * Mappings of a device are an array sorted by bus address, searched by halving; bus addresses are given out
 * next fit, with an unmapped page after each. The record of a mapping that has ended is used again only when
 * IOMMU_ENDED_KEPT others have ended after it. Records are objects for lockcheck, handed over by the mapping
 * and taken back at its end, so that a report has both stacks.
 */
#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <lockcheck.h>

#include "harness/machine/dma.h"
#include "harness/machine/dma_views.h"
#include "harness/machine/noted.h"

#define BUS_PHASE_MASK 15u /* low bits that a bus address shares with the memory's */
#define FAULT_TEXT_MAX 320
#define NAME_MAX_OCTETS 64 /* lockcheck keeps no more */
/* A mapping that an access may have been meant for. A ring has several pages, and the first access may be to
 * the third. */
#define NEAR (4u * DMA_PAGE_BYTES)
#define LEFT_TOLD 4u /* of the mappings that a driver has left behind */

_Static_assert((uint64_t)IOMMU_BUS_BASE + IOMMU_BUS_BYTES <= UINT64_C(1) << 32, "bus addresses take 32 bits");

struct mapping {
    uint64_t bus;
    uint64_t length;
    unsigned char *memory;
    enum iommu_direction direction;
    const char *use; /* or NULL */
    struct dma_views views;
};

#define RECORDS (IOMMU_MAPPINGS_MAX + IOMMU_ENDED_KEPT)

struct dma_device {
    const char *name;
    uint64_t domain; /* the first of its bus addresses */
    atomic_ulong faults;
    atomic_bool aborted; /* an access had no answer */
    /* Of each page, whether a mapping begins there that nobody has looked at yet. Not under the lock, which
     * would make every look at a frame's mapping a wait for the device. */
    atomic_bool unchecked[IOMMU_DOMAIN_BYTES / DMA_PAGE_BYTES];

    pthread_mutex_t lock; /* of all that follows; held while bytes are copied, so that an unmap waits */
    bool master;
    bool abort_next;                              /* its next access has no answer */
    uint64_t next_bus;                            /* a page's start */
    unsigned count;                               /* mappings in force */
    struct mapping *mappings[IOMMU_MAPPINGS_MAX]; /* sorted by bus, disjoint, no two in one page */
    unsigned ended_first, ended_count;
    struct mapping *ended[RECORDS]; /* ring, oldest first */
    unsigned records_used;          /* each either in force or ended */
    struct mapping records[RECORDS];
};

/* Static, because mappings are many and a device stays for ever. */
static struct dma_device devices[DMA_DEVICES_MAX];
static atomic_uint devices_used;

static struct noted beginnings; /* of the mappings of all devices */

static const char *tell_of_withheld(const void *address, unsigned long bytes, int write);
static const struct lockcheck_withheld_access withheld_access = {"dma-fault", tell_of_withheld};

struct dma_device *dma_device_create(const char *name)
{
    unsigned index = atomic_fetch_add(&devices_used, 1);
    assert(index < DMA_DEVICES_MAX);
    struct dma_device *device = &devices[index];
    device->name = name;
    device->domain = device->next_bus = IOMMU_BUS_BASE + (uint64_t)index * IOMMU_DOMAIN_BYTES;
    pthread_mutex_init(&device->lock, NULL);
    lockcheck_name_object(&device->lock, "mutex", "IOMMU");
    lockcheck_on_withheld_access(&withheld_access);
    return device;
}

void dma_device_set_master(struct dma_device *device, bool on)
{
    pthread_mutex_lock(&device->lock);
    device->master = on;
    pthread_mutex_unlock(&device->lock);
}

void dma_device_abort_next(struct dma_device *device)
{
    pthread_mutex_lock(&device->lock);
    device->abort_next = true;
    pthread_mutex_unlock(&device->lock);
}

bool dma_device_was_aborted(const struct dma_device *device)
{
    return device->aborted;
}

void dma_device_forget_abort(struct dma_device *device)
{
    device->aborted = false;
}

/* --- Mappings. All until the next heading are called with the lock held. --- */

static uint64_t pages_of(uint64_t bytes)
{
    return (bytes + DMA_PAGE_BYTES - 1) / DMA_PAGE_BYTES;
}

static bool covers(const struct mapping *mapping, uint64_t bus)
{
    return bus >= mapping->bus && bus - mapping->bus < mapping->length;
}

/* Index of the first mapping that begins after `bus`. */
static unsigned first_after(const struct dma_device *device, uint64_t bus)
{
    unsigned low = 0, high = device->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (device->mappings[middle]->bus <= bus)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The mapping that begins last at or before `bus`, or NULL. */
static struct mapping *mapping_at_or_before(struct dma_device *device, uint64_t bus)
{
    unsigned after = first_after(device, bus);
    return after > 0 ? device->mappings[after - 1] : NULL;
}

static struct mapping *mapping_that_covers(struct dma_device *device, uint64_t bus)
{
    struct mapping *mapping = mapping_at_or_before(device, bus);
    return mapping && covers(mapping, bus) ? mapping : NULL;
}

/* Of those in force one that some of this memory is in, or NULL. */
static const struct mapping *mapping_of_memory(const struct dma_device *device, const unsigned char *memory,
                                               size_t length)
{
    for (unsigned i = 0; i < device->count; i++) {
        const struct mapping *mapping = device->mappings[i];
        if (mapping->memory < memory + length && memory < mapping->memory + mapping->length)
            return mapping;
    }
    return NULL;
}

/* Of those that have ended the one that did so last, or NULL. */
static struct mapping *ended_that_covered(struct dma_device *device, uint64_t bus)
{
    for (unsigned i = device->ended_count; i > 0; i--) {
        struct mapping *mapping = device->ended[(device->ended_first + i - 1) % RECORDS];
        if (covers(mapping, bus))
            return mapping;
    }
    return NULL;
}

/* The page behind a mapping that keeps it apart from the next. */
static uint64_t end_with_guard(const struct mapping *mapping)
{
    uint64_t end = mapping->bus + mapping->length;
    return pages_of(end) * DMA_PAGE_BYTES + DMA_PAGE_BYTES;
}

/* Next fit: `bytes` (whole pages) of bus addresses that nothing uses. Returns 0 when there are none. */
static uint64_t find_bus(struct dma_device *device, uint64_t bytes)
{
    uint64_t start = device->next_bus;
    bool wrapped = false;
    for (;;) {
        if (start + bytes > device->domain + IOMMU_DOMAIN_BYTES) {
            if (wrapped)
                return 0;
            wrapped = true;
            start = device->domain;
            continue;
        }
        unsigned after = first_after(device, start);
        const struct mapping *before = after > 0 ? device->mappings[after - 1] : NULL;
        const struct mapping *next = after < device->count ? device->mappings[after] : NULL;
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

static struct mapping *take_record(struct dma_device *device)
{
    if (device->ended_count <= IOMMU_ENDED_KEPT && device->records_used < RECORDS)
        return &device->records[device->records_used++];
    struct mapping *oldest = device->ended[device->ended_first];
    device->ended_first = (device->ended_first + 1) % RECORDS;
    device->ended_count--;
    return oldest;
}

/* The mark of what begins at a bus address of the device; NULL when it is not one of the device's. */
static atomic_bool *mark_of(struct dma_device *device, uint64_t bus)
{
    uint64_t offset = bus - device->domain;

    return offset < IOMMU_DOMAIN_BYTES ? &device->unchecked[offset / DMA_PAGE_BYTES] : NULL;
}

static void insert(struct dma_device *device, struct mapping *mapping)
{
    unsigned at = first_after(device, mapping->bus);
    struct mapping **place = &device->mappings[at];
    memmove(place + 1, place, (device->count - at) * sizeof(*place));
    *place = mapping;
    device->count++;
    noted_add(&beginnings, mapping->memory);
    lockcheck_event(LOCKCHECK_HAND_OVER, mapping, 0);
}

static void end(struct dma_device *device, struct mapping *mapping)
{
    unsigned at = first_after(device, mapping->bus) - 1;
    struct mapping **place = &device->mappings[at];
    assert(*place == mapping);
    device->count--;
    memmove(place, place + 1, (device->count - at) * sizeof(*place));
    noted_remove(&beginnings, mapping->memory);
    dma_views_end(&mapping->views, mapping->memory, mapping->length);
    device->ended[(device->ended_first + device->ended_count++) % RECORDS] = mapping;
    lockcheck_event(LOCKCHECK_TAKE_BACK, mapping, 0);
}

/* --- What went wrong, and which mapping it has to do with --- */

struct fault {
    char text[FAULT_TEXT_MAX]; /* empty: nothing went wrong */
    const struct mapping *mapping;
    char name[NAME_MAX_OCTETS]; /* of the mapping */
    const char *relation;       /* of the mapping to the fault */
    bool ended;                 /* it has */
};

static const char *direction_name(enum iommu_direction direction)
{
    static const char *const names[] = {
        [IOMMU_TO_DEVICE] = "reading", [IOMMU_FROM_DEVICE] = "writing", [IOMMU_BIDIRECTIONAL] = "both"};

    return names[direction];
}

static void add_text(struct fault *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_text(struct fault *fault, const char *format, ...)
{
    size_t used = strlen(fault->text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(fault->text + used, sizeof(fault->text) - used, format, arguments);
    va_end(arguments);
}

/* The fault has to do with this mapping. Called with the lock of its device held. */
static void relate(struct fault *fault, const struct dma_device *device, const struct mapping *mapping,
                   const char *relation, bool ended)
{
    fault->mapping = mapping;
    fault->relation = relation;
    fault->ended = ended;
    snprintf(fault->name, sizeof(fault->name), "mapping of %" PRIu64 " bytes at 0x%" PRIx64 " by %s",
             mapping->length, mapping->bus, device->name);
}

static void tell(struct dma_device *device, const struct fault *fault)
{
    atomic_fetch_add(&device->faults, 1);
    if (!lockcheck_request)
        fprintf(stderr, "dma-fault: %s\n", fault->text);
    if (fault->mapping) {
        lockcheck_name_object(fault->mapping, "mapping", fault->name);
        lockcheck_tell_of(fault->mapping, fault->ended ? 2 : 1, fault->relation);
    }
}

/* Report without any lock: the finding ends the execution here. */
static void report(struct dma_device *device, const struct fault *fault)
{
    tell(device, fault);
    lockcheck_finding("dma-fault", fault->text);
}

/* Look for what lies, or lay, at a bus address of a domain. Takes its lock. Returns whether there is such a
 * mapping. */
static bool find_there(struct fault *fault, struct dma_device *device, uint64_t bus)
{
    pthread_mutex_lock(&device->lock);
    const struct mapping *mapping = mapping_that_covers(device, bus);
    bool ended = !mapping;
    if (ended)
        mapping = ended_that_covered(device, bus);
    if (mapping) {
        add_text(fault, "; device %s %s memory there", device->name, ended ? "had" : "has");
        relate(fault, device, mapping, ended ? "the mapping that has ended there" : "the mapping there",
               ended);
    }
    pthread_mutex_unlock(&device->lock);
    return mapping != NULL;
}

/* The physical address of memory that is mapped elsewhere? Takes the lock. Returns whether there is a
 * mapping. */
static bool find_by_memory(struct fault *fault, struct dma_device *device, uint64_t physical)
{
    const unsigned char *memory = dma_memory_virtual(physical);
    const struct mapping *mapping = NULL;

    pthread_mutex_lock(&device->lock);
    if (memory)
        mapping = mapping_of_memory(device, memory, 1);
    if (mapping) {
        add_text(fault, "; that is a physical address, and the memory is mapped at 0x%" PRIx64,
                 mapping->bus + (uint64_t)(memory - mapping->memory));
        relate(fault, device, mapping, "the mapping of that memory", false);
    }
    pthread_mutex_unlock(&device->lock);
    return mapping != NULL;
}

/* Look for a mapping that ends shortly before a bus address, or begins shortly behind it. Takes the lock. */
static void find_near(struct fault *fault, struct dma_device *device, uint64_t bus)
{
    pthread_mutex_lock(&device->lock);
    unsigned after = first_after(device, bus);
    const struct mapping *before = after > 0 ? device->mappings[after - 1] : NULL;
    const struct mapping *behind = after < device->count ? device->mappings[after] : NULL;
    uint64_t past = before ? bus - (before->bus + before->length) : NEAR;
    uint64_t ahead = behind ? behind->bus - bus : NEAR;
    if (past < NEAR && past <= ahead) {
        add_text(fault, "; a mapping ends %" PRIu64 " bytes before it", past);
        relate(fault, device, before, "the nearest mapping", false);
    } else if (ahead < NEAR) {
        add_text(fault, "; a mapping begins %" PRIu64 " bytes behind it", ahead);
        relate(fault, device, behind, "the nearest mapping", false);
    }
    pthread_mutex_unlock(&device->lock);
}

/* Nothing is mapped there: what should have been used? Called without any lock. */
static void explain(struct fault *fault, struct dma_device *device, uint64_t bus)
{
    if (find_there(fault, device, bus))
        return;
    unsigned used = atomic_load(&devices_used);
    for (unsigned i = 0; i < used; i++)
        if (&devices[i] != device && find_there(fault, &devices[i], bus))
            return;
    if (!find_by_memory(fault, device, bus))
        find_near(fault, device, bus);
}

void iommu_report_misuse(struct dma_device *device, uint64_t bus, const char *text)
{
    struct fault fault = {0};

    add_text(&fault, "%s", text);
    pthread_mutex_lock(&device->lock);
    const struct mapping *mapping = mapping_that_covers(device, bus);
    if (mapping)
        relate(&fault, device, mapping, "the mapping there", false);
    pthread_mutex_unlock(&device->lock);
    report(device, &fault);
}

static void check_freed(struct dma_device *device, const unsigned char *memory, size_t length)
{
    struct fault fault = {0};

    pthread_mutex_lock(&device->lock);
    const struct mapping *mapping = mapping_of_memory(device, memory, length);
    if (mapping) {
        add_text(&fault, "memory is freed that device %s may still use, at bus address 0x%" PRIx64,
                 device->name, mapping->bus);
        relate(&fault, device, mapping, "the mapping of that memory", false);
    }
    pthread_mutex_unlock(&device->lock);
    if (mapping)
        report(device, &fault);
}

void iommu_check_freed(const void *memory, size_t length)
{
    unsigned used = atomic_load(&devices_used);

    if (!noted_in(&beginnings, memory, length))
        return;
    for (unsigned i = 0; i < used; i++)
        check_freed(&devices[i], memory, length);
}

void iommu_report_left(struct dma_device *device, const char *text)
{
    struct fault fault[LEFT_TOLD] = {0};

    pthread_mutex_lock(&device->lock);
    unsigned told = device->count < LEFT_TOLD ? device->count : LEFT_TOLD;
    for (unsigned i = 0; i < told; i++)
        relate(&fault[i], device, device->mappings[i], "a mapping that is left", false);
    pthread_mutex_unlock(&device->lock);
    for (unsigned i = 1; i < told; i++) {
        lockcheck_name_object(fault[i].mapping, "mapping", fault[i].name);
        lockcheck_tell_of(fault[i].mapping, 1, fault[i].relation);
    }
    add_text(&fault[0], "%s", text);
    report(device, &fault[0]);
}

/* --- The system's side --- */

static uint64_t map(struct dma_device *device, void *address, size_t length, enum iommu_direction direction,
                    const char *use, bool streaming)
{
    assert(direction >= IOMMU_TO_DEVICE && direction <= IOMMU_BIDIRECTIONAL);
    if (length == 0 || length > IOMMU_DOMAIN_BYTES / 2)
        return 0;
    uint64_t phase = (uintptr_t)address & BUS_PHASE_MASK;
    uint64_t bus = 0;

    pthread_mutex_lock(&device->lock);
    if (device->count < IOMMU_MAPPINGS_MAX) {
        uint64_t start = find_bus(device, pages_of(phase + length) * DMA_PAGE_BYTES + DMA_PAGE_BYTES);
        if (start != 0) {
            struct mapping *mapping = take_record(device);
            bus = start + phase;
            *mapping = (struct mapping){bus, length, address, direction, use, {0}};
            atomic_store(mark_of(device, bus), streaming);
            if (streaming)
                dma_views_begin(&mapping->views, address, length);
            insert(device, mapping);
        }
    }
    pthread_mutex_unlock(&device->lock);
    return bus;
}

uint64_t iommu_map_for(struct dma_device *device, void *address, size_t length,
                       enum iommu_direction direction, const char *use)
{
    return map(device, address, length, direction, use, false);
}

uint64_t iommu_map_streaming(struct dma_device *device, void *address, size_t length,
                             enum iommu_direction direction, const char *use)
{
    return map(device, address, length, direction, use, true);
}

void iommu_note_checked(struct dma_device *device, uint64_t bus)
{
    atomic_bool *mark = mark_of(device, bus);

    if (mark)
        atomic_store(mark, false);
}

uint64_t iommu_map(struct dma_device *device, void *address, size_t length, enum iommu_direction direction)
{
    return map(device, address, length, direction, NULL, false);
}

/* End a mapping. Returns whether it was there, with what it was in *was and *fault related to it. */
static bool unmap(struct dma_device *device, uint64_t bus, size_t length, struct mapping *was,
                  struct fault *fault)
{
    pthread_mutex_lock(&device->lock);
    struct mapping *mapping = mapping_that_covers(device, bus);
    bool found = mapping && mapping->bus == bus && mapping->length == length;
    if (mapping)
        relate(fault, device, mapping, "the mapping there", found);
    if (found) {
        *was = *mapping;
        end(device, mapping);
    }
    pthread_mutex_unlock(&device->lock);
    if (found)
        return true;
    add_text(fault,
             "the driver unmaps %zu bytes at bus address 0x%" PRIx64
             " from device %s, which is not a mapping",
             length, bus, device->name);
    if (!mapping)
        explain(fault, device, bus);
    report(device, fault);
    return false;
}

void iommu_unmap(struct dma_device *device, uint64_t bus, size_t length)
{
    struct mapping was;
    struct fault fault = {0};

    unmap(device, bus, length, &was, &fault);
}

void iommu_unmap_for(struct dma_device *device, uint64_t bus, size_t length, enum iommu_direction direction,
                     const char *use)
{
    const atomic_bool *mark = mark_of(device, bus);
    bool unchecked = mark && atomic_load(mark);
    struct mapping was;
    struct fault fault = {0};

    if (!unmap(device, bus, length, &was, &fault))
        return;
    bool same_use = was.use == use || (was.use && use && strcmp(was.use, use) == 0);
    bool unsynced = was.views.changed < was.views.changed_end;
    if (was.direction == direction && same_use && !unsynced && !unchecked)
        return;
    add_text(&fault, "the driver unmaps %zu bytes at bus address 0x%" PRIx64 " from device %s", length, bus,
             device->name);
    if (unsynced)
        add_text(&fault,
                 ", whose bytes %zu to %zu the device has accessed after they had been changed, without a "
                 "sync for the device",
                 was.views.changed, was.views.changed_end - 1);
    else if (was.direction != direction)
        add_text(&fault, " for %s, but has mapped them for %s", direction_name(direction),
                 direction_name(was.direction));
    else if (same_use)
        add_text(&fault, " without having looked whether mapping them had failed");
    else
        add_text(&fault, " as %s, but has mapped them as %s", use ? use : "memory",
                 was.use ? was.use : "memory");
    report(device, &fault);
}

/* Hands over to one of them, if all is well. */
static void sync_by(void (*hand_over)(struct dma_views *, const unsigned char *, size_t, size_t),
                    struct dma_device *device, uint64_t bus, size_t length, enum iommu_direction direction)
{
    struct fault fault = {0};

    pthread_mutex_lock(&device->lock);
    struct mapping *mapping = mapping_that_covers(device, bus);
    if (!mapping || length > mapping->length - (bus - mapping->bus)) {
        add_text(&fault,
                 "the driver syncs %zu bytes at bus address 0x%" PRIx64
                 " of device %s, which do not lie in a mapping",
                 length, bus, device->name);
    } else if (direction & ~mapping->direction) {
        add_text(&fault,
                 "the driver syncs %zu bytes at bus address 0x%" PRIx64
                 " of device %s for %s, but has mapped them for %s",
                 length, bus, device->name, direction_name(direction), direction_name(mapping->direction));
    } else {
        hand_over(&mapping->views, mapping->memory, bus - mapping->bus, length);
    }
    if (mapping && fault.text[0])
        relate(&fault, device, mapping, "the mapping there", false);
    pthread_mutex_unlock(&device->lock);
    if (!mapping)
        explain(&fault, device, bus);
    if (fault.text[0])
        report(device, &fault);
}

void iommu_sync_for_cpu(struct dma_device *device, uint64_t bus, size_t length,
                        enum iommu_direction direction)
{
    sync_by(dma_views_for_cpu, device, bus, length, direction);
}

void iommu_sync_for_device(struct dma_device *device, uint64_t bus, size_t length,
                           enum iommu_direction direction)
{
    sync_by(dma_views_for_device, device, bus, length, direction);
}

/* The mapping in force through which a device has written there, with the lock of the device held; or NULL.
 */
static const struct mapping *find_withheld(const unsigned char *memory, struct dma_device **owner)
{
    unsigned used = atomic_load(&devices_used);

    for (unsigned i = 0; i < used; i++) {
        *owner = &devices[i];
        pthread_mutex_lock(&devices[i].lock);
        const struct mapping *mapping = mapping_of_memory(&devices[i], memory, 1);
        if (mapping)
            return mapping;
        pthread_mutex_unlock(&devices[i].lock);
    }
    return NULL;
}

static const char *tell_of_withheld(const void *address, unsigned long bytes, int write)
{
    static struct fault fault;
    struct dma_device *device;
    const struct mapping *mapping = find_withheld(address, &device);

    if (!mapping)
        return NULL;
    add_text(&fault,
             "memory that device %s has written at bus address 0x%" PRIx64
             " is %s without a sync for the processor (bytes: %lu)",
             device->name, mapping->bus + (uint64_t)((const unsigned char *)address - mapping->memory),
             write ? "changed" : "read", bytes);
    relate(&fault, device, mapping, "the mapping there", false);
    pthread_mutex_unlock(&device->lock);
    tell(device, &fault);
    return fault.text;
}

/* --- The device's side --- */

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

/*
 * Find the mapping for an access. Called with the lock held. Returns NULL when the access is refused; *fault
 * then says why, or has no text when that is no fault.
 */
static struct mapping *translate(struct dma_device *device, uint64_t bus, size_t length,
                                 enum iommu_direction direction, struct fault *fault)
{
    bool answered = !device->abort_next;

    fault->text[0] = '\0';
    fault->mapping = NULL;
    device->abort_next = false;
    if (!device->master)
        return NULL;
    struct mapping *mapping = mapping_that_covers(device, bus);
    uint64_t left = mapping ? mapping->length - (bus - mapping->bus) : 0;
    if (answered && length <= left && (mapping->direction & direction))
        return mapping;

    device->aborted = true;
    if (!answered)
        return NULL;
    add_text(fault, "device %s %s %zu bytes at bus address 0x%" PRIx64 ", ", device->name,
             direction == IOMMU_TO_DEVICE ? "reads" : "writes", length, bus);
    if (!mapping)
        add_text(fault, "where nothing is mapped");
    else if (length > left)
        add_text(fault, "but the mapping ends after %" PRIu64, left);
    else
        add_text(fault, "which is mapped for %s only", direction_name(mapping->direction));
    if (mapping)
        relate(fault, device, mapping, "the mapping there", false);
    return NULL;
}

/* An access was refused, as machines go on after. Called without the lock. */
static void refuse(struct dma_device *device, uint64_t bus, const void *object, struct fault *fault)
{
    if (!fault->text[0])
        return;
    if (!fault->mapping)
        explain(fault, device, bus);
    tell(device, fault);
    lockcheck_finding_survived(object, "dma-fault", fault->text);
}

bool dma_peek(struct dma_device *device, uint64_t bus, void *buffer, size_t length)
{
    pthread_mutex_lock(&device->lock);
    const struct mapping *mapping = mapping_that_covers(device, bus);
    bool readable =
        mapping && length <= mapping->length - (bus - mapping->bus) && (mapping->direction & IOMMU_TO_DEVICE);
    if (readable) {
        lockcheck_event(LOCKCHECK_DEVICE_BEGIN, NULL, 0);
        load(buffer, mapping->memory + (bus - mapping->bus), length);
        lockcheck_event(LOCKCHECK_DEVICE_END, NULL, 0);
    }
    pthread_mutex_unlock(&device->lock);
    return readable;
}

bool dma_is_mapped(struct dma_device *device, uint64_t bus)
{
    pthread_mutex_lock(&device->lock);
    bool mapped = mapping_that_covers(device, bus);
    pthread_mutex_unlock(&device->lock);
    return mapped;
}

bool dma_read(struct dma_device *device, uint64_t bus, void *buffer, size_t length, const void *object)
{
    struct fault fault;
    pthread_mutex_lock(&device->lock);
    struct mapping *mapping = translate(device, bus, length, IOMMU_TO_DEVICE, &fault);
    if (mapping) {
        size_t at = bus - mapping->bus;
        lockcheck_event(LOCKCHECK_DEVICE_BEGIN, NULL, 0);
        dma_views_accessed(&mapping->views, mapping->memory, at, length);
        load(buffer, mapping->memory + at, length);
        lockcheck_event(LOCKCHECK_DEVICE_END, NULL, 0);
    }
    pthread_mutex_unlock(&device->lock);
    if (!mapping)
        refuse(device, bus, object, &fault);
    return mapping != NULL;
}

bool dma_write(struct dma_device *device, uint64_t bus, const void *buffer, size_t length, const void *object)
{
    struct fault fault;
    pthread_mutex_lock(&device->lock);
    struct mapping *mapping = translate(device, bus, length, IOMMU_FROM_DEVICE, &fault);
    if (mapping) {
        size_t at = bus - mapping->bus;
        lockcheck_event(LOCKCHECK_DEVICE_BEGIN, NULL, 0);
        dma_views_accessed(&mapping->views, mapping->memory, at, length);
        store(mapping->memory + at, buffer, length);
        dma_views_written(&mapping->views, mapping->memory, at, length);
        lockcheck_event(LOCKCHECK_DEVICE_END, NULL, 0);
    }
    pthread_mutex_unlock(&device->lock);
    if (!mapping)
        refuse(device, bus, object, &fault);
    return mapping != NULL;
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
