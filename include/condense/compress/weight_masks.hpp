#ifndef CONDENSE_COMPRESS_WEIGHT_MASKS_HPP
#define CONDENSE_COMPRESS_WEIGHT_MASKS_HPP

#include <memory>
#include <utility>
#include <vector>

#include "condense/prune/mask.hpp"
#include "condense/train/fit.hpp"

namespace condense::compress {

/// The mask of one constant of a graph.
struct WeightMask {
  graph::Value value;
  prune::Mask mask;
};

using WeightMasks = std::vector<WeightMask>;

/// Sets what the masks do not keep to zero. Throws, naming the constant, where a mask does not fit.
inline void apply_masks(const WeightMasks& masks, graph::Graph& graph) {
  for (const auto& [value, mask] : masks) {
    Tensor weights = graph.constant(value);
    require(weights.type() == DataType::float32 && weights.shape() == mask.shape(),
            "the mask of '{}' has shape {}, the constant is {} {}", graph.name(value), mask.shape().to_string(),
            name(weights.type()), weights.shape().to_string());
    mask.apply(weights);
    graph.set_constant(value, std::move(weights));
  }
}

/// The masks that keep what is not zero in the given constants: those that a pruned graph was left with.
inline WeightMasks masks_of_nonzero(const graph::Graph& graph, std::span<const graph::Value> values) {
  WeightMasks masks;
  for (const graph::Value value : values) {
    masks.push_back({value, prune::Mask::of_nonzero(graph.constant(value))});
  }
  return masks;
}

/// The share of the masked elements that is not kept, over all masks.
inline double sparsity(const WeightMasks& masks) {
  Index all = 0;
  Index kept = 0;
  for (const WeightMask& mask : masks) {
    all += mask.mask.count();
    kept += mask.mask.kept();
  }
  return all == 0 ? 0.0 : static_cast<double>(all - kept) / static_cast<double>(all);
}

/// Training options under which pruned weights stay zero: their gradients are zero before the optimiser sees them, so
/// that no moment gathers there, and they are set to zero after each step, whatever weight decay or noise did. What the
/// options called before is called first. The masks may be exchanged between steps, as gradual pruning does.
inline train::FitOptions hold_masks(std::shared_ptr<const WeightMasks> masks, train::FitOptions options) {
  options.after_backward = [masks, before = std::move(options.after_backward)](std::span<const graph::Value> parameters,
                                                                               std::span<Tensor> gradients) {
    if (before) before(parameters, gradients);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      for (const WeightMask& mask : *masks) {
        if (mask.value == parameters[i]) mask.mask.apply(gradients[i]);
      }
    }
  };
  options.after_step = [masks, before = std::move(options.after_step)](graph::Graph& graph) {
    if (before) before(graph);
    apply_masks(*masks, graph);
  };
  return options;
}

inline train::FitOptions hold_masks(WeightMasks masks, train::FitOptions options) {
  return hold_masks(std::make_shared<const WeightMasks>(std::move(masks)), std::move(options));
}

}  // namespace condense::compress

#endif
