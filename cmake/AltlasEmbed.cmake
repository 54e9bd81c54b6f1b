# SPDX-License-Identifier: Apache-2.0
# altlas_embed(OUTPUT_VARIABLE HEADER header NAMESPACE namespace [NAME file ...]...)
# Writes at build time a .cc file that defines, for each constant kNAME that the header declares as std::string_view, the files
# that follow it one behind the other. Words that begin with k and an upper-case letter are constants, the others files. Sets OUTPUT_VARIABLE to the .cc file.
set(ALTLAS_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/embed_files.cmake)
function(altlas_embed output_variable)
  cmake_parse_arguments(E "" "HEADER;NAMESPACE" "CONTENT" ${ARGN})
  set(files)
  foreach(word IN LISTS E_CONTENT)
    if(NOT word MATCHES "^k[A-Z]")
      list(APPEND files ${word})
    endif()
  endforeach()
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${output_variable}.cc)
  string(REPLACE ";" "," content "${E_CONTENT}")
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DHEADER=${E_HEADER} -DNAMESPACE=${E_NAMESPACE} -DCONTENT=${content} -P ${ALTLAS_EMBED_SCRIPT}
    DEPENDS ${files} ${ALTLAS_EMBED_SCRIPT} VERBATIM)
  set(${output_variable} ${output} PARENT_SCOPE)
endfunction()
