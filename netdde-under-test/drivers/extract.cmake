# SPDX-License-Identifier: GPL-2.0-or-later
# cmake -DARCHIVE=FILE -DOUTPUT=FOLDER -DFILES=PATH,PATH... -P extract.cmake
#
# Takes files out of the archive of Debian's package linux-source-6.1 and writes their SHA-256 sums to
# OUTPUT/SHA256SUMS, by which verify.cmake knows them. The archive itself is checked against the package's own list of
# sums where dpkg has one.
cmake_minimum_required(VERSION 3.25)

if(NOT EXISTS ${ARCHIVE})
  message(FATAL_ERROR "${ARCHIVE}: no such file. It is part of Debian's package linux-source-6.1:\n"
    "  apt-get install linux-source-6.1\n"
    "Another archive with the same layout can be given with cmake -DLINUX_SOURCE_ARCHIVE=FILE.")
endif()

string(REPLACE "," ";" FILES "${FILES}")
file(MAKE_DIRECTORY ${OUTPUT})

# dpkg lists MD5 sums, paths without the leading slash.
set(package_sums /var/lib/dpkg/info/linux-source-6.1.md5sums)
if(EXISTS ${package_sums})
  string(REGEX REPLACE "^/" "" archive_in_package ${ARCHIVE})
  file(STRINGS ${package_sums} lines)
  foreach(line ${lines})
    if(line MATCHES "^([0-9a-f]+)  (.*)$" AND CMAKE_MATCH_2 STREQUAL archive_in_package)
      set(expected ${CMAKE_MATCH_1})
      file(MD5 ${ARCHIVE} actual)
      if(NOT actual STREQUAL expected)
        message(FATAL_ERROR "${ARCHIVE} is not the file that the package linux-source-6.1 installed "
          "(MD5 ${actual}, expected ${expected}). Reinstall the package: apt-get install --reinstall linux-source-6.1")
      endif()
    endif()
  endforeach()
endif()

# The archive has one folder at its top. tar stops reading when it has found every file once.
list(TRANSFORM FILES PREPEND "linux-source-6.1/" OUTPUT_VARIABLE members)
execute_process(
  COMMAND tar --extract --file ${ARCHIVE} --directory ${OUTPUT} --strip-components 1 --occurrence=1 --no-same-owner
          --touch ${members}
  RESULT_VARIABLE failed ERROR_VARIABLE why)
set(missing)
foreach(path ${FILES})
  if(NOT EXISTS ${OUTPUT}/${path})
    list(APPEND missing ${path})
  endif()
endforeach()
if(missing)
  list(JOIN missing ", " missing)
  set(failed "missing: ${missing}")
endif()
if(failed)
  message(FATAL_ERROR "${ARCHIVE}: cannot take out the drivers (${failed}).\n${why}"
    "The archive may be damaged, or of another kernel version: apt-get install --reinstall linux-source-6.1")
endif()

set(sums)
foreach(path ${FILES})
  file(SHA256 ${OUTPUT}/${path} sum)
  string(APPEND sums "${sum}  ${path}\n")
endforeach()
file(WRITE ${OUTPUT}/SHA256SUMS "${sums}")
