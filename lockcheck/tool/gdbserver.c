/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gdb's remote protocol: see gdbserver.h. */
#include "lockcheck/tool/gdbserver.h"
#include "lockcheck/tool/text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PACKET_SIZE 65536u /* of what gdb sends: told to it as PacketSize */
#define MONITOR_BLOCK 8192u
#define WATCHPOINTS 4u /* Intel SDM volume 3, 18.2: DR0 to DR3 */
#define WORD 8u

struct server {
    struct tracee *tracee;
    int socket;
    uint64_t last_step;
    bool no_acks, over, failed;
    uint32_t threads; /* the highest number that gdb has heard of: it keeps a thread's number only as long as
                       * it hears of the thread, so those are told of that going back has unmade */
    uint32_t thread;  /* whose registers and memory are asked for */
    uint64_t watched[WATCHPOINTS];
    uint32_t watched_length[WATCHPOINTS];
    char in[PACKET_SIZE + 8];
    size_t in_length;
};

/* ---- packets ---- */

static void send_bytes(struct server *server, const char *bytes, size_t length)
{
    while (length && !server->over) {
        ssize_t n = send(server->socket, bytes, length, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        server->over = n <= 0;
        bytes += n > 0 ? n : 0;
        length -= n > 0 ? (size_t)n : 0;
    }
}

/* Binary data: what has a meaning in the protocol is escaped. */
static void send_packet(struct server *server, const char *data, size_t length)
{
    char *packet = allocate(2 * length + 8), *at = packet;
    uint8_t sum = 0;
    *at++ = '$';
    for (size_t i = 0; i < length; i++) {
        if (strchr("#$}*", data[i]) && data[i]) {
            *at++ = '}';
            *at++ = (char)(data[i] ^ 0x20);
        } else {
            *at++ = data[i];
        }
    }
    for (const char *c = packet + 1; c < at; c++)
        sum = (uint8_t)(sum + (uint8_t)*c);
    at += sprintf(at, "#%02x", sum);
    send_bytes(server, packet, (size_t)(at - packet));
    free(packet);
}

static void reply(struct server *server, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void reply(struct server *server, const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        abort();
    send_packet(server, text, (size_t)length);
    free(text);
}

static char *to_hex(const void *bytes, size_t length)
{
    char *hex = allocate(2 * length + 1);
    for (size_t i = 0; i < length; i++)
        sprintf(hex + 2 * i, "%02x", ((const uint8_t *)bytes)[i]);
    return hex;
}

/* Returns the bytes made of hexadecimal digits, up to room or what is no digit. */
static size_t from_hex(const char *hex, uint8_t *bytes, size_t room)
{
    size_t n = 0;
    for (unsigned byte; n < room && isxdigit((unsigned char)hex[0]) && isxdigit((unsigned char)hex[1]) &&
                        sscanf(hex, "%2x", &byte) == 1;
         hex += 2)
        bytes[n++] = (uint8_t)byte;
    return n;
}

/* The part of a document that gdb asks for with OFFSET,LENGTH. */
static void reply_part(struct server *server, const char *document, size_t size, const char *range)
{
    uint64_t offset = 0, length = 0;
    sscanf(range, "%" SCNx64 ",%" SCNx64, &offset, &length);
    if (offset > size)
        offset = size;
    bool last = length >= size - offset;
    if (last)
        length = size - offset;
    char *part = allocate(length + 1);
    part[0] = last ? 'l' : 'm';
    memcpy(part + 1, document + offset, length);
    send_packet(server, part, length + 1);
    free(part);
}

/* ---- registers: gdb's features of the i386:x86-64 architecture ---- */

enum group { CORE, ADDRESS, CODE, SEGMENT, FLOAT, FLOAT_CONTROL, VECTOR, VECTOR_CONTROL, SYSTEM_CALL, BASE };

#define GENERAL(name, type)                                                                                  \
    {                                                                                                        \
#name, type, 8, offsetof(struct user_regs_struct, name)                                              \
    }
#define NARROW(name, type)                                                                                   \
    {                                                                                                        \
#name, type, 4, offsetof(struct user_regs_struct, name)                                              \
    }
#define ST(n)                                                                                                \
    {                                                                                                        \
        "st" #n, FLOAT, 10, offsetof(struct user_fpregs_struct, st_space) + 16 * (n)                         \
    }
#define XMM(n)                                                                                               \
    {                                                                                                        \
        "xmm" #n, VECTOR, 16, offsetof(struct user_fpregs_struct, xmm_space) + 16 * (n)                      \
    }
#define CONTROL(name, field, length)                                                                         \
    {                                                                                                        \
#name, FLOAT_CONTROL, length, offsetof(struct user_fpregs_struct, field)                             \
    }

/* In gdb's order. size: in the kernel's struct; to gdb, what is narrower than 32 bits is as wide as that. */
static const struct known_register {
    const char *name;
    enum group group;
    size_t size, offset;
} known[] = {
    GENERAL(rax, CORE),
    GENERAL(rbx, CORE),
    GENERAL(rcx, CORE),
    GENERAL(rdx, CORE),
    GENERAL(rsi, CORE),
    GENERAL(rdi, CORE),
    GENERAL(rbp, ADDRESS),
    GENERAL(rsp, ADDRESS),
    GENERAL(r8, CORE),
    GENERAL(r9, CORE),
    GENERAL(r10, CORE),
    GENERAL(r11, CORE),
    GENERAL(r12, CORE),
    GENERAL(r13, CORE),
    GENERAL(r14, CORE),
    GENERAL(r15, CORE),
    GENERAL(rip, CODE),
    NARROW(eflags, SEGMENT),
    NARROW(cs, SEGMENT),
    NARROW(ss, SEGMENT),
    NARROW(ds, SEGMENT),
    NARROW(es, SEGMENT),
    NARROW(fs, SEGMENT),
    NARROW(gs, SEGMENT),
    ST(0),
    ST(1),
    ST(2),
    ST(3),
    ST(4),
    ST(5),
    ST(6),
    ST(7),
    CONTROL(fctrl, cwd, 2),
    CONTROL(fstat, swd, 2),
    CONTROL(ftag, ftw, 2),
    {"fiseg", FLOAT_CONTROL, 4, offsetof(struct user_fpregs_struct, rip) + 4},
    CONTROL(fioff, rip, 4),
    {"foseg", FLOAT_CONTROL, 4, offsetof(struct user_fpregs_struct, rdp) + 4},
    CONTROL(fooff, rdp, 4),
    CONTROL(fop, fop, 2),
    XMM(0),
    XMM(1),
    XMM(2),
    XMM(3),
    XMM(4),
    XMM(5),
    XMM(6),
    XMM(7),
    XMM(8),
    XMM(9),
    XMM(10),
    XMM(11),
    XMM(12),
    XMM(13),
    XMM(14),
    XMM(15),
    {"mxcsr", VECTOR_CONTROL, 4, offsetof(struct user_fpregs_struct, mxcsr)},
    GENERAL(orig_rax, SYSTEM_CALL),
    GENERAL(fs_base, BASE),
    GENERAL(gs_base, BASE),
};
#define REGISTERS (sizeof known / sizeof *known)

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

struct registers {
    struct user_regs_struct general;
    struct user_fpregs_struct floats;
    bool there[REGISTERS]; /* its value is known */
};

static void *place(struct registers *registers, const struct known_register *r)
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

static char *print_register(struct registers *registers, size_t number)
{
    const struct known_register *r = &known[number];
    if (!registers->there[number]) {
        char *unknown = allocate(2 * width(r) + 1);
        memset(unknown, 'x', 2 * width(r));
        return unknown;
    }
    uint8_t value[16] = {0};
    memcpy(value, place(registers, r), r->size);
    if (is_tags(r)) {
        uint32_t tags = wide_tags(registers->floats.ftw);
        memcpy(value, &tags, sizeof tags);
    }
    return to_hex(value, width(r));
}

static const json_t *thread_evidence(struct server *server, uint32_t thread)
{
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(tracee_evidence(server->tracee), "threads"), i,
                       item) if (json_integer_value(json_object_get(item, "id")) ==
                                 (json_int_t)thread) return item;
    return NULL;
}

/* Of a thread that does not run: what it goes on with. */
static bool saved_registers(struct server *server, uint32_t thread, struct registers *registers)
{
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
    const json_t *evidence = thread_evidence(server, thread), *context = json_object_get(evidence, "context");
    if (!evidence && thread <= server->threads) {
        memset(registers->there, false, sizeof registers->there);
        registers->general.rip =
            (uint64_t)json_integer_value(json_object_get(tracee_evidence(server->tracee), "no_stack"));
        for (size_t i = 0; i < REGISTERS; i++)
            registers->there[i] = known[i].group == CODE;
        return true;
    }
    if (json_array_size(context) != LC_DEBUG_REGISTERS)
        return false;
    struct registers all = *registers; /* of the carrier: for the segments, which are the process's */
    for (size_t i = 0; i < sizeof saved / sizeof *saved; i++) {
        uint64_t value = (uint64_t)json_integer_value(json_array_get(context, saved[i].from));
        memcpy((char *)&all.general + saved[i].to, &value, sizeof value);
    }
    uint64_t control = (uint64_t)json_integer_value(json_array_get(context, LC_DEBUG_CONTROL));
    all.floats.mxcsr = (uint32_t)control;
    all.floats.cwd = (uint16_t)(control >> 32);
    all.general.fs_base = (uint64_t)json_integer_value(json_object_get(evidence, "thread_pointer"));
    for (size_t i = 0; i < REGISTERS; i++) {
        const struct known_register *r = &known[i];
        bool there = (r->group == SEGMENT && strcmp(r->name, "eflags") != 0) || r->group == BASE ||
                     r->group == VECTOR_CONTROL || strcmp(r->name, "fctrl") == 0;
        for (size_t k = 0; k < sizeof saved / sizeof *saved; k++)
            there = there || (!is_float(r) && r->offset == saved[k].to &&
                              (saved[k].from != LC_DEBUG_RDI ||
                               json_integer_value(json_array_get(context, LC_DEBUG_RDI)) != 0));
        all.there[i] = there;
    }
    *registers = all;
    return true;
}

static bool running_registers(struct server *server, struct registers *registers)
{
    pid_t pid = server->tracee->pid;
    memset(registers->there, true, sizeof registers->there);
    return ptrace(PTRACE_GETREGS, pid, NULL, &registers->general) == 0 &&
           ptrace(PTRACE_GETFPREGS, pid, NULL, &registers->floats) == 0;
}

static bool get_registers(struct server *server, uint32_t thread, struct registers *registers)
{
    return running_registers(server, registers) &&
           (thread == tracee_running(server->tracee) || saved_registers(server, thread, registers));
}

static bool set_register(struct server *server, size_t number, const char *hex)
{
    struct registers registers;
    const struct known_register *r = &known[number];
    uint8_t value[16];
    if (server->thread != tracee_running(server->tracee) || !running_registers(server, &registers) ||
        from_hex(hex, value, width(r)) != width(r))
        return false;
    if (is_tags(r)) {
        uint32_t tags;
        memcpy(&tags, value, sizeof tags);
        tags = narrow_tags(tags);
        memcpy(value, &tags, sizeof tags);
    }
    void *at = place(&registers, r);
    if (!is_float(r))
        memset(at, 0, 8); /* narrow ones are as wide as the others for the kernel */
    memcpy(at, value, r->size);
    pid_t pid = server->tracee->pid;
    return is_float(r) ? ptrace(PTRACE_SETFPREGS, pid, NULL, &registers.floats) == 0
                       : ptrace(PTRACE_SETREGS, pid, NULL, &registers.general) == 0;
}

static void reply_registers(struct server *server)
{
    struct registers registers;
    if (!get_registers(server, server->thread, &registers)) {
        reply(server, "E01");
        return;
    }
    char *all = NULL;
    size_t size;
    FILE *out = open_memstream(&all, &size);
    for (size_t i = 0; out && i < REGISTERS; i++) {
        char *one = print_register(&registers, i);
        fputs(one, out);
        free(one);
    }
    if (out)
        fclose(out);
    reply(server, "%s", all);
    free(all);
}

static void write_registers(struct server *server, const char *hex)
{
    bool good = true;
    size_t left = strlen(hex);
    for (size_t i = 0; i < REGISTERS && good; i++) {
        size_t digits = 2 * width(&known[i]);
        good = left >= digits && (*hex == 'x' || set_register(server, i, hex));
        hex += digits;
        left -= digits;
    }
    reply(server, good ? "OK" : "E01");
}

static void reply_features(struct server *server, const char *range)
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
    for (size_t i = 0; i < REGISTERS; i++) {
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
    reply_part(server, text, size, range);
    free(text);
}

/* ---- threads ---- */

static void put_xml(FILE *out, const char *text)
{
    for (; *text; text++)
        if (strchr("<>&\"'", *text))
            fprintf(out, "&#%d;", *text);
        else
            fputc(*text, out);
}

/* In gdb's words after the name: "(blocked: lock on b)". */
static void put_state(FILE *out, const json_t *thread)
{
    put_xml(out, json_string_value(json_object_get(thread, "state")));
    const char *wait = json_string_value(json_object_get(thread, "waits_for"));
    if (wait) {
        fputs(": ", out);
        put_xml(out, wait);
    }
}

static void reply_threads(struct server *server, const char *range)
{
    char *text = NULL;
    size_t size, i;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        abort();
    fputs("<?xml version=\"1.0\"?><threads>", out);
    const json_t *thread, *threads = json_object_get(tracee_description(server->tracee), "threads");
    json_array_foreach(threads, i, thread)
    {
        fprintf(out, "<thread id=\"%" PRIx64 "\" name=\"",
                (uint64_t)json_integer_value(json_object_get(thread, "id")));
        put_xml(out, json_string_value(json_object_get(thread, "name")));
        fputs("\">", out);
        put_state(out, thread);
        fputs("</thread>", out);
    }
    for (i = json_array_size(threads) + 1; i <= server->threads; i++)
        fprintf(out, "<thread id=\"%zx\">not made yet</thread>", i);
    server->threads = (uint32_t)(i - 1);
    fputs("</threads>", out);
    fclose(out);
    reply_part(server, text, size, range);
    free(text);
}

/*
 * qGetTLSAddr:THREAD,OFFSET,LINK-MAP. ELF Handling for Thread-Local Storage, variant II: the thread's vector
 * of blocks is at its thread pointer + 8, an entry of the C library has two words. A link map begins with the
 * load address, by which the runtime tells the module.
 */
static void reply_tls_address(struct server *server, const char *arguments)
{
    uint64_t thread, offset, map, base, vector, block;
    if (sscanf(arguments, "%" SCNx64 ",%" SCNx64 ",%" SCNx64, &thread, &offset, &map) != 3) {
        reply(server, "E01");
        return;
    }
    json_int_t module = 0;
    size_t i;
    const json_t *item;
    bool known_map = tracee_read(server->tracee, map, &base, sizeof base) == sizeof base;
    json_array_foreach(json_object_get(tracee_evidence(server->tracee), "tls"), i,
                       item) if (known_map &&
                                 (uint64_t)json_integer_value(json_object_get(item, "base")) == base) module =
        json_integer_value(json_object_get(item, "module"));
    uint64_t pointer = (uint64_t)json_integer_value(
        json_object_get(thread_evidence(server, (uint32_t)thread), "thread_pointer"));
    if (module && pointer &&
        tracee_read(server->tracee, pointer + WORD, &vector, sizeof vector) == sizeof vector &&
        tracee_read(server->tracee, vector + 2 * WORD * (uint64_t)module, &block, sizeof block) ==
            sizeof block &&
        block != UINT64_MAX) /* not allocated: the thread has not used it yet */
        reply(server, "%" PRIx64, block + offset);
    else
        reply(server, "E01");
}

/* ---- memory ---- */

static void reply_memory(struct server *server, const char *arguments)
{
    uint64_t address, length;
    if (sscanf(arguments, "%" SCNx64 ",%" SCNx64, &address, &length) != 2 || length > PACKET_SIZE / 2) {
        reply(server, "E01");
        return;
    }
    uint8_t bytes[PACKET_SIZE / 2];
    size_t got = tracee_read(server->tracee, address, bytes, length);
    char *hex = to_hex(bytes, got);
    reply(server, "%s", got || !length ? hex : "E14");
    free(hex);
}

/* M has hexadecimal digits, X the escaped bytes themselves. */
static void write_memory(struct server *server, const char *packet, size_t size)
{
    uint64_t address, length;
    int used = 0;
    static uint8_t bytes[PACKET_SIZE];
    size_t count = 0;
    if (sscanf(packet + 1, "%" SCNx64 ",%" SCNx64 ":%n", &address, &length, &used) != 2 || !used ||
        length > sizeof bytes) {
        reply(server, "E01");
        return;
    }
    const char *data = packet + 1 + used, *end = packet + size;
    if (*packet == 'M')
        count = from_hex(data, bytes, length);
    else
        while (data < end && count < length) {
            bool escaped = *data == '}' && data + 1 < end;
            bytes[count++] = (uint8_t)(escaped ? data[1] ^ 0x20 : data[0]);
            data += 1 + escaped;
        }
    bool good = count == length && tracee_write(server->tracee, address, bytes, length) == length;
    reply(server, good ? "OK" : "E14");
}

/* ---- watchpoints: debug registers of the carrier watch all threads ---- */

static bool put_debug_register(struct server *server, unsigned number, uint64_t value)
{
    return ptrace(PTRACE_POKEUSER, server->tracee->pid,
                  (void *)(offsetof(struct user, u_debugreg) + number * sizeof(long)), (void *)value) == 0;
}

static bool put_watchpoints(struct server *server, const uint32_t kinds[WATCHPOINTS])
{
    uint64_t control = 0;
    put_debug_register(server, 7, 0);
    for (unsigned i = 0; i < WATCHPOINTS; i++) {
        if (!server->watched_length[i])
            continue;
        uint64_t length = server->watched_length[i] == 8 ? 2 : server->watched_length[i] - 1;
        control |= 1ull << (2 * i) | (uint64_t)kinds[i] << (16 + 4 * i) | length << (18 + 4 * i);
        if (!put_debug_register(server, i, server->watched[i]))
            return false;
    }
    return put_debug_register(server, 7, control);
}

/* Z2,ADDRESS,LENGTH: stop after writes; 3 and 4: after reads too, which the processor cannot tell apart. */
static void change_watchpoint(struct server *server, const char *packet)
{
    static uint32_t kinds[WATCHPOINTS];
    unsigned type, length;
    uint64_t address;
    if (sscanf(packet + 1, "%u,%" SCNx64 ",%x", &type, &address, &length) != 3 || type < 2 || type > 4) {
        reply(server, "%s", ""); /* breakpoints are gdb's to write into the code */
        return;
    }
    unsigned i = 0;
    bool insert = *packet == 'Z';
    while (i < WATCHPOINTS && (insert ? server->watched_length[i] != 0
                                      : server->watched[i] != address || server->watched_length[i] != length))
        i++;
    bool fits = (length == 1 || length == 2 || length == 4 || length == 8) && address % length == 0;
    if (i == WATCHPOINTS || !fits) {
        reply(server, insert ? "E01" : "OK");
        return;
    }
    server->watched[i] = address;
    server->watched_length[i] = insert ? length : 0;
    kinds[i] = type == 2 ? 1 : 3;
    reply(server, put_watchpoints(server, kinds) ? "OK" : "E01");
}

/* The watchpoint that has been hit: its number, or -1. */
static int hit_watchpoint(struct server *server)
{
    errno = 0;
    void *status = (void *)(offsetof(struct user, u_debugreg) + 6 * sizeof(long));
    long bits = ptrace(PTRACE_PEEKUSER, server->tracee->pid, status, NULL);
    if (errno)
        return -1;
    put_debug_register(server, 6, 0);
    for (unsigned i = 0; i < WATCHPOINTS; i++)
        if (bits & 1l << i && server->watched_length[i])
            return (int)i;
    return -1;
}

/* ---- running ---- */

/* Numbers of signals in the protocol, include/gdb/signals.def, by Linux's number; others are passed on as
 * 143, "unknown". */
static const uint8_t gdb_signals[32] = {
    [SIGHUP] = 1,     [SIGINT] = 2,   [SIGQUIT] = 3,   [SIGILL] = 4,   [SIGTRAP] = 5,  [SIGABRT] = 6,
    [SIGFPE] = 8,     [SIGKILL] = 9,  [SIGBUS] = 10,   [SIGSEGV] = 11, [SIGSYS] = 12,  [SIGPIPE] = 13,
    [SIGALRM] = 14,   [SIGTERM] = 15, [SIGURG] = 16,   [SIGSTOP] = 17, [SIGTSTP] = 18, [SIGCONT] = 19,
    [SIGCHLD] = 20,   [SIGTTIN] = 21, [SIGTTOU] = 22,  [SIGIO] = 23,   [SIGXCPU] = 24, [SIGXFSZ] = 25,
    [SIGVTALRM] = 26, [SIGPROF] = 27, [SIGWINCH] = 28, [SIGUSR1] = 30, [SIGUSR2] = 31, [SIGPWR] = 32};
#define GDB_SIGNAL_UNKNOWN 143

static unsigned to_gdb(int signal)
{
    return signal < 32 && gdb_signals[signal] ? gdb_signals[signal] : GDB_SIGNAL_UNKNOWN;
}

/* What is unknown is the signal that the process has stopped for. */
static int from_gdb(const struct server *server, unsigned signal)
{
    for (int i = 1; i < 32; i++)
        if (signal && gdb_signals[i] == signal)
            return i;
    return signal == GDB_SIGNAL_UNKNOWN ? server->tracee->signal : 0;
}

static void reply_stop(struct server *server)
{
    struct tracee *tracee = server->tracee;
    tracee_show_output(tracee);
    if (tracee->stop == TRACEE_GONE) {
        int status = tracee->wait_status;
        if (WIFSIGNALED(status))
            reply(server, "X%02x", to_gdb(WTERMSIG(status)));
        else
            reply(server, "W%02x", WEXITSTATUS(status));
        return;
    }
    server->thread = tracee_running(tracee);
    unsigned signal = tracee->stop == TRACEE_SIGNAL        ? to_gdb(tracee->signal)
                      : tracee->stop == TRACEE_INTERRUPTED ? to_gdb(SIGINT)
                      : tracee->stop == TRACEE_TRAP        ? to_gdb(SIGTRAP)
                                                           : 0; /* gdb says that the thread has stopped */
    int watchpoint = tracee->stop == TRACEE_TRAP ? hit_watchpoint(server) : -1;
    if (watchpoint >= 0)
        reply(server, "T%02xthread:%x;watch:%" PRIx64 ";", signal, server->thread,
              server->watched[watchpoint]);
    else
        reply(server, "T%02xthread:%x;", signal, server->thread);
}

static void resume(struct server *server, unsigned signal, bool single_step)
{
    struct tracee *tracee = server->tracee;
    if (tracee->stop == TRACEE_GONE) {
        reply_stop(server);
        return;
    }
    if (tracee_resume(tracee, from_gdb(server, signal), single_step) != 0) {
        server->failed = server->over = true;
        return;
    }
    if (tracee->stop != TRACEE_RUNS) /* it has gone back, and is there */
        reply_stop(server);
}

/* vCont;ACTION[:THREAD]...: the first action that names the thread that runs, or none. All others go on. */
static void resume_threads(struct server *server, const char *actions)
{
    uint32_t running = tracee_running(server->tracee);
    while (*actions == ';') {
        char action = actions[1];
        unsigned signal = 0;
        actions += 2;
        if (action == 'C' || action == 'S')
            signal = (unsigned)strtoul(actions, (char **)&actions, 16);
        uint64_t thread = running;
        if (*actions == ':' && strncmp(actions, ":-1", 3) != 0)
            thread = strtoull(actions + 1, (char **)&actions, 16);
        actions += strcspn(actions, ";");
        if (thread == running) {
            resume(server, signal, action == 's' || action == 'S');
            return;
        }
    }
    resume(server, 0, false);
}

/* ---- monitor commands ---- */

static const char *stop_name(enum tracee_stop stop)
{
    static const char *const names[] = {
        [TRACEE_STEP] = "step", [TRACEE_OUTCOME] = "outcome", [TRACEE_EXIT] = "exit", [TRACEE_GONE] = "gone"};
    return stop < sizeof names / sizeof *names && names[stop] ? names[stop] : "other";
}

static json_t *monitor_threads(struct server *server, const char *argument)
{
    (void)argument;
    return json_incref((json_t *)tracee_description(server->tracee));
}

static json_t *monitor_where(struct server *server, const char *argument)
{
    (void)argument;
    const struct lc_channel *channel = server->tracee->template.channel;
    json_t *summary =
        channel->outcome ? json_object_get(tracee_description(server->tracee), "summary") : NULL;
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:O?}", "stop", stop_name(server->tracee->stop), "step",
                     (json_int_t)channel->steps, "last_step", (json_int_t)server->last_step, "time_ns",
                     (json_int_t)channel->virtual_ns, "running", (json_int_t)tracee_running(server->tracee),
                     "kind", channel->outcome ? channel->finding_kind : "", "summary", summary);
}

/* "to STEP": when the program goes on, it is to that step; "to 0": to the end. */
static json_t *monitor_to(struct server *server, const char *argument)
{
    char *end;
    errno = 0;
    uint64_t step = strtoull(argument, &end, 10);
    if (!isdigit((unsigned char)*argument) || *end || errno || step > server->last_step)
        return json_pack("{s:o}", "error",
                         json_sprintf("a step from 1 to %" PRIu64 " is expected", server->last_step));
    server->tracee->goal = step;
    return json_pack("{s:b}", "back", step && step <= server->tracee->template.channel->steps);
}

static const struct {
    const char *name;
    json_t *(*command)(struct server *, const char *argument); /* returns what is printed, as JSON */
} monitors[] = {
    {"threads", monitor_threads}, /* what evidence_describe() gives, for this moment */
    {"where", monitor_where},     /* the step, and why the program stands still */
    {"to", monitor_to},
};

static void run_monitor(struct server *server, const char *hex)
{
    char text[256] = "";
    text[from_hex(hex, (uint8_t *)text, sizeof text - 1)] = 0;
    char *argument = text + strcspn(text, " ");
    if (*argument)
        *argument++ = 0;
    json_t *answer = NULL;
    for (size_t i = 0; i < sizeof monitors / sizeof *monitors; i++)
        if (strcmp(monitors[i].name, text) == 0)
            answer = monitors[i].command(server, argument);
    if (!answer)
        answer = json_pack("{s:s}", "error", "lockcheck has no such answer");
    char *dump = json_dumps(answer, JSON_COMPACT | JSON_ENCODE_ANY);
    size_t length = strlen(dump);
    for (size_t at = 0; at < length; at += MONITOR_BLOCK) {
        char *block = to_hex(dump + at, length - at < MONITOR_BLOCK ? length - at : MONITOR_BLOCK);
        reply(server, "O%s", block);
        free(block);
    }
    free(dump);
    json_decref(answer);
    reply(server, "OK");
}

/* ---- queries ---- */

static void reply_auxv(struct server *server, const char *range)
{
    char *path = print_text("/proc/%d/auxv", (int)server->tracee->pid);
    size_t length = 0;
    char *auxv = read_whole_file(path, &length);
    reply_part(server, auxv ? auxv : "", auxv ? length : 0, range);
    free(auxv);
    free(path);
}

static void query(struct server *server, const char *packet)
{
    static const struct {
        const char *begin;
        void (*answer)(struct server *, const char *rest);
    } queries[] = {
        {"qXfer:features:read:target.xml:", reply_features},
        {"qXfer:threads:read::", reply_threads},
        {"qXfer:auxv:read::", reply_auxv},
        {"qGetTLSAddr:", reply_tls_address},
        {"qRcmd,", run_monitor},
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        size_t length = strlen(queries[i].begin);
        if (strncmp(packet, queries[i].begin, length) == 0) {
            queries[i].answer(server, packet + length);
            return;
        }
    }
    if (strncmp(packet, "qSupported", 10) == 0)
        reply(server,
              "PacketSize=%x;QStartNoAckMode+;vContSupported+;qXfer:features:read+;qXfer:threads:read+;"
              "qXfer:auxv:read+",
              PACKET_SIZE);
    else if (strcmp(packet, "qC") == 0)
        reply(server, "QC%x", server->thread);
    else if (strncmp(packet, "qAttached", 9) == 0)
        reply(server, "0"); /* it ends with the session */
    else
        reply(server, "%s", "");
}

static void handle(struct server *server, const char *packet, size_t length)
{
    uint64_t number;
    switch (*packet) {
    case '?':
        reply_stop(server);
        break;
    case 'g':
        reply_registers(server);
        break;
    case 'G':
        write_registers(server, packet + 1);
        break;
    case 'p':
    case 'P': {
        struct registers registers;
        char *end;
        number = strtoull(packet + 1, &end, 16);
        if (number >= REGISTERS || !get_registers(server, server->thread, &registers)) {
            reply(server, "E01");
        } else if (*packet == 'P') {
            reply(server, *end == '=' && set_register(server, number, end + 1) ? "OK" : "E01");
        } else {
            char *value = print_register(&registers, number);
            reply(server, "%s", value);
            free(value);
        }
        break;
    }
    case 'm':
        reply_memory(server, packet + 1);
        break;
    case 'M':
    case 'X':
        write_memory(server, packet, length);
        break;
    case 'Z':
    case 'z':
        change_watchpoint(server, packet);
        break;
    case 'H':
        number = strtoull(packet + 2, NULL, 16);
        if (packet[1] == 'g')
            server->thread = number && packet[2] != '-' ? (uint32_t)number : tracee_running(server->tracee);
        reply(server, "OK");
        break;
    case 'T':
        number = strtoull(packet + 1, NULL, 16);
        reply(server, number && (number <= server->threads || thread_evidence(server, (uint32_t)number))
                          ? "OK"
                          : "E01");
        break;
    case 'c':
    case 's':
        resume(server, 0, *packet == 's');
        break;
    case 'C':
    case 'S':
        resume(server, (unsigned)strtoul(packet + 1, NULL, 16), *packet == 'S');
        break;
    case 'v':
        if (strcmp(packet, "vCont?") == 0)
            reply(server, "vCont;c;C;s;S");
        else if (strncmp(packet, "vCont;", 6) == 0)
            resume_threads(server, packet + 5);
        else
            reply(server, "%s", "");
        break;
    case 'Q':
        reply(server, "%s", strcmp(packet, "QStartNoAckMode") == 0 ? "OK" : "");
        server->no_acks = server->no_acks || strcmp(packet, "QStartNoAckMode") == 0;
        break;
    case 'q':
        query(server, packet);
        break;
    case 'D':
        reply(server, "OK");
        server->over = true;
        break;
    case 'k':
        server->over = true;
        break;
    default:
        reply(server, "%s", "");
    }
}

/* Takes what is whole off the front of server->in. */
static void take_packets(struct server *server)
{
    size_t at = 0;
    while (at < server->in_length && !server->over) {
        char *start = server->in + at;
        if (*start == '\x03')
            tracee_interrupt(server->tracee);
        if (*start != '$') {
            at++;
            continue;
        }
        char *end = memchr(start, '#', server->in_length - at);
        if (!end || end + 2 >= server->in + server->in_length)
            break;
        if (!server->no_acks)
            send_bytes(server, "+", 1); /* a local socket damages nothing */
        *end = 0;
        at = (size_t)(end + 3 - server->in);
        handle(server, start + 1, (size_t)(end - start - 1));
    }
    memmove(server->in, server->in + at, server->in_length - at);
    server->in_length -= at;
}

int gdbserver_serve(struct tracee *tracee, int socket, int signals, uint64_t last_step)
{
    struct server *server = allocate(sizeof *server);
    *server = (struct server){
        .tracee = tracee, .socket = socket, .last_step = last_step, .thread = tracee_running(tracee)};
    while (!server->over) {
        struct pollfd ready[] = {{.fd = socket, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
        if (poll(ready, 2, -1) < 0 && errno != EINTR)
            break;
        struct signalfd_siginfo info;
        if (ready[1].revents && read(signals, &info, sizeof info) > 0 && tracee->stop == TRACEE_RUNS) {
            tracee_look(tracee);
            if (tracee->stop != TRACEE_RUNS)
                reply_stop(server);
        }
        if (!ready[0].revents)
            continue;
        ssize_t n = recv(socket, server->in + server->in_length, PACKET_SIZE - server->in_length, 0);
        if (n <= 0)
            break;
        server->in_length += (size_t)n;
        take_packets(server);
    }
    bool failed = server->failed;
    free(server);
    return failed ? -1 : 0;
}
