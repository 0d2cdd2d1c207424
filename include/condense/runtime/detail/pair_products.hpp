#ifndef CONDENSE_RUNTIME_DETAIL_PAIR_PRODUCTS_HPP
#define CONDENSE_RUNTIME_DETAIL_PAIR_PRODUCTS_HPP

#include <iterator>

#include "condense/runtime/detail/steps/branch.hpp"
#include "condense/runtime/detail/steps/product_pair.hpp"
#include "condense/runtime/program.hpp"

namespace condense::runtime::detail {

/// Fewest bytes between two products for which a pair pays: fewer stay in the second-level cache anyway, where larger
/// blocks of rows read the weights of the second product less often.
inline constexpr std::size_t kFewestBytesOfPair = std::size_t{1} << 18;

/// How often steps read each buffer; an output of the program counts as one reader.
inline std::vector<int> readers(const Plan& plan) {
  std::vector<int> result(plan.buffers.size(), 0);
  for (const Step& step : plan.steps) {
    for (const int buffer : step.reads) ++result[static_cast<std::size_t>(buffer)];
  }
  for (const Port& port : plan.outputs) ++result[static_cast<std::size_t>(port.buffer)];
  return result;
}

/// The pair that two steps make; empty if they make none.
template <class ProductStep>
std::optional<ProductPairStep<ProductStep>> pair_of(const Plan& plan, const std::vector<int>& readers, const Step& one,
                                                    const Step& other) {
  const auto* first = one.work.get_if<ProductStep>();
  const auto* second = other.work.get_if<ProductStep>();
  if (first == nullptr || second == nullptr || !first->product.is_depthwise()) return {};
  const auto between = static_cast<std::size_t>(first->output.buffer);
  const ProductExtents& p = second->product;
  const bool is_pointwise = p.groups == 1 && p.taps == 1 && !second->input.offsets.exists();
  if (second->input.values.buffer != first->output.buffer || readers[between] != 1 || !is_pointwise ||
      p.rows != first->product.rows || plan.buffers[between].bytes < kFewestBytesOfPair) {
    return {};
  }
  ProductPairStep<ProductStep> pair{*first, *second};
  pair.first.output = {};
  pair.second.input.values = {};
  if (pair.rows_of_piece(pair.first) == 0) return {};
  return pair;
}

/// Gives branches the number of steps that they have after steps were taken together; `moved[i]` is where step i is
/// now.
inline void count_branch_steps(std::vector<Step>& steps, const std::vector<std::size_t>& moved) {
  for (std::size_t i = 0; i + 1 < moved.size(); ++i) {
    Step& step = steps[moved[i]];
    const auto* begin = step.work.get_if<BranchStep>();
    if (begin == nullptr) continue;
    BranchStep changed = *begin;
    changed.count = static_cast<Index>(moved[i + 1 + step.branch.count] - moved[i] - 1);
    step = make_step(std::move(step.info), changed);
  }
}

/// Makes one step of each depthwise product and the pointwise one behind it, where that pays. Never across the border
/// of a branch, where there is a step of its own on either side.
inline void pair_products(Plan& plan) {
  const std::vector<int> readers = detail::readers(plan);
  std::vector<Step> steps;
  std::vector<std::size_t> moved;
  for (Step& step : plan.steps) {
    const auto try_pair = [&]<class ProductStep>() {
      const auto pair = steps.empty() ? std::nullopt : pair_of<ProductStep>(plan, readers, steps.back(), step);
      if (!pair) return false;
      StepInfo info = steps.back().info;
      info.operation += ", " + step.info.operation;
      info.kernel = "depthwise + gemm";
      info.multiply_accumulates += step.info.multiply_accumulates;
      steps.back() = make_step(std::move(info), *pair);
      return true;
    };
    if (!try_pair.template operator()<IntegerProductStep>() && !try_pair.template operator()<FloatProductStep>()) {
      steps.push_back(std::move(step));
    }
    moved.push_back(steps.size() - 1);
  }
  moved.push_back(steps.size());
  count_branch_steps(steps, moved);
  plan.steps = std::move(steps);
}

}  // namespace condense::runtime::detail

#endif
