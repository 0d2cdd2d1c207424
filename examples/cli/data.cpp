#include "data.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <tuple>

#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators/cast.hpp"
#include "condense/io/npy.hpp"
#ifdef CONDENSE_WITH_ZLIB
#include "condense/io/npz.hpp"
#endif
#ifdef CONDENSE_WITH_STB
#include "condense/io/image.hpp"
#endif

namespace cli {

using namespace condense;

namespace {

namespace fs = std::filesystem;

/// "0.5", "1/255"
float parse_number(std::string_view text) {
  const auto plain = [&](std::string_view part) {
    float value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    require(error == std::errc() && end == part.data() + part.size() && !part.empty(),
            "'{}' is no number; write it as 0.5 or 1/255", text);
    return value;
  };
  const std::size_t slash = text.find('/');
  return slash == std::string_view::npos ? plain(text) : plain(text.substr(0, slash)) / plain(text.substr(slash + 1));
}

/// Numbers separated by `separator`.
std::vector<float> parse_numbers(std::string_view text, char separator = ',') {
  std::vector<float> numbers;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    numbers.push_back(parse_number(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return numbers;
}

/// Height and width of "224" or "224x320".
std::pair<Index, Index> parse_size(std::string_view text) {
  const std::vector<float> sides = parse_numbers(text, 'x');
  require(sides.size() <= 2 &&
              std::ranges::all_of(sides, [](float s) { return s >= 1 && s <= 65536 && s == std::floor(s); }),
          "'{}' is no size of images; write it as 224 or 224x320, the height first", text);
  return {static_cast<Index>(sides.front()), static_cast<Index>(sides.back())};
}

bool has_suffix(const fs::path& path, std::initializer_list<std::string_view> suffixes) {
  std::string suffix = path.extension().string();
  std::ranges::transform(suffix, suffix.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::find(suffixes, suffix) != suffixes.end();
}
bool is_image(const fs::path& path) { return has_suffix(path, {".png", ".jpg", ".jpeg", ".bmp"}); }
bool is_data(const fs::path& path) { return is_image(path) || has_suffix(path, {".npy", ".npz"}); }

std::string names_of_inputs(const graph::Graph& network) {
  std::string names;
  for (const graph::Value value : network.inputs()) {
    names += fmt::format("{}'{}' {} {}", names.empty() ? "" : ", ", network.name(value), name(network.type(value).type),
                         network.declared_shape(value).to_string());
  }
  return names;
}

/// Elements [first, first + count) along the first axis.
Tensor slice(const Tensor& tensor, Index first, Index count) {
  const Shape shape = tensor.shape().with(0, count);
  Tensor result(tensor.type(), shape);
  const std::size_t row = tensor.shape()[0] > 0 ? tensor.bytes() / static_cast<std::size_t>(tensor.shape()[0]) : 0;
  std::memcpy(result.mutable_raw(), tensor.raw() + static_cast<std::size_t>(first) * row, result.bytes());
  return result;
}

Tensor joined(const std::vector<Tensor>& parts, const std::string& what) {
  if (parts.size() == 1) return parts.front();
  const Shape& first = parts.front().shape();
  Index count = 0;
  for (const Tensor& part : parts) {
    require(
        part.type() == parts.front().type() && part.shape().rank() > 0 && part.shape().with(0, 1) == first.with(0, 1),
        "{} has parts of shape {} and {}, which cannot be joined; give images one size by --image-size", what,
        first.to_string(), part.shape().to_string());
    count += part.shape()[0];
  }
  Tensor result(parts.front().type(), first.with(0, count));
  std::byte* to = result.mutable_raw();
  for (const Tensor& part : parts) {
    std::memcpy(to, part.raw(), part.bytes());
    to += part.bytes();
  }
  return result;
}

/// (n, h, w, c) as (n, c, h, w).
Tensor channels_first(const Tensor& tensor) {
  const Shape& from = tensor.shape();
  const Index pixels = from[1] * from[2];
  const Index channels = from[3];
  Tensor result(tensor.type(), {from[0], channels, from[1], from[2]});
  const std::size_t width = bytes(tensor.type(), 1);
  std::byte* to = result.mutable_raw();
  for (Index n = 0; n < from[0]; ++n) {
    for (Index c = 0; c < channels; ++c) {
      for (Index i = 0; i < pixels; ++i, to += width) {
        std::memcpy(to, tensor.raw() + static_cast<std::size_t>((n * pixels + i) * channels + c) * width, width);
      }
    }
  }
  return result;
}

/// Collects the data of each input.
class FeedReader {
 public:
  FeedReader(const graph::Graph& network, const DataOptions& options) : network_(network), options_(options) {
    parts_.resize(network.inputs().size());
  }

  std::vector<Tensor> read() {
    for (const std::string& input : options_.inputs) {
      const std::size_t equals = input.rfind('=');  // names of values may have one, files of data rarely do
      if (equals == std::string::npos) throw UsageError(fmt::format("--input takes NAME=FILE, not '{}'", input));
      add_file(input.substr(equals + 1), position(input.substr(0, equals), "--input " + input));
    }
    if (!options_.data.empty()) {
      const std::optional<std::size_t> rest = only_open_input();
      if (fs::is_directory(options_.data)) {
        add_folder(options_.data, rest);
      } else {
        add_file(options_.data, rest);
      }
    }
    std::vector<Tensor> result;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const std::string& name = network_.name(network_.inputs()[i]);
      require(!parts_[i].empty(), "there is no data for the input '{}'; give it by --input {}=FILE. The inputs are {}",
              name, name, names_of_inputs(network_));
      result.push_back(joined(parts_[i], fmt::format("the data of the input '{}'", name)));
    }
    return result;
  }

 private:
  std::size_t position(const std::string& name, const std::string& where) const {
    for (std::size_t i = 0; i < network_.inputs().size(); ++i) {
      if (network_.name(network_.inputs()[i]) == name) return i;
    }
    throw InvalidArgument(
        fmt::format("{}: the network has no input '{}'; it has {}", where, name, names_of_inputs(network_)));
  }

  /// The input that has no data yet, if there is just one.
  std::optional<std::size_t> only_open_input() const {
    std::optional<std::size_t> result;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (!parts_[i].empty()) continue;
      if (result) return {};
      result = i;
    }
    return result;
  }

  void add_folder(const fs::path& folder, std::optional<std::size_t> input) {
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      if (entry.is_regular_file() && is_data(entry.path())) files.push_back(entry.path());
    }
    require(!files.empty(), "{}: holds no .npy, .npz, .png, .jpg or .bmp files", folder.string());
    std::ranges::sort(files);
    for (const fs::path& file : files) {
      if (options_.samples > 0 && read_ >= options_.samples) break;
      add_file(file, input);
    }
  }

  void add_file(const fs::path& file, std::optional<std::size_t> input) {
    if (has_suffix(file, {".npz"})) return add_archive(file, input);
    require(is_data(file), "{}: data is read from .npy, .npz, .png, .jpg and .bmp files, and from folders of them",
            file.string());
    require(input.has_value(),
            "{}: it is not clear which input this is for; give it by --input NAME=FILE, or a .npz file with the names "
            "of the inputs, which are {}",
            file.string(), names_of_inputs(network_));
    add(*input, is_image(file) ? image(file, *input) : fitted(io::read_npy(file), *input, file.string()));
  }

  void add_archive(const fs::path& file, std::optional<std::size_t> input) {
#ifdef CONDENSE_WITH_ZLIB
    const std::map<std::string, Tensor> arrays = io::read_npz(file);
    for (const auto& [name, array] : arrays) {
      const bool single = arrays.size() == 1 && input.has_value();
      const std::size_t i = single ? *input : position(name, file.string());
      add(i, fitted(array, i, fmt::format("{}: '{}'", file.string(), name)));
    }
#else
    static_cast<void>(input);
    throw Unsupported(
        fmt::format("{}: this program was built without zlib, which .npz needs; use .npy", file.string()));
#endif
  }

  void add(std::size_t input, Tensor tensor) {
    if (tensor.shape().rank() > 0) read_ += input == 0 ? tensor.shape()[0] : 0;
    parts_[input].push_back(std::move(tensor));
  }

  const Shape& declared(std::size_t input) const { return network_.declared_shape(network_.inputs()[input]); }
  DataType type(std::size_t input) const { return network_.type(network_.inputs()[input]).type; }

  /// An array as the input takes it: a missing batch axis is added, channels go first, the type is the input's.
  Tensor fitted(Tensor array, std::size_t input, const std::string& what) const {
    const int rank = declared(input).rank();
    if (array.shape().rank() == rank - 1) {
      std::vector<Index> extents{1};
      extents.insert(extents.end(), array.shape().begin(), array.shape().end());
      array = array.reshaped(Shape(std::span<const Index>(extents)));
    }
    const std::string& name = network_.name(network_.inputs()[input]);
    require(array.shape().rank() == rank, "{}: has shape {}, the input '{}' takes {}", what, array.shape().to_string(),
            name, declared(input).to_string());
    const bool turned = options_.channels_last && rank == 4;
    const bool pixels = turned && array.type() == DataType::uint8;
    if (turned) array = channels_first(array);
    for (int axis = 1; axis < rank; ++axis) {
      const Index wanted = declared(input)[axis];
      const bool fits = wanted == kDynamic || wanted == array.shape()[axis];
      const bool maybe_turned =
          rank == 4 && !turned && wanted != kDynamic && wanted == array.shape()[axis == 1 ? 3 : axis - 1];
      require(fits, "{}: has shape {}, the input '{}' takes {}{}", what, array.shape().to_string(), name,
              declared(input).to_string(), maybe_turned ? "; --channels-last turns images (n x h x w x c)" : "");
    }
    if (pixels && is_float(type(input))) {
      array = converted(array, DataType::float32, what);
      normalize(array, what);
    }
    return converted(array, type(input), fmt::format("{}, for the input '{}'", what, name));
  }

  /// (pixel - mean) * scale on (n, c, h, w).
  void normalize(Tensor& images, const std::string& what) const {
    const std::vector<float> means = parse_numbers(options_.image_mean);
    const std::vector<float> scales = parse_numbers(options_.image_scale);
    const Index channels = images.shape()[1];
    const auto fits = [&](const std::vector<float>& values) {
      return values.size() == 1 || static_cast<Index>(values.size()) == channels;
    };
    require(fits(means) && fits(scales), "{}: --image-mean has {} values and --image-scale {}, the images {} channels",
            what, means.size(), scales.size(), channels);
    const Index pixels = images.shape().count(2, 4);
    float* value = images.mutable_data<float>();
    for (Index i = 0; i < images.shape()[0] * channels; ++i) {
      const auto channel = static_cast<std::size_t>(i % channels);
      const float mean = means[means.size() == 1 ? 0 : channel];
      const float scale = scales[scales.size() == 1 ? 0 : channel];
      for (Index p = 0; p < pixels; ++p, ++value) *value = (*value - mean) * scale;
    }
  }

  Tensor image(const fs::path& file, std::size_t input) const {
#ifdef CONDENSE_WITH_STB
    const Shape& shape = declared(input);
    const std::string& name = network_.name(network_.inputs()[input]);
    const Index channels = shape.rank() == 4 ? shape[1] : 0;
    require(channels == kDynamic || channels == 1 || channels == 3,
            "{}: the input '{}' takes {}, not images (n x c x h x w) of 1 or 3 channels; give it a .npy file",
            file.string(), name, shape.to_string());
    const Tensor pixels = io::read_image(file, {.channels = channels == 1 ? 1 : 3});
    Index height = shape[2] == kDynamic ? pixels.shape()[0] : shape[2];
    Index width = shape[3] == kDynamic ? pixels.shape()[1] : shape[3];
    if (!options_.image_size.empty()) std::tie(height, width) = parse_size(options_.image_size);
    const bool same_size = height == pixels.shape()[0] && width == pixels.shape()[1];
    const Tensor sized = same_size ? pixels : io::resize_image(pixels, height, width);
    const std::string what = fmt::format("{}, for the input '{}'", file.string(), name);
    if (is_float(type(input))) {
      const Tensor normalized = io::image_to_input(
          sized, {.mean = parse_numbers(options_.image_mean), .scale = parse_numbers(options_.image_scale)});
      return converted(normalized, type(input), what);
    }
    Tensor rounded = io::image_to_input(sized);
    for (float& value : rounded.mutable_values<float>()) value = std::nearbyint(value);
    Tensor codes(DataType::uint8, rounded.shape());
    std::ranges::transform(rounded.values<float>(), codes.mutable_data<std::uint8_t>(),
                           [](float value) { return static_cast<std::uint8_t>(value); });
    return converted(codes, type(input), what);
#else
    static_cast<void>(input);
    throw Unsupported(
        fmt::format("{}: this program was built without stb_image, which images need; use .npy", file.string()));
#endif
  }

  const graph::Graph& network_;
  const DataOptions& options_;
  std::vector<std::vector<Tensor>> parts_;
  Index read_ = 0;  ///< Samples for the first input.
};

/// How many times an input's data can be run, and how much of it one run takes.
struct Runs {
  Index count = 1;
  Index step = 0;  ///< Along the first axis; 0: it is one value for all runs.
  bool open = false;
};

Runs runs_of(const Tensor& data, const Shape& declared, const std::string& name) {
  if (declared.rank() == 0) return {};
  const Index extent = data.shape()[0];
  require(extent > 0, "the data of the input '{}' is empty, its shape is {}", name, data.shape().to_string());
  if (declared[0] == kDynamic) return {.count = extent, .step = 1, .open = true};
  require(declared[0] > 0 && extent % declared[0] == 0,
          "the input '{}' takes {} at once, the data has {}; give a multiple of {}", name, declared[0], extent,
          declared[0]);
  return {.count = extent / declared[0], .step = declared[0], .open = false};
}

}  // namespace

void DataOptions::add_to(CLI::App& command) {
  command.add_option("--data", data, "A .npy, .npz or image file, or a folder of them");
  command.add_option("--input", inputs, "Data of one input, as NAME=FILE; may be repeated");
  command.add_option("--image-mean", image_mean, "Taken from the pixels (0 to 255): one number, or one each channel")
      ->capture_default_str()
      ->check(parsed_by([](const std::string& text) { parse_numbers(text); }));
  command.add_option("--image-scale", image_scale, "Factor of pixels after that, such as 1/255")
      ->capture_default_str()
      ->check(parsed_by([](const std::string& text) { parse_numbers(text); }));
  command.add_option("--image-size", image_size, "Size images are scaled to, as 224 or 224x320; else the network's")
      ->check(parsed_by([](const std::string& text) { parse_size(text); }));
  command.add_flag("--channels-last", channels_last,
                   "Arrays of four axes are (n x h x w x c); those of uint8 are treated as images");
  command.add_option("--batch", batch, "Samples run at once, where the network leaves that open; 0 for all")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
}

Tensor converted(const Tensor& tensor, DataType type, const std::string& what) {
  if (tensor.type() == type) return tensor;
  const auto cast = [](const Tensor& from, DataType to) {
    graph::Graph graph;
    const graph::Value x = graph.input("x", from.type(), from.shape());
    graph.output(graph.add(graph::Cast{.to = to}, {x}));
    return graph::evaluate(graph, {from}).front();
  };
  Tensor result = cast(tensor, type);
  const bool kept = is_float(type) || (!is_float(tensor.type()) && cast(result, tensor.type()) == tensor);
  require(kept, "{}: holds {}, which cannot become {} without loss; convert the array", what, name(tensor.type()),
          name(type));
  return result;
}

Feed read_feed(const graph::Graph& network, const DataOptions& options) {
  if (!options.given()) {
    throw UsageError(
        fmt::format("there is no data; give it by --data FILE|DIR, or --input NAME=FILE. The inputs are {}",
                    names_of_inputs(network)));
  }
  const std::vector<Tensor> data = FeedReader(network, options).read();
  std::vector<Runs> runs;
  for (std::size_t i = 0; i < data.size(); ++i) {
    const graph::Value value = network.inputs()[i];
    runs.push_back(runs_of(data[i], network.declared_shape(value), network.name(value)));
  }
  Index count = 1;
  for (const Runs& each : runs) count = std::max(count, each.count);
  bool open = true;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    require(
        runs[i].count == count || runs[i].count == 1,
        "the data of the input '{}' is enough for {} runs, that of another one for {}; give as much for each, or for "
        "one run",
        network.name(network.inputs()[i]), runs[i].count, count);
    open = open && runs[i].open && runs[i].count == count;
  }
  Index samples_each_run = 1;
  for (const Runs& each : runs) samples_each_run = each.count == count && each.step > 0 ? each.step : samples_each_run;
  if (options.samples > 0) count = std::min(count, std::max<Index>(1, options.samples / samples_each_run));
  const Index step = !open ? 1 : options.batch == 0 ? count : std::min(count, options.batch);

  Feed feed{.batches = {}, .samples = count * samples_each_run};
  for (Index first = 0; first < count; first += step) {
    const Index taken = std::min(step, count - first);
    std::vector<Tensor>& batch = feed.batches.emplace_back();
    for (std::size_t i = 0; i < data.size(); ++i) {
      const bool whole = runs[i].count == 1 || runs[i].step == 0;
      batch.push_back(whole ? data[i] : slice(data[i], first * runs[i].step, taken * runs[i].step));
    }
  }
  return feed;
}

std::vector<Tensor> joined(const std::vector<std::vector<Tensor>>& runs) {
  std::vector<Tensor> results;
  for (std::size_t output = 0; !runs.empty() && output < runs.front().size(); ++output) {
    std::vector<Tensor> parts;
    for (const std::vector<Tensor>& run : runs) {
      const Tensor& part = run[output];
      parts.push_back(part.shape().rank() == 0 && runs.size() > 1 ? part.reshaped({1}) : part);
    }
    results.push_back(joined(parts, fmt::format("output {}", output)));
  }
  return results;
}

}  // namespace cli
