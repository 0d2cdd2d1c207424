// gemmlowp, compiled for AVX2 on x86-64. It takes unsigned codes with offsets, and packs the weights at every call.

#include <gemmlowp/public/gemmlowp.h>

#include <memory>
#include <tuple>

#include "condense/simd/instruction_set.hpp"
#include "peer.hpp"

namespace condense::benchmarks {
namespace {

using gemmlowp::MapOrder;

/// Codes as unsigned ones; signed ones are moved by 128.
std::shared_ptr<std::vector<std::uint8_t>> unsigned_codes(const void* codes, Index count, bool are_signed) {
  const auto* bytes = static_cast<const std::uint8_t*>(codes);
  auto result = std::make_shared<std::vector<std::uint8_t>>(bytes, bytes + count);
  if (are_signed) {
    for (std::uint8_t& code : *result) code = static_cast<std::uint8_t>(code ^ 0x80U);
  }
  return result;
}

#if defined(__x86_64__)
bool runs_here() { return simd::Avx2::available(); }
#else
bool runs_here() { return true; }
#endif

PreparedProduct prepare(const Product& p) {
  if (!runs_here()) return {};
  if (p.work != Work::sums && p.work != Work::signed_sums) return {};
  const bool signed_input = p.work == Work::signed_sums;
  const auto weights = unsigned_codes(p.weights, p.n * p.k, true);
  const auto input = unsigned_codes(p.input, p.m * p.k, signed_input);
  const auto context = std::make_shared<gemmlowp::GemmContext>();
  context->set_max_num_threads(1);
  const auto m = static_cast<int>(p.m);
  const auto n = static_cast<int>(p.n);
  const auto k = static_cast<int>(p.k);
  const auto run = [=, output = static_cast<std::int32_t*>(p.output)] {
    const gemmlowp::MatrixMap<const std::uint8_t, MapOrder::RowMajor> lhs(weights->data(), n, k);
    const gemmlowp::MatrixMap<const std::uint8_t, MapOrder::ColMajor> rhs(input->data(), k, m);
    gemmlowp::MatrixMap<std::int32_t, MapOrder::ColMajor> result(output, n, m);
    gemmlowp::GemmWithOutputPipeline<std::uint8_t, std::int32_t, gemmlowp::DefaultL8R8BitDepthParams>(
        context.get(), lhs, rhs, &result, -128, signed_input ? -128 : 0, std::tuple<>());
  };
  return {.run = run, .collect = {}};
}

const RegisterPeer kRegistered({.name = "gemmlowp",
                                .limit_to = [](std::string_view isa) { return isa != "scalar"; },
                                .prepare = prepare});

}  // namespace
}  // namespace condense::benchmarks
