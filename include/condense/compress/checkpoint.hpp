#ifndef CONDENSE_COMPRESS_CHECKPOINT_HPP
#define CONDENSE_COMPRESS_CHECKPOINT_HPP

#include <filesystem>
#include <map>
#include <string>

#include "condense/train/fit.hpp"

namespace condense::compress {

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
