/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The serial EEPROM of eeprom93c46.h: a shift register and what it does when an instruction is complete.
 */
#include "harness/nic/eeprom93c46.h"

#define START_BITS 1u
#define OPCODE_BITS 2u
#define ADDRESS_BITS 6u
#define WORD_BITS 16u
#define INSTRUCTION_BITS (START_BITS + OPCODE_BITS + ADDRESS_BITS)
#define ADDRESS_MASK (EEPROM93C46_WORDS - 1)
#define ERASED 0xffffu

enum opcode { OPCODE_EXTENDED = 0, OPCODE_WRITE = 1, OPCODE_READ = 2, OPCODE_ERASE = 3 };

/* The upper two address bits of OPCODE_EXTENDED. */
enum extended { EXTENDED_EWDS = 0, EXTENDED_WRAL = 1, EXTENDED_ERAL = 2, EXTENDED_EWEN = 3 };

void eeprom93c46_power_on(struct eeprom93c46 *eeprom)
{
    eeprom->chip_select = false;
    eeprom->clock = false;
    eeprom->output = true;
    eeprom->write_enabled = false;
    eeprom->reading = false;
    eeprom->bits = 0;
}

void eeprom93c46_seal(struct eeprom93c46 *eeprom, uint16_t sum)
{
    for (unsigned i = 0; i < EEPROM93C46_WORDS - 1; i++)
        sum = (uint16_t)(sum - eeprom->words[i]);
    eeprom->words[EEPROM93C46_WORDS - 1] = sum;
}

static void fill(struct eeprom93c46 *eeprom, uint16_t value)
{
    for (unsigned i = 0; eeprom->write_enabled && i < EEPROM93C46_WORDS; i++)
        eeprom->words[i] = value;
}

static void program(struct eeprom93c46 *eeprom, unsigned address, uint16_t value)
{
    if (eeprom->write_enabled)
        eeprom->words[address] = value;
}

/* Start bit, opcode and address are in. */
static void instruction_complete(struct eeprom93c46 *eeprom)
{
    enum opcode opcode = eeprom->shift_in >> ADDRESS_BITS & 3;

    eeprom->address = eeprom->shift_in & ADDRESS_MASK;
    if (opcode == OPCODE_READ) {
        eeprom->reading = true;
        eeprom->bits_out = 0;
        eeprom->output = false; /* the dummy bit ahead of the first word */
    } else if (opcode == OPCODE_ERASE) {
        program(eeprom, eeprom->address, ERASED);
    } else if (opcode == OPCODE_EXTENDED) {
        enum extended extended = eeprom->address >> (ADDRESS_BITS - 2);

        if (extended == EXTENDED_EWEN || extended == EXTENDED_EWDS)
            eeprom->write_enabled = extended == EXTENDED_EWEN;
        else if (extended == EXTENDED_ERAL)
            fill(eeprom, ERASED);
    }
}

/* The data word of a WRITE or WRAL is in. */
static void data_complete(struct eeprom93c46 *eeprom)
{
    uint32_t instruction = eeprom->shift_in >> WORD_BITS;
    enum opcode opcode = instruction >> ADDRESS_BITS & 3;
    uint16_t value = (uint16_t)eeprom->shift_in;

    if (opcode == OPCODE_WRITE)
        program(eeprom, eeprom->address, value);
    else if (opcode == OPCODE_EXTENDED && eeprom->address >> (ADDRESS_BITS - 2) == EXTENDED_WRAL)
        fill(eeprom, value);
}

static void shift_out(struct eeprom93c46 *eeprom)
{
    if (eeprom->bits_out == WORD_BITS) {
        eeprom->address = (eeprom->address + 1) & ADDRESS_MASK;
        eeprom->bits_out = 0;
    }
    eeprom->bits_out++;
    eeprom->output = eeprom->words[eeprom->address] >> (WORD_BITS - eeprom->bits_out) & 1;
}

static void clock_rises(struct eeprom93c46 *eeprom, bool data)
{
    if (eeprom->reading) {
        shift_out(eeprom);
        return;
    }
    if ((eeprom->bits == 0 && !data) || eeprom->bits == INSTRUCTION_BITS + WORD_BITS)
        return; /* no start bit yet, or the instruction is over */
    eeprom->shift_in = (eeprom->bits ? eeprom->shift_in << 1 : 0) | data;
    eeprom->bits++;
    if (eeprom->bits == INSTRUCTION_BITS)
        instruction_complete(eeprom);
    else if (eeprom->bits == INSTRUCTION_BITS + WORD_BITS)
        data_complete(eeprom);
}

void eeprom93c46_drive(struct eeprom93c46 *eeprom, bool chip_select, bool clock, bool data)
{
    bool rises = clock && !eeprom->clock;

    eeprom->clock = clock;
    eeprom->chip_select = chip_select;
    if (!chip_select) {
        eeprom->bits = 0;
        eeprom->reading = false;
        eeprom->output = true;
    } else if (rises) {
        clock_rises(eeprom, data);
    }
}

bool eeprom93c46_output(const struct eeprom93c46 *eeprom)
{
    return eeprom->output;
}
