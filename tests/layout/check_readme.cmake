# Checks that the program in the README is examples/first_steps.cpp, but for the comment above: so it is compiled and run.
#
#   cmake -DROOT=. -P tests/layout/check_readme.cmake

cmake_minimum_required(VERSION 3.25)

file(READ ${ROOT}/README.md readme)
file(READ ${ROOT}/examples/first_steps.cpp program)
string(FIND "${program}" "#include" begin)
string(SUBSTRING "${program}" ${begin} -1 program)
string(FIND "${readme}" "```cpp\n${program}```\n" position)
if(position EQUAL -1)
  message(FATAL_ERROR "README.md does not show examples/first_steps.cpp as it is")
endif()
