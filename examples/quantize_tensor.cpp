// One tensor of weights under several number formats: what each takes to store, and what it makes of the weights.
//
//   quantize_tensor [--json FILE]

#include <fmt/format.h>

#include <string_view>

#include "condense/core/random.hpp"
#include "condense/quantize/distortion.hpp"
#include "condense/quantize/range_search.hpp"
#include "condense/quantize/with_scheme.hpp"
#include "condense/report/table.hpp"

using namespace condense;

/// Weights (64 x 256) of a linear layer: normal, and each output channel has a spread of its own.
Eigen::Tensor<float, 2, Eigen::RowMajor> layer_weights() {
  Random random(2024);
  Eigen::Tensor<float, 2, Eigen::RowMajor> weights(64, 256);
  for (Index channel = 0; channel < weights.dimension(0); ++channel) {
    const float spread = random.uniform(0.01F, 0.1F);
    for (Index i = 0; i < weights.dimension(1); ++i) weights(channel, i) = spread * random.normal();
  }
  return weights;
}

int main(int argc, char** argv) {
  const Eigen::Tensor<float, 2, Eigen::RowMajor> weights = layer_weights();
  report::Table table({{.title = "format", .key = "format"},
                       {.title = "bits a weight", .key = "bits_per_weight", .decimals = 2},
                       {.title = "bytes", .key = "bytes"},
                       {.title = "SQNR dB", .key = "sqnr_db", .decimals = 2},
                       {.title = "largest error", .key = "largest_error", .decimals = 5},
                       {.title = "SQNR dB, searched range", .key = "sqnr_db_searched", .decimals = 2}});
  for (const std::string_view name : {"int8", "int8/channel", "int4/channel", "int4/group32", "apot4/channel",
                                      "log2-4/channel", "ternary/channel", "binary/channel"}) {
    const quantize::NumberFormat format = quantize::NumberFormat::parse(name);
    const quantize::QuantizedTensor quantized = quantize::quantize(weights, format);
    const quantize::Distortion measured = quantize::distortion(weights, quantize::dequantize(quantized));
    // The same format, with the range of least squared error in place of the extremes.
    const double searched = quantize::with_scheme(format, [&](const auto& scheme) {
      const auto ranges = quantize::mean_squared_error_ranges(weights, scheme, format.granularity);
      const auto parameters = quantize::quantization_parameters(scheme, format.granularity, ranges);
      return quantize::distortion(weights, quantize::fake_quantize(weights, scheme, parameters)).sqnr_decibels();
    });
    table.add({format.name(), 8.0 * static_cast<double>(quantized.bytes()) / static_cast<double>(quantized.count()),
               static_cast<std::int64_t>(quantized.bytes()), measured.sqnr_decibels(),
               double{measured.maximum_absolute_error()}, searched});
  }
  fmt::print("{}", table.text());
  if (argc == 3 && std::string_view(argv[1]) == "--json") report::write_json(argv[2], table.json());
}
