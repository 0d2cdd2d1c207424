# fmt::fmt as a header-only library.

find_path(fmt_INCLUDE_DIR fmt/format.h)
mark_as_advanced(fmt_INCLUDE_DIR)
if(fmt_INCLUDE_DIR)
  file(STRINGS ${fmt_INCLUDE_DIR}/fmt/core.h fmt_VERSION REGEX "define FMT_VERSION")
  string(REGEX REPLACE ".* ([0-9]+)[0-9][0-9][0-9][0-9]$" "\\1" fmt_VERSION "${fmt_VERSION}")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(fmt REQUIRED_VARS fmt_INCLUDE_DIR VERSION_VAR fmt_VERSION)

if(fmt_FOUND AND NOT TARGET fmt::fmt)
  add_library(fmt::fmt INTERFACE IMPORTED)
  set_target_properties(
    fmt::fmt PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${fmt_INCLUDE_DIR}
                        INTERFACE_COMPILE_DEFINITIONS FMT_HEADER_ONLY=1)
endif()
