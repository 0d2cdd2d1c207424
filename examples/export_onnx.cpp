// Writes the trained network of compress_cnn as an ONNX model, and images for it: what docs/command_line.md works on.
//
//   export_onnx [FOLDER] [FOLDER-OF-IDX-FILES]

#include <fmt/format.h>

#include "condense/io/npy.hpp"
#include "condense/io/onnx.hpp"
#include "support/fashion_data.hpp"
#include "support/fashion_weights.hpp"

using namespace condense;

int main(int argc, char** argv) {
  const std::filesystem::path folder = argc > 1 ? argv[1] : "fashion";
  const std::filesystem::path data = argc > 2 ? argv[2] : examples::kFashionFolder;
  try {
    std::filesystem::create_directories(folder);
    io::write_onnx(folder / "fashion_cnn.onnx",
                   {.graph = examples::load_network(CONDENSE_EXAMPLES_DATA "/fashion_cnn.safetensors"),
                    .dimension_names = {{"image", {"batch", "", "", ""}}}});
    const train::Dataset calibration = train::slice(examples::fashion_data(data, "train"), 0, 512);
    const train::Dataset test = train::slice(examples::fashion_data(data, "t10k"), 0, 2000);
    io::write_npy(folder / "calibration.npy", calibration.inputs);
    io::write_npy(folder / "test.npy", test.inputs);
    io::write_npy(folder / "test_labels.npy", test.targets);
  } catch (const Error& error) {
    fmt::print(stderr, "export_onnx: {}\n", error.what());
    return 1;
  }
  fmt::print("{}: fashion_cnn.onnx, calibration.npy (512 images), test.npy and test_labels.npy (2,000)\n",
             folder.string());
}
