#ifndef CONDENSE_TESTS_SUPPORT_ALLOCATIONS_HPP
#define CONDENSE_TESTS_SUPPORT_ALLOCATIONS_HPP

#include <cstddef>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONDENSE_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define CONDENSE_TEST_SANITIZED 1
#endif
#endif

// Eigen takes its temporaries from malloc. Where the C library lets a program stand before it, that is counted too; a
// sanitizer stands there itself.
#if defined(__GLIBC__) && !defined(CONDENSE_TEST_SANITIZED)
#define CONDENSE_TEST_COUNTS_MALLOC 1
#endif

namespace condense {

/// How often memory was asked for since the program started, and how many bytes; in the test programs of rooms with an
/// allocation_support.cpp.
long allocations_so_far();
std::size_t allocated_bytes_so_far();

}  // namespace condense

#endif
