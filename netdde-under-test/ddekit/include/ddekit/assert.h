/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: assertions. They are always on: what they state is never worth going on without.
 */
#ifndef DDEKIT_ASSERT_H
#define DDEKIT_ASSERT_H

#include <ddekit/panic.h>

#define ddekit_assert(expr)                                                                                  \
    do {                                                                                                     \
        if (!(expr))                                                                                         \
            ddekit_panic("%s:%d: %s: assertion failed: %s", __FILE__, __LINE__, __func__, #expr);            \
    } while (0)

#endif
