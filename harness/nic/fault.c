/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults of a card: see fault.h. */
#include "harness/nic/fault.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "harness/machine/dma.h"
#include "harness/machine/pci.h"

static const char *const names[FAULT_KINDS] = {
    [FAULT_LOST_INTERRUPT] = "lost-interrupt",       [FAULT_SPURIOUS_INTERRUPT] = "spurious-interrupt",
    [FAULT_STUCK_TRANSMITTER] = "stuck-transmitter", [FAULT_CORRUPTED_DESCRIPTOR] = "corrupted-descriptor",
    [FAULT_SURPRISE_REMOVAL] = "surprise-removal",   [FAULT_MASTER_ABORT] = "master-abort",
    [FAULT_TRANSMIT_ERROR] = "transmit-error",
};

const char *fault_name(enum fault_kind kind)
{
    return names[kind];
}

static bool parse_count(const char *text, unsigned *count)
{
    char *end;
    unsigned long number;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    number = strtoul(text, &end, 10);
    if (*end || errno || number == 0 || number > UINT_MAX)
        return false;
    *count = (unsigned)number;
    return true;
}

bool fault_parse(const char *text, struct fault_plan *plan)
{
    size_t length = strcspn(text, "@");

    plan->at = FAULT_AT_DEFAULT;
    for (enum fault_kind kind = FAULT_NONE + 1; kind < FAULT_KINDS; kind++) {
        if (strlen(names[kind]) != length || strncmp(names[kind], text, length) != 0)
            continue;
        plan->kind = kind;
        return text[length] == '\0' || parse_count(text + length + 1, &plan->at);
    }
    return false;
}

void fault_init(struct fault *fault, const struct fault_plan *plan, struct pci_function *function)
{
    *fault = (struct fault){.plan = *plan, .function = function};
}

/* One more occasion for this fault: whether it is the one. */
static bool strikes(struct fault *fault, enum fault_kind kind)
{
    return fault->plan.kind == kind && ++fault->occasions == fault->plan.at;
}

bool fault_drive_pin(struct fault *fault, bool asserted)
{
    if (asserted && strikes(fault, FAULT_LOST_INTERRUPT))
        return false;
    pci_function_set_interrupt(fault->function, asserted);
    return asserted;
}

void fault_send_message(struct fault *fault, unsigned vector)
{
    if (!strikes(fault, FAULT_LOST_INTERRUPT))
        pci_function_message(fault->function, vector);
}

static void remove_card(struct fault *fault)
{
    fault->removed = true;
    pci_function_unplug(fault->function);
    if (fault->plan.removed)
        fault->plan.removed(fault->plan.opaque);
}

/* A frame, either way. A pin that the card pulls anyway is let go by the card. */
static void meet_frame(struct fault *fault)
{
    if (strikes(fault, FAULT_SPURIOUS_INTERRUPT))
        pci_function_pulse_interrupt(fault->function);
    else if (strikes(fault, FAULT_SURPRISE_REMOVAL))
        remove_card(fault);
    else if (strikes(fault, FAULT_MASTER_ABORT))
        dma_device_abort_next(pci_function_dma(fault->function));
}

bool fault_sending(struct fault *fault)
{
    meet_frame(fault);
    if (strikes(fault, FAULT_STUCK_TRANSMITTER))
        fault->stuck = true;
    return fault->stuck;
}

bool fault_leaving(struct fault *fault)
{
    return strikes(fault, FAULT_TRANSMIT_ERROR);
}

bool fault_receiving(struct fault *fault)
{
    meet_frame(fault);
    return strikes(fault, FAULT_CORRUPTED_DESCRIPTOR);
}

void fault_reset(struct fault *fault)
{
    fault->stuck = false;
}
