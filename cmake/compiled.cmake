# The optional library condense::compiled: the same headers, with the definitions of the .ipp files (Eigen's products and
# decompositions, which take seconds in every file that instantiates them) compiled once. The tests, benchmarks and
# examples link it; a project that adds condense as a subdirectory may, too.

set(source "")
foreach(definition IN LISTS CONDENSE_DEFINITIONS)
  cmake_path(RELATIVE_PATH definition BASE_DIRECTORY ${PROJECT_SOURCE_DIR}/include)
  string(APPEND source "#include \"${definition}\"\n")
endforeach()
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/condense_compiled.cpp CONTENT "${source}" @ONLY)

add_library(condense_compiled STATIC EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/condense_compiled.cpp)
add_library(condense::compiled ALIAS condense_compiled)
target_compile_definitions(condense_compiled PUBLIC CONDENSE_COMPILED)
target_link_libraries(condense_compiled PUBLIC condense)
