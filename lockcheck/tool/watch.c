/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A native process seen from outside: see watch.h. */
#include "lockcheck/tool/watch.h"
#include "lockcheck/tool/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_AT_ONCE 512u    /* pieces of memory in one system call */
#define HANDLE_BYTES 4096u   /* of the C library's struct pthread, which a join waits in; less in truth */
#define QUIET_LOOKS 10u      /* before all threads are looked at closely */
#define MAPS_LINE 4096u      /* bytes */
#define FIRST_OWN_SIGNAL 32u /* and the next are the C library's */

/* ---- the record ---- */

/* The address of the record in a library file; 0: it has none. */
static uint64_t record_in(const char *path)
{
    uint64_t found = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    elf_version(EV_CURRENT);
    Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ_MMAP, NULL);
    for (Elf_Scn *section = NULL; elf && (section = elf_nextscn(elf, section));) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_DYNSYM || !header.sh_entsize)
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        GElf_Sym symbol;
        for (size_t i = 0; data && i < header.sh_size / header.sh_entsize; i++) {
            const char *name =
                gelf_getsym(data, (int)i, &symbol) ? elf_strptr(elf, header.sh_link, symbol.st_name) : NULL;
            if (name && strcmp(name, LCN_RECORD) == 0)
                found = symbol.st_value;
        }
    }
    elf_end(elf);
    if (fd >= 0)
        close(fd);
    return found;
}

uint64_t watched_find(pid_t pid)
{
    char path[64], line[MAPS_LINE];
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *maps = fopen(path, "re");
    if (!maps) {
        errno = errno == ENOENT ? ESRCH : errno;
        return 0;
    }
    uint64_t record = 0;
    errno = 0;
    while (!record && fgets(line, sizeof line, maps)) {
        uint64_t start, offset;
        char *file = strchr(line, '/'), *end = strstr(line, "/" LCN_LIBRARY "\n");
        if (!file || !end || sscanf(line, "%" SCNx64 "-%*x %*s %" SCNx64, &start, &offset) != 2 ||
            offset != 0)
            continue;
        end[strlen("/" LCN_LIBRARY)] = 0;
        uint64_t address = record_in(file);
        record = address ? start + address : 0;
    }
    int error = ferror(maps) ? errno : ENOEXEC;
    fclose(maps);
    errno = error;
    return record;
}

/* ---- reading ---- */

void watched_init(struct watched *watched, pid_t pid, uint64_t record)
{
    *watched = (struct watched){.pid = pid, .tid = pid, .record = record};
}

void watched_free(struct watched *watched)
{
    free(watched->waits);
    free(watched->before);
    *watched = (struct watched){0};
}

int watched_read(const struct watched *watched, uint64_t address, void *to, size_t bytes)
{
    struct iovec local = {to, bytes}, remote = {(void *)address, bytes};
    ssize_t got = process_vm_readv(watched->tid, &local, 1, &remote, 1, 0);
    if (got == (ssize_t)bytes)
        return 0;
    if (got >= 0)
        errno = EFAULT;
    return -1;
}

static uint64_t thread_address(const struct watched *watched, uint32_t i)
{
    return watched->record + offsetof(struct lcn_record, threads) + i * sizeof(struct lcn_thread);
}

static int read_waits(struct watched *watched)
{
    struct iovec local[READ_AT_ONCE], remote[READ_AT_ONCE];
    for (uint32_t first = 0; first < watched->used; first += READ_AT_ONCE) {
        uint32_t count = watched->used - first < READ_AT_ONCE ? watched->used - first : READ_AT_ONCE;
        for (uint32_t i = 0; i < count; i++) {
            local[i] = (struct iovec){&watched->waits[first + i], sizeof(struct lcn_wait)};
            remote[i] = (struct iovec){(void *)thread_address(watched, first + i), sizeof(struct lcn_wait)};
        }
        ssize_t got = process_vm_readv(watched->tid, local, count, remote, count, 0);
        if (got != (ssize_t)(count * sizeof(struct lcn_wait))) {
            errno = got < 0 ? errno : EFAULT;
            return -1;
        }
    }
    return 0;
}

static FILE *open_task_file(const struct watched *watched, pid_t tid, const char *name)
{
    char path[80];
    snprintf(path, sizeof path, "/proc/%d/task/%d/%s", watched->pid, tid, name);
    return fopen(path, "re");
}

void watched_task(const struct watched *watched, pid_t tid, struct task_state *state)
{
    *state = (struct task_state){.system_call = -1};
    char line[1024];
    FILE *file = open_task_file(watched, tid, "status");
    unsigned long long number;
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "State: %c", &state->state) == 1)
            continue;
        if (sscanf(line, "voluntary_ctxt_switches: %llu", &number) == 1 ||
            sscanf(line, "nonvoluntary_ctxt_switches: %llu", &number) == 1)
            state->switches += number;
    }
    if (file)
        fclose(file);
    file = open_task_file(watched, tid, "syscall");
    if (file && fscanf(file, "%ld 0x%" SCNx64, &state->system_call, &state->argument) != 2)
        state->system_call = -1;
    if (file)
        fclose(file);
}

/* The first thread that lives, 0 when there is none. */
static pid_t living_thread(pid_t pid)
{
    struct watched watched = {.pid = pid};
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    pid_t found = 0;
    for (struct dirent *entry; tasks && !found && (entry = readdir(tasks));) {
        struct task_state state;
        watched_task(&watched, atoi(entry->d_name), &state);
        if (state.state && state.state != 'Z' && state.state != 'X')
            found = atoi(entry->d_name);
    }
    if (tasks)
        closedir(tasks);
    return found;
}

int watched_look(struct watched *watched)
{
    struct lcn_head head;
    if (watched_read(watched, watched->record, &head, sizeof head) != 0) {
        pid_t other = errno == ESRCH ? living_thread(watched->pid) : 0;
        if (other)
            watched->tid = other;
        if (!other || watched_read(watched, watched->record, &head, sizeof head) != 0)
            return -1;
    }
    if (head.magic != LCN_MAGIC || head.version != LCN_VERSION || head.used > LCN_THREADS) {
        errno = EPROTO;
        return -1;
    }
    struct lcn_wait *before = watched->before;
    watched->before = watched->waits;
    watched->used_before = watched->used;
    watched->used = head.used;
    watched->lost = head.lost;
    watched->report = head.report;
    watched->waits = reallocate(before, (head.used + 1) * sizeof *watched->waits);
    if (read_waits(watched) == 0)
        return 0;
    watched->used = 0;
    return -1;
}

int watched_thread(const struct watched *watched, uint32_t i, struct lcn_thread *thread)
{
    return watched_read(watched, thread_address(watched, i), thread, sizeof *thread);
}

static size_t object_size(enum lcn_kind kind)
{
    static const size_t sizes[] = {
        [LCN_KIND_MUTEX] = sizeof(pthread_mutex_t),
        [LCN_KIND_RWLOCK] = sizeof(pthread_rwlock_t),
        [LCN_KIND_COND] = sizeof(pthread_cond_t),
        [LCN_KIND_SEMAPHORE] = sizeof(sem_t),
        [LCN_KIND_BARRIER] = sizeof(pthread_barrier_t),
        [LCN_KIND_ONCE] = sizeof(pthread_once_t),
        [LCN_KIND_FUTEX] = sizeof(uint32_t),
        [LCN_KIND_THREAD] = HANDLE_BYTES,
        [LCN_KIND_NAMED] = 0,
    };
    return sizes[kind];
}

bool asleep_at(const struct task_state *state, uint64_t object, enum lcn_kind kind)
{
    return state->state == 'S' && state->system_call == SYS_futex && state->argument >= object &&
           state->argument < object + object_size(kind);
}

/* ---- who waits for whom ---- */

static bool same_wait(const struct lcn_wait *a, const struct lcn_wait *b)
{
    return a->tid > 0 && a->tid == b->tid && a->object && a->object == b->object && a->number == b->number;
}

/* The thread is where it was at the last look. */
static bool stuck(const struct watched *watched, uint32_t i)
{
    return i < watched->used && i < watched->used_before &&
           same_wait(&watched->waits[i], &watched->before[i]);
}

bool watched_wait(const struct watched *watched, uint32_t i, const struct task_state *state,
                  struct effective_wait *wait)
{
    const struct lcn_wait *w = &watched->waits[i];
    *wait = (struct effective_wait){w->object, w->op, w->kind};
    if (w->tid <= 0 || !w->object || w->op > LCN_OP_FUTEX_WAIT || w->kind > LCN_KIND_NAMED)
        return false;
    if (w->op == LCN_OP_WAIT) {
        struct task_state now;
        if (!state)
            watched_task(watched, w->tid, &now);
        if (asleep_at(state ? state : &now, w->mutex, LCN_KIND_MUTEX)) {
            *wait = (struct effective_wait){w->mutex, LCN_OP_LOCK, LCN_KIND_MUTEX};
            return true;
        }
    }
    return !w->timed;
}

/* All threads of a process at one look, with what they hold. */
struct graph {
    struct watched *watched;
    struct lcn_thread *threads; /* as many as waits; those that hold nothing have only their handle */
    struct effective_wait *waits;
    bool *stuck; /* and for ever, on something that has a holder */
    bool *on_path;
    uint32_t path[WATCH_CYCLE], length;
};

static bool has_holder(enum lcn_op op)
{
    return op == LCN_OP_LOCK || op == LCN_OP_READ_LOCK || op == LCN_OP_WRITE_LOCK || op == LCN_OP_JOIN ||
           op == LCN_OP_ONCE;
}

/* Returns false when nobody waits for a holder. */
static bool graph_open(struct graph *graph, struct watched *watched)
{
    uint32_t used = watched->used, waiting = 0;
    *graph = (struct graph){.watched = watched};
    graph->stuck = allocate(used * sizeof *graph->stuck);
    graph->waits = allocate(used * sizeof *graph->waits);
    for (uint32_t i = 0; i < used; i++) {
        graph->stuck[i] = stuck(watched, i) && watched_wait(watched, i, NULL, &graph->waits[i]) &&
                          has_holder(graph->waits[i].op);
        waiting += graph->stuck[i];
    }
    if (!waiting)
        return false;
    graph->on_path = allocate(used * sizeof *graph->on_path);
    graph->threads = allocate(used * sizeof *graph->threads);
    for (uint32_t i = 0; i < used; i++)
        if (!graph->stuck[i] || watched_thread(watched, i, &graph->threads[i]) != 0)
            memset(&graph->threads[i], 0, sizeof graph->threads[i]);
    return true;
}

static void graph_close(struct graph *graph)
{
    free(graph->stuck);
    free(graph->waits);
    free(graph->on_path);
    free(graph->threads);
}

/* The operation by which the thread holds the object; LCN_OP_NONE: it does not. */
static enum lcn_op held_by(const struct lcn_thread *thread, uint64_t object)
{
    for (uint32_t i = 0; i < thread->wait.holds && i < LCN_HOLDS; i++)
        if (thread->holds[i].object == object)
            return (enum lcn_op)thread->holds[i].op;
    return LCN_OP_NONE;
}

/* A recursive mutex is taken again, and one that checks errors refuses. */
static bool blocks_owner(const struct graph *graph, uint64_t mutex)
{
    int kind;
    if (watched_read(graph->watched, mutex + offsetof(pthread_mutex_t, __data.__kind), &kind, sizeof kind) !=
        0)
        return false;
    return (kind & 3) != PTHREAD_MUTEX_RECURSIVE && (kind & 3) != PTHREAD_MUTEX_ERRORCHECK;
}

/* Does thread i wait for thread k? */
static bool waits_for(const struct graph *graph, uint32_t i, uint32_t k)
{
    const struct effective_wait *wait = &graph->waits[i];
    const struct lcn_thread *other = &graph->threads[k];
    enum lcn_op held = held_by(other, wait->object);
    switch (wait->op) {
    case LCN_OP_JOIN:
        return i != k && other->handle == wait->object;
    case LCN_OP_READ_LOCK:
        /* A writer that waits itself may have been given precedence. */
        return held == LCN_OP_WRITE_LOCK ||
               (i != k && graph->waits[k].op == LCN_OP_WRITE_LOCK && graph->waits[k].object == wait->object);
    case LCN_OP_LOCK:
        return held != LCN_OP_NONE &&
               (i != k || wait->kind == LCN_KIND_SPINLOCK || blocks_owner(graph, wait->object));
    default:
        return held != LCN_OP_NONE;
    }
}

/* Does a chain of waits lead from i back to path[0]? */
static bool leads_back(struct graph *graph, uint32_t i)
{
    if (graph->length == WATCH_CYCLE)
        return false;
    graph->path[graph->length++] = i;
    graph->on_path[i] = true;
    for (uint32_t k = 0; k < graph->watched->used; k++) {
        if (!graph->stuck[k] || !waits_for(graph, i, k))
            continue;
        if (k == graph->path[0] || (!graph->on_path[k] && leads_back(graph, k)))
            return true;
    }
    graph->length--; /* and it stays on_path: no way leads back from there */
    return false;
}

/* Remembers the cycle if its threads sleep in the kernel at its very locks; a spin lock's waiter runs. */
static bool suspect(struct graph *graph, struct suspicion *cycle)
{
    *cycle = (struct suspicion){0};
    for (uint32_t n = 0; n < graph->length; n++) {
        uint32_t i = graph->path[n];
        const struct effective_wait *wait = &graph->waits[i];
        struct task_state state;
        watched_task(graph->watched, graph->watched->waits[i].tid, &state);
        if (wait->kind == LCN_KIND_SPINLOCK)
            state.switches = 0;
        else if (!asleep_at(&state, wait->object, wait->kind))
            return false;
        cycle->threads[n] = i;
        cycle->numbers[n] = graph->watched->waits[i].number;
        cycle->switches[n] = state.switches;
    }
    cycle->count = graph->length;
    return true;
}

static bool same_suspicion(const struct suspicion *a, const struct suspicion *b)
{
    return a->count == b->count && memcmp(a->threads, b->threads, a->count * sizeof a->threads[0]) == 0 &&
           memcmp(a->numbers, b->numbers, a->count * sizeof a->numbers[0]) == 0 &&
           memcmp(a->switches, b->switches, a->count * sizeof a->switches[0]) == 0;
}

bool watched_deadlock(struct watched *watched)
{
    struct suspicion before = watched->cycle, now;
    watched->cycle.count = 0;
    watched->entangled = false;
    struct graph graph;
    bool proved = false;
    if (graph_open(&graph, watched))
        for (uint32_t i = 0; i < watched->used && !watched->cycle.count; i++) {
            if (!graph.stuck[i])
                continue;
            graph.length = 0;
            memset(graph.on_path, 0, watched->used * sizeof *graph.on_path);
            if (!leads_back(&graph, i))
                continue;
            watched->entangled = true;
            if (!suspect(&graph, &now))
                continue;
            proved = same_suspicion(&now, &before);
            watched->cycle = now;
        }
    graph_close(&graph);
    return proved;
}

/* ---- hang ---- */

static bool is_shared_memory(const struct watched *watched, uint64_t address)
{
    char line[MAPS_LINE];
    FILE *maps = open_task_file(watched, watched->tid, "maps");
    bool shared = true; /* what is not found is not known to be private */
    while (maps && fgets(line, sizeof line, maps)) {
        uint64_t start, end;
        char mode[5];
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, mode) != 3 || address < start ||
            address >= end)
            continue;
        shared = mode[3] == 's';
        break;
    }
    if (maps)
        fclose(maps);
    return shared;
}

/* The program has handlers of signals that are its own. */
static bool has_handlers(const struct watched *watched)
{
    uint64_t caught = 1, ours = 0;
    static const unsigned own[] = {SIGQUIT, SIGSEGV, SIGBUS,           SIGFPE,
                                   SIGILL,  SIGABRT, FIRST_OWN_SIGNAL, FIRST_OWN_SIGNAL + 1};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        ours |= 1ull << (own[i] - 1);
    char line[1024];
    FILE *status = open_task_file(watched, watched->pid, "status");
    while (status && fgets(line, sizeof line, status))
        sscanf(line, "SigCgt: %" SCNx64, &caught);
    if (status)
        fclose(status);
    return caught & ~ours;
}

/* Counts the threads that the kernel knows; those of a main thread that has ended early do not live. */
static uint32_t count_tasks(const struct watched *watched)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", watched->pid);
    DIR *tasks = opendir(path);
    uint32_t count = 0;
    for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
        if (entry->d_name[0] == '.')
            continue;
        struct task_state state;
        watched_task(watched, atoi(entry->d_name), &state);
        count += state.state && state.state != 'Z' && state.state != 'X';
    }
    if (tasks)
        closedir(tasks);
    return count;
}

/* Can only a thread of the process end the wait? */
static bool only_threads_end(const struct watched *watched, const struct lcn_wait *wait)
{
    if (wait->op == LCN_OP_JOIN)
        return true;
    bool from_handler = wait->op == LCN_OP_SEM_WAIT || wait->op == LCN_OP_FUTEX_WAIT;
    return !(from_handler && has_handlers(watched)) && !is_shared_memory(watched, wait->object);
}

static bool all_stuck(const struct watched *watched, uint32_t *live)
{
    *live = 0;
    for (uint32_t i = 0; i < watched->used; i++) {
        if (watched->waits[i].tid == 0)
            continue;
        ++*live;
        if (!stuck(watched, i) || watched->waits[i].timed)
            return false;
    }
    return *live > 0;
}

static uint64_t add_to_checksum(uint64_t checksum, uint64_t value)
{
    return (checksum ^ value) * 0x100000001b3ull; /* FNV-1a, by words */
}

bool watched_hang(struct watched *watched)
{
    struct stillness before = watched->still, now = {.checksum = 0xcbf29ce484222325ull};
    watched->still.count = 0;
    uint32_t live;
    watched->quiet = all_stuck(watched, &live) && !watched->lost ? watched->quiet + 1 : 0;
    if (watched->quiet < QUIET_LOOKS || count_tasks(watched) != live)
        return false;
    for (uint32_t i = 0; i < watched->used; i++) {
        const struct lcn_wait *wait = &watched->waits[i];
        struct effective_wait effective;
        struct task_state state;
        if (wait->tid == 0)
            continue;
        watched_task(watched, wait->tid, &state);
        if (!watched_wait(watched, i, &state, &effective) ||
            !asleep_at(&state, effective.object, effective.kind) || !only_threads_end(watched, wait))
            return false;
        now.count++;
        now.checksum = add_to_checksum(add_to_checksum(now.checksum, wait->number), state.switches);
    }
    watched->still = now;
    return before.count == now.count && before.checksum == now.checksum;
}
