/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers as gdb has them: see gdbregisters.h. */
#include "lockcheck/tool/gdbregisters.h"
#include "lockcheck/runtime/channel.h"
#include "lockcheck/tool/text.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>

char *gdb_to_hex(const void *bytes, size_t length)
{
    char *hex = allocate(2 * length + 1);
    for (size_t i = 0; i < length; i++)
        sprintf(hex + 2 * i, "%02x", ((const uint8_t *)bytes)[i]);
    return hex;
}

size_t gdb_from_hex(const char *hex, uint8_t *bytes, size_t room)
{
    size_t n = 0;
    for (unsigned byte; n < room && isxdigit((unsigned char)hex[0]) && isxdigit((unsigned char)hex[1]) &&
                        sscanf(hex, "%2x", &byte) == 1;
         hex += 2)
        bytes[n++] = (uint8_t)byte;
    return n;
}

enum group { CORE, ADDRESS, CODE, SEGMENT, FLOAT, FLOAT_CONTROL, VECTOR, VECTOR_CONTROL, SYSTEM_CALL, BASE };

/* In gdb's order. size: in the kernel's struct; to gdb, what is narrower than 32 bits is as wide as that. */
#define GENERAL(name, group) #name, group, 8, offsetof(struct user_regs_struct, name)
#define NARROW(name) #name, SEGMENT, 4, offsetof(struct user_regs_struct, name)
#define FLOATS(name, group, size, field, more)                                                               \
    name, group, size, offsetof(struct user_fpregs_struct, field) + (more)
static const struct known_register {
    const char *name;
    enum group group;
    size_t size, offset;
} known[] = {
    {GENERAL(rax, CORE)},
    {GENERAL(rbx, CORE)},
    {GENERAL(rcx, CORE)},
    {GENERAL(rdx, CORE)},
    {GENERAL(rsi, CORE)},
    {GENERAL(rdi, CORE)},
    {GENERAL(rbp, ADDRESS)},
    {GENERAL(rsp, ADDRESS)},
    {GENERAL(r8, CORE)},
    {GENERAL(r9, CORE)},
    {GENERAL(r10, CORE)},
    {GENERAL(r11, CORE)},
    {GENERAL(r12, CORE)},
    {GENERAL(r13, CORE)},
    {GENERAL(r14, CORE)},
    {GENERAL(r15, CORE)},
    {GENERAL(rip, CODE)},
    {NARROW(eflags)},
    {NARROW(cs)},
    {NARROW(ss)},
    {NARROW(ds)},
    {NARROW(es)},
    {NARROW(fs)},
    {NARROW(gs)},
    {FLOATS("st0", FLOAT, 10, st_space, 0)},
    {FLOATS("st1", FLOAT, 10, st_space, 16)},
    {FLOATS("st2", FLOAT, 10, st_space, 32)},
    {FLOATS("st3", FLOAT, 10, st_space, 48)},
    {FLOATS("st4", FLOAT, 10, st_space, 64)},
    {FLOATS("st5", FLOAT, 10, st_space, 80)},
    {FLOATS("st6", FLOAT, 10, st_space, 96)},
    {FLOATS("st7", FLOAT, 10, st_space, 112)},
    {FLOATS("fctrl", FLOAT_CONTROL, 2, cwd, 0)},
    {FLOATS("fstat", FLOAT_CONTROL, 2, swd, 0)},
    {FLOATS("ftag", FLOAT_CONTROL, 2, ftw, 0)},
    {FLOATS("fiseg", FLOAT_CONTROL, 4, rip, 4)},
    {FLOATS("fioff", FLOAT_CONTROL, 4, rip, 0)},
    {FLOATS("foseg", FLOAT_CONTROL, 4, rdp, 4)},
    {FLOATS("fooff", FLOAT_CONTROL, 4, rdp, 0)},
    {FLOATS("fop", FLOAT_CONTROL, 2, fop, 0)},
    {FLOATS("xmm0", VECTOR, 16, xmm_space, 0)},
    {FLOATS("xmm1", VECTOR, 16, xmm_space, 16)},
    {FLOATS("xmm2", VECTOR, 16, xmm_space, 32)},
    {FLOATS("xmm3", VECTOR, 16, xmm_space, 48)},
    {FLOATS("xmm4", VECTOR, 16, xmm_space, 64)},
    {FLOATS("xmm5", VECTOR, 16, xmm_space, 80)},
    {FLOATS("xmm6", VECTOR, 16, xmm_space, 96)},
    {FLOATS("xmm7", VECTOR, 16, xmm_space, 112)},
    {FLOATS("xmm8", VECTOR, 16, xmm_space, 128)},
    {FLOATS("xmm9", VECTOR, 16, xmm_space, 144)},
    {FLOATS("xmm10", VECTOR, 16, xmm_space, 160)},
    {FLOATS("xmm11", VECTOR, 16, xmm_space, 176)},
    {FLOATS("xmm12", VECTOR, 16, xmm_space, 192)},
    {FLOATS("xmm13", VECTOR, 16, xmm_space, 208)},
    {FLOATS("xmm14", VECTOR, 16, xmm_space, 224)},
    {FLOATS("xmm15", VECTOR, 16, xmm_space, 240)},
    {FLOATS("mxcsr", VECTOR_CONTROL, 4, mxcsr, 0)},
    {GENERAL(orig_rax, SYSTEM_CALL)},
    {GENERAL(fs_base, BASE)},
    {GENERAL(gs_base, BASE)},
};
_Static_assert(sizeof known / sizeof *known == GDB_REGISTERS, "a register has no place");

static const struct {
    const char *feature, *type; /* feature: begins with this group; NULL: goes on */
} groups[] = {
    [CORE] = {"core", "int64"},   [ADDRESS] = {NULL, "data_ptr"},   [CODE] = {NULL, "code_ptr"},
    [SEGMENT] = {NULL, "int32"},  [FLOAT] = {NULL, "i387_ext"},     [FLOAT_CONTROL] = {NULL, "int"},
    [VECTOR] = {"sse", "vec128"}, [VECTOR_CONTROL] = {NULL, "int"}, [SYSTEM_CALL] = {"linux", "int64"},
    [BASE] = {"segments", "int"},
};

static bool is_float(const struct known_register *r)
{
    return r->group >= FLOAT && r->group <= VECTOR_CONTROL;
}

static size_t width(const struct known_register *r)
{
    return r->size < 4 ? 4 : r->size;
}

static void *place(struct gdb_registers *registers, const struct known_register *r)
{
    return (char *)(is_float(r) ? (void *)&registers->floats : (void *)&registers->general) + r->offset;
}

/* The tag word has one bit for each register in memory, and two in gdb's eyes: FXSAVE in the Intel SDM. */
static uint32_t wide_tags(uint32_t narrow)
{
    uint32_t tags = 0;
    for (unsigned i = 0; i < 8; i++)
        if (!(narrow & 1u << i))
            tags |= 3u << (2 * i);
    return tags;
}

static uint32_t narrow_tags(uint32_t wide)
{
    uint32_t tags = 0;
    for (unsigned i = 0; i < 8; i++)
        if ((wide >> (2 * i) & 3u) != 3u)
            tags |= 1u << i;
    return tags;
}

static bool is_tags(const struct known_register *r)
{
    return is_float(r) && r->offset == offsetof(struct user_fpregs_struct, ftw);
}

size_t gdb_register_width(size_t number)
{
    return width(&known[number]);
}

char *gdb_register_print(const struct gdb_registers *registers, size_t number)
{
    const struct known_register *r = &known[number];
    if (!registers->there[number]) {
        char *unknown = allocate(2 * width(r) + 1);
        memset(unknown, 'x', 2 * width(r));
        return unknown;
    }
    uint8_t value[16] = {0};
    memcpy(value, place((struct gdb_registers *)registers, r), r->size);
    if (is_tags(r)) {
        uint32_t tags = wide_tags(registers->floats.ftw);
        memcpy(value, &tags, sizeof tags);
    }
    return gdb_to_hex(value, width(r));
}

bool gdb_register_parse(struct gdb_registers *registers, size_t number, const char *hex)
{
    const struct known_register *r = &known[number];
    uint8_t value[16];
    if (gdb_from_hex(hex, value, width(r)) != width(r))
        return false;
    if (is_tags(r)) {
        uint32_t tags;
        memcpy(&tags, value, sizeof tags);
        tags = narrow_tags(tags);
        memcpy(value, &tags, sizeof tags);
    }
    void *at = place(registers, r);
    if (!is_float(r))
        memset(at, 0, 8); /* narrow ones are as wide as the others for the kernel */
    memcpy(at, value, r->size);
    return true;
}

bool gdb_registers_fetch(struct gdb_registers *registers, pid_t pid)
{
    memset(registers->there, true, sizeof registers->there);
    return ptrace(PTRACE_GETREGS, pid, NULL, &registers->general) == 0 &&
           ptrace(PTRACE_GETFPREGS, pid, NULL, &registers->floats) == 0;
}

bool gdb_registers_store(const struct gdb_registers *registers, pid_t pid)
{
    return ptrace(PTRACE_SETREGS, pid, NULL, &registers->general) == 0 &&
           ptrace(PTRACE_SETFPREGS, pid, NULL, &registers->floats) == 0;
}

void gdb_registers_nowhere(struct gdb_registers *registers, uint64_t pc)
{
    registers->general.rip = pc;
    for (size_t i = 0; i < GDB_REGISTERS; i++)
        registers->there[i] = known[i].group == CODE;
}

static const struct {
    enum lc_debug_register from;
    size_t to;
} saved[] = {
    {LC_DEBUG_RIP, offsetof(struct user_regs_struct, rip)},
    {LC_DEBUG_RSP, offsetof(struct user_regs_struct, rsp)},
    {LC_DEBUG_RBP, offsetof(struct user_regs_struct, rbp)},
    {LC_DEBUG_RBX, offsetof(struct user_regs_struct, rbx)},
    {LC_DEBUG_R12, offsetof(struct user_regs_struct, r12)},
    {LC_DEBUG_R13, offsetof(struct user_regs_struct, r13)},
    {LC_DEBUG_R14, offsetof(struct user_regs_struct, r14)},
    {LC_DEBUG_R15, offsetof(struct user_regs_struct, r15)},
    {LC_DEBUG_RDI, offsetof(struct user_regs_struct, rdi)},
};
#define SAVED (sizeof saved / sizeof *saved)

/* The process's segments, and what the runtime keeps of a thread. */
static bool is_kept(const struct known_register *r, bool starts)
{
    if (r->group == BASE || r->group == VECTOR_CONTROL || strcmp(r->name, "fctrl") == 0)
        return true;
    if (r->group == SEGMENT)
        return strcmp(r->name, "eflags") != 0;
    for (size_t i = 0; i < SAVED; i++)
        if (!is_float(r) && r->offset == saved[i].to)
            return saved[i].from != LC_DEBUG_RDI || starts;
    return false;
}

bool gdb_registers_of_waiting(struct gdb_registers *registers, const json_t *thread)
{
    const json_t *context = json_object_get(thread, "context");
    if (json_array_size(context) != LC_DEBUG_REGISTERS)
        return false;
    for (size_t i = 0; i < SAVED; i++) {
        uint64_t value = (uint64_t)json_integer_value(json_array_get(context, saved[i].from));
        memcpy((char *)&registers->general + saved[i].to, &value, sizeof value);
    }
    uint64_t control = (uint64_t)json_integer_value(json_array_get(context, LC_DEBUG_CONTROL));
    registers->floats.mxcsr = (uint32_t)control;
    registers->floats.cwd = (uint16_t)(control >> 32);
    registers->general.fs_base = (uint64_t)json_integer_value(json_object_get(thread, "thread_pointer"));
    bool starts = json_integer_value(json_array_get(context, LC_DEBUG_RDI_KNOWN)) != 0;
    for (size_t i = 0; i < GDB_REGISTERS; i++)
        registers->there[i] = is_kept(&known[i], starts);
    return true;
}

char *gdb_registers_features(void)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        abort();
    fputs("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
          "<architecture>i386:x86-64</architecture><osabi>GNU/Linux</osabi>",
          out);
    const char *open = NULL;
    for (size_t i = 0; i < GDB_REGISTERS; i++) {
        const char *feature = groups[known[i].group].feature;
        if (feature && feature != open) {
            fprintf(out, "%s<feature name=\"org.gnu.gdb.i386.%s\">", open ? "</feature>" : "", feature);
            if (strcmp(feature, "sse") == 0)
                fputs("<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
                      "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
                      "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
                      "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
                      "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
                      "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
                      "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>"
                      "<field name=\"v2_double\" type=\"v2d\"/><field name=\"v16_int8\" type=\"v16i8\"/>"
                      "<field name=\"v8_int16\" type=\"v8i16\"/><field name=\"v4_int32\" type=\"v4i32\"/>"
                      "<field name=\"v2_int64\" type=\"v2i64\"/>"
                      "<field name=\"uint128\" type=\"uint128\"/></union>",
                      out);
            open = feature;
        }
        fprintf(out, "<reg name=\"%s\" bitsize=\"%zu\" type=\"%s\" regnum=\"%zu\"/>", known[i].name,
                8 * width(&known[i]), groups[known[i].group].type, i);
    }
    fputs("</feature></target>", out);
    fclose(out);
    return text;
}
