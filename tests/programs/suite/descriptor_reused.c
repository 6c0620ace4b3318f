/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread holds the number of a descriptor that another closes; a third opens something and gets the same
 * number, and the first writes into that.
 *
 * Class: ABA
 * Finding: assertion
 * Correct: a handle is the number and how often it has been opened.
 */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { DESCRIPTORS = 2 };

struct handle {
    int number;
    int generation;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
    char file; /* 0: closed */
    int generation;
} table[DESCRIPTORS];

static struct handle open_file(char file)
{
    pthread_mutex_lock(&mutex);
    int number = table[0].file ? 1 : 0;
    table[number].file = file;
    struct handle handle = {number, ++table[number].generation};
    pthread_mutex_unlock(&mutex);
    return handle;
}

static void close_file(struct handle handle)
{
    pthread_mutex_lock(&mutex);
    table[handle.number].file = 0;
    pthread_mutex_unlock(&mutex);
}

/* Returns false when the file is closed. */
static bool write_file(struct handle handle, char expected)
{
    pthread_mutex_lock(&mutex);
    bool valid =
        table[handle.number].file && !(CORRECT && table[handle.number].generation != handle.generation);
    if (valid)
        assert(table[handle.number].file == expected);
    pthread_mutex_unlock(&mutex);
    return valid;
}

static struct handle journal;

static void *writer(void *unused)
{
    (void)unused;
    write_file(journal, 'j');
    write_file(journal, 'j');
    return NULL;
}

static void *closer(void *unused)
{
    (void)unused;
    close_file(journal);
    return NULL;
}

static void *opener(void *unused)
{
    (void)unused;
    struct handle picture = open_file('p');
    write_file(picture, 'p');
    close_file(picture);
    return NULL;
}

int main(void)
{
    void *(*const functions[3])(void *) = {writer, closer, opener};
    pthread_t threads[3];
    journal = open_file('j');
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, functions[i], NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
