/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dfs against brute force. Small programs, written down below and made at random, run on a model of threads,
 * locks, semaphores, condition variables, shared variables and time that says of each step what the runtime
 * would say of it. All interleavings are enumerated; dfs must reach the same final states, and of the
 * interleavings that differ only in the order of independent steps exactly one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "lockcheck/strategy/random_number.h"
#include "lockcheck/strategy/strategy.h"

#define THREADS 4  /* at most, numbered from 1 */
#define LENGTH 14  /* operations of a thread, with its END */
#define OBJECTS 4  /* of each kind */
#define LONGEST 64 /* steps of an execution */
#define NEVER INT32_MAX
#define MEMORY (1ull << 30)
#define SET (1u << 17) /* room for members of a set, twice what it may hold */

/* ---- programs ---- */

enum kind {
    END,
    LOCK,
    UNLOCK,
    TRYLOCK,    /* sets `got` */
    TIMEDLOCK,  /* argument2: for how long; sets `got` */
    UNLOCK_GOT, /* when `got` */
    READ,
    WRITE,   /* what the thread has seen so far */
    FAIL_IF, /* reads; a finding when the variable is argument2 */
    SEM_WAIT,
    SEM_TRY,
    SEM_POST,
    READ_LOCK,
    WRITE_LOCK,
    RW_UNLOCK,
    WAIT, /* condition argument, mutex argument2 */
    TIMEDWAIT,
    SIGNAL,
    BROADCAST,
    CREATE,
    JOIN,
    SLEEP, /* for argument */
    CLOCK, /* reads it, which is no step */
    EXIT,  /* ends the process */
    /* What only the model does. */
    START,
    RELOCK, /* the mutex argument2, after a wait */
    THREAD_EXIT,
};

struct operation {
    enum kind kind;
    int argument, argument2;
};

struct program {
    int threads;
    int at_start; /* threads that need nobody to create them */
    int first_tokens;
    struct operation code[THREADS + 1][LENGTH];
};

/* ---- the model ---- */

enum phase { UNBORN, AT_START, AT_CODE, IN_WAIT, AT_RELOCK, IN_SLEEP, AT_END, ENDED };

struct actor {
    enum phase phase;
    int at;
    bool got, timed_out;
    int deadline;
    uint32_t seen; /* a hash of all it has read */
};

struct state {
    struct actor actors[THREADS + 1];
    int mutex[OBJECTS]; /* who holds it, 0 for nobody */
    int writer[OBJECTS];
    unsigned readers[OBJECTS];
    int tokens[OBJECTS];
    int queue[OBJECTS][THREADS], queued[OBJECTS];
    uint32_t variable[OBJECTS];
    int now;
    bool over;
    uint32_t finding; /* what failed where; 0 for none */
};

/* Numbers of objects, as the runtime would give them. */
static uint32_t mutex_number(int i)
{
    return 1 + (uint32_t)i;
}
static uint32_t rwlock_number(int i)
{
    return 11 + (uint32_t)i;
}
static uint32_t semaphore_number(int i)
{
    return 21 + (uint32_t)i;
}
static uint32_t condition_number(int i)
{
    return 31 + (uint32_t)i;
}
static uint32_t variable_number(int i)
{
    return 41 + (uint32_t)i;
}
static uint32_t thread_number(int i)
{
    return 51 + (uint32_t)i;
}

static uint32_t mix(uint32_t a, uint32_t b)
{
    return (uint32_t)lc_mix64((uint64_t)a << 32 | b);
}

static const struct program *program;
static struct state state;

static const struct operation *code_of(const struct state *s, int t)
{
    return &program->code[t][s->actors[t].at];
}

/* The thread has ended a step: go on to where the next begins. */
static void advance(struct state *s, int t)
{
    struct actor *a = &s->actors[t];
    a->phase = AT_CODE;
    a->deadline = NEVER;
    a->timed_out = false;
    for (;; a->at++) {
        const struct operation *o = code_of(s, t);
        if (o->kind == CLOCK) {
            a->seen = mix(a->seen, (uint32_t)s->now);
        } else if (o->kind == END) {
            a->phase = AT_END;
            return;
        } else if (o->kind == TIMEDLOCK) {
            a->deadline = s->now + o->argument2;
            return;
        } else if (o->kind != UNLOCK_GOT || a->got) {
            return;
        }
    }
}

static void begin_program(struct state *s)
{
    memset(s, 0, sizeof *s);
    for (int i = 0; i < OBJECTS; i++)
        s->tokens[i] = program->first_tokens;
    for (int t = 1; t <= program->threads; t++) {
        s->actors[t].deadline = NEVER;
        s->actors[t].seen = (uint32_t)t;
        if (t <= program->at_start)
            s->actors[t].phase = AT_START;
    }
}

static bool available(const struct state *s, int t, const struct operation *o)
{
    switch (o->kind) {
    case LOCK:
    case TIMEDLOCK:
        return !s->mutex[o->argument];
    case SEM_WAIT:
        return s->tokens[o->argument] > 0;
    case READ_LOCK:
        return !s->writer[o->argument];
    case WRITE_LOCK:
        return !s->writer[o->argument] && !s->readers[o->argument];
    case JOIN:
        return s->actors[o->argument].phase == ENDED;
    default:
        (void)t;
        return true;
    }
}

static bool can_run(const struct state *s, int t)
{
    const struct actor *a = &s->actors[t];
    if (s->over)
        return false;
    switch (a->phase) {
    case AT_START:
    case AT_END:
        return true;
    case AT_CODE:
        return a->timed_out || available(s, t, code_of(s, t));
    case IN_WAIT:
    case IN_SLEEP:
        return a->timed_out;
    case AT_RELOCK:
        return !s->mutex[code_of(s, t)->argument2];
    default:
        return false;
    }
}

static bool time_can_pass(const struct state *s)
{
    for (int t = 1; t <= program->threads && !s->over; t++)
        if (s->actors[t].deadline != NEVER && !s->actors[t].timed_out)
            return true;
    return false;
}

static struct lc_next next_in(const struct state *s, uint32_t thread)
{
    if (thread == LC_TIME)
        return (struct lc_next){.everything = true};
    int t = (int)thread;
    const struct actor *a = &s->actors[t];
    const struct operation *o = code_of(s, t);
    struct lc_next n = {.op = o->kind};
    switch (a->phase) {
    case UNBORN:
    case ENDED:
        return (struct lc_next){0};
    case AT_START:
        return (struct lc_next){.op = START};
    case AT_END:
        return (struct lc_next){.op = THREAD_EXIT, .object = thread_number(t), .closed = true};
    case IN_SLEEP:
        return n;
    case IN_WAIT:
        if (a->timed_out)
            n.object = condition_number(o->argument);
        return n;
    case AT_RELOCK:
        return (struct lc_next){.op = LOCK, .object = mutex_number(o->argument2), .waits = true};
    case AT_CODE:
        break;
    }
    int i = o->argument;
    switch (o->kind) {
    case LOCK:
    case TIMEDLOCK:
        n.object = mutex_number(i);
        n.waits = !a->timed_out;
        break;
    case TRYLOCK:
        n.object = mutex_number(i);
        n.closed = s->mutex[i] != 0;
        break;
    case UNLOCK:
    case UNLOCK_GOT:
        n.object = mutex_number(i);
        n.closed = s->mutex[i] == t;
        break;
    case READ:
    case FAIL_IF:
    case WRITE:
        n.object = variable_number(i);
        n.reads_only = o->kind != WRITE;
        break;
    case SEM_WAIT:
        n.object = semaphore_number(i);
        n.waits = true;
        break;
    case SEM_POST:
        n.object = semaphore_number(i);
        n.closed = s->tokens[i] == 0;
        break;
    case SEM_TRY:
        n.object = semaphore_number(i);
        n.closed = s->tokens[i] == 0;
        break;
    case READ_LOCK:
    case WRITE_LOCK:
        n.object = rwlock_number(i);
        n.waits = true;
        n.reads_only = o->kind == READ_LOCK;
        break;
    case RW_UNLOCK:
        n.object = rwlock_number(i);
        n.closed = true;
        n.reads_only = s->writer[i] != t;
        break;
    case WAIT:
    case TIMEDWAIT:
        n.object = condition_number(i);
        n.object2 = mutex_number(o->argument2);
        n.closed2 = true;
        break;
    case SIGNAL:
    case BROADCAST:
        n.object = condition_number(i);
        break;
    case JOIN:
        n.object = thread_number(i);
        n.waits = true;
        break;
    case EXIT:
        n.everything = true;
        break;
    default:
        break;
    }
    return n;
}

static void leave_queue(struct state *s, int condition, int position)
{
    s->queued[condition]--;
    for (int i = position; i < s->queued[condition]; i++)
        s->queue[condition][i] = s->queue[condition][i + 1];
}

static void signal_first(struct state *s, int condition)
{
    struct actor *woken = &s->actors[s->queue[condition][0]];
    leave_queue(s, condition, 0);
    woken->phase = AT_RELOCK;
    woken->deadline = NEVER;
    woken->timed_out = false;
    woken->seen = mix(woken->seen, 1);
}

static void pass_time(struct state *s)
{
    int first = NEVER;
    for (int t = 1; t <= program->threads; t++)
        if (!s->actors[t].timed_out && s->actors[t].deadline < first)
            first = s->actors[t].deadline;
    if (first > s->now)
        s->now = first;
    for (int t = 1; t <= program->threads; t++)
        if (s->actors[t].deadline <= s->now)
            s->actors[t].timed_out = true;
}

/* An operation of the thread's code. Returns false when it is not over with this step. */
static bool do_operation(struct state *s, int t, const struct operation *o)
{
    struct actor *a = &s->actors[t];
    int i = o->argument;
    switch (o->kind) {
    case LOCK:
        s->mutex[i] = t;
        break;
    case TRYLOCK:
    case TIMEDLOCK:
        a->got = !s->mutex[i];
        if (a->got)
            s->mutex[i] = t;
        a->seen = mix(a->seen, a->got);
        break;
    case UNLOCK:
    case UNLOCK_GOT:
        s->mutex[i] = 0;
        a->got = false;
        break;
    case FAIL_IF:
        if (s->variable[i] == (uint32_t)o->argument2) {
            s->finding = mix(mix((uint32_t)t, (uint32_t)a->at), a->seen) | 1;
            s->over = true;
        }
        /* fall through */
    case READ:
        a->seen = mix(a->seen, s->variable[i]);
        break;
    case WRITE:
        s->variable[i] = a->seen;
        break;
    case SEM_WAIT:
        s->tokens[i]--;
        break;
    case SEM_TRY:
        a->seen = mix(a->seen, s->tokens[i] > 0);
        if (s->tokens[i] > 0)
            s->tokens[i]--;
        break;
    case SEM_POST:
        s->tokens[i]++;
        break;
    case READ_LOCK:
        s->readers[i] |= 1u << t;
        break;
    case WRITE_LOCK:
        s->writer[i] = t;
        break;
    case RW_UNLOCK:
        if (s->writer[i] == t)
            s->writer[i] = 0;
        s->readers[i] &= ~(1u << t);
        break;
    case WAIT:
    case TIMEDWAIT:
        s->mutex[o->argument2] = 0;
        s->queue[i][s->queued[i]++] = t;
        a->phase = IN_WAIT;
        a->deadline = o->kind == TIMEDWAIT ? s->now + 1 : NEVER;
        return false;
    case SIGNAL:
    case BROADCAST:
        while (s->queued[i]) {
            signal_first(s, i);
            if (o->kind == SIGNAL)
                break;
        }
        break;
    case CREATE:
        s->actors[i].phase = AT_START;
        break;
    case SLEEP:
        a->phase = IN_SLEEP;
        a->deadline = s->now + i;
        return false;
    case EXIT:
        s->over = true;
        break;
    default:
        break;
    }
    return true;
}

static void step(struct state *s, uint32_t thread)
{
    if (thread == LC_TIME) {
        pass_time(s);
        return;
    }
    int t = (int)thread;
    struct actor *a = &s->actors[t];
    const struct operation *o = code_of(s, t);
    switch (a->phase) {
    case AT_START:
        advance(s, t);
        break;
    case AT_END:
        a->phase = ENDED;
        break;
    case AT_RELOCK:
        s->mutex[o->argument2] = t;
        a->at++;
        advance(s, t);
        break;
    case IN_SLEEP:
        a->at++;
        advance(s, t);
        break;
    case IN_WAIT: /* its time is over */
        for (int i = 0; i < s->queued[o->argument]; i++)
            if (s->queue[o->argument][i] == t)
                leave_queue(s, o->argument, i);
        a->seen = mix(a->seen, 2);
        a->phase = AT_RELOCK;
        a->deadline = NEVER;
        a->timed_out = false;
        break;
    default:
        if (do_operation(s, t, o)) {
            a->at++;
            if (!s->over)
                advance(s, t);
        }
        break;
    }
}

static uint64_t hash_of_state(const struct state *s)
{
    uint64_t h = 1;
    for (int t = 1; t <= program->threads; t++) {
        const struct actor *a = &s->actors[t];
        h = lc_mix64(h ^ ((uint64_t)a->seen << 16 | (uint64_t)a->at << 8 | a->phase));
    }
    for (int i = 0; i < OBJECTS; i++) {
        h = lc_mix64(h ^ ((uint64_t)s->mutex[i] << 40 | (uint64_t)s->writer[i] << 32 | s->variable[i]));
        h = lc_mix64(h ^ ((uint64_t)s->tokens[i] << 40 | s->readers[i]));
    }
    return lc_mix64(h ^ ((uint64_t)s->finding << 1 | s->over));
}

/* ---- sets of hashes ---- */

struct set {
    uint64_t *members;
    uint32_t count;
};

static struct set new_set(void)
{
    return (struct set){.members = calloc(SET, sizeof(uint64_t))};
}

/* Returns whether it was new. */
static bool add(struct set *set, uint64_t member)
{
    member |= 1;
    uint32_t at = (uint32_t)(member >> 1) % SET;
    while (set->members[at] && set->members[at] != member)
        at = (at + 1) % SET;
    if (set->members[at])
        return false;
    set->members[at] = member;
    set->count++;
    assert_true(set->count < SET / 2);
    return true;
}

static void empty(struct set *set)
{
    memset(set->members, 0, SET * sizeof(uint64_t));
    set->count = 0;
}

/* ---- executions and the traces they belong to ---- */

struct event {
    uint32_t thread;
    uint64_t id; /* which step of which thread, and what it did */
    struct lc_next next;
};

struct execution {
    uint32_t length;
    struct event events[LONGEST];
    uint32_t steps[THREADS + 1]; /* of each thread */
    int preemptions;
    uint32_t current; /* the thread that took the latest step; time does not count */
};

static void append(struct execution *e, const struct state *s, uint32_t thread)
{
    assert_true(e->length < LONGEST);
    struct lc_next n = next_in(s, thread);
    uint32_t number = ++e->steps[thread];
    uint64_t id =
        lc_mix64((uint64_t)thread << 48 | (uint64_t)number << 32 | n.op << 16 | n.object << 8 | n.object2);
    e->events[e->length++] = (struct event){.thread = thread, .id = id, .next = n};
}

/* The same for executions that have the same steps, with those that depend on each other in the same order.
 */
static uint64_t trace_of(const struct execution *e)
{
    uint64_t h = 0;
    for (uint32_t j = 0; j < e->length; j++) {
        h += lc_mix64(e->events[j].id);
        for (uint32_t i = 0; i < j; i++)
            if (e->events[i].thread != e->events[j].thread &&
                lc_next_dependent(&e->events[i].next, &e->events[j].next))
                h += lc_mix64(e->events[i].id * 3 + e->events[j].id);
    }
    return h;
}

/* ---- brute force ---- */

struct found {
    struct set states, traces, findings;
    uint64_t executions;
    bool too_many;
};

static void clear(struct found *f)
{
    empty(&f->states);
    empty(&f->traces);
    empty(&f->findings);
    f->executions = 0;
    f->too_many = false;
}

static void note_end(struct found *f, const struct execution *e, const struct state *s)
{
    f->executions++;
    add(&f->states, hash_of_state(s));
    add(&f->traces, trace_of(e));
    if (s->finding)
        add(&f->findings, s->finding);
}

/* Every execution with at most `bound` preemptions (-1: every one), but no more than `most`. */
static void enumerate(const struct state *s, const struct execution *e, int bound, uint64_t most,
                      struct found *f)
{
    if (f->executions >= most)
        f->too_many = true;
    if (f->too_many)
        return;
    bool ended = true;
    bool current_can_run = e->current && can_run(s, (int)e->current);
    for (uint32_t t = 0; t <= (uint32_t)program->threads; t++) {
        if (t == LC_TIME ? !time_can_pass(s) : !can_run(s, (int)t))
            continue;
        ended = false;
        struct state after = *s;
        struct execution longer = *e;
        if (current_can_run && t != e->current)
            longer.preemptions++;
        if (bound >= 0 && longer.preemptions > bound)
            continue;
        append(&longer, s, t);
        step(&after, t);
        if (t != LC_TIME)
            longer.current = t;
        enumerate(&after, &longer, bound, most, f);
    }
    if (ended)
        note_end(f, e, s);
}

static void brute_force(int bound, uint64_t most, struct found *f)
{
    clear(f);
    struct state s;
    begin_program(&s);
    struct execution e = {.current = 1};
    enumerate(&s, &e, bound, most, f);
}

/* ---- dfs ---- */

static void *memory;
static uint64_t cuts;

static struct lc_next next_now(uint32_t thread)
{
    return next_in(&state, thread);
}

/* Returns false when there is nothing left. */
static bool one_schedule(const struct lc_schedule_settings *settings, struct found *f)
{
    const struct lc_strategy *dfs = &lc_strategy_dfs;
    dfs->begin(settings);
    if (dfs->exhausted())
        return false;
    begin_program(&state);
    struct execution e = {.current = 1};
    for (;;) {
        uint32_t enabled[THREADS];
        struct lc_choice c = {.enabled = enabled,
                              .time_possible = time_can_pass(&state),
                              .current = e.current,
                              .current_enabled = can_run(&state, (int)e.current),
                              .step = e.length + 1,
                              .next = next_now};
        for (uint32_t t = 1; t <= (uint32_t)program->threads; t++)
            if (can_run(&state, (int)t))
                enabled[c.count++] = t;
        if (c.count == 0 && !c.time_possible)
            break;
        uint32_t chosen = dfs->choose(&c);
        if (chosen == LC_NO_CHOICE) {
            cuts++;
            dfs->end();
            return true;
        }
        assert_true(chosen == LC_TIME ? c.time_possible : can_run(&state, (int)chosen));
        append(&e, &state, chosen);
        step(&state, chosen);
        if (chosen != LC_TIME)
            e.current = chosen;
    }
    dfs->end();
    note_end(f, &e, &state);
    return true;
}

static void explore(const struct lc_schedule_settings *limits, struct found *f)
{
    clear(f);
    cuts = 0;
    if (!memory)
        memory =
            mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    madvise(memory, MEMORY, MADV_DONTNEED);
    struct lc_schedule_settings settings = *limits;
    settings.memory = memory;
    settings.memory_bytes = MEMORY;
    while (one_schedule(&settings, f))
        settings.schedule++;
}

static const struct lc_schedule_settings no_limits = {.preemptions = -1};

/* ---- comparisons ---- */

static struct found brute, found;

static int prepare(void **unused)
{
    (void)unused;
    brute = (struct found){new_set(), new_set(), new_set(), 0, false};
    found = (struct found){new_set(), new_set(), new_set(), 0, false};
    return 0;
}

static void print_program(void)
{
    static const char *const names[] = {
        "END",       "LOCK",     "UNLOCK",    "TRYLOCK",  "TIMEDLOCK", "UNLOCK_GOT", "READ",      "WRITE",
        "FAIL_IF",   "SEM_WAIT", "SEM_TRY",   "SEM_POST", "READ_LOCK", "WRITE_LOCK", "RW_UNLOCK", "WAIT",
        "TIMEDWAIT", "SIGNAL",   "BROADCAST", "CREATE",   "JOIN",      "SLEEP",      "CLOCK",     "EXIT"};
    printf("threads %d, at the start %d, tokens %d\n", program->threads, program->at_start,
           program->first_tokens);
    for (int t = 1; t <= program->threads; t++) {
        printf("  %d:", t);
        for (const struct operation *o = program->code[t]; o->kind != END; o++)
            printf(" {%s, %d, %d},", names[o->kind], o->argument, o->argument2);
        printf("\n");
    }
}

#define check(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            print_program();                                                                                 \
            fail_msg("%s: brute force: %lu executions, %u traces, %u states, %u findings; dfs: %lu "         \
                     "executions (and %lu cut), %u traces, %u states, %u findings",                          \
                     #condition, brute.executions, brute.traces.count, brute.states.count,                   \
                     brute.findings.count, found.executions, cuts, found.traces.count, found.states.count,   \
                     found.findings.count);                                                                  \
        }                                                                                                    \
    } while (0)

static bool equal(const struct set *a, const struct set *b)
{
    return a->count == b->count && memcmp(a->members, b->members, SET * sizeof(uint64_t)) == 0;
}

/* Members may lie elsewhere when their places collide. */
static bool same_members(const struct set *a, struct set *b)
{
    if (equal(a, b))
        return true;
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < SET; i++)
        if (a->members[i] && add(b, a->members[i]))
            return false;
    return true;
}

/* The totals over all random programs, to see that the reduction reduces. */
static uint64_t total_brute, total_found, total_cuts;

static bool compare(uint64_t most)
{
    brute_force(-1, most, &brute);
    if (brute.too_many)
        return false;
    explore(&no_limits, &found);
    total_brute += brute.executions;
    total_found += found.executions;
    total_cuts += cuts;
    if (brute.findings.count) {
        check(same_members(&brute.findings, &found.findings));
    } else {
        check(same_members(&brute.states, &found.states));
        check(same_members(&brute.traces, &found.traces));
        check(found.executions == found.traces.count);
    }
    assert_null(lc_strategy_dfs.left_out());
    return true;
}

static void compare_within_bound(int bound, uint64_t most)
{
    brute_force(bound, most, &brute);
    if (brute.too_many)
        return;
    struct lc_schedule_settings limits = {.preemptions = bound};
    explore(&limits, &found);
    if (brute.findings.count)
        check(same_members(&brute.findings, &found.findings));
    else
        check(same_members(&brute.states, &found.states));
}

/* ---- programs made at random ---- */

static uint64_t dice;

static int below(int n)
{
    return (int)lc_random_below(&dice, (uint32_t)n);
}

struct writer {
    struct operation *at, *limit;
};

static void put(struct writer *w, enum kind kind, int argument, int argument2)
{
    if (w->at < w->limit)
        *w->at++ = (struct operation){kind, argument, argument2};
}

static void put_access(struct writer *w)
{
    put(w, below(2) ? READ : WRITE, below(2), 0);
}

static void put_section(struct writer *w)
{
    int m = below(2);
    put(w, LOCK, m, 0);
    if (below(2))
        put_access(w);
    if (below(3) == 0 && w->limit - w->at > 3) {
        put(w, LOCK, 1 - m, 0);
        put(w, UNLOCK, 1 - m, 0);
    }
    put(w, UNLOCK, m, 0);
}

static void put_block(struct writer *w, unsigned families)
{
    int family;
    do
        family = below(8);
    while (!(families >> family & 1));
    int m = below(2), c = below(1);
    switch (family) {
    case 0:
        put_access(w);
        break;
    case 1:
        put_section(w);
        break;
    case 2:
        put(w, TRYLOCK, m, 0);
        if (below(2))
            put_access(w);
        put(w, UNLOCK_GOT, m, 0);
        break;
    case 3:
        put(w, below(2) ? SEM_POST : below(3) ? SEM_WAIT : SEM_TRY, 0, 0);
        break;
    case 4:
        put(w, below(3) ? READ_LOCK : WRITE_LOCK, 0, 0);
        if (below(2))
            put_access(w);
        put(w, RW_UNLOCK, 0, 0);
        break;
    case 5:
        if (below(2)) {
            put(w, LOCK, 0, 0);
            put(w, WAIT, c, 0);
            put(w, UNLOCK, 0, 0);
        } else {
            put(w, below(3) ? SIGNAL : BROADCAST, c, 0);
        }
        break;
    case 6:
        if (below(2)) {
            put(w, LOCK, 0, 0);
            put(w, TIMEDWAIT, c, 0);
            put(w, UNLOCK, 0, 0);
        } else if (below(2)) {
            put(w, TIMEDLOCK, m, 1 + below(2));
            put(w, UNLOCK_GOT, m, 0);
        } else {
            put(w, SLEEP, 1 + below(2), 0);
            if (below(2))
                put(w, CLOCK, 0, 0);
        }
        break;
    default:
        put(w, FAIL_IF, below(2), 0);
        break;
    }
}

static struct program random_program(unsigned families, int blocks)
{
    struct program p = {.threads = 2 + below(THREADS - 1), .first_tokens = below(2)};
    p.at_start = below(2) ? p.threads : 1;
    for (int t = 1; t <= p.threads; t++) {
        struct writer w = {p.code[t], p.code[t] + LENGTH - 1};
        if (t == 1)
            for (int child = p.at_start + 1; child <= p.threads; child++)
                put(&w, CREATE, child, 0);
        /* Whole blocks only: room for the longest, and what ends the thread. */
        for (int b = 1 + below(blocks); b > 0 && w.limit - w.at > 9; b--)
            put_block(&w, families);
        if (t == 1 && p.at_start == 1 && below(2))
            for (int child = 2; child <= p.threads; child++)
                put(&w, JOIN, child, 0);
        if (t == 1 && below(6) == 0)
            put(&w, EXIT, 0, 0);
    }
    return p;
}

static void random_programs(unsigned families, int blocks, int count, uint64_t seed)
{
    dice = seed;
    total_brute = total_found = total_cuts = 0;
    int compared = 0;
    for (int i = 0; i < count; i++) {
        struct program p = random_program(families, blocks);
        program = &p;
        compared += compare(20000);
    }
    printf("%d of %d programs: %lu interleavings, %lu executions, %lu cut\n", compared, count, total_brute,
           total_found, total_cuts);
    assert_true(compared > count / 4);
}

static void random_programs_within_bound(unsigned families, int blocks, int count, uint64_t seed)
{
    dice = seed;
    for (int i = 0; i < count; i++) {
        struct program p = random_program(families, blocks);
        program = &p;
        for (int bound = 0; bound <= 2; bound++)
            compare_within_bound(bound, 10000);
    }
}

#define PROGRAMS 100

#define FAMILY(name, families, blocks)                                                                       \
    static void name(void **unused)                                                                          \
    {                                                                                                        \
        (void)unused;                                                                                        \
        random_programs(families, blocks, PROGRAMS, families);                                               \
    }

FAMILY(shared_variables, 1u << 0, 4)
FAMILY(mutexes, 1u << 0 | 1u << 1, 3)
FAMILY(trylocks, 1u << 0 | 1u << 1 | 1u << 2, 3)
FAMILY(semaphores, 1u << 0 | 1u << 3, 4)
FAMILY(read_write_locks, 1u << 0 | 1u << 4, 3)
FAMILY(conditions, 1u << 0 | 1u << 1 | 1u << 5, 3)
FAMILY(time_passes, 1u << 0 | 1u << 1 | 1u << 5 | 1u << 6, 2)
FAMILY(findings, 1u << 0 | 1u << 1 | 1u << 7, 3)
FAMILY(everything, 0xffu, 3)

static void few_preemptions(void **unused)
{
    (void)unused;
    random_programs_within_bound(1u << 0 | 1u << 1, 3, PROGRAMS, 1);
    random_programs_within_bound(0x7fu, 3, PROGRAMS, 2);
}

int main(int argc, char **argv)
{
    if (argc == 4) { /* many more than a test has time for: FAMILIES BLOCKS SEED */
        prepare(NULL);
        unsigned families = (unsigned)strtoul(argv[1], NULL, 0);
        for (uint64_t seed = strtoull(argv[3], NULL, 0);; seed++) {
            if (argv[2][0] == 'b')
                random_programs_within_bound(families, atoi(argv[2] + 1), 1000, seed);
            else
                random_programs(families, atoi(argv[2]), 1000, seed);
        }
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_variables), cmocka_unit_test(mutexes),          cmocka_unit_test(trylocks),
        cmocka_unit_test(semaphores),       cmocka_unit_test(read_write_locks), cmocka_unit_test(conditions),
        cmocka_unit_test(time_passes),      cmocka_unit_test(findings),         cmocka_unit_test(everything),
        cmocka_unit_test(few_preemptions),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
