#include "condense/core/error.hpp"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

namespace condense {
namespace {

std::string message_of_failure(int rows, int columns) {
  try {
    require(rows == columns, "weights have {} columns, input has {} rows", columns, rows);
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "";
}

TEST(Require, ThrowsTheFormattedMessage) {
  EXPECT_EQ(message_of_failure(3, 7), "weights have 7 columns, input has 3 rows");
}

TEST(Require, DoesNothingWhenTheConditionHolds) { EXPECT_EQ(message_of_failure(4, 4), ""); }

TEST(Require, CanCheckConstants) {
  constexpr bool checked = [] {
    require(true, "never");
    return true;
  }();
  EXPECT_TRUE(checked);
}

TEST(Exceptions, AreAllErrorsAndAllRuntimeErrors) {
  static_assert(std::is_base_of_v<std::runtime_error, Error>);
  static_assert(std::is_base_of_v<Error, InvalidArgument>);
  static_assert(std::is_base_of_v<Error, FormatError>);
  static_assert(std::is_base_of_v<Error, Unsupported>);
  EXPECT_THROW(throw FormatError("weights.bin: ends at byte 7"), Error);
  EXPECT_THROW(throw Unsupported("operator Foo"), Error);
}

}  // namespace
}  // namespace condense
