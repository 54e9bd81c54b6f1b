# SPDX-License-Identifier: Apache-2.0
# Compiler settings shared by every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(ALTLAS_CCACHE ccache)
if(ALTLAS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
      "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1 ${ALTLAS_CCACHE})
endif()

add_library(altlas_flags INTERFACE)
target_include_directories(altlas_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(altlas_flags INTERFACE -Wall -Wextra -Wno-unused-parameter -fno-omit-frame-pointer)
target_compile_definitions(altlas_flags INTERFACE ALTLAS_VERSION="${PROJECT_VERSION}")
if(ALTLAS_WERROR)
  target_compile_options(altlas_flags INTERFACE -Werror)
endif()
if(ALTLAS_SANITIZE)
  target_compile_options(altlas_flags INTERFACE -fsanitize=${ALTLAS_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(altlas_flags INTERFACE -fsanitize=${ALTLAS_SANITIZE})
  if(ALTLAS_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 warns that it does not instrument fences; Asio uses them only where a mutex is taken too.
    target_compile_options(altlas_flags INTERFACE -Wno-tsan)
  endif()
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release")
  # GCC 12 sees members of std::variant as uninitialized where another alternative is held.
  target_compile_options(altlas_flags INTERFACE -Wno-maybe-uninitialized)
endif()
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC takes a .cc file that a unity file includes for a header, and warns of types that only it knows.
  target_compile_options(altlas_flags INTERFACE -Wno-subobject-linkage)
endif()
if(ALTLAS_WITH_FUZZERS)
  target_compile_options(altlas_flags INTERFACE -fsanitize=fuzzer-no-link)  # the fuzzer sees which branches the modules take
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(altlas_flags INTERFACE -Wthread-safety)
endif()
