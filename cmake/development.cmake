# What the tests, benchmarks and examples of this repository are built with. Users of condense see none of it.

set(CONDENSE_SANITIZE "" CACHE STRING "Sanitizers of -fsanitize=, separated by commas")
option(CONDENSE_WARNINGS_AS_ERRORS "Warnings are errors" OFF)

add_library(condense_development INTERFACE)
target_compile_options(condense_development INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wsign-conversion)
if(CONDENSE_WARNINGS_AS_ERRORS)
  target_compile_options(condense_development INTERFACE -Werror)
endif()
if(CONDENSE_SANITIZE)
  target_compile_options(
    condense_development INTERFACE -fsanitize=${CONDENSE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(condense_development INTERFACE -fsanitize=${CONDENSE_SANITIZE})
  if(CONDENSE_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC says of the fences in Eigen's thread pool that it does not model them; there is nothing to do about it here.
    target_compile_options(condense_development INTERFACE -Wno-tsan)
  endif()
endif()

# A rebuilt precompiled header has the same content but another time stamp; ccache is to look at the content. Paths are
# taken relative to the sources, so that every checkout shares what one has compiled.
find_program(CONDENSE_CCACHE ccache)
mark_as_advanced(CONDENSE_CCACHE)
if(CONDENSE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
      ${CONDENSE_CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(condense_development INTERFACE -fpch-preprocess)
  elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(condense_development INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endif()

target_link_libraries(condense_compiled PRIVATE condense_development)
