#ifndef CONDENSE_COMPRESS_WEIGHT_SHARING_IPP
#define CONDENSE_COMPRESS_WEIGHT_SHARING_IPP

#include <algorithm>
#include <cmath>
#include <functional>
#include <unordered_map>

#include "condense/compress/weight_sharing.hpp"
#include "condense/core/inline.hpp"
#include "condense/quantize/k_means.hpp"

namespace condense::compress {

namespace detail {

inline int shared_bits(const WeightSharingConfig& config, const std::string& name, train::Role role) {
  const auto found = config.bits_of.find(name);
  const int bits = found != config.bits_of.end() ? found->second
                   : role == train::Role::weight ? config.weight_bits
                                                 : config.other_bits;
  const int least = found != config.bits_of.end() ? 0 : 1;
  require(bits >= least && bits <= 15, "the values of '{}' have {} to 15 bits, not {}", name, least, bits);
  return bits;
}

inline void share_values(std::span<float> weights, int bits, const WeightSharingConfig& config) {
  std::vector<float> values(weights.begin(), weights.end());
  std::erase(values, 0.0F);
  if (values.empty()) return;
  const int count = 1 << bits;
  const quantize::Clusters clusters = config.clustering == WeightSharingConfig::Clustering::linear
                                          ? quantize::linear_clusters(values, count)
                                          : quantize::optimal_clusters(values, count);
  std::ranges::sort(values, std::greater<>{}, [](float value) { return std::abs(value); });
  const auto shared = static_cast<std::size_t>(std::ceil(config.share * static_cast<double>(values.size())));
  const float least = std::abs(values[std::clamp<std::size_t>(shared, 1, values.size()) - 1]);
  for (float& weight : weights) {
    if (weight != 0 && std::abs(weight) >= least) {
      weight = clusters.centroids[quantize::nearest(clusters.centroids, weight)];
    }
  }
}

/// Sums of float32 in double, in the order of the elements.
inline void sum_gradients(const SharedConstant& shared, std::span<float> gradient) {
  std::vector<double> sums(shared.first.size() + 1, 0.0);
  for (std::size_t i = 0; i < gradient.size(); ++i) sums[shared.codes[i]] += static_cast<double>(gradient[i]);
  sums[0] = 0;
  for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = static_cast<float>(sums[shared.codes[i]]);
}

/// Sets each element to what `change` makes of its cluster's first.
inline void retie(const SharedConstant& shared, graph::Graph& graph, auto&& change) {
  Tensor tensor = graph.constant(shared.value);
  const std::span<float> weights = tensor.mutable_values<float>();
  require(weights.size() == shared.codes.size(), "the shared values are of {} elements, '{}' has {}",
          shared.codes.size(), graph.name(shared.value), weights.size());
  std::vector<float> values{0.0F};
  for (const std::size_t first : shared.first) values.push_back(change(weights[first]));
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = values[shared.codes[i]];
  graph.set_constant(shared.value, std::move(tensor));
}

}  // namespace detail

CONDENSE_INLINE graph::Graph share_weights(graph::Graph graph, const WeightSharingConfig& config) {
  require(config.share > 0 && config.share <= 1,
          "the share of the elements that get shared values is in (0, 1], not {}", config.share);
  const std::vector<train::Parameter> parameters = train::parameters(graph);
  for (const auto& entry : config.bits_of) {
    const auto is_it = [&](const train::Parameter& parameter) { return graph.name(parameter.value) == entry.first; };
    require(std::ranges::any_of(parameters, is_it), "bits are given for '{}', which is no parameter of the graph",
            entry.first);
  }
  for (const train::Parameter& parameter : parameters) {
    const std::string& name = graph.name(parameter.value);
    const int bits = detail::shared_bits(config, name, parameter.role);
    if (bits == 0 || graph.constant(parameter.value).type() != DataType::float32) continue;
    Tensor tensor = graph.constant(parameter.value);
    try {
      detail::share_values(tensor.mutable_values<float>(), bits, config);
    } catch (const InvalidArgument& error) {
      throw InvalidArgument(fmt::format("'{}': {}", name, error.what()));
    }
    graph.set_constant(parameter.value, std::move(tensor));
  }
  return graph;
}

CONDENSE_INLINE SharedConstants shared_constants(const graph::Graph& graph, const WeightSharingConfig& config) {
  SharedConstants result;
  for (const train::Parameter& parameter : train::parameters(graph)) {
    const std::string& name = graph.name(parameter.value);
    const int bits = detail::shared_bits(config, name, parameter.role);
    const Tensor& tensor = graph.constant(parameter.value);
    if (bits == 0 || tensor.type() != DataType::float32) continue;
    SharedConstant shared{parameter.value, {}, {}};
    std::unordered_map<float, std::uint32_t> codes{{0.0F, 0}};
    for (const float weight : tensor.values<float>()) {
      const auto [found, is_new] = codes.try_emplace(weight, static_cast<std::uint32_t>(codes.size()));
      require(config.share < 1 || codes.size() <= (std::size_t{1} << bits) + 1,
              "'{}' has more than {} values beside zero, the most of {} bits; share its weights first", name,
              std::size_t{1} << bits, bits);
      if (is_new) shared.first.push_back(shared.codes.size());
      shared.codes.push_back(found->second);
    }
    result.push_back(std::move(shared));
  }
  return result;
}

CONDENSE_INLINE train::FitOptions tie_shared(std::shared_ptr<const SharedConstants> shared, train::FitOptions options) {
  options.after_backward = [shared, before = std::move(options.after_backward)](
                               std::span<const graph::Value> parameters, std::span<Tensor> gradients) {
    if (before) before(parameters, gradients);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      for (const SharedConstant& constant : *shared) {
        if (constant.value == parameters[i]) detail::sum_gradients(constant, gradients[i].mutable_values<float>());
      }
    }
  };
  options.after_step = [shared, before = std::move(options.after_step)](graph::Graph& graph) {
    if (before) before(graph);
    for (const SharedConstant& constant : *shared) detail::retie(constant, graph, [](float value) { return value; });
  };
  return options;
}

CONDENSE_INLINE graph::Graph round_shared(graph::Graph graph, const SharedConstants& shared) {
  for (const SharedConstant& constant : shared) {
    detail::retie(constant, graph, [](float value) {
      const auto rounded = static_cast<float>(Float16(value));
      return rounded == 0 || !std::isfinite(rounded) ? value : rounded;
    });
  }
  return graph;
}

}  // namespace condense::compress

#endif
