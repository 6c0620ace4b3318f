/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resets of PCI functions that software begins: of one alone, by the Advanced Features capability (PCI-SIG's
 * ECN "Advanced Capabilities for Conventional PCI", 2006), and of all behind a bridge, by its Secondary Bus
 * Reset bit (PCI-to-PCI Bridge Architecture Specification 1.2, 3.2.5.18). See pci.h.
 *
 * Left out: the time that they take; pending transactions, of which there are none after a register access.
 */
#include <string.h>

#include "harness/machine/dma.h"
#include "harness/machine/pci_private.h"

#define CAPABILITY_ADVANCED 0x13u

/* The capability, from its start. */
enum { ADVANCED_LENGTH = 2, ADVANCED_FEATURES = 3, ADVANCED_CONTROL = 4, ADVANCED_END = 6 };
#define FEATURES_PENDING 0x01u /* it says whether transactions are pending */
#define FEATURES_RESET 0x02u
#define CONTROL_RESET 0x01u /* reads as 0 */

void pci_function_add_reset(struct pci_function *function, unsigned offset)
{
    static const uint8_t registers[ADVANCED_END] = {
        [ADVANCED_LENGTH] = ADVANCED_END, [ADVANCED_FEATURES] = FEATURES_PENDING | FEATURES_RESET};
    static const uint8_t writable[ADVANCED_END] = {[ADVANCED_CONTROL] = CONTROL_RESET};

    function->advanced =
        pci_function_add_capability(function, offset, CAPABILITY_ADVANCED, &registers[PCI_CAPABILITY_BODY],
                                    &writable[PCI_CAPABILITY_BODY], ADVANCED_END - PCI_CAPABILITY_BODY);
}

/* Whether the bit was written; it does not stay. */
static bool take_request(struct pci_function *function)
{
    if (function->advanced == 0)
        return false;
    pthread_mutex_lock(&pci_lock);
    uint8_t *control = &function->config[function->advanced + ADVANCED_CONTROL];
    bool wanted = *control & CONTROL_RESET;
    *control &= (uint8_t)~CONTROL_RESET;
    pthread_mutex_unlock(&pci_lock);
    return wanted;
}

/* All that software may change is 0 after a reset, also what firmware had assigned. The model follows when
 * nothing is forwarded any more. */
static void reset(struct pci_function *function)
{
    pthread_mutex_lock(&pci_lock);
    for (unsigned i = 0; i < PCI_CONFIG_BYTES; i++)
        function->config[i] &= (uint8_t)~function->writable[i];
    if (function->dma)
        dma_device_forget_abort(function->dma);
    pci_reset_messages(function);
    pci_apply_config(function);
    pthread_mutex_unlock(&pci_lock);
    if (function->description.ops->reset)
        function->description.ops->reset(function->description.device);
}

static void reset_behind(const struct pci_function *bridge)
{
    unsigned count = pci_function_count;
    for (unsigned i = 0; i < count; i++) {
        struct pci_function *function = &pci_functions[i];
        if (function->upstream != bridge || function->unplugged)
            continue;
        reset_behind(function);
        reset(function);
    }
}

void pci_carry_out_resets(struct pci_function *function, bool was_in_reset)
{
    if (take_request(function))
        reset(function);
    if (function->in_reset && !was_in_reset)
        reset_behind(function);
}
