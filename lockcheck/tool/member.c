/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Members of variables: see member.h. Left out: thread-local variables, and which member of a union it is,
 * which nobody can tell.
 */
#include "lockcheck/tool/member.h"
#include "lockcheck/tool/text.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define DEEPEST 32u /* levels of members, and of types of types */
#define MOST_DIMENSIONS 8u

static bool type_of(Dwarf_Die *die, Dwarf_Die *type)
{
    Dwarf_Attribute attribute;
    return dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attribute), type) != NULL;
}

/* ---- the variable at an address ---- */

static bool is_at(Dwarf_Die *die, Dwarf_Addr address)
{
    Dwarf_Attribute attribute;
    Dwarf_Op *expression;
    size_t length;
    return dwarf_tag(die) == DW_TAG_variable && dwarf_attr(die, DW_AT_location, &attribute) &&
           dwarf_getlocation(&attribute, &expression, &length) == 0 && length == 1 &&
           expression[0].atom == DW_OP_addr && expression[0].number == address;
}

/* Has it inside what may have variables? Static ones are also in functions and their blocks. */
static bool is_scope(Dwarf_Die *die)
{
    switch (dwarf_tag(die)) {
    case DW_TAG_subprogram:
    case DW_TAG_lexical_block:
    case DW_TAG_namespace:
    case DW_TAG_inlined_subroutine:
        return true;
    default:
        return false;
    }
}

static bool find(Dwarf_Die *scope, Dwarf_Addr address, unsigned depth, Dwarf_Die *found)
{
    Dwarf_Die die;
    if (depth > DEEPEST || dwarf_child(scope, &die) != 0)
        return false;
    do {
        if (is_at(&die, address)) {
            *found = die;
            return true;
        }
        if (is_scope(&die) && find(&die, address, depth + 1, found))
            return true;
    } while (dwarf_siblingof(&die, &die) == 0);
    return false;
}

static bool variable_at(Dwfl_Module *module, uint64_t address, Dwarf_Die *found)
{
    Dwarf_Addr bias;
    for (Dwarf_Die *unit = NULL; (unit = dwfl_module_nextcu(module, unit, &bias));)
        if (find(unit, address - bias, 0, found))
            return true;
    return false;
}

/* ---- types ---- */

static void put_type(FILE *out, Dwarf_Die *type, unsigned depth)
{
    const char *name = dwarf_diename(type);
    Dwarf_Die target;
    bool has_target = depth < DEEPEST && type_of(type, &target);
    switch (dwarf_tag(type)) {
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
        if (has_target)
            put_type(out, &target, depth + 1);
        else
            fputs("void", out);
        fputs(dwarf_tag(type) == DW_TAG_pointer_type ? " *" : " &", out);
        return;
    case DW_TAG_const_type:
    case DW_TAG_volatile_type:
    case DW_TAG_atomic_type:
        fputs(dwarf_tag(type) == DW_TAG_const_type      ? "const "
              : dwarf_tag(type) == DW_TAG_volatile_type ? "volatile "
                                                        : "_Atomic ",
              out);
        if (has_target)
            put_type(out, &target, depth + 1);
        else
            fputs("void", out);
        return;
    case DW_TAG_subroutine_type:
        fputs("function", out);
        return;
    case DW_TAG_structure_type:
        fprintf(out, "struct%s%s", name ? " " : "", name ? name : "");
        return;
    case DW_TAG_union_type:
        fprintf(out, "union%s%s", name ? " " : "", name ? name : "");
        return;
    case DW_TAG_enumeration_type:
        fprintf(out, "enum%s%s", name ? " " : "", name ? name : "");
        return;
    default:
        fputs(name ? name : "unnamed type", out);
    }
}

/* Without typedefs and qualifiers. */
static bool peel(Dwarf_Die *type, Dwarf_Die *bare)
{
    *bare = *type;
    for (unsigned depth = 0; depth < DEEPEST; depth++) {
        int tag = dwarf_tag(bare);
        if (tag != DW_TAG_typedef && tag != DW_TAG_const_type && tag != DW_TAG_volatile_type &&
            tag != DW_TAG_atomic_type)
            return true;
        Dwarf_Die next;
        if (!type_of(bare, &next))
            return false;
        *bare = next;
    }
    return false;
}

static bool size_of(Dwarf_Die *type, Dwarf_Word *size)
{
    return dwarf_aggregate_size(type, size) == 0 && *size > 0;
}

/* ---- the way down ---- */

static Dwarf_Word number_in(Dwarf_Die *die, unsigned name, Dwarf_Word otherwise)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    return dwarf_attr_integrate(die, name, &attribute) && dwarf_formudata(&attribute, &value) == 0
               ? value
               : otherwise;
}

/* The element at *offset of the array; *offset becomes that within it. */
static bool enter_array(FILE *out, Dwarf_Die *array, Dwarf_Die *type, uint64_t *offset)
{
    Dwarf_Word element, counts[MOST_DIMENSIONS];
    unsigned dimensions = 0;
    Dwarf_Die child;
    if (!type_of(array, type) || !size_of(type, &element) || dwarf_child(array, &child) != 0)
        return false;
    do {
        if (dwarf_tag(&child) != DW_TAG_subrange_type || dimensions == MOST_DIMENSIONS)
            return false;
        Dwarf_Word count = number_in(&child, DW_AT_count, 0);
        counts[dimensions++] = count ? count : number_in(&child, DW_AT_upper_bound, 0) + 1;
    } while (dwarf_siblingof(&child, &child) == 0);
    uint64_t index = *offset / element;
    *offset %= element;
    for (unsigned i = 0; i < dimensions; i++) {
        uint64_t below = 1;
        for (unsigned k = i + 1; k < dimensions; k++)
            below *= counts[k];
        fprintf(out, "[%" PRIu64 "]", index / below);
        index %= below;
    }
    return true;
}

/* The member or base class at *offset. */
static bool enter_structure(FILE *out, Dwarf_Die *structure, Dwarf_Die *type, uint64_t *offset)
{
    Dwarf_Die child;
    if (dwarf_child(structure, &child) != 0)
        return false;
    do {
        int tag = dwarf_tag(&child);
        Dwarf_Attribute attribute;
        Dwarf_Word size;
        if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) ||
            dwarf_attr(&child, DW_AT_external, &attribute) || !type_of(&child, type) || !size_of(type, &size))
            continue;
        Dwarf_Word bits = number_in(&child, DW_AT_bit_size, 0), first_bit = 0, at;
        if (bits) {
            first_bit = number_in(&child, DW_AT_data_bit_offset, 0);
            at = first_bit / 8;
            size = (first_bit % 8 + bits + 7) / 8;
        } else {
            at = number_in(&child, DW_AT_data_member_location, 0);
        }
        if (*offset - at >= size)
            continue;
        *offset -= at;
        if (tag == DW_TAG_member && dwarf_diename(&child))
            fprintf(out, ".%s", dwarf_diename(&child));
        return true;
    } while (dwarf_siblingof(&child, &child) == 0);
    return false;
}

char *member_text(Dwfl_Module *module, uint64_t address, const char *name, uint64_t offset)
{
    Dwarf_Die variable, type, bare, inner;
    if (!variable_at(module, address, &variable) || !type_of(&variable, &type))
        return NULL;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    fputs(name, out);
    for (unsigned depth = 0; depth < DEEPEST && peel(&type, &bare); depth++) {
        int tag = dwarf_tag(&bare);
        bool entered = tag == DW_TAG_array_type ? enter_array(out, &bare, &inner, &offset)
                       : tag == DW_TAG_structure_type || tag == DW_TAG_class_type
                           ? enter_structure(out, &bare, &inner, &offset)
                           : false;
        if (!entered)
            break;
        type = inner;
    }
    if (offset)
        fprintf(out, "+%" PRIu64, offset);
    fputs(" (", out);
    put_type(out, &type, 0);
    fputs(")", out);
    fclose(out);
    return text;
}
