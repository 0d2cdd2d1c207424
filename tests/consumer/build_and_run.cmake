# Builds and runs project/ with condense taken the way WAY; arguments in CMakeLists.txt.

cmake_minimum_required(VERSION 3.25)

set(project ${CMAKE_CURRENT_LIST_DIR}/project)

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${SCRATCH})
file(MAKE_DIRECTORY ${SCRATCH})

if(WAY STREQUAL "copied_folder")
  file(COPY ${CONDENSE_SOURCE}/include/condense DESTINATION ${SCRATCH})
  run(${COMPILER} -std=c++20 -I ${SCRATCH} -I ${EIGEN} ${project}/main.cpp -lfmt -pthread
      -o ${SCRATCH}/consumer)
  run(${SCRATCH}/consumer)
  return()
endif()

set(ENV{CMAKE_CXX_COMPILER_LAUNCHER} "${LAUNCHER}")
set(prefix ${SCRATCH}/prefix)
if(WAY STREQUAL "find_package")
  run(${CMAKE_COMMAND} --install ${CONDENSE_BUILD} --prefix ${prefix})
endif()
run(${CMAKE_COMMAND} -S ${project} -B ${SCRATCH}/build -G ${GENERATOR} -DWAY=${WAY} -DCMAKE_CXX_COMPILER=${COMPILER}
    -DCMAKE_PREFIX_PATH=${prefix} -DCONDENSE_SOURCE=${CONDENSE_SOURCE})
run(${CMAKE_COMMAND} --build ${SCRATCH}/build)
run(${SCRATCH}/build/consumer)
