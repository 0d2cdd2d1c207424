#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_BRANCH_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_BRANCH_HPP

#include <cstring>

#include "condense/runtime/detail/buffer_sizes.hpp"
#include "condense/runtime/detail/step_fields.hpp"

namespace condense::runtime::detail {

/// Begins the steps of a branch: those that follow are left out unless the condition, one boolean, is `runs_if`. A
/// program only goes forward, so that it ends whatever its conditions are.
struct BranchStep {
  static constexpr std::string_view kKind = "branch";

  Reads condition{};
  bool runs_if = true;
  Index count = 0;  ///< Of the steps after this one that are of the branch.

  static void fields(auto& s, auto&& visit) { visit(s.condition, s.runs_if, s.count); }

  void check(const BufferSizes& buffers) const {
    require(count >= 0, "a branch has {} steps", count);
    buffers.require_readable(condition, 1, 1);
  }
  void run(const Execution&) const {}
  Branch branch() const { return {condition, runs_if, static_cast<std::size_t>(count)}; }
};

/// Puts a result of a branch where the other branch puts its own; does nothing where it lies there already.
struct BranchResultStep {
  static constexpr std::string_view kKind = "branch result";

  Reads input{};
  Writes output{};
  Index bytes = 0;

  static void fields(auto& s, auto&& visit) { visit(s.input, s.output, s.bytes); }

  void check(const BufferSizes& buffers) const {
    buffers.require_readable(input, bytes, 1);
    buffers.require_writable(output, bytes, 1);
  }
  void run(const Execution& e) const {
    const auto* from = e.at<std::byte>(input);
    auto* to = e.at<std::byte>(output);
    if (from != to && bytes > 0) std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }
  InPlace in_place() const { return {output, {input}}; }
};

}  // namespace condense::runtime::detail

#endif
