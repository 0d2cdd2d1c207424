// Calibrate a stream that is never held in memory: two halves of it are observed apart, merged, and read off by every
// method. The table says what each range costs on activations that were not observed.
//
//   calibrate_stream [--json FILE]

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "condense/calibrate/calibrator.hpp"
#include "condense/core/random.hpp"
#include "condense/quantize/distortion.hpp"
#include "condense/report/table.hpp"

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

int main(int argc, char** argv) try {
  report::Table table({{"calibrator", "calibrator"},
                       {"bits", "bits"},
                       {"max", "max", 3},
                       {"MSE", "mse", 7},
                       {"SQNR dB", "sqnr_db", 2},
                       {"bytes", "bytes"}});
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
      quantize::Distortion distortion;
      for (std::uint64_t i = 50; i < 100; ++i) {
        for (const float x : chunk(i)) {
          distortion.add(x, quantize::dequantize_value(quantize::quantize_value(x, affine, target.type), affine));
        }
      }
      table.add({std::string(name(method)), std::int64_t{bits}, double{first.range().max},
                 distortion.mean_squared_error(), distortion.sqnr_decibels(),
                 static_cast<std::int64_t>(first.bytes())});
    }
  }
  fmt::print("{}", table.text());
  if (argc == 3 && std::string_view(argv[1]) == "--json") report::write_json(argv[2], table.json());
} catch (const Error& error) {
  fmt::print(stderr, "calibrate_stream: {}\n", error.what());
  return 1;
}
