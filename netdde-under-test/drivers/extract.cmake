# SPDX-License-Identifier: GPL-2.0-or-later
# cmake -DARCHIVE=FILE -DOUTPUT=FOLDER -DFILES=PATH,PATH... -P extract.cmake
#
# Takes files out of the archive of Debian's package linux-source-6.1, prints their SHA-256 sums and writes them to
# OUTPUT/SHA256SUMS. The archive itself is checked against the package's own list of sums where dpkg has one.
#
# The package is updated with every stable release of Linux. tested.sha256 has the sums of the version that this tree
# was last tested with, which its first line names: it is a copy of SHA256SUMS behind such a line. Files that differ
# are named, so that a build that stops in one of them, or a run that goes another way, is understood.
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

file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/tested.sha256 tested)
list(POP_FRONT tested version)
string(REGEX REPLACE "^# " "" version ${version})

set(sums)
set(changed)
foreach(path ${FILES})
  file(SHA256 ${OUTPUT}/${path} sum)
  string(APPEND sums "${sum}  ${path}\n")
  message(STATUS "${sum}  ${path}")
  if(NOT "${sum}  ${path}" IN_LIST tested)
    string(APPEND changed "\n  ${path}")
  endif()
endforeach()
file(WRITE ${OUTPUT}/SHA256SUMS "${sums}")
if(changed)
  message(NOTICE "These files are not those of ${version}, with which this tree was tested:${changed}\n"
    "Should the build stop in one of them, docs/new-driver.md tells how what a driver misses is added.")
endif()
