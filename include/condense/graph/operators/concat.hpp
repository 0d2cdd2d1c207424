#ifndef CONDENSE_GRAPH_OPERATORS_CONCAT_HPP
#define CONDENSE_GRAPH_OPERATORS_CONCAT_HPP

#include "condense/graph/operator.hpp"
#include "condense/graph/reference/codes.hpp"

namespace condense::graph {

/// The inputs, one or more of one type, put together along an axis. Any type. ONNX Concat.
struct Concat {
  static constexpr std::string_view kType = "Concat";

  Index axis = 0;  ///< A negative one counts from the back.

  static void attributes(auto& op, auto&& visit) { visit("axis", op.axis); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    require(inputs.size() >= 1, "it takes 1 input or more, none is given");
    const Shape& first = inputs.shape(0);
    const int along = first.axis(axis);
    Index extent = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Shape& shape = inputs.shape(i);
      inputs.require_same_type(i);
      require(shape.rank() == first.rank() && shape.with(along, first[along]) == first,
              "its input {} has shape {}, which differs from that of its input 0, {}, in more than axis {}", i,
              shape.to_string(), first.to_string(), along);
      require(shape[along] <= Shape::kMaximumCount - extent, "its inputs together are too large to address");
      extent += shape[along];
    }
    return {{inputs.type(0), first.with(along, extent)}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& result = e.output().shape();
    const int along = result.axis(axis);
    const Index outer = result.count(0, along);
    const Index inner = result.count(along + 1, result.rank());
    Index written = 0;
    for (Index block = 0; block < outer; ++block) {
      for (const InputBuffer& input : e.inputs) {
        const Index run = input.shape()[along] * inner;
        reference::copy_elements(result_type(e), input.data, block * run, e.output().data, written, run);
        written += run;
      }
    }
  }

  friend bool operator==(const Concat&, const Concat&) = default;

 private:
  static DataType result_type(const Evaluation& e) noexcept { return e.output().type.type; }
};

}  // namespace condense::graph

#endif
