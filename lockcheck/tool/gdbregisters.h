/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of a thread between the kernel's structs (ptrace(2)) and gdb's remote protocol: its features
 * of the architecture i386:x86-64 (Debugging with GDB, appendix G.5, i386 features). Left out: the upper
 * halves of vector registers, which only AVX has.
 */
#ifndef LOCKCHECK_TOOL_GDBREGISTERS_H
#define LOCKCHECK_TOOL_GDBREGISTERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#define GDB_REGISTERS 60u

struct gdb_registers {
    struct user_regs_struct general;
    struct user_fpregs_struct floats;
    bool there[GDB_REGISTERS]; /* its value is known */
};

/* Those of the kernel thread, which must be stopped and traced. Return false on failure. */
bool gdb_registers_fetch(struct gdb_registers *registers, pid_t pid);
bool gdb_registers_store(const struct gdb_registers *registers, pid_t pid);

/* Made from the kernel thread's: those with which a fiber goes on that waits for its turn. thread: of the
 * runtime's evidence. False when that has none. */
bool gdb_registers_of_waiting(struct gdb_registers *registers, const json_t *thread);
/* Of a thread that is not there: nothing is known but where it is shown. */
void gdb_registers_nowhere(struct gdb_registers *registers, uint64_t pc);

/* One register, by its number from 0, as hexadecimal digits: "xx..." when it is not known. The caller frees
 * the text. Its width is in bytes. gdb_register_parse() returns false when there are too few digits. */
size_t gdb_register_width(size_t number);
char *gdb_register_print(const struct gdb_registers *registers, size_t number);
bool gdb_register_parse(struct gdb_registers *registers, size_t number, const char *hex);

/* The description of all of them that gdb reads: XML text, which the caller frees. */
char *gdb_registers_features(void);

/* Bytes as digits, which the caller frees, and back: returns the bytes made of digits, up to room or what is
 * no digit. */
char *gdb_to_hex(const void *bytes, size_t length);
size_t gdb_from_hex(const char *hex, uint8_t *bytes, size_t room);

#endif
