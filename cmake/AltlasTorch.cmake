# SPDX-License-Identifier: Apache-2.0
# Imported target altlas_torch: libtorch_cpu and libc10 of the PyPI wheel torch, nothing of CUDA (that is loaded at run time).
# ALTLAS_TORCH_DIR names the wheel's folder; by default the one in .deps/venv.
if(NOT ALTLAS_TORCH_DIR)
  file(GLOB found ${CMAKE_SOURCE_DIR}/.deps/venv/lib/python3*/site-packages/torch)
  list(LENGTH found count)
  if(count EQUAL 1)
    set(ALTLAS_TORCH_DIR ${found} CACHE PATH "The torch package folder of the wheel (…/site-packages/torch)" FORCE)
  endif()
endif()
if(NOT EXISTS "${ALTLAS_TORCH_DIR}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "ALTLAS_WITH_TORCH needs the wheel torch 2.11.0: install it into .deps/venv, or set ALTLAS_TORCH_DIR to its "
    "folder (it is '${ALTLAS_TORCH_DIR}', which holds no lib/libtorch_cpu.so)")
endif()

add_library(altlas_torch INTERFACE)
# idirafter, not isystem: the wheel carries copies of fmt, pybind11 and others, and the system's own must win.
target_compile_options(altlas_torch INTERFACE "SHELL:-idirafter ${ALTLAS_TORCH_DIR}/include"
  "SHELL:-idirafter ${ALTLAS_TORCH_DIR}/include/torch/csrc/api/include")
target_compile_definitions(altlas_torch INTERFACE _GLIBCXX_USE_CXX11_ABI=1)
foreach(library IN ITEMS torch_cpu c10)
  add_library(altlas_${library} SHARED IMPORTED)
  set_target_properties(altlas_${library} PROPERTIES IMPORTED_LOCATION ${ALTLAS_TORCH_DIR}/lib/lib${library}.so)
  target_link_libraries(altlas_torch INTERFACE altlas_${library})
endforeach()
# The runtime and CUPTI wheels lie beside torch; libtorch_cpu wants them by name.
file(GLOB nvidia_folders ${ALTLAS_TORCH_DIR}/../nvidia/*/lib)
foreach(folder IN LISTS nvidia_folders)
  get_filename_component(folder ${folder} REALPATH)
  target_link_options(altlas_torch INTERFACE -Wl,-rpath,${folder} -Wl,-rpath-link,${folder})
endforeach()

# altlas_torch_precompile(TARGET [OTHER]): ATen's headers, 10 s a file, once for TARGET, or shared with OTHER (same flags).
function(altlas_torch_precompile target)
  if(ARGC GREATER 1)
    target_precompile_headers(${target} REUSE_FROM ${ARGV1})
  else()
    target_precompile_headers(${target} PRIVATE <ATen/ATen.h> <ATen/Parallel.h> <c10/core/InferenceMode.h>)
  endif()
endfunction()
