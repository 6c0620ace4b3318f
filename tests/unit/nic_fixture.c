/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of the card models share: see nic_fixture.h. */
#include "tests/unit/nic_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lockcheck.h>

#include "harness/machine/dma.h"
#include "harness/machine/irq.h"
#include "harness/machine/machine.h"
#include "harness/machine/pci.h"

const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
const uint8_t peer[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x57};
const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

struct fixture card;

/* In place of lockcheck's runtime. */
void lockcheck_request(enum lockcheck_request request, const void *object, long argument, const char *text,
                       const char *kind)
{
    (void)argument;
    if (request != LOCKCHECK_FINDING || strcmp(kind, "device-misuse") != 0)
        return;
    if (!object)
        abort(); /* a finding about nothing */
    strncpy(card.misuse, text, sizeof card.misuse - 1);
}

static bool interrupt(unsigned line, void *context)
{
    (void)line;
    (void)context;
    sem_post(&card.interrupts);
    return true;
}

static void transmitted(void *opaque, uint64_t number, const uint8_t *frame, size_t length)
{
    (void)opaque;
    (void)number;
    if (card.on_transmitted)
        card.on_transmitted();
    if (card.sent_count == FRAMES || length > FRAME_BYTES)
        abort();
    memcpy(card.sent[card.sent_count], frame, length);
    card.sent_length[card.sent_count++] = length;
    sem_post(&card.sent_frames);
}

int fixture_make(const struct nic_model *model)
{
    struct nic_config nic_config = {.irq_line = LINE, .pci_slot = SLOT};

    machine_init();
    card.model = model;
    card.wire = wire_create(NULL, NULL);
    memcpy(nic_config.mac, mac, sizeof mac);
    nic_config.wire = card.wire;
    nic_config.fault = card.fault;
    nic_config.queue_pairs = card.queue_pairs;
    card.nic = model->create(&nic_config);
    if (!card.wire || !card.nic)
        return -1;
    wire_on_transmitted(card.wire, transmitted, NULL);
    card.dma = pci_function_dma(pci_function_find(0, SLOT, 0));
    sem_init(&card.interrupts, 0, 0);
    sem_init(&card.sent_frames, 0, 0);
    pci_config_write(0, SLOT, 0, 0x04, 2,
                     PCI_COMMAND_IO_BIT | PCI_COMMAND_MEMORY_BIT | PCI_COMMAND_MASTER_BIT);
    return irq_set_receiver(LINE, interrupt, NULL) ? 0 : -1;
}

void fixture_end(void)
{
    irq_set_receiver(LINE, NULL, NULL);
    card.model->power_off(card.nic);
    wire_destroy(card.wire);
}

void fixture_forget(void)
{
    while (!no_more(&card.interrupts) || !no_more(&card.sent_frames))
        ;
    card.sent_count = 0;
    card.on_transmitted = NULL;
    card.misuse[0] = '\0';
}

uint32_t config(unsigned offset, unsigned size)
{
    return pci_config_read(0, SLOT, 0, offset, size);
}

size_t make_frame(uint8_t *frame, const uint8_t *to, size_t length, uint8_t mark)
{
    memset(frame, mark, length);
    memcpy(frame, to, 6);
    memcpy(frame + 6, peer, 6);
    frame[12] = 0x88; /* an EtherType for experiments */
    frame[13] = 0xb5;
    return length;
}

enum wire_outcome bring(const uint8_t *to, size_t length, uint8_t mark)
{
    uint8_t frame[FRAME_BYTES];

    return card.model->receive(card.nic, frame, make_frame(frame, to, length, mark));
}

static void wait_semaphore(sem_t *semaphore)
{
    while (sem_wait(semaphore))
        if (errno != EINTR)
            abort();
}

void wait_interrupt(void)
{
    wait_semaphore(&card.interrupts);
}

void wait_sent(unsigned count)
{
    while (count-- > 0)
        wait_semaphore(&card.sent_frames);
}

bool no_more(sem_t *semaphore)
{
    return sem_trywait(semaphore) != 0;
}

uint32_t slow_crc(const uint8_t *data, size_t length)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < length; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            unsigned next = (crc >> 31) ^ (data[i] >> bit & 1);

            crc = crc << 1 ^ (next ? 0x04c11db7 : 0);
        }
    return crc;
}
