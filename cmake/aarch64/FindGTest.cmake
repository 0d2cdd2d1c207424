# GoogleTest built from the sources of Debian's libgtest-dev.

set(GTest_SOURCE_DIR /usr/src/googletest)
include(FindPackageHandleStandardArgs)
if(EXISTS ${GTest_SOURCE_DIR}/CMakeLists.txt)
  set(GTest_SOURCES_EXIST TRUE)
endif()
find_package_handle_standard_args(GTest REQUIRED_VARS GTest_SOURCES_EXIST)

if(GTest_FOUND AND NOT TARGET GTest::gtest_main)
  set(BUILD_GMOCK OFF)
  set(INSTALL_GTEST OFF)
  set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)
  add_subdirectory(${GTest_SOURCE_DIR} ${CMAKE_BINARY_DIR}/googletest EXCLUDE_FROM_ALL SYSTEM)
endif()
