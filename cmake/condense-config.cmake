include(CMakeFindDependencyMacro)
find_dependency(Eigen3 3.4)
find_dependency(fmt 9)
find_dependency(Threads)

# Optional: linked where they exist, for the headers that need them.
find_package(ZLIB QUIET)
find_package(nlohmann_json QUIET)

include(${CMAKE_CURRENT_LIST_DIR}/condense-targets.cmake)
