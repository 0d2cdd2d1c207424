# Libraries that only some headers need. Such a header is installed with the others and can be included wherever its
# library is present; everything else works without it.

find_package(ZLIB QUIET GLOBAL)
find_package(nlohmann_json QUIET GLOBAL)

# These are headers and nothing else.
find_path(CONDENSE_PROTOZERO_HEADERS protozero/pbf_reader.hpp)
find_path(CONDENSE_STB_HEADERS stb/stb_image.h)
mark_as_advanced(CONDENSE_PROTOZERO_HEADERS CONDENSE_STB_HEADERS)
foreach(library protozero stb)
  string(TOUPPER CONDENSE_${library}_HEADERS folder)
  if(${folder})
    set(${library}_FOUND TRUE)
  else()
    set(${library}_FOUND FALSE)
  endif()
endforeach()

# Every optional library as `condense_remove_unavailable` takes it.
set(CONDENSE_OPTIONAL_LIBRARIES
    ZLIB_FOUND zlib.h nlohmann_json_FOUND nlohmann/json.hpp protozero_FOUND protozero/pbf_reader.hpp stb_FOUND
    stb/stb_image.h)

# What condense links: generator expressions, so that it is the machine of the user that decides, also after an install.
set(CONDENSE_OPTIONAL_TARGETS
    $<TARGET_NAME_IF_EXISTS:ZLIB::ZLIB> $<TARGET_NAME_IF_EXISTS:nlohmann_json::nlohmann_json>)

# Folders of headers that the compiler does not search by itself.
set(CONDENSE_OPTIONAL_INCLUDES "")
foreach(folder IN LISTS CONDENSE_PROTOZERO_HEADERS CONDENSE_STB_HEADERS)
  if(folder AND NOT folder IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES AND NOT folder STREQUAL "/usr/include")
    list(APPEND CONDENSE_OPTIONAL_INCLUDES $<BUILD_INTERFACE:${folder}>)
  endif()
endforeach()

# Removes from a list of sources those that include, directly or through headers of condense or beside them, the
# header of a library that was not found, and says so. A library is given as its variable of find_package and its header:
#   condense_remove_unavailable(sources ZLIB_FOUND zlib.h nlohmann_json_FOUND nlohmann/json.hpp)
function(condense_remove_unavailable list_name)
  set(missing "")
  while(ARGN)
    list(POP_FRONT ARGN found header)
    if(NOT ${found})
      list(APPEND missing ${header})
    endif()
  endwhile()

  file(GLOB_RECURSE own_headers ${CMAKE_CURRENT_SOURCE_DIR}/*.hpp)
  set(files ${CONDENSE_HEADERS} ${CONDENSE_DEFINITIONS} ${own_headers} ${${list_name}})
  list(REMOVE_ITEM files ${PROJECT_SOURCE_DIR}/include/condense/condense.hpp)  # asks for libraries with __has_include
  set(searched ${missing})
  while(searched)
    list(JOIN searched "|" pattern)
    string(REPLACE "." "\\." pattern "${pattern}")
    set(searched "")
    foreach(file IN LISTS files)
      file(STRINGS ${file} includes REGEX "^#include [<\"](${pattern})[>\"]")
      if(includes)
        list(REMOVE_ITEM files ${file})
        if(file IN_LIST ${list_name})
          list(REMOVE_ITEM ${list_name} ${file})
          cmake_path(RELATIVE_PATH file BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
          message(STATUS "condense: ${file} is left out, a library that it needs was not found")
        else()
          string(REPLACE ${PROJECT_SOURCE_DIR}/include/ "" file ${file})
          string(REPLACE ${CMAKE_CURRENT_SOURCE_DIR}/ "" file ${file})
          list(APPEND searched ${file})
        endif()
      endif()
    endforeach()
  endwhile()
  set(${list_name} ${${list_name}} PARENT_SCOPE)
endfunction()
