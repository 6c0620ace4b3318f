/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory calls. See <mach/mach_interface.h>. Contiguous memory is the machine's physical memory.
 */
#include <mach.h>

#include <stdint.h>
#include <sys/mman.h>

#include "harness/mach/ipc.h"
#include "harness/machine/dma.h"

kern_return_t vm_allocate(task_t task, vm_address_t *address, vm_size_t size, boolean_t anywhere)
{
    if (task != mach_task_self() || !anywhere)
        return KERN_INVALID_ARGUMENT;
    if (size == 0) {
        *address = 0;
        return KERN_SUCCESS;
    }
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return KERN_NO_SPACE;
    *address = (vm_address_t)memory;
    return KERN_SUCCESS;
}

kern_return_t vm_deallocate(task_t task, vm_address_t address, vm_size_t size)
{
    uint64_t physical;
    if (task != mach_task_self())
        return KERN_INVALID_ARGUMENT;
    if (size == 0)
        return KERN_SUCCESS;
    if (dma_memory_physical((void *)address, &physical)) {
        dma_memory_free((void *)address, size);
        return KERN_SUCCESS;
    }
    return munmap((void *)address, size) == 0 ? KERN_SUCCESS : KERN_INVALID_ADDRESS;
}

kern_return_t vm_allocate_contiguous(host_priv_t host_priv, task_t task, vm_address_t *vaddr,
                                     vm_address_t *paddr, vm_size_t size, vm_address_t pmin,
                                     vm_address_t pmax, vm_address_t palign)
{
    uint64_t physical;
    if (host_priv != NAME_HOST_PRIV || task != mach_task_self())
        return KERN_INVALID_ARGUMENT;
    if (palign != 0 && (palign & (palign - 1)) != 0)
        return KERN_INVALID_ARGUMENT;
    if (palign < DMA_PAGE_BYTES)
        palign = DMA_PAGE_BYTES;
    void *memory = dma_memory_allocate(size, pmin, pmax, palign, &physical);
    if (!memory)
        return KERN_RESOURCE_SHORTAGE;
    *vaddr = (vm_address_t)memory;
    *paddr = (vm_address_t)physical;
    return KERN_SUCCESS;
}
