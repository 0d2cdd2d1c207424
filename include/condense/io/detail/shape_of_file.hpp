#ifndef CONDENSE_IO_DETAIL_SHAPE_OF_FILE_HPP
#define CONDENSE_IO_DETAIL_SHAPE_OF_FILE_HPP

#include <span>
#include <string_view>

#include "condense/core/error.hpp"
#include "condense/core/shape.hpp"

namespace condense::io::detail {

/// The shape of extents read from a file, each >= 0. Throws `FormatError` at `place` where `Shape` would refuse them.
inline Shape shape_of_file(std::span<const Index> extents, std::string_view place) {
  try {
    return Shape(extents);
  } catch (const InvalidArgument& error) {
    throw FormatError(fmt::format("{}: {}", place, error.what()));
  }
}

}  // namespace condense::io::detail

#endif
