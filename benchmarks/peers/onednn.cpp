// oneDNN's matmul primitive, with the weights in the layout that it prefers. Version 2; others have another interface.

#include <oneapi/dnnl/dnnl_version.h>

#if DNNL_VERSION_MAJOR == 2

#include <unordered_map>

#include "onednn_library.hpp"
#include "product_peer.hpp"

namespace condense::benchmarks {
namespace {

using dnnl::memory;

struct Types {
  memory::data_type input;
  memory::data_type weights;
  memory::data_type output;
};

Types types_of(Work work) {
  using T = memory::data_type;
  switch (work) {
    case Work::sums: return {T::u8, T::s8, T::s32};
    case Work::signed_sums: return {T::s8, T::s8, T::s32};
    case Work::requantized: return {T::u8, T::s8, T::u8};
    default: return {T::f32, T::f32, T::f32};
  }
}

Prepared prepare(const Product& p) {
  if (p.work == Work::int4_groups || p.work == Work::dynamic) return {};
  onednn::use_threads(p.threads);
  dnnl::engine& engine = onednn::engine();
  const Types types = types_of(p.work);
  const memory::dims input_shape{p.m, p.k};
  const memory::dims weight_shape{p.k, p.n};
  const memory::dims output_shape{p.m, p.n};
  const memory::desc input(input_shape, types.input, memory::format_tag::ab);
  const memory::desc plain_weights(weight_shape, types.weights, memory::format_tag::ba);
  const memory::desc packed_weights(weight_shape, types.weights, memory::format_tag::any);
  const memory::desc output(output_shape, types.output, memory::format_tag::ab);
  dnnl::primitive_attr attributes;
  if (p.work == Work::requantized) {
    constexpr int kPerColumn = 1 << 1;
    attributes.set_output_scales(kPerColumn, std::vector<float>(p.multipliers, p.multipliers + p.n));
  }
  const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(input, packed_weights, output), attributes, engine);

  const memory given(plain_weights, engine, const_cast<void*>(p.weights));
  const memory weights = onednn::reordered(given, description.weights_desc());
  const std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, memory(input, engine, const_cast<void*>(p.input))},
                                                  {DNNL_ARG_WEIGHTS, weights},
                                                  {DNNL_ARG_DST, memory(output, engine, p.output)}};
  return {.run =
              [product = dnnl::matmul(description), stream = dnnl::stream(engine), arguments]() mutable {
                product.execute(stream, arguments);
                stream.wait();
              },
          .collect = {}};
}

const RegisterProductPeer kRegistered({.name = onednn::name(), .limit_to = onednn::limit_to, .prepare = prepare});

}  // namespace
}  // namespace condense::benchmarks

#endif
