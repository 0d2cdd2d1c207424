#ifndef CONDENSE_COMPRESS_LOTTERY_TICKET_IPP
#define CONDENSE_COMPRESS_LOTTERY_TICKET_IPP

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "condense/compress/detail/state_file.hpp"
#include "condense/compress/lottery_ticket.hpp"
#include "condense/core/inline.hpp"
#include "condense/prune/keep.hpp"
#include "condense/prune/scores.hpp"

namespace condense::compress {

namespace detail {

/// The weights that are pruned, and by how much in each round.
struct PrunedWeights {
  std::vector<graph::Value> values;
  std::vector<double> shares;
};

inline PrunedWeights pruned_weights(const graph::Graph& graph, const LotteryTicketConfig& config) {
  PrunedWeights result;
  std::map<std::string, double> named = config.pruned_share_of;
  for (const train::Parameter& parameter : train::parameters(graph)) {
    if (parameter.role != train::Role::weight) continue;
    result.values.push_back(parameter.value);
    result.shares.push_back(config.pruned_share);
  }
  require(!result.values.empty(), "the graph has no weights of Conv, Gemm or MatMul to prune");
  result.shares.back() *= config.output_share;
  for (std::size_t i = 0; i < result.values.size(); ++i) {
    const auto found = named.find(graph.name(result.values[i]));
    if (found == named.end()) continue;
    result.shares[i] = found->second;
    named.erase(found);
  }
  require(named.empty(), "a share is given for '{}', which is not the name of weights of the graph",
          named.empty() ? "" : named.begin()->first);
  for (std::size_t i = 0; i < result.values.size(); ++i) {
    require(result.shares[i] >= 0 && result.shares[i] < 1, "the pruned share of '{}' is in [0, 1), not {}",
            graph.name(result.values[i]), result.shares[i]);
  }
  return result;
}

/// Takes a share of the kept weights away, the smallest ones.
inline prune::Mask prune_further(const prune::Mask& mask, TensorRef<const float> weights, double share) {
  Tensor scores = prune::magnitude_scores(weights);
  for (Index i = 0; i < mask.count(); ++i) {
    if (!mask.keeps(i)) scores.mutable_data<float>()[i] = -1;  // below every magnitude
  }
  prune::Mask result(mask.shape(), false);
  for (const Index i : prune::highest(scores.values<float>(), prune::kept_count(mask.kept(), share))) {
    result.set(i, true);
  }
  return result;
}

/// Masks that keep as many elements, anywhere.
inline WeightMasks shuffled(const WeightMasks& masks, std::uint64_t seed, int level) {
  WeightMasks result;
  for (std::size_t i = 0; i < masks.size(); ++i) {
    Random random(seed, static_cast<std::uint64_t>(level) << 32 | i);
    std::vector<std::uint8_t> keeps(masks[i].mask.values().begin(), masks[i].mask.values().end());
    random.shuffle(std::span<std::uint8_t>(keeps));
    result.push_back({masks[i].value, prune::Mask(masks[i].mask.shape(), keeps)});
  }
  return result;
}

/// Watches a training: its validation loss, and the accuracy on the test set where that loss was smallest.
class EarlyStop {
 public:
  EarlyStop(const LotteryTicketConfig& config, const graph::Graph& graph, Index last_step)
      : config_(config),
        last_step_(last_step),
        objective_(config.fit.objective ? config.fit.objective
                                        : train::objective(graph, train::SoftmaxCrossEntropy{})) {}

  /// Called after each step, with its number from 1.
  void see(const graph::Graph& graph, Index step) {
    if (step % config_.evaluation_interval != 0 && step != last_step_) return;
    const train::Scores scores = train::score(
        graph, *config_.fit.validation, {.objective = objective_, .keep = config_.fit.keep, .pool = config_.fit.pool});
    if (scores.loss >= loss_) return;
    loss_ = scores.loss;
    step_ = step;
    accuracy_ = test_accuracy(graph);
  }

  double test_accuracy(const graph::Graph& graph) const {
    return train::accuracy(graph, config_.test ? *config_.test : *config_.fit.validation, config_.fit.pool);
  }

  void describe(TicketTraining& training) const {
    training.early_stop_step = step_;
    training.validation_loss = loss_;
    training.early_stop_accuracy = accuracy_;
  }

 private:
  const LotteryTicketConfig& config_;
  Index last_step_;
  train::Objective objective_;
  double loss_ = std::numeric_limits<double>::infinity();
  Index step_ = 0;
  double accuracy_ = 0;
};

/// The search between two trainings, and the file that it is kept in.
struct TicketSearch {
  static constexpr const char* kFormat = "condense lottery tickets 1";
  static constexpr Index kFields = 7;  ///< Of `TicketTraining`.

  const LotteryTicketConfig& config;
  graph::Graph initial;
  PrunedWeights pruned;
  std::map<std::string, std::string> about;
  LotteryTicketResult result;

  TicketSearch(const graph::Graph& graph, const train::Dataset& data, const LotteryTicketConfig& c)
      : config(c),
        initial(train::initialize(train::to_inference(graph), c.seed)),
        pruned(pruned_weights(initial, c)),
        about({{"seed", fmt::format("{}", c.seed)},
               {"data seed", fmt::format("{}", c.fit.seed)},
               {"levels", fmt::format("{}", c.levels)},
               {"pruned shares", fmt::format("{}", fmt::join(pruned.shares, " "))},
               {"rewinding step", fmt::format("{}", c.rewind_step)},
               {"epochs", fmt::format("{}", c.fit.epochs)},
               {"batch size", fmt::format("{}", c.fit.batch_size)},
               {"evaluation interval", fmt::format("{}", c.evaluation_interval)},
               {"controls", fmt::format("{}", fmt::join(control_names(), ", "))},
               {"levels of controls", fmt::format("{}", fmt::join(c.control_levels, " "))},
               {"samples", fmt::format("{}", data.size())}}) {
    WeightMasks all;
    for (const graph::Value value : pruned.values) all.push_back({value, prune::Mask(shape_of(value))});
    result.masks.push_back(std::move(all));
    result.rewound = initial;
    if (!config.state_file.empty() && std::filesystem::exists(config.state_file)) load();
  }

  std::vector<std::string_view> control_names() const {
    std::vector<std::string_view> names;
    for (const TicketKind kind : config.controls) names.push_back(name(kind));
    return names;
  }

  const Shape& shape_of(graph::Value value) const { return initial.constant(value).shape(); }

  std::string mask_name(std::size_t level, graph::Value value) const {
    return fmt::format("mask.{}.{}", level, initial.name(value));
  }

  void save() const {
    if (config.state_file.empty()) return;
    io::SafeTensors content{.tensors = {}, .metadata = about};
    content.metadata["format"] = kFormat;
    content.metadata["masks"] = fmt::format("{}", result.masks.size());
    put_constants(result.rewound, "rewound.", content);
    for (std::size_t level = 0; level < result.masks.size(); ++level) {
      for (const auto& [value, mask] : result.masks[level]) {
        content.tensors.emplace(mask_name(level, value), Tensor::of<std::uint8_t>(mask.shape(), mask.values()));
      }
    }
    Tensor table(DataType::float64, {static_cast<Index>(result.trainings.size()), kFields});
    double* field = table.mutable_data<double>();
    for (const TicketTraining& training : result.trainings) {
      const double fields[kFields] = {static_cast<double>(training.kind),
                                      static_cast<double>(training.level),
                                      training.kept_share,
                                      static_cast<double>(training.early_stop_step),
                                      training.validation_loss,
                                      training.early_stop_accuracy,
                                      training.accuracy};
      field = std::copy(std::begin(fields), std::end(fields), field);
    }
    content.tensors.emplace("trainings", std::move(table));
    io::write_safetensors(config.state_file, content);
  }

  void load() {
    const std::string file = config.state_file.string();
    const io::SafeTensors content = read_state(config.state_file, kFormat, about);
    result.rewound = with_constants(initial, "rewound.", content, file);
    const auto levels = static_cast<std::size_t>(number_of(content, "masks", file));
    if (levels < 1 || levels > static_cast<std::size_t>(config.levels) + 1) {
      throw FormatError(
          fmt::format("{}: there are masks of {} levels, 1 to {} are expected", file, levels, config.levels + 1));
    }
    result.masks.clear();
    for (std::size_t level = 0; level < levels; ++level) {
      WeightMasks& masks = result.masks.emplace_back();
      for (const graph::Value value : pruned.values) {
        const Shape& shape = shape_of(value);
        const Tensor& keeps = tensor_of(content, mask_name(level, value), DataType::uint8, shape, file);
        masks.push_back({value, prune::Mask(shape, keeps.values<std::uint8_t>())});
      }
    }
    const auto found = content.tensors.find("trainings");
    const Index rows = found == content.tensors.end() ? 0 : found->second.count() / kFields;
    const Tensor& table = tensor_of(content, "trainings", DataType::float64, {rows, kFields}, file);
    const double* field = table.data<double>();
    for (Index row = 0; row < rows; ++row, field += kFields) {
      const bool known = field[0] >= 0 && field[0] <= 2 && field[1] >= 0 && field[1] < static_cast<double>(levels) &&
                         field[3] >= 0 && field[3] < 1e15;
      if (!known) throw FormatError(fmt::format("{}: row {} of the trainings is of none of the search", file, row));
      result.trainings.push_back({.kind = static_cast<TicketKind>(static_cast<int>(field[0])),
                                  .level = static_cast<int>(field[1]),
                                  .kept_share = field[2],
                                  .early_stop_step = static_cast<Index>(field[3]),
                                  .validation_loss = field[4],
                                  .early_stop_accuracy = field[5],
                                  .accuracy = field[6]});
    }
  }

  bool is_done(TicketKind kind, int level) const {
    return std::ranges::any_of(result.trainings, [&](const TicketTraining& training) {
      return training.kind == kind && training.level == level;
    });
  }

  /// Trains what a kind starts from at a level, adds the training to the result and returns the trained network.
  graph::Graph train(TicketKind kind, int level, const train::Dataset& data) {
    constexpr std::uint64_t kReinitialization = 0x7265696e69743031;
    constexpr std::uint64_t kRandomMasks = 0x72616e646d61736b;
    const WeightMasks& found = result.masks[static_cast<std::size_t>(level)];
    const WeightMasks masks =
        kind == TicketKind::random_mask ? shuffled(found, config.seed ^ kRandomMasks, level) : found;
    const bool is_rewound = level > 0 && kind != TicketKind::reinitialized;
    graph::Graph start =
        kind == TicketKind::reinitialized
            ? train::initialize(initial, (config.seed ^ kReinitialization) + static_cast<std::uint64_t>(level))
            : result.rewound;
    apply_masks(masks, start);

    train::FitOptions options = config.fit;
    options.validation = std::nullopt;
    options.patience = 0;
    options.monitor = train::Monitor::loss;
    options.first_step = is_rewound ? config.rewind_step : 0;
    const Index batches = (data.size() + options.batch_size - 1) / options.batch_size;
    EarlyStop early_stop(config, initial, options.epochs * batches);
    Index step = options.first_step;
    const bool finds_rewound = level == 0 && config.rewind_step > 0;
    options.after_step = [&, before = std::move(options.after_step)](graph::Graph& graph) {
      if (before) before(graph);
      ++step;
      apply_masks(masks, graph);
      if (finds_rewound && step == config.rewind_step) {
        for (int i = 0; i < result.rewound.value_count(); ++i) {
          if (result.rewound.is_constant({i})) result.rewound.set_constant({i}, graph.constant({i}));
        }
      }
      early_stop.see(graph, step);
    };
    options.progress = [&](const ProgressReport& report) {
      const std::string detail =
          fmt::format("level {} of {}, {}: {}", level, config.levels, level == 0 ? "dense" : name(kind), report.detail);
      notify(config.fit.progress, {"training", report.done, report.total, detail});
    };
    train::FitResult trained = train::fit(start, data, hold_masks(masks, std::move(options)));
    TicketTraining record{.kind = kind, .level = level, .kept_share = 1 - sparsity(masks)};
    early_stop.describe(record);
    record.accuracy = early_stop.test_accuracy(trained.graph);
    result.trainings.push_back(record);
    return std::move(trained.graph);
  }

  void prune(const graph::Graph& trained) {
    WeightMasks next;
    for (std::size_t i = 0; i < pruned.values.size(); ++i) {
      const auto& [value, mask] = result.masks.back()[i];
      next.push_back({value, prune_further(mask, trained.constant(value), pruned.shares[i])});
    }
    result.masks.push_back(std::move(next));
  }
};

inline void validate(const train::Dataset& data, const LotteryTicketConfig& config) {
  require(config.levels >= 1, "tickets are looked for at 1 level or more, not {}", config.levels);
  require(config.pruned_share > 0 && config.pruned_share < 1, "the pruned share is in (0, 1), not {}",
          config.pruned_share);
  require(config.output_share >= 0 && config.output_share <= 1, "the part of the output layer is in [0, 1], not {}",
          config.output_share);
  require(config.evaluation_interval >= 1, "the validation loss is looked at every 1 step or more, not {}",
          config.evaluation_interval);
  require(config.fit.validation.has_value(), "the early-stop step needs a validation set (fit.validation)");
  require(config.fit.first_step == 0, "a search begins with the first step, not with step {}", config.fit.first_step);
  require(config.fit.batch_size >= 1 && config.fit.epochs >= 1,
          "training takes 1 epoch and a batch of 1 or more, not {} and {}", config.fit.epochs, config.fit.batch_size);
  const Index steps = config.fit.epochs * ((data.size() + config.fit.batch_size - 1) / config.fit.batch_size);
  require(config.rewind_step >= 0 && config.rewind_step < steps, "the rewinding step is 0 to {}, not {}", steps - 1,
          config.rewind_step);
  for (const int level : config.control_levels) {
    require(level >= 1 && level <= config.levels, "controls are trained at levels 1 to {}, not {}", config.levels,
            level);
  }
  for (const TicketKind kind : config.controls) {
    require(kind != TicketKind::winning, "the winning ticket is trained at every level, it is no control");
  }
}

}  // namespace detail

CONDENSE_INLINE LotteryTicketResult find_lottery_tickets(const graph::Graph& graph, const train::Dataset& data,
                                                         const LotteryTicketConfig& config) {
  train::validate(data, "training set");
  detail::validate(data, config);
  detail::TicketSearch search(graph, data, config);
  for (int level = 0; level <= config.levels; ++level) {
    if (!search.is_done(TicketKind::winning, level)) {
      const graph::Graph trained = search.train(TicketKind::winning, level, data);
      if (level < config.levels) search.prune(trained);
      search.save();
    }
    const bool has_controls =
        level > 0 && (config.control_levels.empty() || std::ranges::count(config.control_levels, level) > 0);
    for (const TicketKind kind : config.controls) {
      if (!has_controls || search.is_done(kind, level)) continue;
      search.train(kind, level, data);
      search.save();
    }
  }
  return std::move(search.result);
}

}  // namespace condense::compress

#endif
