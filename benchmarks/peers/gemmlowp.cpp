// gemmlowp, compiled for AVX2 on x86-64. It takes unsigned codes with offsets, and packs the weights at every call.

#include <gemmlowp/public/gemmlowp.h>

#include <cmath>
#include <memory>
#include <tuple>

#include "condense/simd/instruction_set.hpp"
#include "product_peer.hpp"

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

/// Multipliers in [2^-31, 1) as integers of 31 bits and powers of two. Of values that lie in the middle of two codes
/// the rounding is another one than that of the work.
struct FixedPoint {
  FixedPoint(const float* multipliers, Index count) {
    for (Index i = 0; i < count; ++i) {
      int exponent = 0;
      mantissas.push_back(static_cast<std::int32_t>(std::ldexp(std::frexp(multipliers[i], &exponent), 31)));
      exponents.push_back(exponent);
    }
  }

  auto pipeline() const {
    using Vector = gemmlowp::VectorMap<const std::int32_t, gemmlowp::VectorShape::Col>;
    const auto count = static_cast<int>(mantissas.size());
    return std::make_tuple(
        gemmlowp::OutputStageScaleInt32ByFixedPointAndExponentPC<gemmlowp::VectorShape::Col>{
            Vector(mantissas.data(), count), Vector(exponents.data(), count), 0},
        gemmlowp::OutputStageSaturatingCastToUint8{});
  }

  std::vector<std::int32_t> mantissas;
  std::vector<std::int32_t> exponents;
};

Prepared prepare(const Product& p) {
  if (!runs_here()) return {};
  if (p.work != Work::sums && p.work != Work::signed_sums && p.work != Work::requantized) return {};
  const bool signed_input = p.work == Work::signed_sums;
  const auto weights = unsigned_codes(p.weights, p.n * p.k, true);
  const auto input = unsigned_codes(p.input, p.m * p.k, signed_input);
  const auto context = std::make_shared<gemmlowp::GemmContext>();
  context->set_max_num_threads(p.threads);
  const auto m = static_cast<int>(p.m);
  const auto n = static_cast<int>(p.n);
  const auto k = static_cast<int>(p.k);
  const auto multiply = [=]<class Result>(Result* output, const auto& pipeline) {
    const gemmlowp::MatrixMap<const std::uint8_t, MapOrder::RowMajor> lhs(weights->data(), n, k);
    const gemmlowp::MatrixMap<const std::uint8_t, MapOrder::ColMajor> rhs(input->data(), k, m);
    gemmlowp::MatrixMap<Result, MapOrder::ColMajor> result(output, n, m);
    gemmlowp::GemmWithOutputPipeline<std::uint8_t, Result, gemmlowp::DefaultL8R8BitDepthParams>(
        context.get(), lhs, rhs, &result, -128, signed_input ? -128 : 0, pipeline);
  };
  if (p.work == Work::requantized) {
    const auto multipliers = std::make_shared<const FixedPoint>(p.multipliers, p.n);
    return {.run = [=, output = static_cast<std::uint8_t*>(p.output)] { multiply(output, multipliers->pipeline()); },
            .collect = {}};
  }
  return {.run = [=, output = static_cast<std::int32_t*>(p.output)] { multiply(output, std::tuple<>()); },
          .collect = {}};
}

const RegisterProductPeer kRegistered({.name = "gemmlowp",
                                       .limit_to = [](std::string_view isa) { return isa != "scalar"; },
                                       .prepare = prepare});

}  // namespace
}  // namespace condense::benchmarks
