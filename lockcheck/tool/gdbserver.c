/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gdb's remote protocol: see gdbserver.h. */
#include "lockcheck/tool/gdbserver.h"
#include "lockcheck/tool/gdbregisters.h"
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

/* ---- registers ---- */

static const json_t *thread_evidence(struct server *server, uint32_t thread)
{
    const json_t *threads = json_object_get(tracee_evidence(server->tracee), "threads");
    for (size_t i = 0; i < json_array_size(threads); i++)
        if (json_integer_value(json_object_get(json_array_get(threads, i), "id")) == (json_int_t)thread)
            return json_array_get(threads, i);
    return NULL;
}

static bool get_registers(struct server *server, uint32_t thread, struct gdb_registers *registers)
{
    if (!gdb_registers_fetch(registers, server->tracee->pid))
        return false;
    if (thread == tracee_running(server->tracee))
        return true;
    const json_t *evidence = thread_evidence(server, thread);
    if (evidence)
        return gdb_registers_of_waiting(registers, evidence);
    gdb_registers_nowhere(registers, (uint64_t)json_integer_value(
                                         json_object_get(tracee_evidence(server->tracee), "no_stack")));
    return thread <= server->threads;
}

static bool set_register(struct server *server, size_t number, const char *hex)
{
    struct gdb_registers registers;
    return server->thread == tracee_running(server->tracee) &&
           gdb_registers_fetch(&registers, server->tracee->pid) &&
           gdb_register_parse(&registers, number, hex) &&
           gdb_registers_store(&registers, server->tracee->pid);
}

static void reply_registers(struct server *server)
{
    struct gdb_registers registers;
    if (!get_registers(server, server->thread, &registers)) {
        reply(server, "E01");
        return;
    }
    char *all = NULL;
    size_t size;
    FILE *out = open_memstream(&all, &size);
    if (!out)
        abort();
    for (size_t i = 0; i < GDB_REGISTERS; i++) {
        char *one = gdb_register_print(&registers, i);
        fputs(one, out);
        free(one);
    }
    fclose(out);
    reply(server, "%s", all);
    free(all);
}

static void write_registers(struct server *server, const char *hex)
{
    bool good = true;
    size_t left = strlen(hex);
    for (size_t i = 0; i < GDB_REGISTERS && good; i++) {
        size_t digits = 2 * gdb_register_width(i);
        good = left >= digits && (*hex == 'x' || set_register(server, i, hex));
        hex += digits;
        left -= digits;
    }
    reply(server, good ? "OK" : "E01");
}

static void reply_features(struct server *server, const char *range)
{
    char *text = gdb_registers_features();
    reply_part(server, text, strlen(text), range);
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
    char *hex = gdb_to_hex(bytes, got);
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
        count = gdb_from_hex(data, bytes, length);
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
                         json_sprintf("A step from 1 to %" PRIu64 " is expected", server->last_step));
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
    text[gdb_from_hex(hex, (uint8_t *)text, sizeof text - 1)] = 0;
    char *argument = text + strcspn(text, " ");
    if (*argument)
        *argument++ = 0;
    json_t *answer = NULL;
    for (size_t i = 0; i < sizeof monitors / sizeof *monitors; i++)
        if (strcmp(monitors[i].name, text) == 0)
            answer = monitors[i].command(server, argument);
    if (!answer)
        answer = json_pack("{s:s}", "error", "Lockcheck has no such answer");
    char *dump = json_dumps(answer, JSON_COMPACT | JSON_ENCODE_ANY);
    size_t length = strlen(dump);
    for (size_t at = 0; at < length; at += MONITOR_BLOCK) {
        char *block = gdb_to_hex(dump + at, length - at < MONITOR_BLOCK ? length - at : MONITOR_BLOCK);
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
        struct gdb_registers registers;
        char *end;
        number = strtoull(packet + 1, &end, 16);
        if (number >= GDB_REGISTERS || !get_registers(server, server->thread, &registers)) {
            reply(server, "E01");
        } else if (*packet == 'P') {
            reply(server, *end == '=' && set_register(server, number, end + 1) ? "OK" : "E01");
        } else {
            char *value = gdb_register_print(&registers, number);
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
