/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wait graph of a native process: see snapshot.h. */
#include "lockcheck/tool/snapshot.h"
#include "lockcheck/tool/stacks.h"
#include "lockcheck/tool/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define UNKNOWN_THREADS 1000000 /* threads in no record have numbers from here */

struct object {
    uint64_t address;
    enum lcn_kind kind;
    uint32_t holder; /* a thread's number, 0: none or several */
    json_t *created, *history;
    char *name, *kind_name;
};

struct snapshot {
    struct watched *watched;
    struct stacks stacks;
    struct lcn_thread *threads;
    struct task_state *tasks;
    struct effective_wait *waits; /* op LCN_OP_NONE: none */
    struct object *objects;       /* object number i + 1 */
    size_t object_count;
    uint64_t started_ns;
    json_t *graph, *notes;
    char *maps;
    uint64_t c_library[2], native[2]; /* where they lie */
};

static bool alive(const struct snapshot *snapshot, uint32_t i)
{
    return snapshot->watched->waits[i].tid > 0;
}

/* ---- objects ---- */

static const char *kind_name(enum lcn_kind kind)
{
    static const char *const names[] = {
        [LCN_KIND_NONE] = "object",        [LCN_KIND_MUTEX] = "mutex",    [LCN_KIND_RWLOCK] = "rwlock",
        [LCN_KIND_SPINLOCK] = "spin lock", [LCN_KIND_COND] = "condition", [LCN_KIND_SEMAPHORE] = "semaphore",
        [LCN_KIND_BARRIER] = "barrier",    [LCN_KIND_ONCE] = "once",      [LCN_KIND_FUTEX] = "futex",
        [LCN_KIND_THREAD] = "thread",      [LCN_KIND_NAMED] = "object",
    };
    return kind <= LCN_KIND_NAMED ? names[kind] : "object";
}

static void read_place(const struct snapshot *snapshot, struct object *object)
{
    uint32_t first = lcn_place_of(object->address);
    for (uint32_t i = 0; i < LCN_PROBES; i++) {
        struct lcn_place place;
        uint64_t at = snapshot->watched->record + offsetof(struct lcn_record, places) +
                      (first + i) % LCN_PLACES * sizeof place;
        if (watched_read(snapshot->watched, at, &place, sizeof place) != 0)
            return;
        if (place.address != object->address)
            continue;
        place.kind_name[sizeof place.kind_name - 1] = place.name[sizeof place.name - 1] = 0;
        /* What was initialised as something else there is gone. */
        if (place.kind != object->kind && place.kind != LCN_KIND_NAMED && object->kind != LCN_KIND_NAMED)
            return;
        if (place.pc)
            json_array_append_new(object->created, json_integer((json_int_t)place.pc));
        if (place.name[0])
            object->name = copy_text(place.name);
        if (place.kind_name[0])
            object->kind_name = copy_text(place.kind_name);
        return;
    }
}

/* The number of the object at that address. */
static size_t object_number(struct snapshot *snapshot, uint64_t address, enum lcn_kind kind)
{
    for (size_t i = 0; i < snapshot->object_count; i++)
        if (snapshot->objects[i].address == address)
            return i + 1;
    snapshot->objects =
        reallocate(snapshot->objects, (snapshot->object_count + 1) * sizeof *snapshot->objects);
    struct object *object = &snapshot->objects[snapshot->object_count++];
    *object =
        (struct object){.address = address, .kind = kind, .created = json_array(), .history = json_array()};
    read_place(snapshot, object);
    return snapshot->object_count;
}

static int32_t thread_by_handle(const struct snapshot *snapshot, uint64_t handle)
{
    for (uint32_t i = 0; i < snapshot->watched->used; i++)
        if (alive(snapshot, i) && snapshot->threads[i].handle == handle)
            return (int32_t)i;
    return -1;
}

static json_t *describe_object(const struct snapshot *snapshot, size_t number)
{
    const struct object *object = &snapshot->objects[number - 1];
    int32_t joined = object->kind == LCN_KIND_THREAD ? thread_by_handle(snapshot, object->address) : -1;
    char *name = object->name ? copy_text(object->name)
                 : joined < 0 ? copy_text("")
                 : *snapshot->threads[joined].name
                     ? copy_text(snapshot->threads[joined].name)
                     : print_text("thread %u", snapshot->threads[joined].wait.thread);
    json_t *json = json_pack("{s:I, s:s, s:s, s:I, s:o, s:O, s:O}", "id", (json_int_t)number, "kind",
                             object->kind_name ? object->kind_name : kind_name(object->kind), "name", name,
                             "address", (json_int_t)object->address, "holder",
                             object->holder ? json_integer(object->holder) : json_null(), "created",
                             object->created, "history", object->history);
    free(name);
    return json;
}

/* ---- threads ---- */

static const char *operation_name(const struct lcn_wait *wait, const struct effective_wait *effective)
{
    static const char *const names[][2] = {
        [LCN_OP_NONE] = {"nothing", "nothing"},
        [LCN_OP_LOCK] = {"lock", "timed lock"},
        [LCN_OP_READ_LOCK] = {"read lock", "timed read lock"},
        [LCN_OP_WRITE_LOCK] = {"write lock", "timed write lock"},
        [LCN_OP_WAIT] = {"wait", "timed wait"},
        [LCN_OP_SEM_WAIT] = {"semaphore wait", "timed semaphore wait"},
        [LCN_OP_BARRIER_WAIT] = {"barrier wait", "barrier wait"},
        [LCN_OP_JOIN] = {"join", "timed join"},
        [LCN_OP_ONCE] = {"once", "once"},
        [LCN_OP_FUTEX_WAIT] = {"futex wait", "timed futex wait"},
    };
    if (effective->op != wait->op)
        return "lock after a wait";
    return effective->op <= LCN_OP_FUTEX_WAIT ? names[effective->op][wait->timed] : "wait";
}

/* System calls that wait, by which a thread that waits for nothing of ours says what it does. */
static const char *system_call_name(long number)
{
    static const struct {
        long number;
        const char *name;
    } calls[] = {
        {SYS_read, "read"},
        {SYS_readv, "readv"},
        {SYS_pread64, "pread"},
        {SYS_write, "write"},
        {SYS_writev, "writev"},
        {SYS_poll, "poll"},
        {SYS_ppoll, "ppoll"},
        {SYS_select, "select"},
        {SYS_pselect6, "pselect"},
        {SYS_epoll_wait, "epoll_wait"},
        {SYS_epoll_pwait, "epoll_wait"},
        {SYS_nanosleep, "nanosleep"},
        {SYS_clock_nanosleep, "sleep"},
        {SYS_pause, "pause"},
        {SYS_accept, "accept"},
        {SYS_accept4, "accept"},
        {SYS_connect, "connect"},
        {SYS_recvfrom, "recv"},
        {SYS_recvmsg, "recvmsg"},
        {SYS_sendto, "send"},
        {SYS_sendmsg, "sendmsg"},
        {SYS_wait4, "wait for a process"},
        {SYS_waitid, "wait for a process"},
        {SYS_vfork, "vfork"},
        {SYS_rt_sigtimedwait, "sigwait"},
        {SYS_rt_sigsuspend, "sigsuspend"},
        {SYS_fcntl, "fcntl"},
        {SYS_flock, "flock"},
        {SYS_msgrcv, "msgrcv"},
        {SYS_semop, "semop"},
        {SYS_mq_timedreceive, "mq_receive"},
        {SYS_futex, "futex"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i].number == number)
            return calls[i].name;
    return NULL;
}

/* Is it the thread that waits for its report to be taken? */
static bool reports(const struct snapshot *snapshot, pid_t tid)
{
    const struct watched *watched = snapshot->watched;
    for (uint32_t i = 0; i < watched->used; i++)
        if (watched->waits[i].tid == tid)
            return watched->report.state == LCN_REPORTED &&
                   watched->report.thread == watched->waits[i].thread;
    return false;
}

static json_t *describe_wait(struct snapshot *snapshot, uint32_t i)
{
    const struct lcn_wait *wait = &snapshot->watched->waits[i];
    const struct effective_wait *effective = &snapshot->waits[i];
    const char *call = system_call_name(snapshot->tasks[i].system_call);
    if (effective->op == LCN_OP_NONE)
        return call && !reports(snapshot, wait->tid)
                   ? json_pack("{s:n, s:s, s:n}", "object", "operation", call, "until_ns")
                   : json_null();
    return json_pack("{s:I, s:s, s:n}", "object",
                     (json_int_t)object_number(snapshot, effective->object, effective->kind), "operation",
                     operation_name(wait, effective), "until_ns");
}

static bool within(const uint64_t range[2], uint64_t pc)
{
    return pc > range[0] && pc <= range[1];
}

/* What the C library does for an interposed function is left out, unless something else has come on top of
 * it, like a signal handler. */
static uint32_t skip_inner(const struct snapshot *snapshot, const struct stack *stack)
{
    uint32_t inner = 0;
    while (inner < stack->count && within(snapshot->c_library, stack->pcs[inner]))
        inner++;
    if (inner == stack->count || !within(snapshot->native, stack->pcs[inner]))
        return 0;
    /* Our handler of a deadly signal. */
    return reports(snapshot, stack->tid) && stack->interrupted ? stack->interrupted : inner;
}

static json_t *describe_stack(const struct snapshot *snapshot, pid_t tid, uint64_t wait_pc)
{
    const struct stack *stack = stacks_of(&snapshot->stacks, tid);
    json_t *pcs = json_array();
    for (uint32_t i = stack ? skip_inner(snapshot, stack) : 0; stack && i < stack->count; i++)
        json_array_append_new(pcs, json_integer((json_int_t)stack->pcs[i]));
    /* It could not be stopped: at least this is known. */
    if (!json_array_size(pcs) && wait_pc)
        json_array_append_new(pcs, json_integer((json_int_t)wait_pc));
    return pcs;
}

/* "running", "blocked", ... of a thread by the kernel's letter. */
static const char *state_name(const struct task_state *task)
{
    return task->state == 'S' || task->state == 'D' ? "blocked" : task->state == 'T' ? "stopped" : "running";
}

static json_t *describe_thread(struct snapshot *snapshot, uint32_t i)
{
    const struct lcn_thread *thread = &snapshot->threads[i];
    json_t *holds = json_array(), *created = json_array();
    for (uint32_t k = 0; k < thread->wait.holds && k < LCN_HOLDS; k++)
        if (thread->holds[k].object)
            json_array_append_new(
                holds, json_integer((json_int_t)object_number(snapshot, thread->holds[k].object,
                                                              (enum lcn_kind)thread->holds[k].kind)));
    if (thread->created)
        json_array_append_new(created, json_integer((json_int_t)thread->created));
    json_t *annotation =
        thread->annotation
            ? json_pack("{s:I, s:s}", "object",
                        (json_int_t)object_number(snapshot, thread->annotation, LCN_KIND_NAMED), "operation",
                        "down")
            : json_null();
    const char *state = snapshot->waits[i].op != LCN_OP_NONE  ? "blocked"
                        : reports(snapshot, thread->wait.tid) ? "running"
                                                              : state_name(&snapshot->tasks[i]);
    return json_pack("{s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "id", (json_int_t)thread->wait.thread,
                     "name", thread->name, "state", state, "waits_for", describe_wait(snapshot, i),
                     "annotation", annotation, "holds", holds, "stack",
                     describe_stack(snapshot, thread->wait.tid, thread->wait.pc), "created", created);
}

static char *task_name(pid_t pid, pid_t tid)
{
    char *path = print_text("/proc/%d/task/%d/comm", pid, tid);
    char *name = read_whole_file(path, NULL);
    free(path);
    if (!name)
        return copy_text("");
    name[strcspn(name, "\n")] = 0;
    make_utf8(name, strlen(name));
    return name;
}

static bool recorded(const struct snapshot *snapshot, pid_t tid)
{
    for (uint32_t i = 0; i < snapshot->watched->used; i++)
        if (snapshot->watched->waits[i].tid == tid)
            return true;
    return false;
}

static json_t *describe_threads(struct snapshot *snapshot)
{
    json_t *threads = json_array();
    for (uint32_t i = 0; i < snapshot->watched->used; i++)
        if (alive(snapshot, i))
            json_array_append_new(threads, describe_thread(snapshot, i));
    /* Those that the program made without pthread_create(), or that found no room. */
    for (size_t i = 0; i < snapshot->stacks.count; i++) {
        pid_t tid = snapshot->stacks.threads[i].tid;
        struct task_state task;
        if (recorded(snapshot, tid))
            continue;
        watched_task(snapshot->watched, tid, &task);
        if (!task.state || task.state == 'Z' || task.state == 'X')
            continue;
        char *name = task_name(snapshot->watched->pid, tid);
        json_array_append_new(threads, json_pack("{s:I, s:s, s:s, s:n, s:n, s:[], s:o, s:[]}", "id",
                                                 (json_int_t)UNKNOWN_THREADS + tid, "name", name, "state",
                                                 state_name(&task), "waits_for", "annotation", "holds",
                                                 "stack", describe_stack(snapshot, tid, 0), "created"));
        free(name);
    }
    return threads;
}

/* ---- who waits for whom ---- */

static void add_edge(struct snapshot *snapshot, const char *from, size_t from_id, const char *to,
                     size_t to_id, const char *label)
{
    json_array_append_new(snapshot->graph,
                          json_pack("{s:{s:I}, s:{s:I}, s:s}", "from", from, (json_int_t)from_id, "to", to,
                                    (json_int_t)to_id, "label", label));
}

static void add_wait(struct snapshot *snapshot, uint32_t i)
{
    const struct effective_wait *wait = &snapshot->waits[i];
    uint32_t id = snapshot->threads[i].wait.thread;
    if (wait->op == LCN_OP_NONE)
        return;
    size_t object = object_number(snapshot, wait->object, wait->kind);
    uint64_t annotation = snapshot->threads[i].annotation;
    if (annotation) {
        size_t about = object_number(snapshot, annotation, LCN_KIND_NAMED);
        add_edge(snapshot, "thread", id, "object", about, "waits for");
        add_edge(snapshot, "object", about, "object", object, "by way of");
    } else {
        add_edge(snapshot, "thread", id, "object", object, "waits for");
    }
}

static void add_hold(struct snapshot *snapshot, uint32_t i, const struct lcn_hold *hold)
{
    if (!hold->object)
        return;
    uint32_t id = snapshot->threads[i].wait.thread;
    size_t number = object_number(snapshot, hold->object, (enum lcn_kind)hold->kind);
    struct object *object = &snapshot->objects[number - 1];
    bool reads = hold->op == LCN_OP_READ_LOCK;
    if (!reads)
        object->holder = id;
    add_edge(snapshot, "object", number, "thread", id,
             reads                     ? "held for reading by"
             : hold->op == LCN_OP_ONCE ? "run by"
                                       : "held by");
    uint64_t since = hold->since > snapshot->started_ns ? hold->since - snapshot->started_ns : 0;
    json_array_append_new(object->history, json_pack("{s:i, s:I, s:I, s:s, s:s, s:[I]}", "step", 0, "time_ns",
                                                     (json_int_t)since, "thread", (json_int_t)id, "event",
                                                     reads                           ? "read lock"
                                                     : hold->op == LCN_OP_WRITE_LOCK ? "write lock"
                                                     : hold->op == LCN_OP_ONCE       ? "once"
                                                                                     : "lock",
                                                     "detail", "", "stack", (json_int_t)hold->pc));
}

static void add_graph(struct snapshot *snapshot)
{
    uint32_t used = snapshot->watched->used;
    for (uint32_t i = 0; i < used; i++)
        if (alive(snapshot, i))
            add_wait(snapshot, i);
    for (uint32_t i = 0; i < used; i++)
        for (uint32_t k = 0; alive(snapshot, i) && k < snapshot->threads[i].wait.holds && k < LCN_HOLDS; k++)
            add_hold(snapshot, i, &snapshot->threads[i].holds[k]);
    for (size_t i = 0; i < snapshot->object_count; i++) {
        int32_t joined = snapshot->objects[i].kind == LCN_KIND_THREAD
                             ? thread_by_handle(snapshot, snapshot->objects[i].address)
                             : -1;
        if (joined >= 0)
            add_edge(snapshot, "object", i + 1, "thread", snapshot->threads[joined].wait.thread, "ends with");
    }
}

/* ---- the sentence ---- */

static double ago(uint64_t since)
{
    uint64_t now = now_ns();
    return since && since < now ? (double)(now - since) / 1e9 : 0;
}

static void add_note(struct snapshot *snapshot, char *text)
{
    json_array_append_new(snapshot->notes, json_string(text));
    free(text);
}

/* Since when a thread of the deadlock has held what the one before it waits for. */
static void tell_of_cycle(struct snapshot *snapshot, uint32_t i, const struct effective_wait *wanted)
{
    const struct lcn_thread *thread = &snapshot->threads[i];
    for (uint32_t k = 0; k < thread->wait.holds && k < LCN_HOLDS; k++)
        if (thread->holds[k].object == wanted->object && thread->holds[k].since)
            add_note(snapshot,
                     print_text("{t%u} has held {o%zu} for %.2f s and waited for {o%zu} for %.2f s.",
                                thread->wait.thread, object_number(snapshot, wanted->object, wanted->kind),
                                ago(thread->holds[k].since),
                                object_number(snapshot, snapshot->waits[i].object, snapshot->waits[i].kind),
                                ago(thread->wait.since)));
}

static char *deadlock_sentence(struct snapshot *snapshot)
{
    const struct suspicion *cycle = &snapshot->watched->cycle;
    char *sentence = copy_text("");
    for (uint32_t n = 0; n < cycle->count; n++) {
        uint32_t i = cycle->threads[n], next = cycle->threads[(n + 1) % cycle->count];
        const struct effective_wait *wait = &snapshot->waits[i];
        uint32_t id = snapshot->threads[i].wait.thread, next_id = snapshot->threads[next].wait.thread;
        const char *join = n == 0 ? "" : n + 1 == cycle->count ? ", and " : ", ";
        size_t object = object_number(snapshot, wait->object, wait->kind);
        char *longer;
        if (cycle->count == 1)
            longer = print_text("{t%u} waits for {o%zu}, which it holds itself", id, object);
        else if (wait->op == LCN_OP_JOIN)
            longer = print_text("%s%s{t%u} waits for the end of {t%u}", sentence, join, id, next_id);
        else if (wait->op == LCN_OP_READ_LOCK && snapshot->waits[next].object == wait->object)
            longer = print_text("%s%s{t%u} waits to read {o%zu}, for which {t%u} waits to write it before",
                                sentence, join, id, object, next_id);
        else
            longer = print_text("%s%s{t%u} waits for {o%zu}, which {t%u} holds", sentence, join, id, object,
                                next_id);
        free(sentence);
        sentence = longer;
        tell_of_cycle(snapshot, next, wait);
    }
    return sentence;
}

/* Does it wait for a lock or a thread's end, so that its trouble is another's? */
static bool waits_for_a_thread(const struct snapshot *snapshot, uint32_t i)
{
    const struct effective_wait *wait = &snapshot->waits[i];
    if (wait->op == LCN_OP_JOIN)
        return true;
    for (size_t k = 0; k < snapshot->object_count; k++)
        if (snapshot->objects[k].address == wait->object)
            return snapshot->objects[k].holder != 0;
    return false;
}

static json_t *outstanding(const struct watched *watched)
{
    struct lcn_head head;
    json_t *work = json_object();
    if (watched_read(watched, watched->record, &head, sizeof head) != 0)
        return work;
    for (uint32_t i = 0; i < LCN_WORK; i++) {
        head.work[i].what[LCN_NAME - 1] = 0;
        make_utf8(head.work[i].what, strlen(head.work[i].what));
        json_int_t before = json_integer_value(json_object_get(work, head.work[i].what));
        if (head.work[i].count)
            json_object_set_new(work, head.work[i].what, json_integer(before + head.work[i].count));
    }
    return work;
}

/* The thread that most likely missed something: it waits for nobody in particular, and it blocked last. */
static char *hang_sentence(struct snapshot *snapshot, const json_t *work)
{
    int32_t best = -1;
    uint32_t blocked = 0;
    for (uint32_t i = 0; i < snapshot->watched->used; i++) {
        if (!alive(snapshot, i) || snapshot->waits[i].op == LCN_OP_NONE)
            continue;
        blocked++;
        bool worse =
            best >= 0 && waits_for_a_thread(snapshot, i) > waits_for_a_thread(snapshot, (uint32_t)best);
        bool better = best < 0 ||
                      waits_for_a_thread(snapshot, i) < waits_for_a_thread(snapshot, (uint32_t)best) ||
                      snapshot->threads[i].wait.since >= snapshot->threads[best].wait.since;
        if (!worse && better)
            best = (int32_t)i;
    }
    if (best < 0)
        return copy_text("nothing can run");
    char *todo = copy_text("");
    const char *what;
    json_t *count;
    json_object_foreach((json_t *)work, what, count)
    {
        char *longer = print_text("%s%s%s: %" JSON_INTEGER_FORMAT, todo,
                                  *todo ? ", " : " (outstanding: ", what, json_integer_value(count));
        free(todo);
        todo = longer;
    }
    const struct effective_wait *wait = &snapshot->waits[best];
    char *sentence =
        print_text("nothing can run: {t%u} waits for {o%zu}%s%s%s", snapshot->threads[best].wait.thread,
                   object_number(snapshot, wait->object, wait->kind),
                   blocked == 1   ? ""
                   : blocked == 2 ? ", and another thread is blocked"
                                  : ", and all other threads are blocked",
                   todo, *todo ? ")" : "");
    free(todo);
    return sentence;
}

/* "4 threads: 3 wait for each other or for an event, 1 is in the kernel, 0 run": what there is at the moment.
 */
static char *state_sentence(const struct snapshot *snapshot)
{
    unsigned total = 0, waiting = 0, sleeping = 0;
    for (uint32_t i = 0; i < snapshot->watched->used; i++) {
        if (!alive(snapshot, i))
            continue;
        total++;
        if (snapshot->waits[i].op != LCN_OP_NONE)
            waiting++;
        else if (snapshot->tasks[i].state == 'S' || snapshot->tasks[i].state == 'D')
            sleeping++;
    }
    return print_text("%u thread%s: %u wait%s for what threads do, %u sleep%s in the kernel, %u run%s", total,
                      total == 1 ? "" : "s", waiting, waiting == 1 ? "s" : "", sleeping,
                      sleeping == 1 ? "s" : "", total - waiting - sleeping,
                      total - waiting - sleeping == 1 ? "s" : "");
}

/* Fills in kind, ending and summary. */
static void conclude_snapshot(struct snapshot *snapshot, enum snapshot_reason reason, double seconds,
                              const json_t *work, struct execution *execution)
{
    const struct lcn_report *report = &snapshot->watched->report;
    const char *kind = "hang";
    char *state;
    switch (reason) {
    case SNAPSHOT_DEADLOCK:
        kind = "deadlock";
        execution->summary = deadlock_sentence(snapshot);
        break;
    case SNAPSHOT_HANG:
        execution->summary = hang_sentence(snapshot, work);
        break;
    case SNAPSHOT_TIMEOUT:
        state = state_sentence(snapshot);
        execution->summary = print_text("the program has not ended after %g s; it has %s", seconds, state);
        free(state);
        break;
    case SNAPSHOT_REPORT:
        kind = report->kind;
        execution->summary =
            report->thread && (strcmp(kind, "crash") == 0 || strcmp(kind, "assertion") == 0)
                ? print_text("{t%u} %.*s", report->thread, (int)sizeof report->text, report->text)
                : print_text("%.*s", (int)sizeof report->text, report->text);
        break;
    default:
        kind = "wait-graph";
        execution->summary = state_sentence(snapshot);
        break;
    }
    make_utf8(execution->summary, strlen(execution->summary));
    snprintf(execution->kind, sizeof execution->kind, "%.*s", (int)sizeof report->kind, kind);
    for (char *c = execution->kind; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
            *c = '-'; /* one word, whatever a program calls its own */
    execution->ending = ENDING_FINDING;
}

/* ---- the whole ---- */

static void find_library(struct snapshot *snapshot, const char *name, uint64_t range[2])
{
    for (const char *line = snapshot->maps; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        uint64_t start, end;
        size_t length = strcspn(line, "\n");
        const char *found = memmem(line, length, name, strlen(name));
        if (!found || sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2)
            continue;
        range[0] = range[0] ? range[0] : start;
        range[1] = end;
    }
}

/* All there is to read, while the process is stopped. Names are those given, else the kernel's. */
static void read_all(struct snapshot *snapshot, const struct task_state *tasks, uint32_t count)
{
    struct watched *watched = snapshot->watched;
    char *program = task_name(watched->pid, watched->pid);
    snapshot->threads = allocate(watched->used * sizeof *snapshot->threads);
    snapshot->tasks = allocate(watched->used * sizeof *snapshot->tasks);
    snapshot->waits = allocate(watched->used * sizeof *snapshot->waits);
    for (uint32_t i = 0; i < watched->used; i++) {
        struct lcn_thread *thread = &snapshot->threads[i];
        if (!alive(snapshot, i) || watched_thread(watched, i, thread) != 0) {
            watched->waits[i].tid = 0;
            continue;
        }
        thread->name[sizeof thread->name - 1] = 0;
        if (!thread->name[0]) {
            char *name = task_name(watched->pid, thread->wait.tid);
            if (strcmp(name, program) != 0)
                snprintf(thread->name, sizeof thread->name, "%s", name);
            free(name);
        }
        make_utf8(thread->name, strlen(thread->name));
        if (i < count)
            snapshot->tasks[i] = tasks[i];
        watched_wait(watched, i, &snapshot->tasks[i], &snapshot->waits[i]);
        if (!watched->waits[i].object)
            snapshot->waits[i].op = LCN_OP_NONE;
    }
    free(program);
}

/* Before the process is stopped: then all threads look alike to the kernel. */
static void read_tasks(struct snapshot *snapshot, struct task_state *tasks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (alive(snapshot, i))
            watched_task(snapshot->watched, snapshot->watched->waits[i].tid, &tasks[i]);
}

static char *print_evidence(struct snapshot *snapshot, json_t *threads, json_t *work,
                            const struct execution *execution)
{
    json_t *objects = json_array();
    for (size_t i = 1; i <= snapshot->object_count; i++)
        json_array_append_new(objects, describe_object(snapshot, i));
    json_t *evidence =
        json_pack("{s:s, s:s, s:o, s:o, s:O, s:o, s:O, s:s}", "kind", execution->kind, "summary",
                  execution->summary, "threads", threads, "objects", objects, "graph", snapshot->graph,
                  "outstanding", work, "notes", snapshot->notes, "maps", snapshot->maps);
    char *text = json_dumps(evidence, JSON_COMPACT);
    json_decref(evidence);
    return text;
}

static void close_snapshot(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->object_count; i++) {
        json_decref(snapshot->objects[i].created);
        json_decref(snapshot->objects[i].history);
        free(snapshot->objects[i].name);
        free(snapshot->objects[i].kind_name);
    }
    free(snapshot->objects);
    free(snapshot->threads);
    free(snapshot->tasks);
    free(snapshot->waits);
    free(snapshot->maps);
    json_decref(snapshot->graph);
    json_decref(snapshot->notes);
}

int snapshot_take(struct watched *watched, enum snapshot_reason reason, uint64_t started_ns, double seconds,
                  struct execution *execution)
{
    struct snapshot snapshot = {.watched = watched, .started_ns = started_ns};
    *execution = (struct execution){0};
    char *path = print_text("/proc/%d/task/%d/maps", watched->pid, watched->tid);
    snapshot.maps = read_whole_file(path, NULL);
    free(path);
    if (!snapshot.maps)
        return -1;
    make_utf8(snapshot.maps, strlen(snapshot.maps));
    find_library(&snapshot, "/" LCN_LIBRARY, snapshot.native);
    find_library(&snapshot, "/libc.so.", snapshot.c_library);
    snapshot.graph = json_array();
    snapshot.notes = json_array();

    uint32_t count = watched->used;
    struct task_state *tasks = allocate((count + 1) * sizeof *tasks);
    read_tasks(&snapshot, tasks, count);
    stacks_stop(&snapshot.stacks, watched->pid);
    int result = watched_look(watched), error = errno;
    if (result == 0) {
        read_all(&snapshot, tasks, count);
        stacks_take(&snapshot.stacks, watched->tid);
        add_graph(&snapshot);
        json_t *threads = describe_threads(&snapshot), *work = outstanding(watched);
        conclude_snapshot(&snapshot, reason, seconds, work, execution);
        execution->evidence = print_evidence(&snapshot, threads, work, execution);
        execution->evidence_bytes = execution->evidence ? strlen(execution->evidence) : 0;
    }
    stacks_resume(&snapshot.stacks);
    free(tasks);
    close_snapshot(&snapshot);
    errno = error;
    return result;
}
