# SPDX-License-Identifier: Apache-2.0
# altlas_module(NAME SOURCES a.cc ... [DEPS base ...] [LIBS pkg::lib ...] [TESTS a_test.cc ...] [TEST_DEPS ...] [TEST_LIBS ...]
#               [TEST_LABELS ...])
# One static library altlas_NAME from src/NAME and, where it lists TESTS, one test program NAME_test.
# DEPS name the modules it may include (tools/check_layers.py holds every #include against them).
# A .cc file in the folder that nobody lists is an error: a test that CMake does not know does not exist.
function(altlas_module name)
  cmake_parse_arguments(M "" "" "SOURCES;DEPS;LIBS;TESTS;TEST_DEPS;TEST_LIBS;TEST_LABELS" ${ARGN})
  file(GLOB found RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS *.cc)
  foreach(file IN LISTS found)
    if(NOT file IN_LIST M_SOURCES AND NOT file IN_LIST M_TESTS)
      message(${ALTLAS_UNLISTED} "${CMAKE_CURRENT_SOURCE_DIR}/${file} is not listed in its altlas_module(): add it to SOURCES or TESTS")
    endif()
  endforeach()
  add_library(altlas_${name} STATIC ${M_SOURCES})
  target_link_libraries(altlas_${name} PUBLIC altlas_flags ${M_LIBS})
  foreach(dep IN LISTS M_DEPS)
    target_link_libraries(altlas_${name} PUBLIC altlas_${dep})
  endforeach()
  if(ALTLAS_WITH_TESTS AND M_TESTS)
    add_executable(${name}_test ${M_TESTS})
    target_precompile_headers(${name}_test PRIVATE <gtest/gtest.h>)
    target_compile_options(${name}_test PRIVATE -O0)  # test code runs once; compiling it is what takes the time
    target_link_libraries(${name}_test PRIVATE altlas_${name} GTest::gtest GTest::gtest_main ${M_TEST_LIBS})
    target_compile_definitions(${name}_test PRIVATE ALTLAS_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    foreach(dep IN LISTS M_TEST_DEPS)
      target_link_libraries(${name}_test PRIVATE altlas_${dep})
    endforeach()
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES LABELS "unit;${M_TEST_LABELS}" TIMEOUT 600)
  endif()
endfunction()
