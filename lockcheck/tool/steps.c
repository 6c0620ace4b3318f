/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last steps of an execution: see steps.h. */
#include "lockcheck/tool/steps.h"
#include "lockcheck/tool/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEWEST 20000u /* steps that are shown in any case */
#define AROUND 500u   /* and those as near as this to one that a note names */

/* Chooses the steps that the text names ("... at step 12 ..."). first: the number of the first of length. */
static void choose_named(bool *chosen, uint64_t first, size_t length, const char *text)
{
    static const char word[] = "step ";
    while ((text = strstr(text, word))) {
        text += strlen(word);
        uint64_t step = strtoull(text, NULL, 10);
        for (uint64_t n = step > AROUND ? step - AROUND : 1; n <= step + AROUND; n++)
            if (n >= first && n - first < length)
                chosen[n - first] = true;
    }
}

static void print_rows(FILE *out, const struct execution *execution, const bool *chosen, uint64_t first)
{
    const char *comma = "";
    fputs("\"rows\": [", out);
    for (size_t i = 0; i < execution->trace_length; i++) {
        const struct lc_step *step = &execution->trace[i];
        if (!chosen[i])
            continue;
        fprintf(out, "%s\n[%" PRIu64 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRId64 "]", comma,
                first + i, step->thread, step->op, step->object, step->switched, step->time_ns);
        comma = ",";
    }
    fputs("]}\n", out);
}

/* The objects of the chosen steps, each once: an array of numbers that the caller frees. */
static uint32_t *objects_of(const struct execution *execution, const bool *chosen, size_t *count)
{
    uint32_t last = 0;
    for (size_t i = 0; i < execution->trace_length; i++)
        if (chosen[i] && execution->trace[i].object > last)
            last = execution->trace[i].object;
    bool *seen = allocate((size_t)last + 1);
    uint32_t *objects = NULL;
    *count = 0;
    for (size_t i = 0; i < execution->trace_length; i++) {
        uint32_t object = execution->trace[i].object;
        if (!chosen[i] || !object || seen[object])
            continue;
        seen[object] = true;
        objects = reallocate(objects, (*count + 1) * sizeof *objects);
        objects[(*count)++] = object;
    }
    free(seen);
    return objects;
}

static void print_names(FILE *out, struct evidence_reader *reader, const struct execution *execution,
                        const bool *chosen)
{
    size_t count;
    uint32_t *objects = objects_of(execution, chosen, &count);
    json_t *names = evidence_names(reader, execution, objects, count), *value;
    const char *key;
    json_object_foreach(names, key, value)
    {
        char *text = json_dumps(value, JSON_COMPACT);
        fprintf(out, "\"%s\": %s,\n", key, text);
        free(text);
    }
    json_decref(names);
    free(objects);
}

char *steps_print(struct evidence_reader *reader, const struct execution *execution, const json_t *notes,
                  size_t *length)
{
    size_t kept = execution->trace_length;
    if (!kept)
        return NULL;
    uint64_t first = execution->steps - kept + 1;
    bool *chosen = allocate(kept);
    for (size_t i = kept > NEWEST ? kept - NEWEST : 0; i < kept; i++)
        chosen[i] = true;
    size_t i;
    json_t *note;
    json_array_foreach(notes, i, note) choose_named(chosen, first, kept, json_string_value(note));
    char *text = NULL;
    FILE *out = open_memstream(&text, length);
    if (out) {
        fprintf(out, "{\"version\": 1, \"steps\": %" PRIu64 ",\n", execution->steps);
        fputs("\"columns\": [\"step\", \"thread\", \"operation\", \"object\", \"switched\", \"time_ns\"],\n",
              out);
        print_names(out, reader, execution, chosen);
        print_rows(out, execution, chosen, first);
        fclose(out);
    }
    free(chosen);
    return text;
}
