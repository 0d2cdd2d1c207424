# Tests check_includes.cmake: trees with one violation each, which it must report with file and line.
#
#   cmake -DDIRECTORY=<scratch> -P check_includes_test.cmake

cmake_minimum_required(VERSION 3.25)

# A tree that is in order: one header in each of the rooms that the cases use.
function(write_tree)
  file(REMOVE_RECURSE ${DIRECTORY})
  foreach(header core/a quantize/b quantize/detail/c calibrate/d graph/e kernels/f)
    write_header(${header} "")
  endforeach()
  write_umbrella(core/a quantize/b calibrate/d graph/e kernels/f)
endfunction()

# The header with its guard on lines 1 and 2, `text` from line 4 on.
function(write_header name text)
  string(MAKE_C_IDENTIFIER ${name}.hpp guard)
  string(TOUPPER CONDENSE_${guard} guard)
  file(WRITE ${DIRECTORY}/include/condense/${name}.hpp "#ifndef ${guard}\n#define ${guard}\n\n${text}\n#endif\n")
endfunction()

function(write_umbrella)
  set(text "")
  foreach(name IN LISTS ARGN)
    string(APPEND text "#include \"condense/${name}.hpp\"\n")
  endforeach()
  file(WRITE ${DIRECTORY}/include/condense/condense.hpp "${text}")
endfunction()

function(check)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -DROOT=${DIRECTORY} -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check_includes.cmake
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  set(result ${result} PARENT_SCOPE)
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect_accepted)
  check()
  if(NOT result EQUAL 0)
    message(SEND_ERROR "${ARGV0}: the tree is in order, but was rejected:\n${output}")
  endif()
endfunction()

function(expect_violation expected)
  check()
  string(FIND "${output}" "${expected}" position)
  if(result EQUAL 0 OR position EQUAL -1)
    message(SEND_ERROR "expected the violation\n  ${expected}\nbut the check ended with ${result} and said\n${output}")
  endif()
endfunction()

write_tree()
expect_accepted("the plain tree")

write_tree()
write_header(calibrate/d "#include \"condense/quantize/b.hpp\"\n#include \"condense/core/a.hpp\"\n#include <vector>")
write_header(quantize/b "#include \"condense/quantize/detail/c.hpp\"\nint a[] = {1};  // [ \\ ; \n")
expect_accepted("down the floors, along the arrow and into a folder's own detail")

write_tree()
write_header(core/a "#include <vector>\nint x[2];\n#include \"condense/graph/e.hpp\"")
expect_violation("include/condense/core/a.hpp:6: core/ (floor 0) must not include graph/ (floor 3)")

write_tree()
write_header(quantize/b "#include \"condense/calibrate/d.hpp\"")
expect_violation("include/condense/quantize/b.hpp:4: quantize/ (floor 2) must not include calibrate/ (floor 2)")

write_tree()
write_header(graph/e "#include \"condense/quantize/detail/c.hpp\"")
expect_violation("include/condense/graph/e.hpp:4: condense/quantize/detail/c.hpp is private to quantize/")

write_tree()
write_header(kernels/f "\n#include <Eigen/Core>")
expect_violation("include/condense/kernels/f.hpp:5: kernels/ works on raw pointers")

write_tree()
write_header(graph/e "#include \"condense/condense.hpp\"")
expect_violation("include/condense/graph/e.hpp:4: the library does not include condense.hpp")

write_tree()
write_header(graph/e "#include \"condense/core/gone.hpp\"")
expect_violation("include/condense/graph/e.hpp:4: condense/core/gone.hpp does not exist")

write_tree()
write_header(graph/e "#include \"../core/a.hpp\"")
expect_violation("include/condense/graph/e.hpp:4: a header of condense is included by its full name")

foreach(header Eigen/Dense iostream ranges regex)
  write_tree()
  write_header(graph/e "#include <${header}>")
  expect_violation("include/condense/graph/e.hpp:4: <${header}> must not be included")
endforeach()

write_tree()
write_header(attic/g "")
expect_violation("include/condense/attic/g.hpp: attic is on no floor")

write_tree()
file(WRITE ${DIRECTORY}/include/condense/core/a.hpp "#ifndef A_HPP\n#define A_HPP\n#endif\n")
expect_violation("include/condense/core/a.hpp:1: the header does not begin with its guard, CONDENSE_CORE_A_HPP")

write_tree()
write_umbrella(core/a quantize/b calibrate/d kernels/f)
expect_violation("include/condense/condense.hpp: condense/graph/e.hpp is missing")

write_tree()
write_umbrella(core/a quantize/b quantize/detail/c calibrate/d graph/e kernels/f)
expect_violation("include/condense/condense.hpp: condense/quantize/detail/c.hpp does not belong there")

# Versions of kernels are listed by themselves.
write_tree()
write_header(kernels/g/avx2 "")
write_header(kernels/all_versions "")
expect_violation("include/condense/kernels/all_versions.hpp: condense/kernels/g/avx2.hpp is missing")

write_tree()
write_header(kernels/g/avx2 "")
write_header(kernels/all_versions "#include \"condense/kernels/g/avx2.hpp\"")
write_umbrella(core/a quantize/b calibrate/d graph/e kernels/f kernels/g/avx2)
expect_violation("include/condense/condense.hpp: condense/kernels/g/avx2.hpp does not belong there")

file(REMOVE_RECURSE ${DIRECTORY})
