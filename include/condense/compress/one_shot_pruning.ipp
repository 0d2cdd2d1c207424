#ifndef CONDENSE_COMPRESS_ONE_SHOT_PRUNING_IPP
#define CONDENSE_COMPRESS_ONE_SHOT_PRUNING_IPP

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "condense/compress/detail/batch_stream.hpp"
#include "condense/compress/one_shot_pruning.hpp"
#include "condense/core/inline.hpp"
#include "condense/prune/activation_statistics.hpp"
#include "condense/prune/gram.hpp"
#include "condense/prune/scores.hpp"
#include "condense/prune/sparse_gpt.hpp"

namespace condense::compress {

namespace detail {

inline void validate(const OneShotPruningConfig& config, std::size_t batches) {
  config.pattern.validate();
  prune::checked_sparsity(config.sparsity);
  using Kind = prune::Pattern::Kind;
  const Kind kind = config.pattern.kind;
  const bool needs_data = config.method == PruningMethod::wanda || config.method == PruningMethod::sparse_gpt;
  require(!needs_data || batches > 0,
          "Wanda and SparseGPT prune by what a network's layers see, 0 batches are given; pass some inputs of the kind "
          "that it will see, or prune by magnitude");
  require(!config.correct_bias || batches > 0,
          "biases are corrected for the inputs that layers see, 0 batches are given; pass some");
  require(!needs_data || kind != Kind::global,
          "the pattern '{}' compares the scores of layers, which only those of magnitude and random allow; give layers "
          "sparsities of their own instead",
          config.pattern.name());
  require(config.method != PruningMethod::sparse_gpt || kind != Kind::blocks,
          "SparseGPT prunes unstructured, per row or N:M, not in the pattern '{}'", config.pattern.name());
  require(config.mask_block >= 1, "a mask's block has 1 column or more, not {}", config.mask_block);
  require(config.damping >= 0 && std::isfinite(config.damping), "the damping is 0 or more, not {}", config.damping);
}

/// One layer at a time.
class OneShotPruner {
 public:
  OneShotPruner(const graph::Graph& graph, std::span<const std::vector<Tensor>> batches,
                const OneShotPruningConfig& config)
      : config_(config), graph_(graph), stream_(graph, batches, config.pool), has_batches_(!batches.empty()) {
    PrunableLayers found = prunable_layers(graph, config.layers);
    layers_ = std::move(found.layers);
    skipped_ = std::move(found.skipped);
    if (config.pattern.kind == prune::Pattern::Kind::global) choose_globally();
  }

  OneShotPruningResult run() {
    OneShotPruningResult result;
    const int nodes = static_cast<int>(graph_.nodes().size());
    auto layer = layers_.begin();
    for (int node = 0; node < nodes && layer != layers_.end(); ++node) {
      if (layer->node == node) {
        result.layers.push_back(prune(*layer, result.masks));
        notify(config_.progress, {.stage = "pruning",
                                  .done = static_cast<Index>(result.layers.size()),
                                  .total = static_cast<Index>(layers_.size()),
                                  .detail = layer->name});
        ++layer;
      }
      stream_.advance(graph_, node);
    }
    result.graph = std::move(graph_);
    result.skipped = std::move(skipped_);
    return result;
  }

 private:
  Tensor scores_without_data(const PrunableLayer& layer, const Tensor& weights) const {
    if (config_.method == PruningMethod::magnitude) return prune::magnitude_scores(weights);
    return prune::random_scores(weights.shape(), config_.seed, static_cast<std::uint64_t>(layer.value.index));
  }

  /// One threshold over all layers without a sparsity of their own.
  void choose_globally() {
    std::vector<Tensor> scores;
    std::vector<graph::Value> values;
    for (const PrunableLayer& layer : layers_) {
      if (layer.sparsity) continue;
      scores.push_back(scores_without_data(layer, layer.matrix.matrix_of(graph_.constant(layer.value))));
      values.push_back(layer.value);
    }
    std::vector<prune::Mask> masks = prune::keep_highest_of_all(scores, config_.sparsity);
    for (std::size_t i = 0; i < values.size(); ++i) global_.emplace(values[i], std::move(masks[i]));
  }

  /// Calls `body(group, samples, transposed)` for the inputs that the layer sees.
  template <class Body>
  void observe(const PrunableLayer& layer, Body&& body) {
    const graph::Node& node = graph_.nodes()[static_cast<std::size_t>(layer.node)];
    stream_.for_each_batch([&](Index batch) {
      try {
        observe_inputs(node, layer.matrix, layer.shape, *stream_.argument(graph_, node, 0, batch), body);
      } catch (const InvalidArgument& error) {
        throw InvalidArgument(fmt::format("layer '{}', batch {}: {}", layer.name, batch, error.what()));
      }
    });
  }

  /// |x| of every column, of each group of rows.
  std::vector<Tensor> input_norms(const PrunableLayer& layer) {
    std::vector<prune::ActivationStatistics> statistics(static_cast<std::size_t>(layer.matrix.groups),
                                                        prune::ActivationStatistics(layer.matrix.columns));
    observe(layer, [&](Index group, TensorRef<const float> samples, bool transposed) {
      statistics[static_cast<std::size_t>(group)].observe(samples, transposed ? 0 : 1);
    });
    const std::vector<Index> order = layer.matrix.input_order();
    std::vector<Tensor> result;
    for (const prune::ActivationStatistics& group : statistics) {
      const Tensor norms = group.norms();
      Tensor& ordered = result.emplace_back(DataType::float32, norms.shape());
      std::ranges::transform(order, ordered.mutable_data<float>(), [&](Index i) { return norms.data<float>()[i]; });
    }
    return result;
  }

  /// The rows of one group of a convolution.
  static Tensor rows_of(const Tensor& matrix, Index group, Index groups) {
    const Index rows = matrix.shape()[0] / groups;
    const Index columns = matrix.shape()[1];
    return Tensor::of<float>({rows, columns},
                             matrix.values<float>().subspan(static_cast<std::size_t>(group * rows * columns),
                                                            static_cast<std::size_t>(rows * columns)));
  }

  Tensor wanda_scores(const PrunableLayer& layer, const Tensor& weights) {
    const std::vector<Tensor> norms = input_norms(layer);
    Tensor scores(DataType::float32, weights.shape());
    float* to = scores.mutable_data<float>();
    for (Index group = 0; group < layer.matrix.groups; ++group) {
      const Tensor of_group =
          prune::wanda_scores(rows_of(weights, group, layer.matrix.groups), norms[static_cast<std::size_t>(group)]);
      to = std::ranges::copy(of_group.values<float>(), to).out;
    }
    return scores;
  }

  prune::Mask mask_by_scores(const PrunableLayer& layer, const Tensor& weights) {
    const auto global = global_.find(layer.value);
    if (global != global_.end()) return global->second;
    prune::Pattern pattern = config_.pattern;
    const bool wanda = config_.method == PruningMethod::wanda;
    if (wanda && pattern.kind == prune::Pattern::Kind::layer) pattern = prune::Pattern::per_row();
    const Tensor scores = wanda ? wanda_scores(layer, weights) : scores_without_data(layer, weights);
    if (pattern.kind == prune::Pattern::Kind::n_of_m) return prune::keep_n_of_m(scores, pattern.n, pattern.m);
    return prune::keep_by_pattern(scores, pattern, layer.sparsity.value_or(config_.sparsity));
  }

  /// SparseGPT on the rows of each group. Returns the mask; changes the weights.
  prune::Mask sparse_gpt(const PrunableLayer& layer, Tensor& weights, double& damping) {
    const WeightMatrix& matrix = layer.matrix;
    std::vector<prune::Gram> grams(static_cast<std::size_t>(matrix.groups), prune::Gram(matrix.columns));
    observe(layer, [&](Index group, TensorRef<const float> samples, bool transposed) {
      grams[static_cast<std::size_t>(group)].observe(samples, transposed, config_.pool);
    });
    const std::vector<Index> order = matrix.input_order();
    Tensor pruned(DataType::float32, weights.shape());
    float* to = pruned.mutable_data<float>();
    prune::Mask mask(weights.shape());
    for (Index group = 0; group < matrix.groups; ++group) {
      const prune::SparseGptResult of_group = prune::sparse_gpt(rows_of(weights, group, matrix.groups),
                                                                grams[static_cast<std::size_t>(group)].matrix(order),
                                                                {.pattern = config_.pattern,
                                                                 .sparsity = layer.sparsity.value_or(config_.sparsity),
                                                                 .mask_block = config_.mask_block,
                                                                 .damping = config_.damping,
                                                                 .pool = config_.pool});
      to = std::ranges::copy(of_group.weights.values<float>(), to).out;
      const Index first = group * of_group.mask.count();
      for (Index i = 0; i < of_group.mask.count(); ++i) mask.set(first + i, of_group.mask.keeps(i));
      damping = std::max(damping, of_group.damping);
    }
    weights = std::move(pruned);
    return mask;
  }

  LayerPruning prune(const PrunableLayer& layer, WeightMasks& masks) {
    const Tensor original = graph_.constant(layer.value);
    const Tensor weights = layer.matrix.matrix_of(original);
    Tensor pruned = weights;
    LayerPruning report{.name = layer.name};
    const bool updates = config_.method == PruningMethod::sparse_gpt;
    const prune::Mask mask = updates ? sparse_gpt(layer, pruned, report.damping) : mask_by_scores(layer, weights);
    mask.apply(pruned);
    report.sparsity = mask.sparsity();
    const Tensor result = layer.matrix.tensor_of(pruned, layer.shape);
    const graph::Value bias = config_.correct_bias ? own_bias(layer) : graph::kNoValue;
    std::optional<Tensor> corrected;
    if (bias.exists()) corrected = corrected_bias(layer, result, graph_.constant(bias));
    if (has_batches_) {
      Tensor masked = weights;
      mask.apply(masked);
      report.error_of_mask = error(layer, layer.matrix.tensor_of(masked, layer.shape));
      const bool changed = updates || corrected;
      report.error = changed ? error(layer, result, corrected ? &*corrected : nullptr) : report.error_of_mask;
    }
    graph_.set_constant(layer.value, result);
    if (corrected) graph_.set_constant(bias, *corrected);
    masks.push_back({layer.value, layer.matrix.mask_of(mask, layer.shape)});
    return report;
  }

  /// Calls `body(before, after)` for every batch with the outputs of the layer's node as they are now and with other
  /// weights, and another bias if there is one.
  template <class Body>
  void compare(const PrunableLayer& layer, const Tensor& weights, const Tensor* bias, Body&& body) {
    const graph::Node& node = graph_.nodes()[static_cast<std::size_t>(layer.node)];
    stream_.for_each_batch([&](Index batch) {
      std::vector<const Tensor*> arguments = stream_.arguments(graph_, node, batch);
      const Tensor before = graph::evaluate_node(node, arguments, config_.pool).front();
      arguments[1] = &weights;
      if (bias != nullptr) arguments[2] = bias;
      const Tensor after = graph::evaluate_node(node, arguments, config_.pool).front();
      body(before, after);
    });
  }

  /// |after - before| / |before| of the layer's outputs.
  double error(const PrunableLayer& layer, const Tensor& weights, const Tensor* bias = nullptr) {
    double squares = 0;
    double differences = 0;
    compare(layer, weights, bias, [&](const Tensor& before, const Tensor& after) {
      for (Index i = 0; i < before.count(); ++i) {
        const double y = before.data<float>()[i];
        const double difference = static_cast<double>(after.data<float>()[i]) - y;
        squares += y * y;
        differences += difference * difference;
      }
    });
    return squares > 0 ? std::sqrt(differences / squares) : 0;
  }

  /// The bias of the layer's node if nothing else reads it and it is added as it is to each output.
  graph::Value own_bias(const PrunableLayer& layer) const {
    const graph::Node& node = graph_.nodes()[static_cast<std::size_t>(layer.node)];
    const auto* gemm = node.op.get_if<graph::Gemm>();
    if (node.inputs.size() < 3 || (gemm != nullptr && gemm->beta != 1)) return graph::kNoValue;
    const graph::Value value = node.inputs[2];
    const Tensor* bias = graph_.constant_if(value);
    if (bias == nullptr || bias->shape() != Shape{layer.matrix.rows} || graph_.is_output(value)) return graph::kNoValue;
    return graph_.consumers()[static_cast<std::size_t>(value.index)].size() == 1 ? value : graph::kNoValue;
  }

  /// The bias with which the mean of each output, along axis 1, stays what it is although the weights change.
  Tensor corrected_bias(const PrunableLayer& layer, const Tensor& weights, const Tensor& bias) {
    std::vector<double> sums(static_cast<std::size_t>(layer.matrix.rows), 0.0);
    Index count = 0;
    compare(layer, weights, nullptr, [&](const Tensor& before, const Tensor& after) {
      const Index positions = before.shape().count(2, before.shape().rank());
      for (Index i = 0; i < before.count(); ++i) {
        sums[static_cast<std::size_t>(i / positions % layer.matrix.rows)] +=
            static_cast<double>(before.data<float>()[i]) - static_cast<double>(after.data<float>()[i]);
      }
      count += before.count() / layer.matrix.rows;
    });
    Tensor result = Tensor::of<float>(bias.shape(), bias.values<float>());
    for (Index i = 0; i < bias.count() && count > 0; ++i) {
      result.mutable_data<float>()[i] +=
          static_cast<float>(sums[static_cast<std::size_t>(i)] / static_cast<double>(count));
    }
    return result;
  }

  const OneShotPruningConfig& config_;
  graph::Graph graph_;
  BatchStream stream_;
  bool has_batches_;
  std::vector<PrunableLayer> layers_;
  std::vector<SkippedLayer> skipped_;
  std::map<graph::Value, prune::Mask> global_;
};

}  // namespace detail

CONDENSE_INLINE OneShotPruningResult one_shot_pruning(const graph::Graph& graph,
                                                      std::span<const std::vector<Tensor>> batches,
                                                      const OneShotPruningConfig& config) {
  detail::validate(config, batches.size());
  return detail::OneShotPruner(graph, batches, config).run();
}

}  // namespace condense::compress

#endif
