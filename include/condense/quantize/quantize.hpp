#ifndef CONDENSE_QUANTIZE_QUANTIZE_HPP
#define CONDENSE_QUANTIZE_QUANTIZE_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "condense/core/error.hpp"
#include "condense/core/packing.hpp"
#include "condense/core/tensor.hpp"
#include "condense/quantize/parameters.hpp"
#include "condense/quantize/quantized_tensor.hpp"
#include "condense/quantize/scheme.hpp"
#include "condense/quantize/slice_ranges.hpp"

namespace condense::quantize {

namespace detail {

/// Calls `body(element, integer, affine)` for every value, encoded. Throws as `quantize` does.
template <Scheme S, class Body>
void encode_each(TensorRef<const float> values, const S& scheme, const QuantizationParameters& parameters,
                 Body&& body) {
  validate(parameters, values.shape());
  require(parameters.type == scheme.type(), "the parameters are for {}, the scheme gives {}", parameters.type.name(),
          scheme.type().name());
  const ScaleLayout layout(values.shape(), parameters.granularity);
  layout.for_each([&, data = values.data()](Index element, Index slice) {
    const float x = data[element];
    require(!std::isnan(x), "element {} of a tensor of shape {} is NaN, which cannot be quantised", element,
            values.shape().to_string());
    const Affine affine = parameters.affine(slice);
    body(element, scheme.encode(x, affine), affine);
  });
}

}  // namespace detail

/// Quantises with given parameters, such as a calibrator's ranges give through `quantization_parameters`. Values
/// outside a range saturate, infinities included. Throws if the parameters do not fit the tensor or the scheme, or a
/// value is NaN, naming its index.
template <Scheme S>
QuantizedTensor quantize(TensorRef<const float> values, const S& scheme, const QuantizationParameters& parameters) {
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(values.count()));
  detail::encode_each(values, scheme, parameters, [&](Index element, std::int32_t integer, const Affine&) {
    codes[static_cast<std::size_t>(element)] = to_code(integer, parameters.type);
  });
  const auto levels = scheme.levels();
  QuantizedTensor result{.shape = values.shape(),
                         .parameters = parameters,
                         .codes = std::vector<std::byte>(packed_bytes(codes.size(), S::kBits)),
                         .levels = {levels.begin(), levels.end()}};
  pack_codes(codes, S::kBits, result.codes);
  return result;
}

/// Quantises each slice over the range of its own values. Throws if the tensor is empty, a value is not finite, or the
/// scheme cannot cover a range (an unsigned symmetric one with negative values).
template <Scheme S>
QuantizedTensor quantize(TensorRef<const float> values, const S& scheme, const Granularity& granularity = {}) {
  return quantize(values, scheme, quantization_parameters(scheme, granularity, slice_ranges(values, granularity)));
}

/// What `dequantize(quantize(...))` gives, bit for bit, without packing in between.
template <Scheme S>
Tensor fake_quantize(TensorRef<const float> values, const S& scheme, const QuantizationParameters& parameters) {
  Tensor result(DataType::float32, values.shape());
  float* output = result.mutable_data<float>();
  detail::encode_each(values, scheme, parameters, [&](Index element, std::int32_t integer, const Affine& affine) {
    output[element] = scheme.decode(integer, affine);
  });
  return result;
}

template <Scheme S>
Tensor fake_quantize(TensorRef<const float> values, const S& scheme, const Granularity& granularity = {}) {
  return fake_quantize(values, scheme, quantization_parameters(scheme, granularity, slice_ranges(values, granularity)));
}

}  // namespace condense::quantize

#endif
