#ifndef CONDENSE_BENCHMARKS_SUPPORT_PRODUCT_DATA_HPP
#define CONDENSE_BENCHMARKS_SUPPORT_PRODUCT_DATA_HPP

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "../peers/product_peer.hpp"
#include "condense/core/random.hpp"
#include "condense/core/rounding.hpp"

namespace condense::benchmarks {

/// How codes are chosen. Among extreme ones there are whole rows and columns of the largest, so that intermediates
/// which saturate show.
enum class Fill { random, extreme };

/// The memory of a product.
class ProductData {
 public:
  ProductData(Work work, Index m, Index n, Index k, Fill fill) {
    product_.work = work;
    product_.m = m;
    product_.n = n;
    product_.k = k;
    Random random(1);
    if (work == Work::floats) {
      fill_floats(random);
      product_.input = float_input_.data();
      product_.weights = float_weights_.data();
    } else {
      fill_codes(random, fill);
      if (product_.has_float_rows()) fill_floats(random);
      product_.input = product_.has_float_rows() ? static_cast<const void*>(float_input_.data()) : input_.data();
      product_.weights = weights_.data();
    }
    // Sums of extreme codes reach 255 * 127 * k, so that the codes of most columns do not saturate.
    for (Index i = 0; i < (work == Work::int4_groups ? n * k / kGroupSize : n); ++i) {
      multipliers_.push_back((1 + static_cast<float>(i % 7) / 8) / (127 * static_cast<float>(k)));
    }
    product_.multipliers = multipliers_.data();
    output_.resize(static_cast<std::size_t>(m * n));
    product_.output = output_.data();
  }
  ProductData(const ProductData&) = delete;
  ProductData& operator=(const ProductData&) = delete;

  const Product& product() const noexcept { return product_; }

  /// Overwrites the output, so that nobody is taken for right by what another has left there.
  void clear_output() noexcept { std::fill(output_.begin(), output_.end(), -1); }

  /// Whether the integers of the output are exactly those of the definition, in the first rows of it; about 2^24
  /// multiply-adds are spent.
  bool is_exact() const noexcept {
    const auto* codes = reinterpret_cast<const std::uint8_t*>(output_.data());
    const Index rows = std::clamp<Index>((Index{1} << 24) / (product_.n * product_.k), 1, product_.m);
    for (Index row = 0; row < rows; ++row) {
      for (Index column = 0; column < product_.n; ++column) {
        const Index i = row * product_.n + column;
        const std::int64_t sum = exact_sum(row, column);
        if (product_.work == Work::requantized) {
          const float value = static_cast<float>(sum) * multipliers_[static_cast<std::size_t>(column)];
          if (codes[i] != round_to_code(value, 0, 0, 255)) return false;
        } else if (output_[static_cast<std::size_t>(i)] != sum) {
          return false;
        }
      }
    }
    return true;
  }

 private:
  void fill_floats(Random& random) {
    float_input_.resize(static_cast<std::size_t>(product_.m * product_.k));
    float_weights_.resize(static_cast<std::size_t>(product_.n * product_.k));
    for (auto* values : {&float_input_, &float_weights_}) {
      for (float& value : *values) value = random.uniform(-1, 1);
    }
  }

  void fill_codes(Random& random, Fill fill) {
    input_.resize(static_cast<std::size_t>(product_.m * product_.k));
    weights_.resize(static_cast<std::size_t>(product_.n * product_.k));
    const bool is_signed = product_.work == Work::signed_sums;
    const int largest = product_.work == Work::int4_groups ? 7 : 127;
    fill_matrix(random, fill, is_signed ? -128 : 0, is_signed ? 127 : 255, input_);
    if (fill == Fill::extreme) return fill_matrix(random, fill, -largest, largest, weights_);
    fill_weights(random, static_cast<float>(largest));
  }

  /// As those of a trained layer: normally distributed, the largest of a column at the end of the codes.
  void fill_weights(Random& random, float largest) {
    std::vector<float> column(static_cast<std::size_t>(product_.k));
    for (Index n = 0; n < product_.n; ++n) {
      float most = 0;
      for (float& weight : column) {
        weight = static_cast<float>(random.normal());
        most = std::max(most, std::abs(weight));
      }
      for (std::size_t k = 0; k < column.size(); ++k) {
        weights_[static_cast<std::size_t>(n * product_.k) + k] =
            static_cast<std::int8_t>(std::nearbyint(column[k] * (largest / most)));
      }
    }
  }

  /// Of extreme codes every third row has the highest only.
  template <class Code>
  void fill_matrix(Random& random, Fill fill, int lowest, int highest, std::vector<Code>& matrix) const {
    for (std::size_t i = 0; i < matrix.size(); ++i) {
      const bool whole = i / static_cast<std::size_t>(product_.k) % 3 == 0;
      const std::uint32_t choice = random.below(static_cast<std::uint32_t>(highest - lowest + 1));
      int code = lowest + static_cast<int>(choice);
      if (fill == Fill::extreme) code = whole || choice % 2 == 0 ? highest : lowest;
      matrix[i] = static_cast<Code>(code);
    }
  }

  std::int64_t exact_sum(Index row, Index column) const noexcept {
    const std::uint8_t* a = input_.data() + row * product_.k;
    const std::int8_t* w = weights_.data() + column * product_.k;
    const bool is_signed = product_.work == Work::signed_sums;
    std::int64_t sum = 0;
    for (Index k = 0; k < product_.k; ++k) {
      sum += std::int64_t{is_signed ? static_cast<std::int8_t>(a[k]) : int{a[k]}} * w[k];
    }
    return sum;
  }

  Product product_;
  std::vector<std::uint8_t> input_;
  std::vector<std::int8_t> weights_;
  std::vector<float> float_input_;
  std::vector<float> float_weights_;
  std::vector<float> multipliers_;
  std::vector<std::int32_t> output_;  ///< Also the bytes of codes and floats.
};

}  // namespace condense::benchmarks

#endif
