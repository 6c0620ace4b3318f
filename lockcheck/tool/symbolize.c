/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses as functions, lines and variables: see symbolize.h. */
#include "lockcheck/tool/symbolize.h"
#include "lockcheck/native/record.h"
#include "lockcheck/tool/member.h"
#include "lockcheck/tool/text.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNTIME_NAME "liblockcheck.so"
#define CACHE_SIZE 4096 /* buckets */
#define MAX_INLINED 16  /* inlined calls shown of one frame */

/* From the C++ library, with which the command is linked. Weak: the unit tests go without. */
extern char *__cxa_demangle(const char *name, char *buffer, size_t *length, int *status)
    __attribute__((weak));

enum frame_kind { FRAME_PROGRAM, FRAME_RUNTIME, FRAME_LIBC };

struct frame {
    struct frame *next;
    uint64_t pc;
    enum frame_kind kind;
    bool part; /* the rest of a function that the compiler split in two: its caller is the same call */
    size_t lines;
    struct symbol symbols[MAX_INLINED];
    char *object;
};

struct variable {
    struct variable *next;
    uint64_t address;
    char *text; /* NULL: none there */
};

struct symbolizer {
    Dwfl *dwfl;
    struct frame *frames[CACHE_SIZE];
    struct variable *variables[CACHE_SIZE];
};

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
};

static void report_file(Dwfl *dwfl, const char *path, uint64_t start)
{
    const char *slash = strrchr(path, '/');
    /* Segments are placed relative to the first, which is at file offset 0 and, in a position-independent
     * file, at virtual address 0. A file with fixed addresses is where it says. */
    Elf *elf = NULL;
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    GElf_Ehdr header;
    elf_version(EV_CURRENT);
    elf = elf_begin(fileno(file), ELF_C_READ_MMAP, NULL);
    bool fixed = elf && gelf_getehdr(elf, &header) && header.e_type == ET_EXEC;
    bool usable = elf && gelf_getehdr(elf, &header);
    elf_end(elf);
    fclose(file);
    if (usable)
        dwfl_report_elf(dwfl, slash ? slash + 1 : path, path, -1, fixed ? 0 : start, true);
}

struct symbolizer *symbolizer_new(const char *maps)
{
    struct symbolizer *symbolizer = allocate(sizeof *symbolizer);
    unsetenv("DEBUGINFOD_URLS"); /* a report is never to wait for the network */
    symbolizer->dwfl = dwfl_begin(&callbacks);
    if (!symbolizer->dwfl)
        return symbolizer;
    dwfl_report_begin(symbolizer->dwfl);
    char *copy = copy_text(maps), *save = NULL;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        uint64_t start, end, offset;
        int path = 0;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*s %n", &start, &end, &offset,
                   &path) == 3 &&
            path && offset == 0 && line[path] == '/')
            report_file(symbolizer->dwfl, line + path, start);
    }
    free(copy);
    dwfl_report_end(symbolizer->dwfl, NULL, NULL);
    return symbolizer;
}

void symbolizer_free(struct symbolizer *symbolizer)
{
    if (!symbolizer)
        return;
    for (size_t i = 0; i < CACHE_SIZE; i++) {
        for (struct frame *frame = symbolizer->frames[i], *next; frame; frame = next) {
            next = frame->next;
            for (size_t line = 0; line < frame->lines; line++)
                free(frame->symbols[line].text);
            free(frame->object);
            free(frame);
        }
        for (struct variable *variable = symbolizer->variables[i], *next; variable; variable = next) {
            next = variable->next;
            free(variable->text);
            free(variable);
        }
    }
    if (symbolizer->dwfl)
        dwfl_end(symbolizer->dwfl);
    free(symbolizer);
}

static size_t bucket(uint64_t address)
{
    return (size_t)((address * 0x9e3779b97f4a7c15ull) >> 52);
}

static char *readable(const char *name)
{
    char *demangled =
        __cxa_demangle && strncmp(name, "_Z", 2) == 0 ? __cxa_demangle(name, NULL, NULL, NULL) : NULL;
    return demangled ? demangled : copy_text(name);
}

/* The last two components of a path say enough: "sync/legacy.c". */
static const char *short_path(const char *path)
{
    const char *at = path + strlen(path);
    for (int slashes = 0; at > path; at--)
        if (at[-1] == '/' && ++slashes == 2)
            break;
    return at;
}

/* Takes the text over. */
static void add_symbol(struct frame *frame, char *text, size_t function, const char *source)
{
    frame->symbols[frame->lines++] = (struct symbol){
        .text = text,
        .function = function,
        .source = source,
        .object = frame->object,
        .c_library = frame->kind == FRAME_LIBC,
    };
}

static void add_line(struct frame *frame, const char *function, const char *file, int line)
{
    if (frame->lines == MAX_INLINED)
        return;
    char *name = readable(function);
    size_t length = strlen(name);
    const struct symbol *last = frame->lines ? &frame->symbols[frame->lines - 1] : NULL;
    /* A part of a function that the compiler inlined into its other part is the same call. */
    if (!last || last->function != length || strncmp(last->text, name, length) != 0)
        add_symbol(frame,
                   file && line > 0 ? print_text("%s (%s:%d)", name, short_path(file), line)
                                    : copy_text(name),
                   length, file && line > 0 ? file : NULL);
    free(name);
}

static const char *die_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    const char *name = NULL;
    if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute))
        name = dwarf_formstring(&attribute);
    return name ? name : dwarf_diename(die);
}

static const char *call_site(Dwarf_Die *unit, Dwarf_Die *inlined, int *line)
{
    Dwarf_Attribute attribute;
    Dwarf_Word number;
    Dwarf_Files *files;
    *line = 0;
    if (!dwarf_attr(inlined, DW_AT_call_line, &attribute) || dwarf_formudata(&attribute, &number) != 0)
        return NULL;
    *line = (int)number;
    if (!dwarf_attr(inlined, DW_AT_call_file, &attribute) || dwarf_formudata(&attribute, &number) != 0 ||
        dwarf_getsrcfiles(unit, &files, NULL) != 0)
        return NULL;
    return dwarf_filesrc(files, number, NULL, NULL);
}

/* One text for each function that the instruction is inlined from, then one for the function itself. */
static void add_from_debug_info(struct frame *frame, Dwfl_Module *module, uint64_t at)
{
    Dwarf_Addr bias;
    Dwarf_Die *unit = dwfl_module_addrdie(module, at, &bias);
    Dwarf_Die *scopes = NULL, *enclosing = NULL;
    int count = unit ? dwarf_getscopes(unit, at - bias, &scopes) : 0;
    if (count <= 0)
        return;
    int line = 0;
    Dwfl_Line *source = dwfl_module_getsrc(module, at);
    const char *file = source ? dwfl_lineinfo(source, NULL, &line, NULL, NULL, NULL) : NULL;
    /* The lexical parents of the innermost function, which are its callers as far as they were inlined. */
    count = dwarf_getscopes_die(&scopes[0], &enclosing);
    for (int i = 0; i < count; i++) {
        int tag = dwarf_tag(&enclosing[i]);
        if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine)
            continue;
        const char *name = die_name(&enclosing[i]);
        add_line(frame, name ? name : "?", file, line);
        if (tag == DW_TAG_subprogram)
            break;
        file = call_site(unit, &enclosing[i], &line);
    }
    free(enclosing);
    free(scopes);
}

/* The C library below a thread's first function, or below main(), is how it was started; nothing of the
 * program. */
static bool is_c_library(const char *module_name)
{
    return strncmp(module_name, "libc.so", 7) == 0 || strncmp(module_name, "ld-linux", 8) == 0;
}

static struct frame *frame_at(struct symbolizer *symbolizer, uint64_t pc)
{
    struct frame **head = &symbolizer->frames[bucket(pc)];
    for (struct frame *frame = *head; frame; frame = frame->next)
        if (frame->pc == pc)
            return frame;
    struct frame *frame = allocate(sizeof *frame);
    frame->pc = pc;
    frame->next = *head;
    *head = frame;
    uint64_t at = pc - 1; /* within the call, not behind it */
    Dwfl_Module *module = symbolizer->dwfl ? dwfl_addrmodule(symbolizer->dwfl, at) : NULL;
    if (!module) {
        frame->object = copy_text("");
        add_symbol(frame, print_text("0x%" PRIx64, pc), 0, NULL);
        return frame;
    }
    GElf_Off offset;
    GElf_Sym symbol;
    const char *name = dwfl_module_addrinfo(module, at, &offset, &symbol, NULL, NULL, NULL);
    const char *path = NULL; /* known only after the file has been asked for something */
    const char *module_name = dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, &path, NULL);
    frame->object = copy_text(path ? path : module_name);
    if (strncmp(module_name, RUNTIME_NAME, strlen(RUNTIME_NAME)) == 0 ||
        strcmp(module_name, LCN_LIBRARY) == 0) {
        frame->kind = FRAME_RUNTIME;
        /* What the program called is visible from outside; the rest of the runtime is not. */
        if (name && GELF_ST_BIND(symbol.st_info) != STB_LOCAL && strncmp(name, "lc_", 3) != 0)
            add_line(frame, name, NULL, 0);
        return frame;
    }
    frame->part = name && strstr(name, ".part.");
    if (is_c_library(module_name) || (name && strcmp(name, "_start") == 0))
        frame->kind = FRAME_LIBC;
    add_from_debug_info(frame, module, at);
    if (!frame->lines && name)
        add_line(frame, name, NULL, 0);
    if (!frame->lines)
        add_symbol(frame, print_text("0x%" PRIx64 " (%s)", pc, module_name), 0, NULL);
    return frame;
}

static bool same_file(const char *a, const char *b)
{
    const char *file_a = strrchr(a, '('), *file_b = strrchr(b, '(');
    const char *end = file_a ? strrchr(file_a, ':') : NULL;
    return file_a && file_b && end && strncmp(file_a, file_b, (size_t)(end - file_a + 1)) == 0;
}

static bool same_function(const struct symbol *a, const struct symbol *b)
{
    return a->function == b->function && strncmp(a->text, b->text, a->function) == 0;
}

/* Requests to lockcheck itself, and the wrappers that the linker puts around a function (with what they call
 * in their own file), are how something is observed, not what the program does. Returns the lines left. */
static size_t drop_observers(const struct symbol **symbols, size_t lines)
{
    size_t kept = 0;
    for (size_t i = 0; i < lines; i++) {
        const char *text = symbols[i]->text;
        if (strncmp(text, "lockcheck_", 10) == 0 && (!strchr(text, '(') || strstr(text, "/lockcheck.h:")))
            continue;
        if (strncmp(text, "__wrap_", 7) != 0) {
            symbols[kept++] = symbols[i];
            continue;
        }
        while (kept && same_file(symbols[kept - 1]->text, text))
            kept--;
    }
    return kept;
}

size_t symbolize_stack(struct symbolizer *symbolizer, const uint64_t *pcs, size_t count,
                       const struct symbol ***symbols)
{
    const struct symbol **out = *symbols = allocate(count * MAX_INLINED * sizeof *out);
    size_t lines = 0, outermost = 0;  /* lines up to the last that is the program's */
    const struct frame *entry = NULL; /* the interposed function of the frames of the runtime just passed */
    bool in_runtime = false, rest = false; /* rest: of a split function */
    for (size_t i = 0; i < count && pcs[i]; i++) {
        const struct frame *frame = frame_at(symbolizer, pcs[i]);
        if (frame->kind == FRAME_RUNTIME) {
            in_runtime = true;
            if (frame->lines)
                entry = frame;
            continue;
        }
        /* A nameless bit of the C library above the runtime is what it returns to from a signal. */
        if (in_runtime && frame->kind == FRAME_LIBC && !frame->symbols[0].function)
            continue;
        in_runtime = false;
        if (entry)
            out[lines++] = &entry->symbols[0];
        entry = NULL;
        bool again = rest && lines && same_function(out[lines - 1], &frame->symbols[0]);
        for (size_t line = again; line < frame->lines; line++)
            out[lines++] = &frame->symbols[line];
        rest = frame->part;
        if (frame->kind == FRAME_PROGRAM)
            outermost = lines;
    }
    return drop_observers(out, outermost ? outermost : lines);
}

char *symbolize_member(struct symbolizer *symbolizer, uint64_t address)
{
    Dwfl_Module *module = symbolizer->dwfl ? dwfl_addrmodule(symbolizer->dwfl, address) : NULL;
    GElf_Off offset;
    GElf_Sym symbol;
    const char *name =
        module ? dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL, NULL) : NULL;
    if (!name || GELF_ST_TYPE(symbol.st_info) != STT_OBJECT || offset >= symbol.st_size)
        return NULL;
    char *shown = readable(name), *text = member_text(module, address - offset, shown, offset);
    free(shown);
    return text;
}

char *symbolize_place(struct symbolizer *symbolizer, uint64_t address)
{
    Dwfl_Module *module = symbolizer->dwfl ? dwfl_addrmodule(symbolizer->dwfl, address) : NULL;
    return module ? print_text("0x%" PRIx64 " (%s)", address,
                               dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL))
                  : NULL;
}

const char *symbolize_variable(struct symbolizer *symbolizer, uint64_t address)
{
    struct variable **head = &symbolizer->variables[bucket(address)];
    for (struct variable *variable = *head; variable; variable = variable->next)
        if (variable->address == address)
            return variable->text;
    struct variable *variable = allocate(sizeof *variable);
    variable->address = address;
    variable->next = *head;
    *head = variable;
    Dwfl_Module *module = symbolizer->dwfl ? dwfl_addrmodule(symbolizer->dwfl, address) : NULL;
    GElf_Off offset;
    GElf_Sym symbol;
    const char *name =
        module ? dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL, NULL) : NULL;
    if (name && GELF_ST_TYPE(symbol.st_info) == STT_OBJECT && offset < symbol.st_size) {
        char *shown = readable(name);
        variable->text = offset ? print_text("%s+%" PRIu64, shown, (uint64_t)offset) : copy_text(shown);
        free(shown);
    }
    return variable->text;
}
