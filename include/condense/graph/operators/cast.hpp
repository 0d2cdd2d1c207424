#ifndef CONDENSE_GRAPH_OPERATORS_CAST_HPP
#define CONDENSE_GRAPH_OPERATORS_CAST_HPP

#include "condense/graph/reference/elementwise.hpp"

namespace condense::graph {

/// y = x in another type, rounded to the nearest, half to even; what is beyond the largest becomes infinite. ONNX Cast
/// between float32, float16 and bfloat16: what weights are that are stored as halves.
struct Cast {
  static constexpr std::string_view kType = "Cast";

  DataType to = DataType::float32;

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    for (const DataType type : {inputs.type(0), to}) {
      require(type == DataType::float32 || type == DataType::float16 || type == DataType::bfloat16,
              "it casts its input 0 between float32, float16 and bfloat16, this one from {} to {}",
              name(inputs.type(0)), name(to));
    }
    return {{to, inputs.shape(0)}};
  }

  void evaluate(const Evaluation& e) const {
    with_type(e.input().type.type, [&]<class From>() {
      with_type(to, [&]<class To>() {
        const From* x = e.input().as<From>();
        To* y = e.output().as<To>();
        parallel_for(e.pool, e.output().count(), reference::kElementwiseGrain, [&](Index begin, Index end) {
          for (Index i = begin; i < end; ++i) y[i] = static_cast<To>(static_cast<float>(x[i]));
        });
      });
    });
  }

  friend bool operator==(const Cast&, const Cast&) = default;

 private:
  template <class Body>
  static void with_type(DataType type, Body&& body) {
    if (type == DataType::float32) body.template operator()<float>();
    if (type == DataType::float16) body.template operator()<Float16>();
    if (type == DataType::bfloat16) body.template operator()<BFloat16>();
  }
};

}  // namespace condense::graph

#endif
