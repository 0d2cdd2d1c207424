#ifndef CONDENSE_GRAPH_REFERENCE_HALVES_HPP
#define CONDENSE_GRAPH_REFERENCE_HALVES_HPP

#include <vector>

#include "condense/graph/reference/elementwise.hpp"
#include "condense/graph/reference/requirements.hpp"

namespace condense::graph::reference {

namespace detail {

inline bool is_half(DataType type) noexcept { return type == DataType::float16 || type == DataType::bfloat16; }

/// y = x in the type of y; both are float types and one of them is float32.
inline void convert_floats(const InputBuffer& x, const OutputBuffer& y, const ThreadPool& pool) {
  parallel_for(pool, y.count(), kElementwiseGrain, [&](Index begin, Index end) {
    for (; begin < end; begin += kChunk) {
      const Index count = std::min(kChunk, end - begin);
      float converted[kChunk];
      const float* from = read_elements<float>(x.type.type, x.data, begin, count, converted);
      write_elements<float>(y.type.type, y.data, begin, count, [&](float* to) { std::copy_n(from, count, to); });
    }
  });
}

}  // namespace detail

/// Calls `body(evaluation)` with every float16 and bfloat16 tensor as float32: inputs are widened before, outputs
/// rounded after. Without halves the evaluation is `e` itself.
template <class Body>
void with_widened_halves(const Evaluation& e, Body&& body) {
  const auto is_half = [](const auto& buffer) { return buffer.present() && detail::is_half(buffer.type.type); };
  if (std::ranges::none_of(e.inputs, is_half) && std::ranges::none_of(e.outputs, is_half)) {
    body(e);
    return;
  }
  std::vector<Tensor> memory;
  memory.reserve(e.inputs.size() + e.outputs.size());
  std::vector<InputBuffer> inputs(e.inputs.begin(), e.inputs.end());
  std::vector<OutputBuffer> outputs(e.outputs.begin(), e.outputs.end());
  for (InputBuffer& input : inputs) {
    if (!is_half(input)) continue;
    Tensor& wide = memory.emplace_back(DataType::float32, input.shape());
    const OutputBuffer target{{DataType::float32, input.shape()}, wide.mutable_raw()};
    detail::convert_floats(input, target, e.pool);
    input = {target.type, target.data};
  }
  for (OutputBuffer& output : outputs) {
    if (!is_half(output)) continue;
    Tensor& wide = memory.emplace_back(DataType::float32, output.shape());
    output = {{DataType::float32, output.shape()}, wide.mutable_raw()};
  }
  body(Evaluation{inputs, outputs, e.pool});
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (is_half(e.outputs[i])) detail::convert_floats({outputs[i].type, outputs[i].data}, e.outputs[i], e.pool);
  }
}

/// Calls `body.operator()<T>(evaluation)` with the type that floats are computed in, double for float64 and otherwise
/// float, and every float16 and bfloat16 tensor as float32. Input 0 says which.
template <class Body>
void evaluate_floats(const Evaluation& e, Body&& body) {
  with_widened_halves(e, [&](const Evaluation& wide) {
    with_float_type(wide.input().type.type, [&]<class T>() { body.template operator()<T>(wide); });
  });
}

}  // namespace condense::graph::reference

#endif
