#ifndef CONDENSE_TESTS_SUPPORT_THROWS_HPP
#define CONDENSE_TESTS_SUPPORT_THROWS_HPP

#include <gtest/gtest.h>

#include <exception>
#include <string_view>

namespace condense {

/// Whether `call` throws an `Exception` whose message contains `part`; otherwise says what it did instead. Used as
/// EXPECT_TRUE(throws<InvalidArgument>("axis 3", [&] { shape.axis(3); })).
template <class Exception, class Call>
testing::AssertionResult throws(std::string_view part, Call&& call) {
  try {
    call();
  } catch (const Exception& error) {
    if (std::string_view(error.what()).find(part) != std::string_view::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "the message '" << error.what() << "' does not contain '" << part << "'";
  } catch (const std::exception& error) {
    return testing::AssertionFailure() << "another exception was thrown: " << error.what();
  }
  return testing::AssertionFailure() << "nothing was thrown";
}

}  // namespace condense

#endif
