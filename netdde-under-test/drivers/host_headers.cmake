# SPDX-License-Identifier: GPL-2.0-or-later
# cmake -DCOMPILER=CC -DENVIRONMENT=FOLDER -DINCLUDE=FOLDER:FOLDER... -DSYSTEM=FOLDER:FOLDER... -DOUTPUT=FOLDER
#       -P host_headers.cmake
#
# Fills OUTPUT with links to those of the system's headers that the Linux environment's headers in ENVIRONMENT are
# built on, and to no others. Linux's interface to programs, in /usr/include/linux, has many a header of the name that
# a driver asks for, with something else in it: a driver that the environment lacks a header for is to stop there, not
# at what it met in a stranger's. INCLUDE is where the environment's headers look, SYSTEM where the compiler does then.
cmake_minimum_required(VERSION 3.25)

string(REPLACE ":" ";" INCLUDE "${INCLUDE}")
string(REPLACE ":" ";" SYSTEM "${SYSTEM}")
list(TRANSFORM INCLUDE PREPEND -I)

file(GLOB_RECURSE headers RELATIVE ${ENVIRONMENT} ${ENVIRONMENT}/*.h)
set(all)
foreach(header ${headers})
  string(APPEND all "#include <${header}>\n")
endforeach()
file(WRITE ${OUTPUT}.c "${all}")
execute_process(
  COMMAND ${COMPILER} -std=gnu11 -O2 -D_FORTIFY_SOURCE=2 -M ${INCLUDE} ${OUTPUT}.c
  OUTPUT_VARIABLE rule ERROR_VARIABLE why RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "${ENVIRONMENT}: what its headers include cannot be found:\n${why}")
endif()

# A folder may be part of another's path: the longest first.
list(SORT SYSTEM ORDER DESCENDING)
string(REGEX MATCHALL "/[^ \n\\]+" files "${rule}")
file(REMOVE_RECURSE ${OUTPUT})
foreach(file ${files})
  foreach(folder ${SYSTEM})
    if(file MATCHES "^${folder}/(.*/)?([^/]+)$")
      file(MAKE_DIRECTORY ${OUTPUT}/${CMAKE_MATCH_1})
      file(CREATE_LINK ${file} ${OUTPUT}/${CMAKE_MATCH_1}${CMAKE_MATCH_2} SYMBOLIC)
      break()
    endif()
  endforeach()
endforeach()
