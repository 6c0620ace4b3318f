/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dfs: every interleaving, one of each kind. Depth-first search without states: each schedule follows the one
 * before it up to the last choice that has an alternative left, and goes on from there.
 *
 * Which alternatives there are is found while the program runs, by dynamic partial-order reduction (Flanagan,
 * Godefroid: Dynamic partial-order reduction for model checking software, POPL 2005). When the next step of a
 * thread depends on an earlier step, could have been taken in its place, and does not come after it by a
 * chain of dependences, the two race, and the other order is put down to be tried where the earlier step was
 * taken. Sleep sets (Godefroid: Partial-order methods for the verification of concurrent systems, LNCS 1032,
 * 1996) end an execution as soon as it is bound to repeat one that has been explored in another order.
 * Together: the executions that are not cut are as many as there are Mazurkiewicz traces, one of each.
 *
 * Under a bound of preemptions the two do not hold: an equal execution elsewhere may lie beyond the bound.
 * Then the search is that of Coons, Musuvathi, McKinley: Bounded partial-order reduction, OOPSLA 2013: no
 * sleep sets, races with the last step of each thread, and each race is put down twice, the second time where
 * the run of the earlier step's thread began, since a switch is free there.
 *
 * Departures. What follows from what is known of steps when they are about to be taken (struct lc_next), and
 * of their effect on others from what changed for these: a step that makes a thread able to run, or changes
 * what it would do, comes before that thread's next step. The passing of time is a thread whose step depends
 * on every other. An execution that ended unforeseen, by a finding, might have ended later: all that could
 * have run instead of its last step is tried there.
 *
 * Left out: fairness. A loop that waits for another thread without blocking has no end here but the bound on
 * steps. What threads do between scheduling points is taken to be theirs alone.
 */
#include <string.h>

#include "lockcheck/strategy/strategy.h"

#define MAX_THREADS 64u        /* numbers of threads are below this, so that a set of them is a word */
#define MAX_DEPTH (1u << 20)   /* steps of an execution */
#define MAX_OBJECTS (1u << 20) /* numbers of objects are below this */
#define RUN_LENGTH 1000u       /* a thread that takes so many steps in a row lets others go first */
#define NOBODY UINT32_MAX

/* Bit n is thread n; bit LC_TIME is the passing of time. */
typedef uint64_t thread_set;

_Static_assert(sizeof(thread_set) * 8 == MAX_THREADS, "a set holds every thread");

/* One step, and the state before it. */
struct frame {
    thread_set enabled;
    thread_set sleep;         /* whatever begins with these has been explored elsewhere */
    thread_set backtrack;     /* to be explored from here */
    thread_set done;          /* explored from here, without `thread` */
    uint32_t thread;          /* whose step is explored now */
    uint32_t stays;           /* the thread that another choice would preempt, or NOBODY */
    uint32_t preemptions;     /* before this step */
    uint32_t previous[2];     /* 1 + the frame before that touches object, object2 of next; 0: none */
    uint32_t previous_of_all; /* 1 + the frame before whose step depends on everything; 0: none */
    struct lc_next next;      /* what the step is */
    /* The steps that come before this one by dependence, itself included: of thread t those below frame
     * clock[t]. */
    uint32_t clock[MAX_THREADS];
};

enum omission {
    OMITS_PREEMPTIONS = 1,
    OMITS_STEPS = 2,
    OMITS_THREADS = 4,
    OMITS_OBJECTS = 8,
    OMITS_UNREPEATABLE = 16,
    OMITS_UNFINISHED = 32,
    /* With one of these the search is given up at once. */
    OMITS_ALL = OMITS_THREADS | OMITS_OBJECTS | OMITS_UNREPEATABLE,
};

/* What is kept from one schedule to the next. All zero before the first. */
struct memory {
    uint32_t begun;  /* a schedule has been */
    uint32_t ended;  /* the latest was seen to its end */
    uint32_t cut;    /* the latest was given up by choose() */
    uint32_t length; /* frames of the execution; those of a schedule that is beginning are to be followed */
    uint32_t taken;  /* steps taken of it */
    uint32_t exhausted; /* there is nothing left to explore */
    uint32_t omissions; /* enum omission */
    struct frame frames[MAX_DEPTH];
};

/* What is known of a thread in the state at hand. */
struct thread {
    bool exists;
    bool enabled;
    struct lc_next next;
    uint32_t clock[MAX_THREADS]; /* what comes before its next step */
};

/* All that belongs to one schedule; the rest is in the memory. */
static struct {
    struct memory *memory;
    uint32_t follow;      /* frames that an earlier execution laid down */
    int32_t bound;        /* of preemptions; -1: none */
    uint64_t max_steps;   /* 0: no limit */
    thread_set sleep;     /* of the state that follows */
    thread_set enabled;   /* in the state at hand */
    uint32_t threads;     /* numbers of threads that exist are below this */
    uint32_t run_length;  /* steps in a row of one thread */
    uint32_t last_of_all; /* as previous_of_all, of the step to come */
    struct lc_next (*next)(uint32_t thread);
    struct thread thread[MAX_THREADS];
} now;

static uint32_t last_of_object[MAX_OBJECTS]; /* 1 + the last frame that touches it */

static thread_set only(uint32_t thread)
{
    return (thread_set)1 << thread;
}

static bool has(thread_set set, uint32_t thread)
{
    return set >> thread & 1;
}

static uint32_t lowest(thread_set set)
{
    return (uint32_t)__builtin_ctzll(set);
}

static bool bounded(void)
{
    return now.bound >= 0;
}

static void join_clocks(uint32_t *into, const uint32_t *other)
{
    for (uint32_t t = 0; t < MAX_THREADS; t++)
        if (other[t] > into[t])
            into[t] = other[t];
}

static void omit(enum omission what)
{
    now.memory->omissions |= what;
}

/* ---- dependence ---- */

/* Does step i come before the next step of thread q? */
static bool comes_before(uint32_t i, uint32_t q)
{
    return now.thread[q].clock[now.memory->frames[i].thread] > i;
}

/*
 * Could q's next step have been taken in the place of f's? A thread that waits for an object could not while
 * that was closed. A step that depends on everything is at the same place in all equal executions, so there
 * what could run in this one decides.
 */
static bool could_replace(const struct frame *f, uint32_t q)
{
    const struct lc_next *next = &now.thread[q].next;
    if (f->next.everything)
        return has(f->enabled, q);
    return !(next->waits && ((f->next.closed && f->next.object == next->object) ||
                             (f->next.closed2 && f->next.object2 == next->object)));
}

/* ---- races ---- */

/* The steps after step i that do not come after it by dependence, and then q's next step, could have been
 * taken in its place. Whose steps could have been the first of these? */
static thread_set initials(uint32_t i, uint32_t q, uint32_t limit)
{
    const struct frame *frames = now.memory->frames;
    uint32_t first[MAX_THREADS];  /* frame of the thread's first step among these */
    uint32_t before[MAX_THREADS]; /* as a clock: what comes before q's next step */
    thread_set seen = 0, found = 0;
    memcpy(before, now.thread[q].clock, sizeof before);
    for (uint32_t j = i + 1; j < limit; j++) {
        const struct frame *f = &frames[j];
        if (f->clock[frames[i].thread] > i)
            continue;
        if (lc_next_dependent(&f->next, &now.thread[q].next))
            join_clocks(before, f->clock);
        if (has(seen, f->thread))
            continue;
        bool alone = true;
        for (thread_set rest = seen; rest && alone; rest &= rest - 1)
            alone = first[lowest(rest)] >= f->clock[lowest(rest)];
        if (alone)
            found |= only(f->thread);
        seen |= only(f->thread);
        first[f->thread] = j;
    }
    if (has(seen, q))
        return found;
    for (thread_set rest = seen; rest; rest &= rest - 1)
        if (first[lowest(rest)] < before[lowest(rest)])
            return found;
    return found | only(q);
}

/* Let q's next step come before step i in another execution. */
static void reverse(uint32_t i, uint32_t q, uint32_t limit)
{
    struct frame *f = &now.memory->frames[i];
    thread_set first = initials(i, q, limit) & f->enabled;
    if (first & (f->backtrack | f->sleep))
        return;
    if (first)
        f->backtrack |= has(first, q) ? only(q) : only(lowest(first));
    else if (q != LC_TIME) /* that had nothing to pass to before */
        f->backtrack |= f->enabled;
}

static void reverse_within_bound(uint32_t i, uint32_t q)
{
    struct frame *f = &now.memory->frames[i];
    f->backtrack |= has(f->enabled, q) ? only(q) : f->enabled;
}

/* The steps that a step races with: of each thread the last, as 1 + its frame. Those before it come before
 * it. */
struct races {
    thread_set threads;
    uint32_t frames[MAX_THREADS];
};

static void add_race(struct races *races, uint32_t i)
{
    uint32_t thread = now.memory->frames[i].thread;
    if (has(races->threads, thread) && races->frames[thread] > i)
        return;
    races->threads |= only(thread);
    races->frames[thread] = i + 1;
}

/* Steps below `limit` on an object that q's next step races with, up to the last that did not only read: all
 * others come before that. */
static void races_on_object(struct races *races, uint32_t q, uint32_t object, uint32_t limit)
{
    const struct lc_next *next = &now.thread[q].next;
    for (uint32_t i = object ? last_of_object[object] : 0; i;) {
        const struct frame *f = &now.memory->frames[i - 1];
        if (i <= limit && lc_next_dependent(&f->next, next) && could_replace(f, q)) {
            if (!comes_before(i - 1, q))
                add_race(races, i - 1);
            if (!f->next.reads_only)
                return;
        }
        i = f->previous[f->next.object == object ? 0 : 1];
    }
}

/* Is there another race with a step that comes after this one? Its reversal leads to this one's. */
static bool covered(const struct races *races, uint32_t thread)
{
    for (thread_set rest = races->threads & ~only(thread); rest; rest &= rest - 1)
        if (now.memory->frames[races->frames[lowest(rest)] - 1].clock[thread] >= races->frames[thread])
            return true;
    return false;
}

/* The steps below `limit` that q's next step races with. */
static void find_races(uint32_t q, uint32_t limit)
{
    const struct frame *frames = now.memory->frames;
    const struct lc_next *next = &now.thread[q].next;
    struct races races = {0};
    races_on_object(&races, q, next->object, limit);
    races_on_object(&races, q, next->object2, limit);
    for (uint32_t i = now.last_of_all; i && !comes_before(i - 1, q); i = frames[i - 1].previous_of_all)
        if (i <= limit && could_replace(&frames[i - 1], q)) {
            add_race(&races, i - 1);
            break;
        }
    for (uint32_t i = limit; next->everything && i-- > 0;)
        if (!has(races.threads, frames[i].thread) && !comes_before(i, q) && could_replace(&frames[i], q))
            add_race(&races, i);
    for (thread_set rest = races.threads; rest; rest &= rest - 1)
        if (!covered(&races, lowest(rest)))
            reverse(races.frames[lowest(rest)] - 1, q, limit);
}

/* Under a bound: the last step of each other thread that q's next step depends on. */
static void find_races_within_bound(uint32_t q)
{
    const struct frame *frames = now.memory->frames;
    const struct lc_next *next = &now.thread[q].next;
    thread_set seen = only(q);
    for (uint32_t i = now.memory->taken; i-- > 0;) {
        const struct frame *f = &frames[i];
        if (has(seen, f->thread) || !lc_next_dependent(&f->next, next) || !could_replace(f, q))
            continue;
        seen |= only(f->thread);
        reverse_within_bound(i, q);
        while (i > 0 && frames[i - 1].thread == f->thread)
            i--;
        reverse_within_bound(i, q);
    }
}

/* Under a bound: the latest step depends on what q was about to do. */
static void races_with_latest_within_bound(uint32_t q)
{
    uint32_t i = now.memory->taken - 1;
    reverse_within_bound(i, q);
    while (i > 0 && now.memory->frames[i - 1].thread == now.memory->frames[i].thread)
        i--;
    reverse_within_bound(i, q);
}

/* ---- what the latest step has changed ---- */

static bool same(const struct lc_next *a, const struct lc_next *b)
{
    return a->op == b->op && a->object == b->object && a->object2 == b->object2 &&
           a->reads_only == b->reads_only && a->waits == b->waits;
}

static struct lc_next next_of(uint32_t thread)
{
    return thread == LC_TIME ? (struct lc_next){.everything = true} : now.next(thread);
}

/* What the latest step has done to thread q. */
struct change {
    bool own;     /* it was q's */
    bool another; /* q has something else to do now: what it would have done is over */
    bool toggled; /* q can run now and could not before, or the other way round */
    struct lc_next next;
};

static struct change change_of(uint32_t q, bool enabled)
{
    const struct thread *t = &now.thread[q];
    struct change c = {.own = now.memory->frames[now.memory->taken - 1].thread == q,
                       .toggled = t->enabled != enabled,
                       .next = next_of(q)};
    /* Time that could pass and can no more was to pass to another deadline than it will next. */
    c.another = !t->exists || !same(&t->next, &c.next) || (q == LC_TIME && c.toggled && !enabled);
    return c;
}

static void races_of_change(uint32_t q, const struct change *c)
{
    struct memory *m = now.memory;
    struct frame *latest = &m->frames[m->taken - 1];
    if (c->own || !now.thread[q].exists)
        return;
    if (has(latest->enabled & ~latest->sleep, q) &&
        (c->another || (c->toggled && !lc_next_dependent(&latest->next, &c->next))))
        latest->backtrack |= only(q);
    if (c->another)
        find_races(q, m->taken - 1);
}

static void races_of_change_within_bound(uint32_t q, const struct change *c)
{
    struct memory *m = now.memory;
    const struct frame *latest = &m->frames[m->taken - 1];
    if (!c->own && ((has(latest->enabled, q) && (c->another || c->toggled)) ||
                    (lc_next_dependent(&latest->next, &c->next) && q != LC_TIME)))
        races_with_latest_within_bound(q);
    if (c->own || c->another)
        find_races_within_bound(q);
}

/* The latest step has been done; look at thread q again. When `fresh`, no earlier execution has been here. */
static void look_at(uint32_t q, bool enabled, bool fresh)
{
    struct thread *t = &now.thread[q];
    const struct frame *latest = &now.memory->frames[now.memory->taken - 1];
    struct change c = change_of(q, enabled);
    if (fresh && !bounded())
        races_of_change(q, &c);
    /* Where objects do not tell that the step comes before what it has made possible. */
    bool made_possible = c.toggled && enabled && !lc_next_dependent(&latest->next, &c.next);
    if (!c.own && (c.another || made_possible))
        join_clocks(t->clock, latest->clock);
    if (c.another || c.toggled)
        now.sleep &= ~only(q);
    t->exists = true;
    t->enabled = enabled;
    t->next = c.next;
    if (fresh && bounded())
        races_of_change_within_bound(q, &c);
}

/* ---- the state at hand ---- */

static bool look_around(const struct lc_choice *c)
{
    thread_set set = c->time_possible ? only(LC_TIME) : 0;
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->enabled[i] >= MAX_THREADS) {
            omit(OMITS_THREADS);
            return false;
        }
        set |= only(c->enabled[i]);
        if (c->enabled[i] >= now.threads)
            now.threads = c->enabled[i] + 1;
    }
    now.enabled = set;
    now.next = c->next;
    bool fresh = now.memory->taken >= now.follow;
    for (uint32_t q = 0; q < now.threads; q++) {
        if (now.memory->taken == 0)
            now.thread[q] = (struct thread){
                .exists = q == LC_TIME || has(set, q), .enabled = has(set, q), .next = next_of(q)};
        else if (q == LC_TIME || now.thread[q].exists || has(set, q))
            look_at(q, has(set, q), fresh);
        if (now.thread[q].next.object >= MAX_OBJECTS || now.thread[q].next.object2 >= MAX_OBJECTS) {
            omit(OMITS_OBJECTS);
            return false;
        }
    }
    return true;
}

/* ---- steps ---- */

static bool within_bound(const struct frame *f, uint32_t thread)
{
    return !bounded() || f->stays == NOBODY || thread == f->stays || f->preemptions < (uint32_t)now.bound;
}

static uint32_t after(thread_set set, uint32_t thread)
{
    thread_set higher = thread + 1 < MAX_THREADS ? set & ~(only(thread + 1) - 1) : 0;
    return lowest(higher ? higher : set);
}

/* The tame choice comes first: the thread that runs goes on, and time passes when nothing else is left. */
static uint32_t first_choice(const struct lc_choice *c, thread_set awake)
{
    thread_set threads = awake & ~only(LC_TIME);
    if (c->current < MAX_THREADS && has(threads, c->current) && !c->yielded && now.run_length < RUN_LENGTH)
        return c->current;
    now.run_length = 0;
    if (!threads)
        return LC_TIME;
    if (threads & ~only(c->current))
        threads &= ~only(c->current);
    return after(threads, c->current);
}

static bool open_frame(const struct lc_choice *c)
{
    struct memory *m = now.memory;
    struct frame *f = &m->frames[m->taken];
    if (m->taken == MAX_DEPTH || (now.max_steps && m->taken >= now.max_steps)) {
        omit(OMITS_STEPS);
        return false;
    }
    const struct frame *before = m->taken ? f - 1 : NULL;
    f->enabled = now.enabled;
    f->sleep = now.sleep & now.enabled;
    f->done = 0;
    f->stays = c->current_enabled && !c->yielded ? c->current : NOBODY;
    f->preemptions =
        !before ? 0 : before->preemptions + (before->stays != NOBODY && before->thread != before->stays);
    thread_set awake = f->enabled & ~f->sleep;
    if (!awake)
        return false; /* all that can follow has been explored */
    f->thread = first_choice(c, awake);
    if (!within_bound(f, f->thread))
        f->thread = f->stays;
    f->backtrack = only(f->thread);
    m->length = m->taken + 1;
    return true;
}

/* Join what came before on an object: all back to a step that was alone in touching it. */
static uint32_t join_object(struct frame *f, uint32_t object)
{
    if (!object)
        return 0;
    const struct frame *frames = now.memory->frames;
    for (uint32_t i = last_of_object[object]; i;) {
        const struct frame *other = &frames[i - 1];
        if (lc_next_dependent(&f->next, &other->next)) {
            join_clocks(f->clock, other->clock);
            if (!other->next.reads_only)
                break;
        }
        i = other->previous[other->next.object == object ? 0 : 1];
    }
    return last_of_object[object];
}

static void take_step(void)
{
    struct memory *m = now.memory;
    struct frame *f = &m->frames[m->taken];
    struct thread *t = &now.thread[f->thread];
    if (!bounded() && m->taken + 1 >= now.follow)
        find_races(f->thread, m->taken);
    now.sleep = bounded() ? 0 : (f->sleep | f->done) & ~only(f->thread);
    for (thread_set rest = now.sleep; rest; rest &= rest - 1)
        if (lc_next_dependent(&t->next, &now.thread[lowest(rest)].next))
            now.sleep &= ~only(lowest(rest));
    f->next = t->next;
    memcpy(f->clock, t->clock, sizeof f->clock);
    f->previous[0] = join_object(f, f->next.object);
    f->previous[1] = join_object(f, f->next.object2);
    f->previous_of_all = now.last_of_all;
    if (now.last_of_all)
        join_clocks(f->clock, m->frames[now.last_of_all - 1].clock);
    m->taken++;
    if (f->next.everything) {
        for (uint32_t i = 0; i + 1 < m->taken; i++)
            if (f->clock[m->frames[i].thread] < i + 1)
                f->clock[m->frames[i].thread] = i + 1;
        now.last_of_all = m->taken;
    }
    if (f->next.object)
        last_of_object[f->next.object] = m->taken;
    if (f->next.object2)
        last_of_object[f->next.object2] = m->taken;
    f->clock[f->thread] = m->taken;
    memcpy(t->clock, f->clock, sizeof t->clock);
    now.run_length++;
}

/* Steps that will not be taken in this execution race with those that were. */
static void race_what_is_pending(void)
{
    for (uint32_t q = 0; q < now.threads; q++)
        if (now.thread[q].exists && (q != LC_TIME || now.thread[q].enabled) && !bounded())
            find_races(q, now.memory->taken);
}

static uint32_t give_up(void)
{
    if (now.memory->taken >= now.follow)
        race_what_is_pending();
    now.memory->cut = true;
    return LC_NO_CHOICE;
}

static uint32_t choose(const struct lc_choice *c)
{
    struct memory *m = now.memory;
    if (!look_around(c))
        return give_up();
    if (m->taken >= now.follow) {
        if (!open_frame(c))
            return give_up();
    } else if (m->frames[m->taken].enabled != now.enabled) {
        omit(OMITS_UNREPEATABLE);
        return give_up();
    }
    take_step();
    return m->frames[m->taken - 1].thread;
}

/* ---- from schedule to schedule ---- */

static void end(void)
{
    struct memory *m = now.memory;
    if (!m->cut && m->taken >= now.follow && m->taken > 0) {
        for (uint32_t q = 1; q < now.threads; q++)
            if (now.thread[q].exists)
                look_at(q, now.thread[q].enabled, true);
        race_what_is_pending();
    }
    m->ended = true;
}

/* Go back to the last choice that has an alternative, and take that. */
static void go_back(struct memory *m)
{
    for (; m->length > 0; m->length--) {
        struct frame *f = &m->frames[m->length - 1];
        f->done |= only(f->thread);
        thread_set left = f->backtrack & f->enabled & ~f->done & ~f->sleep;
        thread_set possible = left;
        for (thread_set rest = left; rest; rest &= rest - 1)
            if (!within_bound(f, lowest(rest)))
                possible &= ~only(lowest(rest));
        if (possible != left)
            omit(OMITS_PREEMPTIONS);
        if (possible) {
            thread_set threads = possible & ~only(LC_TIME);
            f->thread = threads ? lowest(threads) : LC_TIME;
            return;
        }
    }
    m->exhausted = true;
}

/* What the previous execution has left open. */
static void conclude(struct memory *m)
{
    if (m->taken < m->length)
        omit(OMITS_UNREPEATABLE);
    if (!m->cut && m->length > 0)
        m->frames[m->length - 1].backtrack |= m->frames[m->length - 1].enabled;
    if (!m->cut && !m->ended)
        omit(OMITS_UNFINISHED);
    if (m->omissions & OMITS_ALL)
        m->exhausted = true;
    else
        go_back(m);
}

static void forget_objects(const struct memory *m)
{
    for (uint32_t i = 0; i < m->length; i++) {
        last_of_object[m->frames[i].next.object] = 0;
        last_of_object[m->frames[i].next.object2] = 0;
    }
}

static void begin(const struct lc_schedule_settings *settings)
{
    struct memory *m = settings->memory;
    memset(&now, 0, sizeof now);
    now.memory = m;
    now.bound = settings->preemptions;
    now.max_steps = settings->max_steps;
    now.threads = 1;
    forget_objects(m);
    if (m->begun && !m->exhausted)
        conclude(m);
    now.follow = m->length;
    m->begun = true;
    m->ended = false;
    m->cut = false;
    m->taken = 0;
}

static bool exhausted(void)
{
    return now.memory->exhausted;
}

static const char *left_out(void)
{
    uint32_t omissions = now.memory->omissions;
    if (omissions & OMITS_UNREPEATABLE)
        return "all that was left when the program did not repeat itself: the same choices led elsewhere";
    if (omissions & OMITS_THREADS)
        return "all that was left when a thread got a number above 63";
    if (omissions & OMITS_OBJECTS)
        return "all that was left when an object got a number above a million";
    if (omissions & OMITS_UNFINISHED)
        return "what would have followed executions that ended without a word";
    switch (omissions & (OMITS_PREEMPTIONS | OMITS_STEPS)) {
    case OMITS_PREEMPTIONS | OMITS_STEPS:
        return "executions with more preemptions, and the rest of executions with more steps";
    case OMITS_PREEMPTIONS:
        return "executions with more preemptions";
    case OMITS_STEPS:
        return "the rest of executions with more steps";
    default:
        return NULL;
    }
}

const struct lc_strategy lc_strategy_dfs = {
    .name = "dfs",
    .about = "every interleaving, one of each kind: for small programs, and then a proof",
    .sequential = true,
    .begin = begin,
    .choose = choose,
    .end = end,
    .exhausted = exhausted,
    .left_out = left_out};
