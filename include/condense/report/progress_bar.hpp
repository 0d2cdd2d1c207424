#ifndef CONDENSE_REPORT_PROGRESS_BAR_HPP
#define CONDENSE_REPORT_PROGRESS_BAR_HPP

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "condense/core/error.hpp"
#include "condense/core/progress.hpp"

namespace condense::report {

/// Shows progress reports on a stream: on a terminal as a bar that is drawn over itself, at most ten times a second; on
/// a file or pipe as one line when a stage ends. Pass it as a `Progress`, by `std::ref`.
class ProgressBar {
 public:
  explicit ProgressBar(std::FILE* stream = stderr) : stream_(stream), terminal_(isatty(fileno(stream)) != 0) {}

  void operator()(const ProgressReport& state) {
    const auto now = std::chrono::steady_clock::now();
    if (state.stage != stage_) {
      stage_ = state.stage;
      start_ = now;
    }
    const bool finished = state.done >= state.total;
    if (!finished && (!terminal_ || now - drawn_ < std::chrono::milliseconds(100))) return;
    drawn_ = now;
    const double share = state.total > 0 ? static_cast<double>(state.done) / static_cast<double>(state.total) : 1;
    const std::chrono::duration<double> elapsed = now - start_;
    std::string line = fmt::format("{:<12} ", state.stage);
    if (terminal_) {
      constexpr int kWidth = 24;
      const int filled = static_cast<int>(share * kWidth);
      const double rest = share > 0 ? elapsed.count() * (1 - share) / share : 0;
      line += fmt::format("[{:#<{}}{:.<{}}] {:3.0f} %  ", "", filled, "", kWidth - filled, 100 * share);
      line += finished ? fmt::format("{:.1f} s", elapsed.count()) : fmt::format("{:.0f} s left", rest);
    } else {
      line += fmt::format("{} of {}, {:.1f} s", state.done, state.total, elapsed.count());
    }
    if (!state.detail.empty()) line += fmt::format("  {}", state.detail);
    fmt::print(stream_, "{}{}{}", terminal_ ? "\r\033[K" : "", line, finished || !terminal_ ? "\n" : "");
    std::fflush(stream_);
    if (finished) stage_.clear();
  }

 private:
  std::FILE* stream_;
  bool terminal_;
  std::string stage_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point drawn_;
};

}  // namespace condense::report

#endif
