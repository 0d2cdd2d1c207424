# Installs the headers and a package that find_package(condense) finds.

include(CMakePackageConfigHelpers)

set(CONDENSE_PACKAGE_DIR ${CMAKE_INSTALL_DATADIR}/cmake/condense)

install(TARGETS condense EXPORT condense_targets FILE_SET HEADERS FILE_SET internals)
install(EXPORT condense_targets NAMESPACE condense:: DESTINATION ${CONDENSE_PACKAGE_DIR} FILE condense-targets.cmake)
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/condense-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_SOURCE_DIR}/cmake/condense-config.cmake
              ${PROJECT_BINARY_DIR}/condense-config-version.cmake DESTINATION ${CONDENSE_PACKAGE_DIR})
