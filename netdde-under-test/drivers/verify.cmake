# SPDX-License-Identifier: GPL-2.0-or-later
# cmake -DOUTPUT=FOLDER -P verify.cmake
#
# Every file in OUTPUT/SHA256SUMS is still what extract.cmake took out. Prints the sums of the drivers' files, cut to
# what the eye compares; those of Linux's headers are in SHA256SUMS with the rest.
#
# The package is updated with every stable release of Linux. tested.sha256 has the sums of the version that this tree
# was last tested with, which its first line names: it is a copy of SHA256SUMS behind such a line. Files that differ
# are named in each build, so that one that stops in them, or a run that goes another way, is understood.
cmake_minimum_required(VERSION 3.25)

set(SUM_DIGITS 12)
set(COLUMNS 3)
set(NAME_WIDTH 24)

file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/tested.sha256 tested)
list(POP_FRONT tested version)
string(REGEX REPLACE "^# " "" version ${version})
list(TRANSFORM tested REPLACE "^[0-9a-f]+  " "" OUTPUT_VARIABLE tested_paths)

file(STRINGS ${OUTPUT}/SHA256SUMS lines)
set(table)
set(column 0)
set(changed)
set(unlisted)
foreach(line ${lines})
  string(REGEX MATCH "^([0-9a-f]+)  (.*)$" whole "${line}")
  set(expected ${CMAKE_MATCH_1})
  set(path ${CMAKE_MATCH_2})
  file(SHA256 ${OUTPUT}/${path} actual)
  if(NOT actual STREQUAL expected)
    message(FATAL_ERROR "${OUTPUT}/${path} was changed after it was taken out of the package. "
      "Drivers are compiled unmodified: remove ${OUTPUT} and build again.")
  endif()

  if(NOT path IN_LIST tested_paths)
    string(APPEND unlisted "\n  ${path}")
  elseif(NOT line IN_LIST tested)
    string(APPEND changed "\n  ${path}")
  endif()

  if(path MATCHES "^drivers/.*/([^/]+)$")
    set(name ${CMAKE_MATCH_1})
    if(column EQUAL 0)
      string(APPEND table "\n  ")
    endif()
    string(LENGTH "${name}" length)
    while(length LESS NAME_WIDTH)
      string(APPEND name " ")
      math(EXPR length "${length} + 1")
    endwhile()
    string(SUBSTRING ${actual} 0 ${SUM_DIGITS} sum)
    string(APPEND table " ${sum} ${name}")
    math(EXPR column "(${column} + 1) % ${COLUMNS}")
  endif()
endforeach()
string(REGEX REPLACE " +(\n|$)" "\\1" table "${table}")
message(STATUS "Linux's drivers, unmodified (SHA-256, whole in ${OUTPUT}/SHA256SUMS):${table}")

if(changed)
  message(NOTICE "These files are not those of ${version}, with which this tree was tested:${changed}\n"
    "Should the build stop in one of them, docs/new-driver.md tells how what a driver misses is added.")
endif()
if(unlisted)
  message(NOTICE "These files are not in ${CMAKE_CURRENT_LIST_DIR}/tested.sha256 yet:${unlisted}")
endif()
