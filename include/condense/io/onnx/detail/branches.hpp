#ifndef CONDENSE_IO_ONNX_DETAIL_BRANCHES_HPP
#define CONDENSE_IO_ONNX_DETAIL_BRANCHES_HPP

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "condense/graph/graph.hpp"

namespace condense::io::onnx::detail {

/// A graph within a node, and the names around it of what its last inputs stand for.
struct InnerGraph {
  std::shared_ptr<const graph::Graph> graph;
  std::vector<std::string> captures;
};

/// Branches of If by their place in a file, as they were built with some extents of the model's inputs: where others
/// refuse a branch, since it is not for them, it is there all the same.
class Branches {
 public:
  /// Keeps a branch; one without refused branches inside takes the place of one with such.
  void add(const std::string& place, InnerGraph branch, bool is_whole) {
    Entry& entry = entries_[place];
    if (entry.branch.graph == nullptr || (is_whole && !entry.is_whole)) entry = {std::move(branch), is_whole};
  }

  /// The branch of that place, null if it was refused whenever it was met.
  const InnerGraph* find(const std::string& place) const {
    const auto found = entries_.find(place);
    return found == entries_.end() ? nullptr : &found->second.branch;
  }

  bool has_whole(const std::string& place) const {
    const auto found = entries_.find(place);
    return found != entries_.end() && found->second.is_whole;
  }

 private:
  struct Entry {
    InnerGraph branch;
    bool is_whole = false;
  };

  std::map<std::string, Entry> entries_;
};

}  // namespace condense::io::onnx::detail

#endif
