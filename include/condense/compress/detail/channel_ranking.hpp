#ifndef CONDENSE_COMPRESS_DETAIL_CHANNEL_RANKING_HPP
#define CONDENSE_COMPRESS_DETAIL_CHANNEL_RANKING_HPP

#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "condense/compress/channel_pruning_config.hpp"
#include "condense/compress/channel_set.hpp"
#include "condense/compress/detail/layer_inputs.hpp"
#include "condense/compress/detail/operator_kinds.hpp"
#include "condense/compress/detail/unit_sets.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/prune/activation_statistics.hpp"
#include "condense/prune/channel_scores.hpp"
#include "condense/prune/gram.hpp"
#include "condense/prune/reconstruction.hpp"

namespace condense::compress::detail {

/// Ranks the channels of a set.
struct ChannelRanking {
  std::vector<float> scores;  ///< Of each group; empty if the criterion says nothing of the set.
  Tensor gram = {};           ///< For thinet: (groups x groups), of what they contribute.
};

/// Sums what a tensor of scores of an axis says of each group, and adds it divided by its mean if asked to.
class GroupScores {
 public:
  explicit GroupScores(const ChannelSet& set) : set_(set), sums_(set.groups.size(), 0.0) {}

  void add(const ValueAxis& axis, const Tensor& scores, bool normalized) {
    std::vector<double> of_groups;
    for (const ChannelGroup& group : set_.groups) {
      double sum = 0;
      for (const ChannelUnit& unit : group) {
        const bool is_in = unit.value == axis.value && unit.axis == axis.axis;
        if (is_in) sum += static_cast<double>(scores.data<float>()[unit.index]);
      }
      of_groups.push_back(sum);
    }
    const double total = std::accumulate(of_groups.begin(), of_groups.end(), 0.0);
    const double mean = total / static_cast<double>(of_groups.size());
    ++members_;
    for (std::size_t i = 0; i < sums_.size(); ++i) {
      sums_[i] += !normalized ? of_groups[i] : mean > 0 ? of_groups[i] / mean : 0.0;
    }
  }

  /// The mean over what was added; empty if nothing was.
  std::vector<float> mean() const {
    std::vector<float> result;
    for (const double sum : sums_) {
      if (members_ > 0) result.push_back(static_cast<float>(sum / members_));
    }
    return result;
  }

 private:
  const ChannelSet& set_;
  std::vector<double> sums_;
  int members_ = 0;
};

/// Ranks the channels of every set of a graph.
class ChannelRanker {
 public:
  ChannelRanker(const graph::Graph& graph, const std::vector<ChannelSet>& sets, const ChannelPruningConfig& config)
      : graph_(graph), sets_(sets), config_(config) {
    for (const ChannelSet& set : sets) axes_.push_back(axes_of(set));
  }

  std::vector<ChannelRanking> rank() {
    switch (config_.criterion) {
      case ChannelCriterion::taylor: return by_taylor();
      case ChannelCriterion::mean_activation: return by_activation();
      case ChannelCriterion::thinet: return by_contribution();
      case ChannelCriterion::random: return at_random();
      default: return by_weights();
    }
  }

 private:
  static std::set<ValueAxis> axes_of(const ChannelSet& set) {
    std::set<ValueAxis> axes;
    for (const ChannelUnit& unit : set.groups.front()) axes.insert({unit.value, unit.axis});
    return axes;
  }

  /// Calls `body(set, axis)` for the axes of weights that make the channels of a set; of anything constant where there
  /// are no such weights.
  template <class Body>
  void for_each_maker(Body&& body) const {
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      std::set<ValueAxis> makers;
      for (const graph::Node& node : graph_.nodes()) {
        for (const WeightInput& weights : weight_inputs(node.op)) {
          const int made = node.op.is<graph::Gather>() ? weights.depth_axis : weights.output_axis;
          makers.insert({node.inputs[weights.input], made});
        }
      }
      std::vector<ValueAxis> found;
      for (const ValueAxis& axis : axes_[s]) {
        if (makers.contains(axis) && is_weight(axis.value)) found.push_back(axis);
      }
      for (const ValueAxis& axis : axes_[s]) {
        if (found.empty() && is_weight(axis.value)) found.push_back(axis);
      }
      for (const ValueAxis& axis : found) body(s, axis);
    }
  }
  bool is_weight(graph::Value value) const {
    return graph_.is_constant(value) && graph_.type(value).type == DataType::float32;
  }

  std::vector<GroupScores> empty_scores() const {
    std::vector<GroupScores> scores;
    for (const ChannelSet& set : sets_) scores.emplace_back(set);
    return scores;
  }
  static std::vector<ChannelRanking> rankings(const std::vector<GroupScores>& scores) {
    std::vector<ChannelRanking> result;
    for (const GroupScores& of_set : scores) result.push_back({of_set.mean()});
    return result;
  }

  template <class Body>
  auto naming_value(graph::Value value, Body&& body) const {
    try {
      return body();
    } catch (const InvalidArgument& error) {
      throw InvalidArgument(fmt::format("'{}': {}", graph_.name(value), error.what()));
    }
  }

  std::vector<ChannelRanking> by_weights() const {
    std::vector<GroupScores> scores = empty_scores();
    if (config_.criterion == ChannelCriterion::batch_norm_scale) {
      for (const graph::Node& node : graph_.nodes()) {
        if (!node.op.is<graph::BatchNormalization>()) continue;
        const ValueAxis scale{node.inputs[1], 0};
        for (std::size_t s = 0; s < sets_.size(); ++s) {
          if (!axes_[s].contains(scale) || !is_weight(scale.value)) continue;
          scores[s].add(scale, prune::batch_norm_scores(graph_.constant(scale.value)), true);
        }
      }
      return rankings(scores);
    }
    for_each_maker([&](std::size_t s, const ValueAxis& axis) {
      const Tensor& weights = graph_.constant(axis.value);
      const auto score = [&] {
        if (config_.criterion == ChannelCriterion::l1) return prune::channel_l1_scores(weights, axis.axis);
        if (config_.criterion == ChannelCriterion::l2) return prune::channel_l2_scores(weights, axis.axis);
        return prune::channel_geometric_median_scores(weights, axis.axis);
      };
      scores[s].add(axis, naming_value(axis.value, score), true);
    });
    return rankings(scores);
  }

  std::vector<ChannelRanking> by_taylor() const {
    require(config_.data.has_value(),
            "the taylor criterion takes gradients, so it needs labelled data; none are given");
    train::validate(*config_.data, "data of the taylor criterion");
    require(config_.batch_size >= 1, "a batch has 1 sample or more, not {}", config_.batch_size);
    std::vector<graph::Value> wanted;
    for_each_maker([&](std::size_t, const ValueAxis& axis) { wanted.push_back(axis.value); });
    const graph::Graph network = train::to_inference(graph_);
    const train::Objective objective =
        config_.objective ? config_.objective : train::objective(network, train::SoftmaxCrossEntropy{});
    std::vector<GroupScores> scores = empty_scores();
    const Index size = config_.data->size();
    for (Index begin = 0; begin < size; begin += config_.batch_size) {
      std::vector<Index> samples(static_cast<std::size_t>(std::min(config_.batch_size, size - begin)));
      std::iota(samples.begin(), samples.end(), begin);
      const train::Batch batch{train::gather(config_.data->inputs, samples),
                               train::gather(config_.data->targets, samples), samples};
      train::ForwardPass pass(network, {&batch.inputs, 1}, wanted, {.pool = config_.pool});
      const std::vector<Tensor> gradients = pass.backpropagate(objective(pass, batch).gradients);
      std::size_t next = 0;
      for_each_maker([&](std::size_t s, const ValueAxis& axis) {
        const Tensor& weights = graph_.constant(axis.value);
        const auto sum = prune::TaylorSum::squared;
        scores[s].add(axis, prune::channel_taylor_scores(weights, gradients[next++], axis.axis, sum), false);
      });
      report(begin + static_cast<Index>(samples.size()), size);
    }
    return rankings(scores);
  }

  void report(Index done, Index total) const {
    notify(config_.progress, {.stage = "scoring channels", .done = done, .total = total, .detail = {}});
  }

  void require_batches(std::string_view what) const {
    require(!config_.batches.empty(), "{} looks at activations, so it needs batches; 0 are given", what);
  }

  /// Runs the batches through the network.
  template <class OnValue>
  void watch(OnValue&& on_value) const {
    graph::EvaluateOptions options{.pool = config_.pool, .on_value = on_value};
    for (std::size_t i = 0; i < config_.batches.size(); ++i) {
      graph::evaluate(graph_, config_.batches[i], options);
      report(static_cast<Index>(i) + 1, static_cast<Index>(config_.batches.size()));
    }
  }

  std::vector<ChannelRanking> by_activation() const {
    require_batches("the mean_activation criterion");
    std::map<ValueAxis, prune::ActivationStatistics> statistics;
    std::vector<std::set<ValueAxis>> read(sets_.size());
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      std::set<graph::Value> inputs;
      std::set<graph::Value> outputs;
      for (const graph::Node& node : graph_.nodes()) {
        const auto is_in = [&](const auto& names) { return std::ranges::find(names, node.name) != names.end(); };
        if (is_in(sets_[s].readers)) inputs.insert(node.inputs[0]);
        if (is_in(sets_[s].makers)) outputs.insert(node.outputs.begin(), node.outputs.end());
      }
      for (const std::set<graph::Value>* values : {&inputs, &outputs}) {
        for (const ValueAxis& axis : axes_[s]) {
          if (!values->contains(axis.value) || graph_.is_constant(axis.value)) continue;
          read[s].insert(axis);
          statistics.try_emplace(axis, graph_.type(axis.value).shape[axis.axis]);
        }
        if (!read[s].empty()) break;
      }
    }
    watch([&](graph::Value value, const Tensor& tensor) {
      for (auto& entry : statistics) {
        if (entry.first.value != value) continue;
        naming_value(value, [&] { entry.second.observe(tensor, entry.first.axis); });
      }
    });
    std::vector<GroupScores> scores = empty_scores();
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      for (const ValueAxis& axis : read[s]) scores[s].add(axis, statistics.at(axis).mean_magnitudes(), true);
    }
    return rankings(scores);
  }

  /// The Gram matrix of what groups contribute to the outputs of the layers that read them: with inputs x, weights w
  /// and M = sum x x^T, that of the columns a and b of a layer is M_ab (w^T w)_ab.
  std::vector<ChannelRanking> by_contribution() const {
    require_batches("the thinet criterion");
    std::map<std::string, LayerInputs> readers;
    for (const ChannelSet& set : sets_) {
      for (const std::string& name : set.readers) {
        const graph::Node& node = *std::ranges::find(graph_.nodes(), name, &graph::Node::name);
        if (LayerInputs::supports(graph_, node)) readers.try_emplace(name, graph_, node);
      }
    }
    std::map<std::string, prune::Gram> grams;
    for (const auto& [name, layer] : readers) grams.try_emplace(name, layer.columns());
    watch([&](graph::Value value, const Tensor& tensor) {
      for (const auto& [name, layer] : readers) {
        if (layer.input() != value) continue;
        prune::Gram& gram = grams.at(name);
        layer.for_each_block(tensor, [&](TensorRef<const float> samples, bool transposed, Index) {
          naming_value(value, [&] { gram.observe(samples, transposed, config_.pool); });
        });
      }
    });
    std::vector<ChannelRanking> result;
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      const auto groups = static_cast<Index>(sets_[s].groups.size());
      ChannelRanking ranking{{}, Tensor(DataType::float64, {groups, groups})};
      for (const std::string& name : sets_[s].readers) {
        if (readers.contains(name)) add_contributions(readers.at(name), grams.at(name), sets_[s], ranking);
      }
      result.push_back(std::move(ranking));
    }
    return result;
  }

  static void add_contributions(const LayerInputs& layer, const prune::Gram& gram, const ChannelSet& set,
                                ChannelRanking& ranking) {
    std::vector<std::vector<Index>> columns;
    for (const ChannelGroup& group : set.groups) {
      columns.emplace_back();
      for (const ChannelUnit& unit : group) {
        if (unit.value != layer.weights() || unit.axis != layer.depth_axis()) continue;
        for (Index tap = 0; tap < layer.taps(); ++tap) columns.back().push_back(unit.index * layer.taps() + tap);
      }
    }
    const Tensor matrix = layer.matrix();
    const Index depth = layer.columns();
    std::vector<double> w(matrix.values<float>().begin(), matrix.values<float>().end());
    std::vector<double> products(static_cast<std::size_t>(depth * depth));  // w^T w
    const Index rows = matrix.shape()[0];
    linalg::multiply(linalg::Factor<double>{w.data(), depth, rows, depth, true},
                     linalg::Factor<double>{w.data(), rows, depth, depth, false}, products.data(), depth);
    const auto groups = static_cast<Index>(columns.size());
    double* to = ranking.gram.mutable_data<double>();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      for (std::size_t j = i; j < columns.size(); ++j) {
        double sum = 0;
        for (const Index a : columns[i]) {
          for (const Index b : columns[j]) sum += gram(a, b) * products[static_cast<std::size_t>(a * depth + b)];
        }
        to[static_cast<Index>(i) * groups + static_cast<Index>(j)] += sum;
        if (i != j) to[static_cast<Index>(j) * groups + static_cast<Index>(i)] += sum;
      }
    }
    ranking.scores.assign(columns.size(), 0.0F);  // the set has something to rank by
  }

  std::vector<ChannelRanking> at_random() const {
    std::vector<ChannelRanking> result;
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      const Tensor scores = prune::random_scores({static_cast<Index>(sets_[s].groups.size())}, config_.seed, s);
      result.push_back({std::vector<float>(scores.values<float>().begin(), scores.values<float>().end())});
    }
    return result;
  }

  const graph::Graph& graph_;
  const std::vector<ChannelSet>& sets_;
  const ChannelPruningConfig& config_;
  std::vector<std::set<ValueAxis>> axes_;
};

}  // namespace condense::compress::detail

#endif
