#ifndef CONDENSE_BENCHMARKS_SUPPORT_COMPETITOR_HPP
#define CONDENSE_BENCHMARKS_SUPPORT_COMPETITOR_HPP

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace condense::benchmarks {

/// Work with its weights packed.
struct Prepared {
  std::function<void()> run;      ///< Owns what it needs; empty if the library does not have the work.
  std::function<void()> collect;  ///< Brings the result to where the work wants it; empty if `run` does.
};

/// A library that does the work, by itself or as another one's peer.
template <class Work>
struct Competitor {
  std::string name;
  /// Keeps it from instructions beyond an instruction set of condense, from before its first use on; false if the
  /// library cannot be kept from them.
  std::function<bool(std::string_view isa)> limit_to;
  std::function<Prepared(const Work&)> prepare;
};

/// Other libraries. The file of each, peers/<name>.cpp, is built where the library is found, and has an object of
/// `RegisterCompetitor`.
template <class Work>
std::vector<Competitor<Work>>& competitors() {
  static std::vector<Competitor<Work>> all;
  return all;
}

template <class Work>
struct RegisterCompetitor {
  explicit RegisterCompetitor(Competitor<Work> competitor) { competitors<Work>().push_back(std::move(competitor)); }
};

}  // namespace condense::benchmarks

#endif
