# SPDX-License-Identifier: GPL-2.0-or-later
# cmake -DOUTPUT=FOLDER -P verify.cmake: every file in OUTPUT/SHA256SUMS is still what extract.cmake took out.
cmake_minimum_required(VERSION 3.25)

file(STRINGS ${OUTPUT}/SHA256SUMS lines)
foreach(line ${lines})
  string(REGEX MATCH "^([0-9a-f]+)  (.*)$" whole "${line}")
  set(expected ${CMAKE_MATCH_1})
  set(path ${CMAKE_MATCH_2})
  file(SHA256 ${OUTPUT}/${path} actual)
  if(NOT actual STREQUAL expected)
    message(FATAL_ERROR "${OUTPUT}/${path} was changed after it was taken out of the package. "
      "Drivers are compiled unmodified: remove ${OUTPUT} and build again.")
  endif()
endforeach()
