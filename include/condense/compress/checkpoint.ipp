#ifndef CONDENSE_COMPRESS_CHECKPOINT_IPP
#define CONDENSE_COMPRESS_CHECKPOINT_IPP

#include <limits>
#include <utility>
#include <vector>

#include "condense/compress/checkpoint.hpp"
#include "condense/compress/detail/state_file.hpp"
#include "condense/core/inline.hpp"

namespace condense::compress {

namespace detail {

inline constexpr const char* kCheckpointFormat = "condense checkpoint 1";
inline constexpr const char* kWeightPrefix = "weight.";
inline constexpr const char* kBestPrefix = "best.";

inline std::string slot_name(std::size_t parameter, std::size_t slot) {
  return fmt::format("optimizer.{}.{}", parameter, slot);
}

/// Fields of `EpochRecord` as numbers, NaN for what is not there.
inline constexpr Index kRecordFields = 6;

inline Tensor table_of(const std::vector<train::EpochRecord>& history) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  Tensor table(DataType::float64, {static_cast<Index>(history.size()), kRecordFields});
  double* field = table.mutable_data<double>();
  for (const train::EpochRecord& record : history) {
    *field++ = static_cast<double>(record.epoch);
    *field++ = record.learning_rate;
    *field++ = record.loss;
    *field++ = record.accuracy.value_or(kNone);
    *field++ = record.validation ? record.validation->loss : kNone;
    *field++ = record.validation && record.validation->accuracy ? *record.validation->accuracy : kNone;
  }
  return table;
}

inline std::vector<train::EpochRecord> history_of(const Tensor& table, const std::string& file) {
  const auto optional = [](double value) { return std::isnan(value) ? std::optional<double>{} : value; };
  std::vector<train::EpochRecord> history;
  const double* field = table.data<double>();
  for (Index row = 0; row < table.shape()[0]; ++row, field += kRecordFields) {
    const double expected =
        row == 0 ? std::clamp(std::floor(field[0]), 1.0, 1e9) : static_cast<double>(history.back().epoch + 1);
    if (field[0] != expected) {
      throw FormatError(fmt::format("{}: row {} of the history is of epoch {}, not {}", file, row, field[0], expected));
    }
    train::EpochRecord& record = history.emplace_back();
    record.epoch = static_cast<Index>(field[0]);
    record.learning_rate = field[1];
    record.loss = field[2];
    record.accuracy = optional(field[3]);
    if (!std::isnan(field[4])) record.validation = train::Scores{field[4], optional(field[5])};
  }
  return history;
}

}  // namespace detail

CONDENSE_INLINE void save_checkpoint(const std::filesystem::path& path, const train::FitState& state,
                                     const std::map<std::string, std::string>& about) {
  io::SafeTensors content{.tensors = {}, .metadata = about};
  content.metadata["format"] = detail::kCheckpointFormat;
  content.metadata["optimizer.step"] = fmt::format("{}", state.optimizer.step);
  content.metadata["best_epoch"] = fmt::format("{}", state.best_epoch);
  detail::put_constants(state.graph, detail::kWeightPrefix, content);
  if (state.best_epoch > 0) detail::put_constants(state.best, detail::kBestPrefix, content);
  for (std::size_t i = 0; i < state.optimizer.slots.size(); ++i) {
    for (std::size_t k = 0; k < state.optimizer.slots[i].size(); ++k) {
      content.tensors.emplace(detail::slot_name(i, k), state.optimizer.slots[i][k]);
    }
  }
  content.tensors.emplace("history", detail::table_of(state.history));
  io::write_safetensors(path, content);
}

CONDENSE_INLINE train::FitState load_checkpoint(const std::filesystem::path& path, const graph::Graph& graph,
                                                const std::map<std::string, std::string>& about) {
  const std::string file = path.string();
  const io::SafeTensors content = detail::read_state(path, detail::kCheckpointFormat, about);
  train::FitState state{.graph = detail::with_constants(graph, detail::kWeightPrefix, content, file)};
  state.best_epoch = detail::number_of(content, "best_epoch", file);
  if (state.best_epoch > 0) state.best = detail::with_constants(graph, detail::kBestPrefix, content, file);
  state.optimizer.step = detail::number_of(content, "optimizer.step", file);
  for (std::size_t i = 0; content.tensors.contains(detail::slot_name(i, 0)); ++i) {
    std::vector<Tensor>& slots = state.optimizer.slots.emplace_back();
    for (std::size_t k = 0; content.tensors.contains(detail::slot_name(i, k)); ++k) {
      slots.push_back(content.tensors.at(detail::slot_name(i, k)));
    }
  }
  const auto history = content.tensors.find("history");
  const Index epochs = history == content.tensors.end() ? 0 : history->second.count() / detail::kRecordFields;
  state.history = detail::history_of(
      detail::tensor_of(content, "history", DataType::float64, {epochs, detail::kRecordFields}, file), file);
  if (state.best_epoch > 0 && (state.history.empty() || state.best_epoch < state.history.front().epoch ||
                               state.best_epoch > state.history.back().epoch)) {
    throw FormatError(fmt::format("{}: the best epoch {} is none of the {} in the history", file, state.best_epoch,
                                  state.history.size()));
  }
  return state;
}

CONDENSE_INLINE train::FitResult fit_with_checkpoints(const std::filesystem::path& path, const graph::Graph& graph,
                                                      const train::Dataset& data, train::FitOptions options) {
  const std::map<std::string, std::string> about = {{"seed", fmt::format("{}", options.seed)},
                                                    {"epochs", fmt::format("{}", options.epochs)},
                                                    {"batch_size", fmt::format("{}", options.batch_size)},
                                                    {"first_step", fmt::format("{}", options.first_step)},
                                                    {"samples", fmt::format("{}", data.size())}};
  options.after_epoch = [path, about, before = std::move(options.after_epoch)](const train::FitState& state) {
    if (before) before(state);
    save_checkpoint(path, state, about);
  };
  if (!std::filesystem::exists(path)) return train::fit(graph, data, options);
  return train::resume(load_checkpoint(path, train::to_inference(graph), about), data, options);
}

}  // namespace condense::compress

#endif
