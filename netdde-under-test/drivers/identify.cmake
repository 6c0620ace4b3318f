# SPDX-License-Identifier: GPL-2.0-or-later
# cmake -DARCHIVE=FILE -DOUTPUT=FILE -P identify.cmake
#
# Writes to OUTPUT which archive there is, and only when it is another one than OUTPUT tells of. A new package's file
# has the date at which the package was made: it may be older than what was taken out of its predecessor.
cmake_minimum_required(VERSION 3.25)

set(now "${ARCHIVE}: missing\n")
if(EXISTS ${ARCHIVE})
  file(SIZE ${ARCHIVE} size)
  file(TIMESTAMP ${ARCHIVE} time "%Y-%m-%dT%H:%M:%SZ" UTC)
  set(now "${ARCHIVE}: ${size} bytes, ${time}\n")
endif()
set(before "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} before)
endif()
if(NOT now STREQUAL before)
  file(WRITE ${OUTPUT} "${now}")
endif()
