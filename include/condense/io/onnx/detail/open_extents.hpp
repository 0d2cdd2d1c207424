#ifndef CONDENSE_IO_ONNX_DETAIL_OPEN_EXTENTS_HPP
#define CONDENSE_IO_ONNX_DETAIL_OPEN_EXTENTS_HPP

#include "condense/io/onnx/model.hpp"

namespace condense::io::onnx::detail {

/// What inference takes open dimensions of inputs to be: a batch is 1, others are `extent`. Of an input whose first
/// dimension is neither open nor 1, such as the state of a recurrent network, the others may be the batch.
struct OpenExtents {
  Index extent = 1;
  bool states_have_batches = false;

  Index of(const std::vector<Dimension>& shape, std::size_t axis) const {
    const bool is_batch = axis == 0 || shape[axis].name.find("batch") != std::string::npos ||
                          (states_have_batches && shape[0].extent > 1);
    return is_batch ? 1 : extent;
  }
};

/// What is tried in turn: the least extents that networks are known to take.
inline std::vector<OpenExtents> open_extents() {
  std::vector<OpenExtents> result;
  for (const Index extent : {1, 8, 32, 64, 96, 224, 320, 512, 640, 1280, 16000}) {
    for (const bool states_have_batches : {false, true}) result.push_back({extent, states_have_batches});
  }
  return result;
}

/// Whether an input for which no shape is given leaves a dimension other than the first open.
inline bool has_open_extents(const Model& model, const std::map<std::string, Shape>& given) {
  for (const ValueInfo& input : model.graph.inputs) {
    if (given.contains(input.name) || !input.shape) continue;
    for (std::size_t i = 1; i < input.shape->size(); ++i) {
      if ((*input.shape)[i].extent == kDynamic) return true;
    }
  }
  return false;
}

}  // namespace condense::io::onnx::detail

#endif
