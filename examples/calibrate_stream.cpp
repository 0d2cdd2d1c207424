// Calibrate a stream that is never held in memory: two halves of it are observed apart, merged, and read off by every
// method. The table says what each range costs on activations that were not observed.
//
//   calibrate_stream [--json FILE]

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "condense/calibrate/calibrator.hpp"
#include "condense/core/random.hpp"

using namespace condense;

/// Activations after a ReLU: Laplace, and one in a million 10 times as large.
std::vector<float> chunk(std::uint64_t index) {
  Random random(2024, index);
  std::vector<float> values(20'000);
  for (float& value : values) {
    const float magnitude = -std::log(random.uniform() + 0x1p-25F) * (random.below(1'000'000) == 0 ? 10.0F : 1.0F);
    value = random.below(2) == 0 ? magnitude : 0;
  }
  return values;
}

int main(int argc, char** argv) {
  std::string json;
  fmt::print("{:<20}{:>5}{:>9}{:>12}{:>9}{:>9}\n", "calibrator", "bits", "max", "MSE", "SQNR dB", "bytes");
  for (const calibrate::Method method : calibrate::kMethods) {
    for (const int bits : {8, 4}) {
      const calibrate::Target target{{.bits = bits, .is_signed = false}, false};
      calibrate::Calibrator first({.method = method}, target);
      calibrate::Calibrator second = first;
      for (std::uint64_t i = 0; i < 50; ++i) {
        (i % 2 == 0 || !is_mergeable(method) ? first : second).observe(chunk(i));
      }
      if (is_mergeable(method)) first.merge(second);  // as if it had seen the whole stream

      const quantize::Affine affine = first.affine();
      double error = 0, power = 0, count = 0;
      for (std::uint64_t i = 50; i < 100; ++i) {
        for (const float x : chunk(i)) {
          const std::int32_t code = quantize::quantize_value(x, affine, target.type);
          error += std::pow(double{x} - double{quantize::dequantize_value(code, affine)}, 2);
          power += double{x} * double{x};
          ++count;
        }
      }
      fmt::print("{:<20}{:>5}{:>9.3f}{:>12.3e}{:>9.2f}{:>9}\n", name(method), bits, first.range().max, error / count,
                 10 * std::log10(power / error), first.bytes());
      json += fmt::format(R"({}{{"calibrator": "{}", "bits": {}, "max": {}, "mse": {}, "sqnr_db": {}, "bytes": {}}})",
                          json.empty() ? "" : ",\n ", name(method), bits, first.range().max, error / count,
                          10 * std::log10(power / error), first.bytes());
    }
  }
  if (argc == 3 && std::string_view(argv[1]) == "--json") {
    std::FILE* const file = std::fopen(argv[2], "w");
    if (file == nullptr) return fmt::print(stderr, "{} cannot be written\n", argv[2]), 1;
    fmt::print(file, "[{}]\n", json);
    std::fclose(file);
  }
}
