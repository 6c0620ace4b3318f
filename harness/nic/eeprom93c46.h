/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A 93C46 serial EEPROM of 64 words of 16 bits, at the level of its four pins. After the data sheets of the
 * 93C46 family (Microwire bus): instructions READ, WRITE, ERASE, EWEN, EWDS, ERAL, WRAL; a READ that goes on
 * gives the next words.
 *
 * Left out: the time that programming takes; the chip is ready at once.
 */
#ifndef HARNESS_NIC_EEPROM93C46_H
#define HARNESS_NIC_EEPROM93C46_H

#include <stdbool.h>
#include <stdint.h>

#define EEPROM93C46_WORDS 64u

struct eeprom93c46 {
    uint16_t words[EEPROM93C46_WORDS];
    bool chip_select;
    bool clock;
    bool output;        /* the DO pin */
    bool write_enabled; /* by EWEN; off at power-on */
    bool reading;       /* a READ shifts words out until chip select falls */
    unsigned bits;      /* shifted in since the start bit, with it; 0 while waiting for it */
    uint32_t shift_in;  /* start bit, opcode, address, data */
    unsigned address;
    unsigned bits_out; /* of the word at address, already on DO */
};

/* The words are the caller's to fill in. */
void eeprom93c46_power_on(struct eeprom93c46 *eeprom);

/* Set the last word so that the sum of all is this, as Intel's cards have it. */
void eeprom93c46_seal(struct eeprom93c46 *eeprom, uint16_t sum);

/* Drive the input pins: CS, SK, DI. The chip acts on rising edges of SK and on the fall of CS. */
void eeprom93c46_drive(struct eeprom93c46 *eeprom, bool chip_select, bool clock, bool data);

/* The DO pin; high (pulled up) while the chip does not drive it. */
bool eeprom93c46_output(const struct eeprom93c46 *eeprom);

#endif
