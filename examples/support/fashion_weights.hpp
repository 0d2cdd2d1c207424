#ifndef CONDENSE_EXAMPLES_SUPPORT_FASHION_WEIGHTS_HPP
#define CONDENSE_EXAMPLES_SUPPORT_FASHION_WEIGHTS_HPP

#include <filesystem>

#include "condense/io/safetensors.hpp"
#include "fashion_network.hpp"

namespace examples {

/// The network of the main job with the weights of a file, which holds every constant under its name.
inline condense::graph::Graph load_network(const std::filesystem::path& file) {
  condense::graph::Graph network = fashion_network();
  const condense::io::SafeTensors stored = condense::io::read_safetensors(file);
  for (int i = 0; i < network.value_count(); ++i) {
    const condense::graph::Value value{i};
    if (!network.is_constant(value)) continue;
    const auto found = stored.tensors.find(network.name(value));
    condense::require(found != stored.tensors.end(),
                      "{} has no tensor '{}'; make the weights again by --train --save FILE", file.string(),
                      network.name(value));
    network.set_constant(value, found->second);
  }
  return network;
}

/// Writes every constant of a network to a file that `load_network` reads.
inline void save_network(const condense::graph::Graph& network, const std::filesystem::path& file) {
  condense::io::SafeTensors content;
  for (int i = 0; i < network.value_count(); ++i) {
    if (network.is_constant({i})) content.tensors[network.name({i})] = network.constant({i});
  }
  condense::io::write_safetensors(file, content);
}

}  // namespace examples

#endif
