/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Physical memory for DMA, and the IOMMU that stands between devices and all memory.
 *
 * Two address spaces, on purpose apart: physical addresses (what vm_allocate_contiguous() tells) and bus
 * addresses (what iommu_map() tells, and the only ones a device may use). A device that is given a physical
 * address faults. Both lie below 4 GiB and do not depend on where the process's memory lies.
 *
 * Each device has a domain of its own: mappings that only it may use, at bus addresses that no other device
 * is told. The IOMMU checks to the byte, not to the page: an access must lie within one mapping and go in its
 * direction. Otherwise no byte moves, the fault is counted, and reported as a finding of kind "dma-fault",
 * which says which mapping the access missed, and shows where that was made and ended: the one that it
 * leaves, another device's, one that has ended, or one close by. An execution goes on after it when a
 * suppression matches. Bus addresses are not used again before the
 * device's whole range has been, so an access after iommu_unmap() faults too.
 */
#ifndef HARNESS_MACHINE_DMA_H
#define HARNESS_MACHINE_DMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DMA_PAGE_BYTES 4096u
#define DMA_PHYSICAL_BASE 0x01000000u /* of the memory that dma_memory_allocate() gives from */
#define DMA_PHYSICAL_BYTES (32u << 20)
#define DMA_DEVICES_MAX 16u
#define IOMMU_MAPPINGS_MAX 4096u /* of one device at a time */
#define IOMMU_BUS_BASE 0x40000000u
#define IOMMU_BUS_BYTES 0x80000000u
#define IOMMU_DOMAIN_BYTES (IOMMU_BUS_BYTES / DMA_DEVICES_MAX) /* of it that each device has */
#define IOMMU_ENDED_KEPT                                                                                     \
    64u /* mappings of a device that have ended and are remembered for reports, at least */

/* --- Physical memory --- */

/* Contiguous zeroed memory, size in bytes rounded up to pages. The physical address is in [low, high) and a
 * multiple of align (a power of two, at least a page; 0: a page). Returns NULL when there is none. */
void *dma_memory_allocate(size_t size, uint64_t low, uint64_t high, uint64_t align, uint64_t *physical);

/* Give back a whole allocation. */
void dma_memory_free(void *memory, size_t size);

/* The physical address of an address in such memory; false when it is elsewhere. */
bool dma_memory_physical(const void *memory, uint64_t *physical);
/* The reverse; NULL when that is no physical address of such memory. */
void *dma_memory_virtual(uint64_t physical);

/* --- The IOMMU --- */

/* Bits: what the device may do. */
enum iommu_direction {
    IOMMU_TO_DEVICE = 1,   /* it reads memory */
    IOMMU_FROM_DEVICE = 2, /* it writes memory */
    IOMMU_BIDIRECTIONAL = 3,
};

struct dma_device;

/* One more device with mappings of its own. name must stay valid. pci_function_register() makes one. */
struct dma_device *dma_device_create(const char *name);

/* A fault: the device's next access has no answer (a master abort), which is no fault of its driver's. */
void dma_device_abort_next(struct dma_device *device);

/* Whether an access has had no answer, a refused one among them, since that was forgotten. */
bool dma_device_was_aborted(const struct dma_device *device);
void dma_device_forget_abort(struct dma_device *device);

/* Bus mastering on or off (off at first). While off no access is made, which is no fault. */
void dma_device_set_master(struct dma_device *device, bool on);

/*
 * Let the device access memory [memory, memory + length). Any memory will do; it must stay valid until the
 * unmap. Returns the bus address, equal to the address of the memory modulo 16; 0 when the device has
 * IOMMU_MAPPINGS_MAX mappings, length is 0, or half its range does not hold it.
 */
uint64_t iommu_map(struct dma_device *device, void *memory, size_t length, enum iommu_direction direction);

/* The same; use names what the mapping is for ("a page"), for the checks of iommu_unmap_for. It must stay
 * valid. */
uint64_t iommu_map_for(struct dma_device *device, void *memory, size_t length, enum iommu_direction direction,
                       const char *use);

/* The same for memory that processor and device own in turn, the device to begin with. The machine is
 * coherent, so it makes no difference to either, but for the finding at the end of what would not work where
 * it is not: see dma_views.h. */
uint64_t iommu_map_streaming(struct dma_device *device, void *memory, size_t length,
                             enum iommu_direction direction, const char *use);

/* The driver has looked whether the mapping at this bus address had failed, which it does with each one of
 * iommu_map_streaming before the end: otherwise iommu_unmap_for tells. */
void iommu_note_checked(struct dma_device *device, uint64_t bus);

/* End a mapping: bus and length as they were mapped. Otherwise nothing is unmapped, and that is a finding of
 * kind "dma-fault" as well. When it returns no access is in progress in that range. */
void iommu_unmap(struct dma_device *device, uint64_t bus, size_t length);

/* The same, where direction and use must be the mapping's, too: another system would lose data, or what it
 * knows of the memory. The mapping ends anyway; the difference is a finding of kind "dma-fault", and so is a
 * streaming mapping that is not noted as checked. */
void iommu_unmap_for(struct dma_device *device, uint64_t bus, size_t length, enum iommu_direction direction,
                     const char *use);

/* The system hands memory over between processor and device for a moment, without ending its mapping. That it
 * lies in one mapping and goes in its direction is checked; otherwise a finding of kind "dma-fault". */
void iommu_sync_for_cpu(struct dma_device *device, uint64_t bus, size_t length,
                        enum iommu_direction direction);
void iommu_sync_for_device(struct dma_device *device, uint64_t bus, size_t length,
                           enum iommu_direction direction);

/* The system that drives the device has found that DMA is used wrongly: a finding of kind "dma-fault". bus:
 * in the mapping that it is about, if there is one. */
void iommu_report_misuse(struct dma_device *device, uint64_t bus, const char *text);
/* The same about the mappings that are in force, for a driver that has left them behind. */
void iommu_report_left(struct dma_device *device, const char *text);

/* The system frees this memory. If one of a device's mappings begins in it, that is a finding of kind
 * "dma-fault": the memory will be somebody else's, and the device may still write to it. */
void iommu_check_freed(const void *memory, size_t length);

/*
 * Device side: copy from memory, and to memory. object: what the access is made for, such as a descriptor
 * that the driver handed over (LOCKCHECK_HAND_OVER of lockcheck.h), so that a finding tells who did that; or
 * NULL. Returns false when the access was refused.
 *
 * 1, 2, 4 or 8 aligned bytes are a word, which moves at once, and after all that the device has moved before:
 * a driver may poll it (Linux Documentation/memory-barriers.txt, dma_rmb()). So what a driver is to poll,
 * such as the status of a descriptor, is written by itself, and last. Anything else is a copy, and the driver
 * is to know by other means that it is over.
 */
bool dma_read(struct dma_device *device, uint64_t bus, void *buffer, size_t length, const void *object);
bool dma_write(struct dma_device *device, uint64_t bus, const void *buffer, size_t length,
               const void *object);

/* What a device model may look at for its own book-keeping, and a device would not: with bus mastering off,
 * too, and what is not mapped is no fault. */
bool dma_peek(struct dma_device *device, uint64_t bus, void *buffer, size_t length);
/* The same for what it may only write: whether a mapping is there. */
bool dma_is_mapped(struct dma_device *device, uint64_t bus);

/* Accesses refused as faults since power-on; mappings in force. */
unsigned long dma_fault_count(const struct dma_device *device);
unsigned dma_mapping_count(struct dma_device *device);

#endif
