/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of an execution with something to report: the outcome and a sentence into the channel, the evidence
 * beside it as JSON text, and out. Nothing here allocates or calls back into the program, which may be in any
 * state.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "lockcheck/detect/detect.h"
#include "lockcheck/runtime/runtime.h"
#include <lockcheck.h>

#define EXIT_WITH_OUTCOME 125
#define MAX_NOTES 64u
#define NOTE_SIZE 512u
#define MAX_WORK 16u
#define ALTERNATE_STACK (256u << 10)

static char notes[MAX_NOTES][NOTE_SIZE];
static uint32_t note_count;

/* Stacks from before the finding. */
#define MAX_STACKS 32u
static struct {
    char title[NOTE_SIZE];
    uint32_t thread;
    void *const *stack;
    uint32_t frames;
} stacks[MAX_STACKS];
static uint32_t stack_count;

static struct {
    char what[LC_NAME_MAX];
    long count;
} work[MAX_WORK];

/* The newest inputs that the program took up; a ring. */
#define MAX_INPUTS 64u
static struct {
    char what[24], source[LC_NAME_MAX];
    long number;
    uint64_t step;
    int64_t time_ns;
    uint32_t thread;
} inputs[MAX_INPUTS];
static uint64_t input_count;

/* ---- JSON into the channel ---- */

static char *json_at, *json_limit;

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void put(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(json_at, (size_t)(json_limit - json_at), format, arguments);
    va_end(arguments);
    if (n > 0)
        json_at += n < json_limit - json_at ? n : json_limit - json_at - 1;
}

static void put_string(const char *text)
{
    put("\"");
    for (const unsigned char *c = (const unsigned char *)text; *c && json_at + 8 < json_limit; c++) {
        if (*c == '"' || *c == '\\')
            put("\\%c", *c);
        else if (*c < 0x20 || *c >= 0x7f)
            put("\\u%04x", *c < 0x7f ? *c : '?');
        else
            *json_at++ = (char)*c;
    }
    put("\"");
}

static void put_stack(const char *key, void *const *stack, uint32_t frames)
{
    put("\"%s\":[", key);
    for (uint32_t i = 0; i < frames; i++)
        put("%s%lu", i ? "," : "", (unsigned long)stack[i]);
    put("]");
}

static void put_waits_for(const struct lc_thread *t)
{
    put("\"waits_for\":");
    if (t->state != LC_BLOCKED) {
        put("null,");
        return;
    }
    put("{\"object\":");
    if (t->object)
        put("%u", t->object->id);
    else
        put("null");
    put(",\"operation\":\"%s\",\"until_ns\":", lc_op_name(t->op));
    if (t->deadline_ns == LC_NEVER)
        put("null},");
    else
        put("%ld},", t->deadline_ns);
}

static bool holds(const struct lc_object *o, const struct lc_thread *t)
{
    if (o->destroyed)
        return false;
    if (o->owner == t)
        return true;
    for (struct lc_reader *r = o->readers; r; r = r->next)
        if (r->thread == t)
            return true;
    return false;
}

/* With what the thread goes on, for a debugger. */
static void put_context(const struct lc_thread *t)
{
    put("\"thread_pointer\":%lu,", t->tp);
    if (t == lc_self)
        return;
    uint64_t registers[LC_DEBUG_REGISTERS];
    lc_debugger_context(t, registers);
    put("\"context\":[");
    for (size_t i = 0; i < LC_DEBUG_REGISTERS; i++)
        put("%s%ld", i ? "," : "", (long)registers[i]);
    put("],");
}

static void put_thread(const struct lc_thread *t)
{
    static const char *const states[] = {"unused", "runnable", "blocked", "finished"};
    put("{\"id\":%u,\"name\":", t->id);
    put_string(t->name);
    put(",\"state\":\"%s\",", t == lc_self && t->state == LC_ENABLED ? "running" : states[t->state]);
    put_waits_for(t);
    if (lc.channel->flags & LC_FLAG_DEBUGGER)
        put_context(t);
    put("\"annotation\":");
    const struct lc_object *inside = lc_semaphore_of_down(t);
    if (inside)
        put("{\"object\":%u,\"operation\":\"down\"},", inside->id);
    else
        put("null,");
    put("\"holds\":[");
    const char *comma = "";
    for (struct lc_object *o = lc_objects; o; o = o->all_next)
        if (holds(o, t)) {
            put("%s%u", comma, o->id);
            comma = ",";
        }
    put("],");
    put_stack("stack", t->stack, t->state == LC_FINISHED ? 0 : t->frames);
    put(",");
    put_stack("created", t->created, t->created_frames);
    put("}");
}

static void put_history(const struct lc_object *o)
{
    put("\"history\":[");
    uint64_t first = o->history_count > LC_HISTORY ? o->history_count - LC_HISTORY : 0;
    for (uint64_t i = first; i < o->history_count; i++) {
        const struct lc_event *e = &o->history[i % LC_HISTORY];
        char detail[64] = "";
        switch (e->op) {
        case LC_OP_FILE_DONE:
            snprintf(detail, sizeof detail, "%ld", e->argument);
            break;
        case LC_OP_REQUEST + LOCKCHECK_MSG_SEND:
        case LC_OP_REQUEST + LOCKCHECK_MSG_RECEIVE:
        case LC_OP_REQUEST + LOCKCHECK_MSG_DROP:
            snprintf(detail, sizeof detail, "message #%ld", e->argument);
            break;
        case LC_OP_REQUEST + LOCKCHECK_SEM_INIT:
            snprintf(detail, sizeof detail, "value %ld", e->argument);
            break;
        case LC_OP_REQUEST + LOCKCHECK_SEM_DOWN_BEGIN:
            if (e->argument > 0)
                snprintf(detail, sizeof detail, "for at most %ld ms", e->argument);
            else
                strcpy(detail, e->argument == 0 ? "does not wait" : "");
            break;
        case LC_OP_REQUEST + LOCKCHECK_SEM_DOWN_END:
            strcpy(detail, e->argument == 0 ? "took a token" : "took none");
            break;
        default:
            break;
        }
        put("%s{\"step\":%lu,\"time_ns\":%ld,\"thread\":%u,\"event\":\"%s\",\"detail\":\"%s\",",
            i == first ? "" : ",", e->step, e->time_ns, e->thread, lc_op_name(e->op), detail);
        put_stack("stack", e->stack, e->frames);
        put("}");
    }
    put("]");
}

/* An object's name and where it is from; the bracket stays open. */
static void put_object_head(const struct lc_object *o)
{
    put("{\"id\":%u,\"kind\":", o->id);
    put_string(lc_object_kind_name(o));
    put(",\"name\":");
    put_string(o->kind == LC_KIND_THREAD ? lc_thread_by_number((uint32_t)o->value)->name
               : o->name                 ? o->name
                                         : "");
    /* JSON readers take 64 bits with a sign. */
    put(",\"address\":%ld,", o->kind == LC_KIND_MEMORY ? (long)o->value : (long)o->address);
    const struct lc_heap_block *block =
        o->kind == LC_KIND_MEMORY ? lc_heap_block_at((uintptr_t)o->value) : NULL;
    if (!block) {
        put_stack("created", o->created, o->created_frames);
        return;
    }
    put("\"block\":{\"address\":%lu,\"bytes\":%zu,\"thread\":%u},", block->address, block->bytes,
        block->thread);
    put_stack("created", block->stack, block->frames);
}

static void put_object(const struct lc_object *o)
{
    put_object_head(o);
    put(",\"holder\":");
    if (o->owner)
        put("%u,", o->owner->id);
    else
        put("null,");
    put_history(o);
    put("}");
}

/* Is the object worth its place: named in the summary or a note, held, or waited for? */
static bool worth_telling(const struct lc_object *o)
{
    if (o->destroyed && !o->history_count)
        return false;
    char name[24];
    snprintf(name, sizeof name, "{o%u}", o->id);
    if (strstr(lc.channel->summary, name))
        return true;
    for (uint32_t i = 0; i < note_count; i++)
        if (strstr(notes[i], name))
            return true;
    if (o->kind == LC_KIND_THREAD)
        return o->waiters.first != NULL;
    if (o->kind == LC_KIND_MEMORY)
        return lc_memory_is_contended(o);
    return !o->destroyed && (o->owner || o->readers || o->waiters.first || o->detector);
}

static void put_edge(const char *comma, const char *from, uint32_t from_id, const char *to, uint32_t to_id,
                     const char *label)
{
    put("%s{\"from\":{\"%s\":%u},\"to\":{\"%s\":%u},\"label\":\"%s\"}", comma, from, from_id, to, to_id,
        label);
}

static void put_graph(void)
{
    const char *comma = "";
    for (uint32_t i = 1; i <= lc_thread_count(); i++) {
        struct lc_thread *t = lc_thread_by_number(i);
        if (t->state != LC_BLOCKED || !t->object)
            continue;
        struct lc_object *o = t->object;
        const struct lc_object *inside = lc_semaphore_of_down(t);
        if (inside) {
            put_edge(comma, "thread", t->id, "object", inside->id, "waits for");
            put_edge(",", "object", inside->id, "object", o->id, "by way of");
        } else {
            put_edge(comma, "thread", t->id, "object", o->id, "waits for");
        }
        comma = ",";
    }
    for (struct lc_object *o = lc_objects; o; o = o->all_next) {
        if (o->destroyed)
            continue;
        if (o->kind == LC_KIND_THREAD && o->waiters.first)
            put_edge(comma, "object", o->id, "thread", (uint32_t)o->value, "ends with"), comma = ",";
        if (o->owner)
            put_edge(comma, "object", o->id, "thread", o->owner->id, "held by"), comma = ",";
        for (struct lc_reader *r = o->readers; r; r = r->next)
            put_edge(comma, "object", o->id, "thread", r->thread->id, "held for reading by"), comma = ",";
    }
}

static void put_inputs(void)
{
    uint64_t first = input_count > MAX_INPUTS ? input_count - MAX_INPUTS : 0;
    for (uint64_t i = first; i < input_count; i++) {
        put("%s{\"step\":%lu,\"time_ns\":%ld,\"thread\":%u,\"number\":%ld,\"what\":", i == first ? "" : ",\n",
            inputs[i % MAX_INPUTS].step, inputs[i % MAX_INPUTS].time_ns, inputs[i % MAX_INPUTS].thread,
            inputs[i % MAX_INPUTS].number);
        put_string(inputs[i % MAX_INPUTS].what);
        put(",\"source\":");
        put_string(inputs[i % MAX_INPUTS].source);
        put("}");
    }
}

/* What it takes to read recorded steps: names of operations, and of the objects that the rest leaves out. */
static void put_key_to_steps(void)
{
    put("\"operations\":[");
    for (unsigned op = 0; op < LC_OP_REQUEST; op++) {
        put("%s", op ? "," : "");
        put_string(lc_op_name(op));
    }
    put("],\n\"other_objects\":[");
    const char *comma = "";
    for (struct lc_object *o = lc_objects; o; o = o->all_next)
        if (!worth_telling(o)) {
            put("%s", comma);
            put_object_head(o);
            put("}");
            comma = ",\n";
        }
    put("],\n");
}

static void put_maps(void)
{
    char block[4096];
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY, 0);
    put("\"");
    for (long n; fd >= 0 && (n = syscall(SYS_read, fd, block, sizeof block)) > 0;)
        for (long i = 0; i < n && json_at + 8 < json_limit; i++) {
            if (block[i] == '\n')
                *json_at++ = '\\', *json_at++ = 'n';
            else if (block[i] == '"' || block[i] == '\\')
                *json_at++ = '\\', *json_at++ = block[i];
            else
                *json_at++ = block[i];
        }
    put("\"");
}

static int put_tls_module(struct dl_phdr_info *info, size_t size, void *comma)
{
    (void)size;
    if (info->dlpi_tls_modid) {
        put("%s{\"base\":%lu,\"module\":%lu}", *(const char **)comma, info->dlpi_addr, info->dlpi_tls_modid);
        *(const char **)comma = ",";
    }
    return 0;
}

/* For a debugger: where a thread is that is not there, and which module numbers of thread-local storage
 * belong to which load addresses. */
static void put_places(void)
{
    const char *comma = "";
    put("\"no_stack\":%lu,\"tls\":[", (uintptr_t)lc_no_stack);
    dl_iterate_phdr(put_tls_module, &comma);
    put("],\n");
}

void lc_evidence_write(const char *kind)
{
    char *start = (char *)lc.channel + LC_EVIDENCE_OFFSET;
    json_at = start;
    json_limit = start + LC_EVIDENCE_SIZE;
    put("{\"kind\":\"%s\",\"summary\":", kind);
    put_string(lc.channel->summary);
    put(",\n\"threads\":[");
    for (uint32_t i = 1; i <= lc_thread_count(); i++) {
        put("%s", i > 1 ? ",\n" : "");
        put_thread(lc_thread_by_number(i));
    }
    put("],\n\"objects\":[");
    const char *comma = "";
    for (struct lc_object *o = lc_objects; o; o = o->all_next)
        if (worth_telling(o)) {
            put("%s", comma);
            put_object(o);
            comma = ",\n";
        }
    put("],\n\"graph\":[");
    put_graph();
    put("],\n\"outstanding\":{");
    char text[1024];
    lc_outstanding_write(text, sizeof text, true);
    put("%s},\n\"notes\":[", text);
    for (uint32_t i = 0; i < note_count; i++) {
        put("%s", i ? ",\n" : "");
        put_string(notes[i]);
    }
    put("],\n\"inputs\":[");
    put_inputs();
    put("],\n\"stacks\":[");
    for (uint32_t i = 0; i < stack_count; i++) {
        put("%s{\"thread\":%u,\"title\":", i ? ",\n" : "", stacks[i].thread);
        put_string(stacks[i].title);
        put(",");
        put_stack("stack", stacks[i].stack, stacks[i].frames);
        put("}");
    }
    put("],\n");
    if (lc.channel->flags & LC_FLAG_STEPS)
        put_key_to_steps();
    if (lc.channel->flags & LC_FLAG_DEBUGGER)
        put_places();
    put("\"maps\":");
    put_maps();
    put("}\n");
    lc.channel->evidence_bytes = (uint64_t)(json_at - start);
}

/* Where the fault is, when there is one: the only address in a stack that is not one to return to. */
static uintptr_t fault_pc;

/* Readers of stacks take one off each address to be inside the call; so this one gets one more. */
static void mark_fault(void **stack, uint32_t frames)
{
    for (uint32_t i = 0; fault_pc && i < frames; i++)
        if ((uintptr_t)stack[i] == fault_pc) {
            stack[i] = (char *)stack[i] + 1;
            return;
        }
}

/* ---- ends ---- */

static void end_process(void)
{
    lc_quiet_call(SYS_exit_group, EXIT_WITH_OUTCOME, 0, 0, 0);
}

void lc_stop(enum lc_outcome outcome, const char *kind, const char *format, va_list arguments)
{
    if (lc.ending || !lc.channel) { /* a fault while reporting: what stands in the channel has to do */
        if (!lc.channel) {
            dprintf(2, "lockcheck: ");
            vdprintf(2, format, arguments);
            dprintf(2, "\n");
        }
        end_process();
    }
    lc.ending = true;
    if (lc.accesses)
        lc_accesses_end();
    lc.inside++;
    if (lc.scheduled && lc.strategy->end)
        lc.strategy->end();
    struct lc_channel *c = lc.channel;
    vsnprintf(c->summary, sizeof c->summary, format, arguments);
    snprintf(c->finding_kind, sizeof c->finding_kind, "%s", kind);
    c->outcome = outcome;
    if (lc_self && outcome != LC_OUTCOME_EXHAUSTED && outcome != LC_OUTCOME_CUT) {
        if (outcome == LC_OUTCOME_FINDING)
            lc_detect_explain();
        if (lc_self->state == LC_ENABLED)
            lc_self->frames = lc_backtrace(lc_self->stack, LC_MAX_STACK);
        mark_fault(lc_self->stack, lc_self->frames);
        lc_evidence_write(kind);
    }
    lc_debugger_stop(LC_DEBUG_OUTCOME);
    if (outcome == LC_OUTCOME_CUT)
        lc_rewind();
    end_process();
    __builtin_unreachable();
}

#define STOP(outcome, kind)                                                                                  \
    va_list arguments;                                                                                       \
    va_start(arguments, format);                                                                             \
    lc_stop(outcome, kind, format, arguments)

void lc_finding(const char *kind, const char *format, ...)
{
    STOP(LC_OUTCOME_FINDING, kind);
}

void lc_uncontrolled(const char *format, ...)
{
    STOP(LC_OUTCOME_UNCONTROLLED, "uncontrolled");
}

void lc_internal(const char *format, ...)
{
    STOP(LC_OUTCOME_INTERNAL, "internal");
}

static _Noreturn void stop(enum lc_outcome outcome, const char *kind, const char *format, ...)
{
    STOP(outcome, kind);
}

void lc_limit_reached(void)
{
    stop(LC_OUTCOME_LIMIT, "limit", "the schedule was given up after %lu steps", lc.channel->steps);
}

void lc_no_choice(void)
{
    if (lc.strategy != &lc_strategy_replay)
        stop(LC_OUTCOME_CUT, "cut", "the strategy gave the execution up at step %lu", lc.channel->steps + 1);
    stop(LC_OUTCOME_DIVERGED, "diverged",
         "at step %lu the recording asks for a thread that cannot run: this is not the recorded execution",
         lc.channel->steps + 1);
}

void lc_stopped_at_step(void)
{
    stop(LC_OUTCOME_STOPPED, "stopped", "stopped before step %lu", lc.channel->steps);
}

void lc_exhausted(void)
{
    const char *left_out = lc.strategy->left_out ? lc.strategy->left_out() : NULL;
    lc.channel->complete = !left_out;
    stop(LC_OUTCOME_EXHAUSTED, "exhausted", "%s", left_out ? left_out : "");
}

void lc_add_to_summary(const char *format, ...)
{
    size_t length = strlen(lc.channel->summary);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(lc.channel->summary + length, sizeof lc.channel->summary - length, format, arguments);
    va_end(arguments);
}

void lc_note(const char *format, ...)
{
    if (note_count == MAX_NOTES)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(notes[note_count++], NOTE_SIZE, format, arguments);
    va_end(arguments);
}

void lc_show_stack(uint32_t thread, void *const *stack, uint32_t frames, const char *format, ...)
{
    if (stack_count == MAX_STACKS || !frames)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(stacks[stack_count].title, NOTE_SIZE, format, arguments);
    va_end(arguments);
    stacks[stack_count].thread = thread;
    stacks[stack_count].stack = stack;
    stacks[stack_count++].frames = frames;
}

void lc_forget_notes(void)
{
    note_count = stack_count = 0;
}

/* ---- inputs and outstanding work ---- */

void lc_input(const char *what, long number, const char *source)
{
    uint64_t place = input_count++ % MAX_INPUTS;
    snprintf(inputs[place].what, sizeof inputs[place].what, "%s", what);
    snprintf(inputs[place].source, sizeof inputs[place].source, "%s", source ? source : "");
    inputs[place].number = number;
    inputs[place].step = lc.channel->steps;
    inputs[place].time_ns = lc.now_ns;
    inputs[place].thread = lc_self->id;
}

void lc_outstanding(const char *what, long delta)
{
    for (uint32_t i = 0; i < MAX_WORK; i++) {
        if (!work[i].what[0])
            snprintf(work[i].what, sizeof work[i].what, "%s", what);
        if (strcmp(work[i].what, what) == 0) {
            work[i].count += delta;
            return;
        }
    }
}

size_t lc_outstanding_write(char *buffer, size_t size, bool json)
{
    size_t n = 0;
    *buffer = 0;
    const char *quote = json ? "\"" : "";
    for (uint32_t i = 0; i < MAX_WORK && work[i].what[0] && n < size; i++)
        if (work[i].count)
            n += (size_t)snprintf(buffer + n, size - n, "%s%s%s%s: %ld", n ? ", " : "", quote, work[i].what,
                                  quote, work[i].count);
    return n;
}

/* ---- signals that mean a finding ---- */

void lc_crashed(int sig, siginfo_t *info, void *context)
{
    if ((sig == SIGSYS && lc_quiet_interrupted(info, context)) ||
        (sig == SIGSEGV && lc_cycles_interrupted(info, context)))
        return;
    fault_pc = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    if (lc.ending)
        end_process();
    if (sig == SIGSEGV || sig == SIGBUS)
        lc_finding("crash", "{t%u} died of signal %d (%s) at address %p", lc_self->id, sig, sigdescr_np(sig),
                   info->si_addr);
    lc_finding("crash", "{t%u} died of signal %d (%s)", lc_self->id, sig, sigdescr_np(sig));
}

/* The command has seen no step for too long. */
static void stuck(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info;
    const unsigned char *pc = (const unsigned char *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    bool in_system_call =
        (pc[-2] == 0x0f && pc[-1] == 0x05) || (pc[0] == 0x0f && pc[1] == 0x05); /* SYSCALL */
    Dl_info object;
    if (in_system_call && dladdr(pc, &object) && strstr(object.dli_fname, "/libgomp.so"))
        lc_uncontrolled(
            "{t%u} waits in gcc's OpenMP library, libgomp, by system calls of its own, which lockcheck "
            "does not see; with LLVM's libomp.so.5 in its place (LD_PRELOAD=libomp.so.5, or clang "
            "-fopenmp) its threads can be controlled",
            lc_self->id);
    if (in_system_call)
        lc_uncontrolled("{t%u} is blocked in a system call that lockcheck does not control", lc_self->id);
    lc_uncontrolled("{t%u} has run for a second of processor time without a scheduling point", lc_self->id);
}

void lc_signals_init(void)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    stack_t stack = {.ss_sp = lc_allocate(ALTERNATE_STACK), .ss_size = ALTERNATE_STACK};
    sigaltstack(&stack, NULL);
    struct sigaction action = {.sa_sigaction = lc_crashed, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) {
        struct sigaction now;
        if (sigaction(fatal[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
            sigaction(fatal[i], &action, NULL);
    }
    action.sa_sigaction = stuck;
    sigaction(LC_STUCK_SIGNAL, &action, NULL);
}
