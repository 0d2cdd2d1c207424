#ifndef CONDENSE_CORE_PROGRESS_HPP
#define CONDENSE_CORE_PROGRESS_HPP

#include <functional>
#include <string_view>

#include "condense/core/shape.hpp"

namespace condense {

/// How far a long piece of work has come.
struct ProgressReport {
  std::string_view stage = {};   ///< What is being done, as a user would say it: "training", "calibrating".
  Index done = 0;                ///< Steps finished, 0 to `total`.
  Index total = 0;               ///< Steps in all, > 0.
  std::string_view detail = {};  ///< What the last step found, such as a loss; may be empty. Valid during the call.
};

/// Called by long work, on the calling thread, after each step. May be empty. It may throw to stop the work: the
/// exception passes through and what was being made is discarded.
using Progress = std::function<void(const ProgressReport&)>;

inline void notify(const Progress& progress, const ProgressReport& state) {
  if (progress) progress(state);
}

}  // namespace condense

#endif
