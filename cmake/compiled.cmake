# The optional library condense::compiled: the same headers, with the definitions of the .ipp files (Eigen's products and
# decompositions, and the kernels, which take seconds in every file that instantiates them) compiled once. The tests,
# benchmarks and examples link it; a project that adds condense as a subdirectory may, too.

set(definitions ${CONDENSE_DEFINITIONS})
condense_remove_unavailable(definitions ${CONDENSE_OPTIONAL_LIBRARIES})
set(sources "")
foreach(definition IN LISTS definitions)
  cmake_path(RELATIVE_PATH definition BASE_DIRECTORY ${PROJECT_SOURCE_DIR}/include)
  cmake_path(REPLACE_EXTENSION definition LAST_ONLY cpp OUTPUT_VARIABLE source)
  set(source ${PROJECT_BINARY_DIR}/compiled/${source})
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${definition}\"\n" @ONLY)
  list(APPEND sources ${source})
endforeach()

add_library(condense_compiled STATIC EXCLUDE_FROM_ALL ${sources})
add_library(condense::compiled ALIAS condense_compiled)
target_compile_definitions(condense_compiled PUBLIC CONDENSE_COMPILED)
target_link_libraries(condense_compiled PUBLIC condense)
