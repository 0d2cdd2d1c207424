#ifndef CONDENSE_COMPRESS_CHECKPOINT_HPP
#define CONDENSE_COMPRESS_CHECKPOINT_HPP

#include <charconv>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "condense/io/safetensors.hpp"
#include "condense/train/fit.hpp"

namespace condense::compress {

/// The float constants of a graph by their names in a file, each after `prefix`: what training changes.
inline void put_constants(const graph::Graph& graph, const std::string& prefix, io::SafeTensors& content) {
  for (int i = 0; i < graph.value_count(); ++i) {
    const Tensor* constant = graph.constant_if({i});
    if (constant != nullptr && is_float(constant->type())) content.tensors.emplace(prefix + graph.name({i}), *constant);
  }
}

/// `graph` with the float constants that `put_constants` wrote. Throws `FormatError`, naming the constant, unless all
/// of them are there with their type and shape.
graph::Graph with_constants(graph::Graph graph, const std::string& prefix, const io::SafeTensors& content,
                            const std::string& file);

/// Writes a training run between two epochs to a safetensors file, whole or not at all. `about` are strings that
/// `load_checkpoint` compares: what the run depends on beside the state.
void save_checkpoint(const std::filesystem::path& path, const train::FitState& state,
                     const std::map<std::string, std::string>& about = {});

/// Reads what `save_checkpoint` wrote, for the same graph, whatever its weights are. Throws `FormatError` if the file
/// is none, and `InvalidArgument` if it is of another graph or `about` differs, naming what differs and both values.
train::FitState load_checkpoint(const std::filesystem::path& path, const graph::Graph& graph,
                                const std::map<std::string, std::string>& about = {});

/// `train::fit`, with the state of the run in a file after every epoch. If the file is there, the run goes on from it:
/// killed at any moment and started again with the same arguments, it gives the same bytes as if it had never stopped.
/// The file stays when the run is done, and starting once more returns its result at once.
///
/// Throws `InvalidArgument`, naming the setting, if the file is of a run with another seed, batch size or number of
/// samples, epochs or steps left out.
train::FitResult fit_with_checkpoints(const std::filesystem::path& path, const graph::Graph& graph,
                                      const train::Dataset& data, train::FitOptions options = {});

}  // namespace condense::compress

#ifndef CONDENSE_COMPILED
#include "condense/compress/checkpoint.ipp"
#endif

#endif
