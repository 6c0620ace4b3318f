/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of link-time wrapping (ld's --wrap): a reference to F in another object file becomes one to WRAP(F),
 * and REAL(F) is the function itself.
 */
#ifndef INSTRUMENT_WRAP_H
#define INSTRUMENT_WRAP_H

#define WRAP(function) __wrap_##function
#define REAL(function) __real_##function

#endif
