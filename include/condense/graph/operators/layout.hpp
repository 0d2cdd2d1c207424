#ifndef CONDENSE_GRAPH_OPERATORS_LAYOUT_HPP
#define CONDENSE_GRAPH_OPERATORS_LAYOUT_HPP

#include <cstring>

#include "condense/core/enum_names.hpp"
#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/broadcast.hpp"
#include "condense/graph/reference/strided_copy.hpp"

namespace condense::graph {

/// The axes in another order: axis i of the result is axis perm[i] of the input. ONNX Transpose.
struct Transpose {
  static constexpr std::string_view kType = "Transpose";

  std::vector<Index> perm = {};  ///< Every axis once; empty to reverse their order.

  static void attributes(auto& op, auto&& visit) { visit("perm", op.perm); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    reference::require_whole_bytes(inputs, 0);
    const Shape& shape = inputs.shape(0);
    require(perm.empty() || perm.size() == static_cast<std::size_t>(shape.rank()),
            "its attribute perm has {} entries, its input 0 has shape {}", perm.size(), shape.to_string());
    std::vector<Index> extents;
    for (const int axis : order(shape.rank())) extents.push_back(shape[axis]);
    return {{inputs.type(0), Shape(std::span<const Index>(extents))}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const auto from = reference::strides_of(shape);
    const auto to = reference::strides_of(e.output().shape());
    const std::vector<int> axes = order(shape.rank());
    reference::StridedCopy copy;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      copy.loop(shape[axes[i]], from[static_cast<std::size_t>(axes[i])], to[i]);
    }
    copy.run(e.input().type.type, e.input().data, e.output().data, e.pool);
  }

  friend bool operator==(const Transpose&, const Transpose&) = default;

 private:
  std::vector<int> order(int rank) const {
    std::vector<Index> axes = reference::all_axes(rank);
    std::ranges::reverse(axes);
    return reference::distinct_axes(perm.empty() ? axes : perm, rank);
  }
};

/// The same elements without some axes of extent 1. Any type. ONNX Squeeze, opset 13 and later.
///
/// Inputs: the tensor; the axes to remove, optional: absent for all of extent 1.
struct Squeeze {
  static constexpr std::string_view kType = "Squeeze";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 2);
    reference::require_integer_vector(inputs, 1);
    const Shape& shape = inputs.shape(0);
    if (inputs.has(1) && inputs.known(1) == nullptr) {
      return {{inputs.type(0), dynamic_shape(shape.rank() - inputs.shape(1)[0])}};
    }
    std::vector<int> axes;
    if (inputs.has(1)) axes = reference::distinct_axes(reference::integers(*inputs.known(1)), shape.rank());
    for (const int axis : axes) {
      require(shape[axis] == 1, "its input 1 removes axis {} of its input 0, which has shape {}: the extent is not 1",
              axis, shape.to_string());
    }
    std::vector<Index> extents;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const bool removed = inputs.has(1) ? std::ranges::count(axes, axis) > 0 : shape[axis] == 1;
      if (!removed) extents.push_back(shape[axis]);
    }
    return {{inputs.type(0), Shape(std::span<const Index>(extents))}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    std::memcpy(e.output().data, e.input().data, bytes(e.input().type.type, e.input().count()));
  }

  friend bool operator==(const Squeeze&, const Squeeze&) = default;
};

/// The same elements with more axes, of extent 1. Any type. ONNX Unsqueeze, opset 13 and later.
///
/// Inputs: the tensor; where the new axes are in the result.
struct Unsqueeze {
  static constexpr std::string_view kType = "Unsqueeze";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    reference::require_integer_vector(inputs, 1);
    const Shape& shape = inputs.shape(0);
    Shape result = dynamic_shape(shape.rank() + inputs.shape(1)[0]);
    if (inputs.known(1) == nullptr) return {{inputs.type(0), result}};
    const std::vector<int> added = reference::distinct_axes(reference::integers(*inputs.known(1)), result.rank());
    int next = 0;
    for (int axis = 0; axis < result.rank(); ++axis) {
      result = result.with(axis, std::ranges::count(added, axis) > 0 ? 1 : shape[next++]);
    }
    return {{inputs.type(0), result}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    std::memcpy(e.output().data, e.input().data, bytes(e.input().type.type, e.input().count()));
  }

  friend bool operator==(const Unsqueeze&, const Unsqueeze&) = default;
};

/// The tensor repeated along axes of extent 1, and along new ones before its first, until its shape is the one that its
/// own and that of input 1 broadcast to. ONNX Expand.
///
/// Inputs: the tensor; the shape, int64.
struct Expand {
  static constexpr std::string_view kType = "Expand";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    reference::require_whole_bytes(inputs, 0);
    reference::require_integer_vector(inputs, 1);
    const Shape& shape = inputs.shape(0);
    const Tensor* wanted = inputs.known(1);
    if (wanted == nullptr) {
      return {{inputs.type(0), dynamic_shape(std::max<Index>(shape.rank(), inputs.shape(1)[0]))}};
    }
    return {{inputs.type(0), reference::broadcast_shape(shape, reference::shape_in(*wanted, 1))}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& from = e.input().shape();
    const Shape& to = e.output().shape();
    const auto from_strides = reference::strides_of(from);
    const auto to_strides = reference::strides_of(to);
    reference::StridedCopy copy;
    for (int axis = 0; axis < to.rank(); ++axis) {
      const int source = axis - (to.rank() - from.rank());
      const bool repeats = source < 0 || from[source] == 1;
      copy.loop(to[axis], repeats ? 0 : from_strides[static_cast<std::size_t>(source)],
                to_strides[static_cast<std::size_t>(axis)]);
    }
    copy.run(e.input().type.type, e.input().data, e.output().data, e.pool);
  }

  friend bool operator==(const Expand&, const Expand&) = default;
};

/// The tensor repeated along each axis as often as input 1, one int64 for each of them, says. ONNX Tile.
struct Tile {
  static constexpr std::string_view kType = "Tile";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    reference::require_whole_bytes(inputs, 0);
    reference::require_integer_vector(inputs, 1);
    const Shape& shape = inputs.shape(0);
    require(inputs.shape(1)[0] == shape.rank(), "its input 1 has {} repeats, its input 0 has shape {}",
            inputs.shape(1)[0], shape.to_string());
    if (inputs.known(1) == nullptr) return {{inputs.type(0), dynamic_shape(shape.rank())}};
    std::vector<Index> extents = reference::integers(*inputs.known(1));
    for (std::size_t i = 0; i < extents.size(); ++i) {
      const Index extent = shape[static_cast<int>(i)];
      require(extents[i] >= 0, "its input 1 repeats axis {} {} times; the least is 0", i, extents[i]);
      require(extent == 0 || extents[i] <= Shape::kMaximumCount / extent,
              "its input 1 repeats axis {} {} times, too often for its extent of {}", i, extents[i], extent);
      extents[i] *= extent;
    }
    return {{inputs.type(0), Shape(std::span<const Index>(extents))}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& from = e.input().shape();
    const auto from_strides = reference::strides_of(from);
    const auto to_strides = reference::strides_of(e.output().shape());
    reference::StridedCopy copy;
    for (int axis = 0; axis < from.rank(); ++axis) {
      const auto i = static_cast<std::size_t>(axis);
      const Index extent = from[axis];
      copy.loop(extent == 0 ? 0 : e.output().shape()[axis] / extent, 0, extent * to_strides[i]);
      copy.loop(extent, from_strides[i], to_strides[i]);
    }
    copy.run(e.input().type.type, e.input().data, e.output().data, e.pool);
  }

  friend bool operator==(const Tile&, const Tile&) = default;
};

/// Which of the parts of a channel index count the rows and columns of a block: depth, column, row or column, row,
/// depth.
enum class DepthToSpaceMode { dcr, crd };

}  // namespace condense::graph

template <>
inline constexpr std::pair<condense::graph::DepthToSpaceMode, std::string_view>
    condense::enum_names<condense::graph::DepthToSpaceMode>[] = {{graph::DepthToSpaceMode::dcr, "DCR"},
                                                                 {graph::DepthToSpaceMode::crd, "CRD"}};

namespace condense::graph {

/// Channels become blocks of pixels: (n, c, h, w) becomes (n, m, h b, w b) with b = blocksize and m = c / b^2. Channel
/// (i b + j) m + d of a pixel becomes row i and column j of its block in channel d; in mode CRD channel (d b + i) b + j
/// does. ONNX DepthToSpace; CRD is the sub-pixel shuffle (Shi et al., "Real-time single image and video
/// super-resolution using an efficient sub-pixel convolutional neural network", CVPR 2016, section 3).
struct DepthToSpace {
  static constexpr std::string_view kType = "DepthToSpace";

  Index blocksize = 1;
  DepthToSpaceMode mode = DepthToSpaceMode::dcr;

  static void attributes(auto& op, auto&& visit) {
    visit("blocksize", op.blocksize);
    visit("mode", op.mode);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    reference::require_whole_bytes(inputs, 0);
    inputs.require_rank(0, 4);
    const Shape& shape = inputs.shape(0);
    require(blocksize >= 1 && blocksize <= Shape::kMaximumCount / blocksize,
            "its attribute blocksize is {}; the least is 1 and its square fits an index", blocksize);
    require(shape[1] % (blocksize * blocksize) == 0,
            "its input 0 of shape {} has {} channels, which blocks of {} x {} do not divide", shape.to_string(),
            shape[1], blocksize, blocksize);
    require(blocksize == 1 || shape[1] > 0, "its input 0 of shape {} has no channels to make blocks of",
            shape.to_string());
    return {{inputs.type(0),
             Shape{shape[0], shape[1] / (blocksize * blocksize), shape[2] * blocksize, shape[3] * blocksize}}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const Index b = blocksize;
    const Index depth = e.output().shape()[1];
    const Index plane = shape[2] * shape[3];
    const Index row = shape[3] * b;
    const Index depth_step = mode == DepthToSpaceMode::dcr ? plane : plane * b * b;
    const Index block_step = mode == DepthToSpaceMode::dcr ? plane * depth : plane;
    reference::StridedCopy copy;
    copy.loop(shape[0], shape[1] * plane, shape[1] * plane);
    copy.loop(depth, depth_step, plane * b * b);
    copy.loop(shape[2], shape[3], b * row);
    copy.loop(b, b * block_step, row);
    copy.loop(shape[3], 1, b);
    copy.loop(b, block_step, 1);
    copy.run(e.input().type.type, e.input().data, e.output().data, e.pool);
  }

  friend bool operator==(const DepthToSpace&, const DepthToSpace&) = default;
};

/// Blocks of pixels become channels: (n, c, h b, w b) with b = blocksize to (n, b^2 c, h, w). Row i and column j of a
/// block in channel d becomes channel (i b + j) c + d of its pixel: the inverse of `DepthToSpace` in mode DCR. ONNX
/// SpaceToDepth.
struct SpaceToDepth {
  static constexpr std::string_view kType = "SpaceToDepth";

  Index blocksize = 1;

  static void attributes(auto& op, auto&& visit) { visit("blocksize", op.blocksize); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    reference::require_whole_bytes(inputs, 0);
    inputs.require_rank(0, 4);
    const Shape& shape = inputs.shape(0);
    require(blocksize >= 1, "its attribute blocksize is {}, the least is 1", blocksize);
    require(shape[2] % blocksize == 0 && shape[3] % blocksize == 0,
            "its input 0 of shape {} has {} x {} pixels, which blocks of {} x {} do not divide", shape.to_string(),
            shape[2], shape[3], blocksize, blocksize);
    require(blocksize == 1 || (shape[2] > 0 && shape[3] > 0), "its input 0 of shape {} has no pixels to make blocks of",
            shape.to_string());
    return {{inputs.type(0),
             Shape{shape[0], shape[1] * blocksize * blocksize, shape[2] / blocksize, shape[3] / blocksize}}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const Shape& result = e.output().shape();
    const Index b = blocksize;
    const Index plane = result[2] * result[3];
    reference::StridedCopy copy;
    copy.loop(shape[0], shape[1] * shape[2] * shape[3], shape[1] * shape[2] * shape[3]);
    copy.loop(b, shape[3], b * shape[1] * plane);
    copy.loop(b, 1, shape[1] * plane);
    copy.loop(shape[1], shape[2] * shape[3], plane);
    copy.loop(result[2], b * shape[3], result[3]);
    copy.loop(result[3], b, 1);
    copy.run(e.input().type.type, e.input().data, e.output().data, e.pool);
  }

  friend bool operator==(const SpaceToDepth&, const SpaceToDepth&) = default;
};

/// Matrices (..., rows, columns) with zeros below diagonal k, or above it if not `upper`. ONNX Trilu.
///
/// Inputs: the matrices; optional k, an int64 scalar: above 0 a diagonal above the main one, below 0 one below.
struct Trilu {
  static constexpr std::string_view kType = "Trilu";

  bool upper = true;

  static void attributes(auto& op, auto&& visit) { visit("upper", op.upper); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 2);
    reference::require_whole_bytes(inputs, 0);
    reference::require_integers(inputs, 1);
    reference::require_one_element(inputs, 1);
    require(inputs.shape(0).rank() >= 2, "its input 0 is (... x rows x columns), this one has shape {}",
            inputs.shape(0).to_string());
    return {inputs[0]};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const Index rows = shape[shape.rank() - 2];
    const Index columns = shape[shape.rank() - 1];
    const Index k = std::clamp(e.has(1) ? reference::integers(e.input(1)).front() : 0, -rows, columns);
    const DataType type = e.input().type.type;
    const std::size_t row_bytes = bytes(type, columns);
    const Index grain = std::max<Index>(1, reference::kElementwiseGrain / std::max<Index>(1, columns));
    parallel_for(e.pool, columns == 0 ? 0 : shape.count() / columns, grain, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        const std::size_t first = static_cast<std::size_t>(i) * row_bytes;
        const Index diagonal = i % rows + k;
        const std::size_t split = bytes(type, std::clamp<Index>(upper ? diagonal : diagonal + 1, 0, columns));
        const std::size_t kept = upper ? first + split : first;
        const std::size_t cleared = upper ? first : first + split;
        std::memcpy(e.output().data + kept, e.input().data + kept, upper ? row_bytes - split : split);
        std::memset(e.output().data + cleared, 0, upper ? split : row_bytes - split);
      }
    });
  }

  friend bool operator==(const Trilu&, const Trilu&) = default;
};

using LayoutOperators = OperatorList<DepthToSpace, Expand, SpaceToDepth, Squeeze, Tile, Transpose, Trilu, Unsqueeze>;

}  // namespace condense::graph

#endif
