#ifndef CONDENSE_CORE_ERROR_HPP
#define CONDENSE_CORE_ERROR_HPP

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace condense {

/// Base of every exception that condense throws. The message names the thing, the place and the remedy.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An argument is outside its domain, or shapes disagree. Thrown at a public entry, before any work.
class InvalidArgument : public Error {
 public:
  using Error::Error;
};

/// A file or stream is malformed. The message names the file, the position and what was expected there.
class FormatError : public Error {
 public:
  using Error::Error;
};

/// An operator, type or combination is not supported. The message names the node and what to do instead.
class Unsupported : public Error {
 public:
  using Error::Error;
};

/// Throws `InvalidArgument` with the formatted message unless `condition` holds. The message is formatted only on
/// failure, so a check costs one branch.
template <class... Arguments>
constexpr void require(bool condition, fmt::format_string<Arguments...> message, Arguments&&... arguments) {
  if (!condition) [[unlikely]] {
    throw InvalidArgument(fmt::format(message, std::forward<Arguments>(arguments)...));
  }
}

}  // namespace condense

#endif
