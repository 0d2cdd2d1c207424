#ifndef CONDENSE_COMPRESS_DETAIL_WEIGHT_STORE_HPP
#define CONDENSE_COMPRESS_DETAIL_WEIGHT_STORE_HPP

#include <map>
#include <tuple>

#include "condense/compress/detail/quantized_parameters.hpp"

namespace condense::compress::detail {

/// Weights of a graph as integers, each constant once for each way in which it is quantised, however many nodes read
/// it.
class WeightStore {
 public:
  struct Stored {
    quantize::QuantizedTensor tensor;
    graph::Value reals = graph::kNoValue;  ///< What a dequantisation makes of it; made by `reals`.
  };

  WeightStore(graph::Graph& graph, bool search_range) : graph_(graph), search_range_(search_range) {}

  /// A constant in a format, along the axes of its node. `least_scales` as for `quantize_weights`.
  Stored& quantized(graph::Value weights, const WeightInput& axes, const quantize::NumberFormat& format,
                    std::span<const float> least_scales = {}) {
    const Tensor& tensor = graph_.constant(weights);
    const quantize::Granularity granularity = granularity_for(axes, tensor.shape(), format);
    const Key key{weights, format.name(), granularity.axis, granularity.group_size,
                  std::vector<float>(least_scales.begin(), least_scales.end())};
    const auto found = stored_.find(key);
    if (found != stored_.end()) return found->second;
    Stored stored{quantize_weights(granularity, tensor, format, search_range_, least_scales)};
    return stored_.emplace(key, std::move(stored)).first->second;
  }

  /// The reals that a dequantisation makes of stored weights; `name` is for the constants, if they are new.
  graph::Value reals(Stored& stored, const std::string& name) {
    if (!stored.reals.exists()) stored.reals = add_dequantized(graph_, name, stored.tensor);
    return stored.reals;
  }

 private:
  using Key = std::tuple<graph::Value, std::string, int, Index, std::vector<float>>;

  graph::Graph& graph_;
  bool search_range_;
  std::map<Key, Stored> stored_;
};

}  // namespace condense::compress::detail

#endif
