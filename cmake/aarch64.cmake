# Cross-compiles for 64-bit ARM on Debian and Ubuntu, and runs the tests with qemu.
#
# Header-only libraries are those of the machine that builds. fmt is used as one, and GoogleTest is built from the
# sources that libgtest-dev installs: cmake/aarch64/ has a find module for each. What would need a library for the
# target (zlib) is left out.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR "qemu-aarch64;-cpu;max,pauth-impdef=on;-L;/usr/aarch64-linux-gnu")
# Kernels are also tested on a processor that has no instructions beyond the first ARMv8.
set(CONDENSE_PLAIN_EMULATOR "qemu-aarch64;-cpu;cortex-a53;-L;/usr/aarch64-linux-gnu")

set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE BOTH)
list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR}/aarch64)
