#ifndef CONDENSE_CORE_ENUM_NAMES_HPP
#define CONDENSE_CORE_ENUM_NAMES_HPP

#include <string_view>
#include <utility>

#include "condense/core/error.hpp"

namespace condense {

/// The names of an enumeration's values, as files and messages have them. Specialised beside the enumeration, as
///
///     template <>
///     inline constexpr std::pair<Colour, std::string_view> enum_names<Colour>[] = {{Colour::red, "RED"}};
template <class Enum>
inline constexpr std::pair<Enum, std::string_view> enum_names[] = {};

template <class Enum>
constexpr std::string_view name_of(Enum value) {
  for (const auto& [entry, name] : enum_names<Enum>) {
    if (entry == value) return name;
  }
  throw InvalidArgument("the value of an enumeration has no name");
}

/// The value of that name. Throws `InvalidArgument` that lists the names there are.
template <class Enum>
Enum value_of(std::string_view name) {
  std::string known;
  for (const auto& [entry, entry_name] : enum_names<Enum>) {
    if (entry_name == name) return entry;
    known += fmt::format("{}'{}'", known.empty() ? "" : ", ", entry_name);
  }
  throw InvalidArgument(fmt::format("'{}' is not one of {}", name, known));
}

}  // namespace condense

#endif
