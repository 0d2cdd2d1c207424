#ifndef CONDENSE_GRAPH_OPERATORS_RESHAPE_HPP
#define CONDENSE_GRAPH_OPERATORS_RESHAPE_HPP

#include <cstring>

#include "condense/graph/operator.hpp"

namespace condense::graph {

/// The same elements under another shape. Any type. ONNX Reshape.
///
/// Inputs: the tensor; the new extents, an int64 vector. One extent may be -1: it follows from the count. An
/// extent of 0 keeps the input's extent of that axis, unless `allowzero` gives it its face value.
struct Reshape {
  static constexpr std::string_view kType = "Reshape";

  bool allowzero = false;

  static void attributes(auto& op, auto&& visit) { visit("allowzero", op.allowzero); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    require(inputs.type(1) == DataType::int64 && inputs.shape(1).rank() == 1,
            "its input 1, the new shape, is an int64 vector; this one is {} of shape {}", name(inputs.type(1)),
            inputs.shape(1).to_string());
    const Tensor* wanted = inputs.known(1);
    if (wanted == nullptr) return {{inputs.type(0), dynamic_shape(inputs.shape(1)[0])}};
    return {{inputs.type(0), resolve(inputs.shape(0), wanted->values<std::int64_t>())}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    std::memcpy(e.output().data, e.input().data, bytes(e.input().type.type, e.input().count()));
  }

  friend bool operator==(const Reshape&, const Reshape&) = default;

 private:
  Shape resolve(const Shape& from, std::span<const std::int64_t> wanted) const {
    std::vector<Index> extents;
    std::optional<std::size_t> unknown;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      Index extent = wanted[i];
      require(extent >= -1, "its input 1, the new shape, holds {} at {}; the least is -1", extent, i);
      if (extent == -1) {
        require(!unknown, "its input 1, the new shape, holds -1 at {} and at {}; only one extent can follow", *unknown,
                i);
        unknown = i;
        extent = 1;
      } else if (extent == 0 && !allowzero) {
        require(i < static_cast<std::size_t>(from.rank()),
                "its input 1, the new shape, keeps extent {} by a 0, but its input 0 has shape {}", i,
                from.to_string());
        extent = from[static_cast<int>(i)];
      }
      extents.push_back(extent);
    }
    const Index known = Shape(std::span<const Index>(extents)).count();
    if (unknown) {
      require(
          known > 0 && from.count() % known == 0,
          "its input 0 of shape {} has {} elements, which {} do not divide; the -1 at {} of its input 1 has no value",
          from.to_string(), from.count(), known, *unknown);
      extents[*unknown] = from.count() / known;
    }
    const Shape result{std::span<const Index>(extents)};
    require(result.count() == from.count(), "its input 0 of shape {} cannot become {}: the counts are {} and {}",
            from.to_string(), result.to_string(), from.count(), result.count());
    return result;
  }
};

}  // namespace condense::graph

#endif
