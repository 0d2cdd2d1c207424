#ifndef CONDENSE_GRAPH_OPERATORS_DETECTION_HPP
#define CONDENSE_GRAPH_OPERATORS_DETECTION_HPP

#include <cmath>

#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/grid_sample.hpp"

namespace condense::graph {

/// The boxes that remain for each class when, taken in the order of their scores, each removes those that overlap it
/// too much. ONNX NonMaxSuppression, opset 11 and later.
///
/// Inputs: boxes (images, n, 4), two opposite corners as y, x, y, x; scores (images, classes, n); optional scalars: the
/// most boxes of each class and image (int64, absent for 0), the greatest ratio of intersection to union that is not
/// too much (absent for 0), the score that a box must exceed (absent for none). Output: int64 (m, 3), image, class and
/// box in that order; boxes of one class by descending score, equal ones by index. NaN scores are never taken.
struct NonMaxSuppression {
  static constexpr std::string_view kType = "NonMaxSuppression";

  bool center_point_box = false;  ///< Boxes are centre and size, as x, y, width, height.

  static void attributes(auto& op, auto&& visit) { visit("center_point_box", op.center_point_box); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 5);
    for (const std::size_t i : {0U, 1U, 3U, 4U}) {
      require(!inputs.has(i) || inputs.type(i) == DataType::float32, "its input {} is float32, this one is {}", i,
              inputs.has(i) ? name(inputs.type(i)) : "absent");
    }
    reference::require_integers(inputs, 2);
    for (std::size_t i = 2; i < 5; ++i) reference::require_one_element(inputs, i);
    inputs.require_rank(0, 3);
    inputs.require_rank(1, 3);
    const Shape& boxes = inputs.shape(0);
    const Shape& scores = inputs.shape(1);
    require(boxes[2] == 4 && scores[0] == boxes[0] && scores[2] == boxes[1],
            "its inputs 0 and 1, the boxes (images x n x 4) and scores (images x classes x n), have shapes {} and {}",
            boxes.to_string(), scores.to_string());
    return {{DataType::int64, Shape{kDynamic, 3}}};
  }

  template <class = void>
  std::vector<Tensor> compute(std::span<const Tensor* const> inputs, const ThreadPool& pool) const {
    const Shape& shape = inputs[1]->shape();
    const Index boxes = shape[2];
    const auto has = [&](std::size_t i) { return i < inputs.size() && inputs[i] != nullptr; };
    const Index most = has(2) ? reference::integers(*inputs[2]).front() : 0;
    const float overlap = has(3) ? *inputs[3]->data<float>() : 0;
    const std::optional<float> score = has(4) ? *inputs[4]->data<float>() : std::optional<float>();
    require(overlap >= 0 && overlap <= 1, "its input 3, the ratio of intersection to union, is {}, outside [0, 1]",
            overlap);
    if (boxes == 0) return {Tensor(DataType::int64, {0, 3})};  // there may be any number of images and classes
    std::vector<std::vector<Index>> kept(static_cast<std::size_t>(shape[0] * shape[1]));
    parallel_for(pool, shape[0] * shape[1], [&](Index i) {
      const std::vector<Box> corners = boxes_of(inputs[0]->data<float>() + i / shape[1] * boxes * 4, boxes);
      kept[static_cast<std::size_t>(i)] = suppress(corners, inputs[1]->data<float>() + i * boxes, most, overlap, score);
    });
    std::vector<std::int64_t> rows;
    for (std::size_t i = 0; i < kept.size(); ++i) {
      for (const Index box : kept[i]) {
        rows.insert(rows.end(), {static_cast<Index>(i) / shape[1], static_cast<Index>(i) % shape[1], box});
      }
    }
    return {Tensor::of<std::int64_t>({static_cast<Index>(rows.size() / 3), 3}, rows)};
  }

  friend bool operator==(const NonMaxSuppression&, const NonMaxSuppression&) = default;

 private:
  /// A rectangle with its sides parallel to the axes.
  struct Box {
    float top = 0;
    float left = 0;
    float bottom = 0;
    float right = 0;

    float area() const noexcept { return (bottom - top) * (right - left); }
  };

  std::vector<Box> boxes_of(const float* values, Index count) const {
    std::vector<Box> boxes;
    for (Index i = 0; i < count; ++i, values += 4) {
      if (center_point_box) {
        const float half_width = std::abs(values[2]) / 2;
        const float half_height = std::abs(values[3]) / 2;
        boxes.push_back(
            {values[1] - half_height, values[0] - half_width, values[1] + half_height, values[0] + half_width});
      } else {
        boxes.push_back({std::min(values[0], values[2]), std::min(values[1], values[3]), std::max(values[0], values[2]),
                         std::max(values[1], values[3])});
      }
    }
    return boxes;
  }

  /// Whether the intersection of two boxes is more than `ratio` of their union.
  static bool overlaps(const Box& a, const Box& b, float ratio) noexcept {
    const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
    const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
    if (!(height > 0 && width > 0)) return false;
    const float intersection = height * width;
    return intersection > ratio * (a.area() + b.area() - intersection);
  }

  static std::vector<Index> suppress(const std::vector<Box>& boxes, const float* scores, Index most, float overlap,
                                     std::optional<float> score) {
    std::vector<Index> candidates;
    for (Index i = 0; i < static_cast<Index>(boxes.size()); ++i) {
      if (score ? scores[i] > *score : !std::isnan(scores[i])) candidates.push_back(i);
    }
    std::ranges::stable_sort(candidates, [&](Index a, Index b) { return scores[a] > scores[b]; });
    std::vector<Index> kept;
    for (const Index candidate : candidates) {
      if (static_cast<Index>(kept.size()) >= most) break;
      const Box& box = boxes[static_cast<std::size_t>(candidate)];
      if (std::ranges::none_of(
              kept, [&](Index other) { return overlaps(boxes[static_cast<std::size_t>(other)], box, overlap); })) {
        kept.push_back(candidate);
      }
    }
    return kept;
  }
};

/// What becomes of the samples in a bin: their mean or their maximum.
enum class RoiAlignMode { avg, max };

/// Where the centre of the first pixel is: at 0.5, so that coordinates are shifted by half a pixel, or at 0.
enum class RoiCoordinates { half_pixel, output_half_pixel };

}  // namespace condense::graph

template <>
inline constexpr std::pair<condense::graph::RoiAlignMode, std::string_view>
    condense::enum_names<condense::graph::RoiAlignMode>[] = {{graph::RoiAlignMode::avg, "avg"},
                                                             {graph::RoiAlignMode::max, "max"}};

template <>
inline constexpr std::pair<condense::graph::RoiCoordinates, std::string_view>
    condense::enum_names<condense::graph::RoiCoordinates>[] = {
        {graph::RoiCoordinates::half_pixel, "half_pixel"},
        {graph::RoiCoordinates::output_half_pixel, "output_half_pixel"}};

namespace condense::graph {

/// Regions of images in bins, each the mean or maximum of samples at regular positions. ONNX RoiAlign, opset 16 (He,
/// Gkioxari, Dollar and Girshick, "Mask R-CNN", ICCV 2017, section 3).
///
/// Inputs: images (n, c, height, width); regions (r, 4) as x, y, x, y; for each its image (r), int64. Output (r, c,
/// output_height, output_width). A sample is interpolated bilinearly; one that is more than a pixel outside the image
/// is 0. The maximum is, as in ONNX's own cases, that of the four weighted pixels of each sample, and not of their sum.
struct RoiAlign {
  static constexpr std::string_view kType = "RoiAlign";
  static constexpr bool kTakesAnyTime = true;

  RoiCoordinates coordinate_transformation_mode = RoiCoordinates::half_pixel;
  RoiAlignMode mode = RoiAlignMode::avg;
  Index output_height = 1;
  Index output_width = 1;
  Index sampling_ratio = 0;  ///< Samples of a bin along each axis; 0 for one for each pixel that it covers.
  float spatial_scale = 1;   ///< Pixels of the images to a unit of the regions.

  static void attributes(auto& op, auto&& visit) {
    visit("coordinate_transformation_mode", op.coordinate_transformation_mode);
    visit("mode", op.mode);
    visit("output_height", op.output_height);
    visit("output_width", op.output_width);
    visit("sampling_ratio", op.sampling_ratio);
    visit("spatial_scale", op.spatial_scale);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(3, 3);
    inputs.require_float(0);
    inputs.require_same_type(1);
    inputs.require_rank(0, 4);
    inputs.require_rank(1, 2);
    reference::require_integer_vector(inputs, 2);
    const Shape& images = inputs.shape(0);
    const Shape& regions = inputs.shape(1);
    require(regions[1] == 4 && inputs.shape(2)[0] == regions[0],
            "its inputs 1 and 2, regions (r x 4) and their images (r), have shapes {} and {}", regions.to_string(),
            inputs.shape(2).to_string());
    require(output_height >= 1 && output_width >= 1, "its result is {} x {}, the least is 1 x 1", output_height,
            output_width);
    require(sampling_ratio >= 0 && sampling_ratio <= kMostSamples,
            "its attribute sampling_ratio is {}, outside [0, {}]", sampling_ratio, kMostSamples);
    require(images[2] > 0 && images[3] > 0, "its input 0 of shape {} has no pixels", images.to_string());
    return {{inputs.type(0), Shape{regions[0], images[1], output_height, output_width}}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& images = e.input().shape();
    const std::vector<Index> image_of = reference::positions(e.input(2), 2, images[0]);
    with_float_type(e.input().type.type, [&]<class T>() {
      parallel_for(e.pool, static_cast<Index>(image_of.size()), [&](Index i) {
        const T* region = e.input(1).as<T>() + 4 * i;
        const Bins height = bins(i, region[1], region[3], output_height);
        const Bins width = bins(i, region[0], region[2], output_width);
        const Index plane = images[2] * images[3];
        const T* image = e.input().as<T>() + image_of[static_cast<std::size_t>(i)] * images[1] * plane;
        T* results = e.output().as<T>() + i * images[1] * output_height * output_width;
        std::vector<Sample> rows;
        std::vector<Sample> columns;
        for (Index bin = 0; bin < output_height * output_width; ++bin) {
          if (bin % output_width == 0) set_samples(rows, height, bin / output_width, images[2]);
          set_samples(columns, width, bin % output_width, images[3]);
          for (Index c = 0; c < images[1]; ++c) {
            results[c * output_height * output_width + bin] = pool_bin(image + c * plane, images[3], rows, columns);
          }
        }
      });
    });
  }

  friend bool operator==(const RoiAlign&, const RoiAlign&) = default;

 private:
  static constexpr Index kMostSamples = 65536;

  /// A position between two pixels of an axis.
  struct Sample {
    Index low = 0;
    Index high = 0;
    double high_weight = 0;
    bool is_outside = false;
  };

  /// The bins of a region along an axis.
  struct Bins {
    double first = 0;   ///< Where the first one begins.
    double length = 0;  ///< Of each.
    Index samples = 0;  ///< In each.
  };

  template <class T>
  Bins bins(Index region, T begin, T end, Index count) const {
    const bool shifts = coordinate_transformation_mode == RoiCoordinates::half_pixel;
    const double first = static_cast<double>(begin) * static_cast<double>(spatial_scale) - (shifts ? 0.5 : 0.0);
    double length = static_cast<double>(end - begin) * static_cast<double>(spatial_scale);
    if (!shifts) length = std::max(length, 1.0);
    length /= static_cast<double>(count);
    require(std::isfinite(first) && length <= static_cast<double>(kMostSamples),
            "its input 1 has the region {} from {} to {}, too large for {} bins", region, begin, end, count);
    return {first, length, sampling_ratio > 0 ? sampling_ratio : static_cast<Index>(std::ceil(std::max(length, 0.0)))};
  }

  /// The samples of one of the bins along an axis of that extent.
  static void set_samples(std::vector<Sample>& samples, const Bins& bins, Index bin, Index extent) {
    samples.clear();
    for (Index k = 0; k < bins.samples; ++k) {
      const double within = (static_cast<double>(k) + 0.5) / static_cast<double>(bins.samples);
      samples.push_back(sample(bins.first + bins.length * (static_cast<double>(bin) + within), extent));
    }
  }

  static Sample sample(double position, Index extent) noexcept {
    if (!(position >= -1 && position <= static_cast<double>(extent))) return {.is_outside = true};
    position = std::clamp(position, 0.0, static_cast<double>(extent - 1));
    const auto low = static_cast<Index>(position);
    return {.low = low, .high = std::min(low + 1, extent - 1), .high_weight = position - static_cast<double>(low)};
  }

  template <class T>
  T pool_bin(const T* image, Index width, const std::vector<Sample>& rows, const std::vector<Sample>& columns) const {
    T result = 0;
    bool is_first = true;
    for (const Sample& row : rows) {
      for (const Sample& column : columns) {
        std::array<T, 4> weighted{};
        if (!row.is_outside && !column.is_outside) {
          const auto y = static_cast<T>(row.high_weight);
          const auto x = static_cast<T>(column.high_weight);
          weighted = {(1 - y) * (1 - x) * image[row.low * width + column.low],
                      (1 - y) * x * image[row.low * width + column.high],
                      y * (1 - x) * image[row.high * width + column.low],
                      y * x * image[row.high * width + column.high]};
        }
        if (mode == RoiAlignMode::avg) {
          result += weighted[0] + weighted[1] + weighted[2] + weighted[3];
        } else {
          const T highest = *std::ranges::max_element(weighted);
          result = is_first ? highest : std::max(result, highest);
        }
        is_first = false;
      }
    }
    const std::size_t count = std::max<std::size_t>(1, rows.size() * columns.size());
    return mode == RoiAlignMode::avg ? result / static_cast<T>(count) : result;
  }
};

/// Images at the positions of a grid. ONNX GridSample, opset 20; with 2 spatial axes as opset 16 has it (Jaderberg,
/// Simonyan, Zisserman and Kavukcuoglu, "Spatial transformer networks", NeurIPS 2015, section 3.3).
///
/// Inputs: images (n, c, d1, ..., dr), floats; the grid (n, o1, ..., or, r), positions in [-1, 1] along the last axis,
/// the one along dr first. Output (n, c, o1, ..., or). Halves of a position between two pixels go to the even one with
/// nearest; the cubic has the parameter -0.75.
struct GridSample {
  static constexpr std::string_view kType = "GridSample";

  bool align_corners = false;  ///< -1 and 1 are the centres of the outermost pixels, otherwise their outer edges.
  GridMode mode = GridMode::linear;
  GridPadding padding_mode = GridPadding::zeros;

  static void attributes(auto& op, auto&& visit) {
    visit("align_corners", op.align_corners);
    visit("mode", op.mode);
    visit("padding_mode", op.padding_mode);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    inputs.require_float(0);
    inputs.require_float(1);
    const Shape& images = inputs.shape(0);
    const Shape& grid = inputs.shape(1);
    require(images.rank() >= 3 && grid.rank() == images.rank() && grid[0] == images[0] &&
                grid[grid.rank() - 1] == images.rank() - 2,
            "its inputs 0 and 1, images (n x c x d1 ... dr) and grid (n x o1 ... or x r), have shapes {} and {}",
            images.to_string(), grid.to_string());
    require(images.count(2, images.rank()) > 0, "its input 0 of shape {} has no pixels", images.to_string());
    const auto places = grid.extents().subspan(1, grid.extents().size() - 2);
    return {{inputs.type(0), reference::joined({images.extents().first(2), places})}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& images = e.input(0).shape();
    const auto axes = static_cast<std::size_t>(images.rank() - 2);
    const auto strides = reference::strides_of(images);
    const Index plane = images.count(2, images.rank());
    const Index places = e.output().shape().count(2, images.rank());
    const Index channels = images[1];
    const reference::GridSampling how{.mode = mode, .padding = padding_mode, .align_corners = align_corners};
    with_float_type(e.input(1).type.type, [&]<class Position>() {
      with_float_type(e.input(0).type.type, [&]<class T>() {
        const Index grain = std::max<Index>(1, reference::kElementwiseGrain / std::max<Index>(1, channels));
        parallel_for(e.pool, images[0] * places, grain, [&](Index begin, Index end) {
          std::array<reference::GridTaps, kMaximumRank> taps;
          for (Index i = begin; i < end; ++i) {
            const Position* position = e.input(1).as<Position>() + i * static_cast<Index>(axes);
            for (std::size_t axis = 0; axis < axes; ++axis) {
              taps[axis] = reference::grid_taps(how, images[static_cast<int>(axis) + 2],
                                                static_cast<double>(position[axes - 1 - axis]));
            }
            for (Index c = 0; c < channels; ++c) {
              const Index channel = i / places * channels + c;
              e.output().as<T>()[channel * places + i % places] = reference::sample_taps<T>(
                  {taps.data(), axes}, {strides.data() + 2, axes}, e.input(0).as<T>() + channel * plane);
            }
          }
        });
      });
    });
  }

  friend bool operator==(const GridSample&, const GridSample&) = default;
};

using DetectionOperators = OperatorList<GridSample, NonMaxSuppression, RoiAlign>;

}  // namespace condense::graph

#endif
