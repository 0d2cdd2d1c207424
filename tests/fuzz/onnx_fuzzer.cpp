// Reads and imports whatever libFuzzer makes up; anything but an `Error` of condense, and anything that takes long or
// much memory, is a finding. Built with clang where CONDENSE_FUZZ is on:
//
//   cmake --preset clang -DCONDENSE_FUZZ=ON && cmake --build --preset clang --target onnx_fuzzer
//   build/clang/tests/onnx_fuzzer -max_total_time=600 -timeout=5 -rss_limit_mb=2048 CORPUS

#include <cstddef>
#include <cstdint>
#include <span>

#include "condense/io/onnx.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    condense::io::parse_onnx(std::as_bytes(std::span(data, size)), "fuzz.onnx");
  } catch (const condense::Error&) {
  }
  return 0;
}
