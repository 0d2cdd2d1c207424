#ifndef CONDENSE_EXAMPLES_CLI_PROGRESS_HPP
#define CONDENSE_EXAMPLES_CLI_PROGRESS_HPP

#include <unistd.h>

#include "condense/report/progress_bar.hpp"

namespace cli {

/// A progress bar on the terminal that errors go to, and nothing where that is a file or a pipe.
class TerminalProgress {
 public:
  condense::Progress progress() {
    if (isatty(fileno(stderr)) == 0) return {};
    return std::ref(bar_);
  }
  void report(std::string_view stage, condense::Index done, condense::Index total) {
    condense::notify(progress(), {.stage = stage, .done = done, .total = total, .detail = {}});
  }

 private:
  condense::report::ProgressBar bar_;
};

}  // namespace cli

#endif
