/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding and checking the program under test: see program.h. */
#include "lockcheck/tool/program.h"
#include "lockcheck/tool/locate.h"
#include "lockcheck/tool/text.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zlib.h>

static bool is_runnable_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Looks for name in the directories of PATH, then in that of our own command. Returns NULL if it is in none.
 */
static char *search_path(const char *name)
{
    const char *path = getenv("PATH");
    char *found = NULL;
    for (const char *at = path ? path : "/usr/local/bin:/usr/bin:/bin"; !found;) {
        size_t length = strcspn(at, ":");
        char *candidate = length ? print_text("%.*s/%s", (int)length, at, name) : print_text("./%s", name);
        if (is_runnable_file(candidate))
            found = candidate;
        else
            free(candidate);
        if (!at[length])
            break;
        at += length + 1;
    }
    if (!found) {
        char *commands = locate_commands();
        char *candidate = print_text("%s/%s", commands ? commands : ".", name);
        free(commands);
        if (is_runnable_file(candidate))
            found = candidate;
        else
            free(candidate);
    }
    return found;
}

static char *make_absolute(const char *path, const char *cwd)
{
    while (path[0] == '.' && path[1] == '/') {
        path += 2;
        path += strspn(path, "/");
    }
    return path[0] == '/' ? copy_text(path) : print_text("%s/%s", strcmp(cwd, "/") ? cwd : "", path);
}

/* Is there a symbol of that name in a table of that type, defined or not? */
static bool find_symbol(Elf *elf, unsigned type, const char *wanted, bool defined, GElf_Sym *found)
{
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || header.sh_type != type || !header.sh_entsize)
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        for (size_t i = 0; data && i < header.sh_size / header.sh_entsize; i++) {
            GElf_Sym symbol;
            if (!gelf_getsym(data, (int)i, &symbol))
                break;
            const char *name = elf_strptr(elf, header.sh_link, symbol.st_name);
            if (name && strcmp(name, wanted) == 0 && (symbol.st_shndx != SHN_UNDEF) == defined) {
                *found = symbol;
                return true;
            }
        }
    }
    return false;
}

static void set_build_id(struct program *program, Elf *elf)
{
    const void *bits;
    ssize_t length = dwelf_elf_gnu_build_id(elf, &bits);
    if (length > 0 && (size_t)length * 2 < sizeof program->build_id) {
        for (ssize_t i = 0; i < length; i++)
            sprintf(program->build_id + 2 * i, "%02x", ((const unsigned char *)bits)[i]);
        return;
    }
    size_t size;
    const char *image = elf_rawfile(elf, &size);
    snprintf(program->build_id, sizeof program->build_id, "crc32-%08lx",
             image ? crc32_z(0, (const unsigned char *)image, size) : 0ul);
}

/* ---- sanitizers: their runtimes take the functions for threads over, as ours does ---- */

static const struct sanitizer {
    const char *name, *option;
    const char *init;      /* what the program calls first */
    const char *libraries; /* of gcc and of clang */
    bool ours_too;         /* init may be a function of ours: see compiler hooks */
} sanitizers[] = {
    {"AddressSanitizer", "address", "__asan_init", "libasan.so libclang_rt.asan", false},
    {"ThreadSanitizer", "thread", "__tsan_init", "libtsan.so libclang_rt.tsan", true},
    {"MemorySanitizer", "memory", "__msan_init", "libclang_rt.msan", false},
    {"LeakSanitizer", "leak", "__lsan_init", "liblsan.so libclang_rt.lsan", false},
    {"HWAddressSanitizer", "hwaddress", "__hwasan_init", "libhwasan.so libclang_rt.hwasan", false},
};

/* Does the program need a library whose name begins with one of the words? */
static bool needs_library(Elf *elf, const char *words)
{
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_DYNAMIC || !header.sh_entsize)
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        GElf_Dyn entry;
        for (int i = 0; data && gelf_getdyn(data, i, &entry) && entry.d_tag != DT_NULL; i++) {
            const char *name =
                entry.d_tag == DT_NEEDED ? elf_strptr(elf, header.sh_link, entry.d_un.d_val) : NULL;
            for (const char *word = words; name && *word; word += strspn(word, " ")) {
                size_t length = strcspn(word, " ");
                if (strncmp(name, word, length) == 0)
                    return true;
                word += length;
            }
        }
    }
    return false;
}

/* The sanitizer that the program was linked with, or NULL. */
static const struct sanitizer *find_sanitizer(Elf *elf)
{
    GElf_Sym symbol;
    for (size_t i = 0; i < sizeof sanitizers / sizeof *sanitizers; i++) {
        const struct sanitizer *s = &sanitizers[i];
        if (needs_library(elf, s->libraries) || find_symbol(elf, SHT_DYNSYM, s->init, true, &symbol) ||
            find_symbol(elf, SHT_SYMTAB, s->init, true, &symbol) ||
            (!s->ours_too && find_symbol(elf, SHT_DYNSYM, s->init, false, &symbol)))
            return s;
    }
    return NULL;
}

/* Returns why the ELF file cannot be run under lockcheck, or NULL. */
static const char *elf_objection(Elf *elf)
{
    GElf_Ehdr header;
    if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header))
        return "is not an ELF program";
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64)
        return "is not a program for x86-64, the only machine that lockcheck controls";
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
        return "is an ELF file, but not a program";
    size_t segments = 0;
    if (elf_getphdrnum(elf, &segments) != 0)
        return "has no readable program headers";
    for (size_t i = 0; i < segments; i++) {
        GElf_Phdr segment;
        if (gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_INTERP)
            return NULL;
    }
    return "is statically linked (or a library); lockcheck needs a dynamically linked program";
}

/* What a program is built with decides who can run it. Returns 0, or -1 after saying why not. */
static int check_sanitizer(const char *path, const struct sanitizer *sanitizer, bool tsan)
{
    bool is_tsan = sanitizer && strcmp(sanitizer->option, "thread") == 0;
    if (tsan ? is_tsan : !sanitizer)
        return 0;
    if (tsan)
        complain("%s is not built with ThreadSanitizer: compile and link it with gcc or clang and "
                 "-fsanitize=thread -g",
                 path);
    else
        complain(
            "%s is built with %s (-fsanitize=%s), which takes threads over as lockcheck does; build it %s",
            path, sanitizer->name, sanitizer->option,
            sanitizer->ours_too ? "with lockcheck-cc or lockcheck-c++ instead" : "without this option");
    return -1;
}

/* tsan: it is to be built with ThreadSanitizer, else without any. */
static int check_program(struct program *program, bool tsan)
{
    const char *path = program->path;
    struct stat st;
    if (stat(path, &st) != 0) {
        complain("%s: %s", path, strerror(errno));
        return -1;
    }
    if (S_ISDIR(st.st_mode)) {
        complain("%s is a directory, not a program", path);
        return -1;
    }
    if (!S_ISREG(st.st_mode) || access(path, X_OK) != 0) {
        complain("%s is not an executable file", path);
        return -1;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        complain("%s cannot be read: %s", path, strerror(errno));
        return -1;
    }
    if ((st.st_mode & (S_ISUID | S_ISGID)) || fgetxattr(fd, "security.capability", NULL, 0) > 0) {
        complain("%s runs with privileges of its own (set-uid, set-gid or capabilities), so nothing can be "
                 "preloaded; run a copy without them",
                 path);
        close(fd);
        return -1;
    }
    char magic[2] = "";
    if (pread(fd, magic, 2, 0) == 2 && memcmp(magic, "#!", 2) == 0) {
        complain("%s is a script; name its interpreter as the program", path);
        close(fd);
        return -1;
    }
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    const char *objection = elf ? elf_objection(elf) : elf_errmsg(-1);
    if (objection)
        complain("%s %s", path, objection);
    bool usable = !objection && check_sanitizer(path, find_sanitizer(elf), tsan) == 0;
    if (usable) {
        set_build_id(program, elf);
        GElf_Sym symbol;
        program->own_checkpoint =
            find_symbol(elf, SHT_DYNSYM, "lockcheck_checkpoint_request", false, &symbol);
        if (find_symbol(elf, SHT_SYMTAB, "lockcheck_default_suppressions", true, &symbol))
            program->suppressions_at = symbol.st_value;
    }
    elf_end(elf);
    close(fd);
    return usable ? 0 : -1;
}

static int copy_arguments(struct program *program, char *const argv[])
{
    size_t count = 0;
    while (argv[count])
        count++;
    program->argv = allocate((count + 1) * sizeof *program->argv);
    for (size_t i = 0; i < count; i++) {
        program->argv[i] = copy_text(argv[i]);
        if (!is_utf8(argv[i])) {
            complain("argument %zu of the program is not UTF-8, so no schedule could record it", i);
            return -1;
        }
    }
    if (!is_utf8(program->path) || !is_utf8(program->cwd)) {
        complain(
            "the path of the program or of the current directory is not UTF-8, so no schedule could record "
            "it");
        return -1;
    }
    return 0;
}

static int find(struct program *program, char *const argv[], bool tsan)
{
    *program = (struct program){0};
    program->cwd = getcwd(NULL, 0);
    if (!program->cwd) {
        complain("the current directory: %s", strerror(errno));
        return -1;
    }
    char *found = strchr(argv[0], '/') ? copy_text(argv[0]) : search_path(argv[0]);
    if (!found) {
        complain("%s: no such program in PATH", argv[0]);
        return -1;
    }
    program->path = make_absolute(found, program->cwd);
    free(found);
    if (copy_arguments(program, argv) != 0)
        return -1;
    return check_program(program, tsan);
}

int program_find(struct program *program, char *const argv[])
{
    return find(program, argv, false);
}

int program_find_tsan(struct program *program, char *const argv[])
{
    return find(program, argv, true);
}

int program_open(struct program *program, const char *path, char *const argv[], const char *cwd)
{
    *program = (struct program){.path = copy_text(path), .cwd = copy_text(cwd)};
    if (copy_arguments(program, argv) != 0)
        return -1;
    if (access(cwd, X_OK) != 0) {
        complain("the recorded directory %s: %s", cwd, strerror(errno));
        return -1;
    }
    return check_program(program, false);
}

int program_check_build(const struct program *program, const char *recorded, const char *file, bool forced)
{
    if (strcmp(program->build_id, recorded) == 0)
        return 0;
    if (forced) {
        warn("%s is another build than the schedule's (%s, recorded %s)", program->path, program->build_id,
             recorded);
        return 0;
    }
    complain("%s was recorded with another build of %s (build id %s, now %s); --force tries it all the same",
             file, program->path, recorded, program->build_id);
    return -1;
}

void program_free(struct program *program)
{
    free(program->path);
    free(program->cwd);
    for (char **argument = program->argv; argument && *argument; argument++)
        free(*argument);
    free(program->argv);
    *program = (struct program){0};
}
