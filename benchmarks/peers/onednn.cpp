// oneDNN's matmul primitive, with the weights in the layout that it prefers. Version 2; others have another interface.

#include <oneapi/dnnl/dnnl_version.h>

#if DNNL_VERSION_MAJOR == 2

#include <dlfcn.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "peer.hpp"

namespace condense::benchmarks {
namespace {

using dnnl::memory;

/// One thread, where the library runs on OpenMP: the variable of the environment would have to be set before the start.
void use_one_thread() {
  if (void* set = dlsym(RTLD_DEFAULT, "omp_set_num_threads")) reinterpret_cast<void (*)(int)>(set)(1);
}

bool limit_to(std::string_view isa) {
  const auto limit = isa == "avx2"       ? dnnl::cpu_isa::avx2
                     : isa == "avx_vnni" ? dnnl::cpu_isa::avx2_vnni
                                         : dnnl::cpu_isa::all;
  if (limit == dnnl::cpu_isa::all && isa != "avx512_vnni") return false;
  return dnnl::set_max_cpu_isa(limit) == dnnl::status::success;
}

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

PreparedProduct prepare(const Product& p) {
  if (p.work == Work::int4_groups || p.work == Work::dynamic) return {};
  use_one_thread();
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
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

  dnnl::stream stream(engine);
  memory given(plain_weights, engine, const_cast<void*>(p.weights));
  memory weights(description.weights_desc(), engine);
  dnnl::reorder(given, weights).execute(stream, given, weights);
  stream.wait();
  const std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, memory(input, engine, const_cast<void*>(p.input))},
                                                  {DNNL_ARG_WEIGHTS, weights},
                                                  {DNNL_ARG_DST, memory(output, engine, p.output)}};
  return {.run =
              [product = dnnl::matmul(description), stream, arguments]() mutable {
                product.execute(stream, arguments);
                stream.wait();
              },
          .collect = {}};
}

std::string name() {
  const dnnl_version_t* version = dnnl_version();
  return "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch);
}

const RegisterPeer kRegistered({.name = name(), .limit_to = limit_to, .prepare = prepare});

}  // namespace
}  // namespace condense::benchmarks

#endif
