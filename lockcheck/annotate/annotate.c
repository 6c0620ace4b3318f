/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Client requests (see lockcheck.h) for a program that runs under Helgrind, DRD or ThreadSanitizer: a library
 * to be preloaded, which teaches these tools what they cannot see.
 *
 *     a semaphore of the program's own   all ups come before a down that took one
 *     a message                          its sending comes before its receipt
 *     an interrupt                       its handling comes before that of the next one of the same line
 *     a hand-over                        what was done to the object comes before what is done next
 *
 *     an atomic operation                what an acquiring one reads comes after what a releasing one wrote
 *
 * The last is for programs that lockcheck-cc built, under Valgrind: see atomics.c.
 *
 * They see the locks and memory that these are made of, too, so that this only adds what is missing where a
 * program makes them of atomics, of system calls or of hardware.
 *
 * With LOCKCHECK_ANNOTATE_NOTHING in the environment no order is told.
 *
 * Names of threads go to the tool. What no tool takes goes to files in the directory that LOCKCHECK_ANNOTATE
 * names: `maps`, the memory map, which also says that the program has come to its constructors, and `notes`,
 * lines "object ADDRESS KIND NAME" and "finding KIND TEXT", in which spaces within a word are underscores.
 *
 * A tool keeps state for each key of an order that it is told. So keys are few: one for every message that
 * may be under way, in turn, and a table of hashes for the rest. Two objects with one hash bring in an order
 * that is not there, which may hide a race, and never makes one up.
 */
#include "lockcheck/annotate/annotate.h"

#include <errno.h>
#include <fcntl.h>
#include <lockcheck.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

#define MESSAGES 32768u
#define OBJECTS 32768u
#define TEXT 1024

/* ThreadSanitizer's, when the program has it. */
extern void AnnotateHappensBefore(const char *file, int line, const void *key) LOCKCHECK_WEAK;
extern void AnnotateHappensAfter(const char *file, int line, const void *key) LOCKCHECK_WEAK;
extern void AnnotateThreadName(const char *file, int line, const char *name) LOCKCHECK_WEAK;

/* Never written: only their addresses count. */
static char message_keys[MESSAGES], object_keys[OBJECTS];

static char directory[TEXT]; /* "": not run by lockcheck, or not the process that it started */
static pid_t process;
static bool untold; /* no order is told */

static const void *message_key(long number)
{
    return &message_keys[(unsigned long)number % MESSAGES];
}

/* Fibonacci hashing: addresses of objects are multiples of large powers of two. */
static const void *object_key(const void *object)
{
    return &object_keys[(uintptr_t)object * 0x9e3779b97f4a7c15u >> 49];
}
_Static_assert(OBJECTS == 1u << (64 - 49), "a hash is an index");

static void release(const void *key)
{
    if (untold)
        return;
    helgrind_release(key);
    drd_release(key);
    if (AnnotateHappensBefore)
        AnnotateHappensBefore(__FILE__, __LINE__, key);
}

static void acquire(const void *key)
{
    if (untold)
        return;
    helgrind_acquire(key);
    drd_acquire(key);
    if (AnnotateHappensAfter)
        AnnotateHappensAfter(__FILE__, __LINE__, key);
}

static void forget(const void *key)
{
    helgrind_forget(key);
    drd_forget(key);
}

void annotate_release(const void *object)
{
    release(object_key(object));
}

void annotate_acquire(const void *object)
{
    acquire(object_key(object));
}

static int open_file(const char *name, int flags)
{
    char path[TEXT + 16];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return open(path, flags | O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

/* Takes what is said as a file that is being written by this line alone. */
static void note(const char *line, size_t length)
{
    int error = errno;
    if (*directory && getpid() == process) {
        int fd = open_file("notes", O_APPEND);
        if (fd >= 0 && write(fd, line, length) < 0) {
            /* The report goes without. */
        }
        if (fd >= 0)
            close(fd);
    }
    errno = error;
}

static void copy_word(char *to, size_t size, const char *text)
{
    size_t i = 0;
    for (; text && text[i] && i < size - 1; i++)
        to[i] = text[i] == ' ' || (unsigned char)text[i] < ' ' ? '_' : text[i];
    to[i] = 0;
}

static void copy_line(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text ? text : "");
    for (char *at = to; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
}

static void note_object(const void *object, const char *kind, const char *name)
{
    char word[64], text[TEXT], line[TEXT + 128];
    copy_word(word, sizeof word, kind);
    copy_line(text, sizeof text, name);
    int length = snprintf(line, sizeof line, "object %#lx %s %s\n", (unsigned long)(uintptr_t)object,
                          *word ? word : "object", text);
    note(line, (size_t)length);
}

static void note_finding(const char *kind, const char *summary)
{
    char word[64], text[TEXT], line[TEXT + 128];
    copy_word(word, sizeof word, kind);
    copy_line(text, sizeof text, summary);
    int length = snprintf(line, sizeof line, "finding %s %s\n", *word ? word : "finding", text);
    note(line, (size_t)length);
}

static void name_thread(const char *name)
{
    int error = errno;
    prctl(PR_SET_NAME, name); /* Valgrind takes it from there, with 15 characters of it */
    if (AnnotateThreadName)
        AnnotateThreadName(__FILE__, __LINE__, name);
    errno = error;
}

EXPORT void lockcheck_request(enum lockcheck_request request, const void *object, long argument,
                              const char *text, const char *kind)
{
    switch (request) {
    case LOCKCHECK_NAME_THREAD:
        name_thread(text);
        break;
    case LOCKCHECK_NAME_OBJECT:
        note_object(object, kind, text);
        break;
    case LOCKCHECK_FINDING:
        note_finding(kind, text);
        break;
    case LOCKCHECK_MSG_SEND:
        release(message_key(argument));
        break;
    case LOCKCHECK_MSG_RECEIVE:
        acquire(message_key(argument));
        forget(message_key(argument));
        break;
    case LOCKCHECK_MSG_DROP:
        forget(message_key(argument));
        break;
    case LOCKCHECK_SEM_UP_BEGIN:
        release(object_key(object));
        break;
    case LOCKCHECK_SEM_DOWN_END:
        if (argument == 0)
            acquire(object_key(object));
        break;
    case LOCKCHECK_IRQ_ENTER:
        acquire(object_key((const void *)argument));
        break;
    case LOCKCHECK_IRQ_EXIT:
        release(object_key((const void *)argument));
        break;
    case LOCKCHECK_HAND_OVER:
        acquire(object_key(object));
        release(object_key(object));
        break;
    default:
        break;
    }
}

/* Start-up means nothing here. */
EXPORT void lockcheck_checkpoint_request(void) {}

/* What starts the checker, such as a shell, comes here too, and so does what the program starts. */
static void __attribute__((constructor)) start(void)
{
    const char *named = getenv("LOCKCHECK_ANNOTATE");
    if (!named || strlen(named) >= sizeof directory || !(on_valgrind() || AnnotateHappensBefore))
        return;
    strcpy(directory, named);
    untold = getenv("LOCKCHECK_ANNOTATE_NOTHING") != NULL;
    process = getpid();
    int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    int copy = open_file("maps", O_EXCL);
    if (copy < 0)
        *directory = 0;
    char part[4096];
    for (ssize_t n; copy >= 0 && (n = read(maps, part, sizeof part)) > 0;)
        if (write(copy, part, (size_t)n) != n)
            break;
    if (copy >= 0)
        close(copy);
    if (maps >= 0)
        close(maps);
}
