#ifndef CONDENSE_QUANTIZE_QUANTIZED_TENSOR_HPP
#define CONDENSE_QUANTIZE_QUANTIZED_TENSOR_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "condense/core/error.hpp"
#include "condense/core/packing.hpp"
#include "condense/core/tensor.hpp"
#include "condense/quantize/codebook.hpp"
#include "condense/quantize/parameters.hpp"

namespace condense::quantize {

/// The bits that store an integer of a type: two's complement, or 0 and 1 for the binary -1 and 1.
constexpr std::uint8_t to_code(std::int32_t integer, const IntegerType& type) noexcept {
  if (type.is_binary()) return integer > 0 ? 1 : 0;
  return static_cast<std::uint8_t>(static_cast<std::uint32_t>(integer) & ((1U << type.bits) - 1));
}

/// The inverse of `to_code`.
constexpr std::int32_t from_code(std::uint8_t code, const IntegerType& type) noexcept {
  if (type.is_binary()) return code != 0 ? 1 : -1;
  return type.is_signed ? sign_extend(code, type.bits) : code;
}

/// A tensor of packed integers and how they stand for reals.
struct QuantizedTensor {
  Shape shape;
  QuantizationParameters parameters;
  std::vector<std::byte> codes;  ///< `parameters.type.bits` bits each, row-major, packed as by `pack_codes`.
  std::vector<float> levels;     ///< Codebook: the integers are indices into it. Empty if they are uniform.

  Index count() const { return shape.count(); }

  /// The integer of an element, row-major: q, or an index into the levels.
  std::int32_t integer(Index element) const noexcept {
    const int bits = parameters.type.bits;
    return from_code(packed_code(codes.data(), static_cast<std::size_t>(element), bits), parameters.type);
  }

  /// Bytes of everything that is needed to decode the tensor except its shape: codes, scales, zero points, and four for
  /// each level of a codebook.
  std::size_t bytes() const noexcept { return codes.size() + parameters.bytes() + levels.size() * sizeof(float); }

  friend bool operator==(const QuantizedTensor&, const QuantizedTensor&) = default;
};

/// Throws unless codes, parameters and levels fit each other and the shape, and every integer is one of the type.
inline void validate(const QuantizedTensor& tensor) {
  const QuantizationParameters& parameters = tensor.parameters;
  validate(parameters, tensor.shape);
  const std::size_t needed = packed_bytes(static_cast<std::size_t>(tensor.count()), parameters.type.bits);
  require(tensor.codes.size() == needed, "{} codes of {} bits need {} bytes, {} are given", tensor.count(),
          parameters.type.bits, needed, tensor.codes.size());
  std::int32_t lowest = parameters.type.lowest();
  std::int32_t highest = parameters.type.highest();
  if (!tensor.levels.empty()) {
    require(!parameters.type.is_signed && parameters.zero_points.empty(),
            "indices into a codebook are unsigned and have no zero points, the type is {} with {} zero points",
            parameters.type.name(), parameters.zero_points.size());
    const Codebook codebook(tensor.levels);  // throws unless the levels ascend
    highest = std::min(highest, static_cast<std::int32_t>(codebook.levels().size()) - 1);
  }
  for (Index i = 0; i < tensor.count(); ++i) {
    const std::int32_t integer = tensor.integer(i);
    require(integer >= lowest && integer <= highest, "element {} is {}, outside [{}, {}]", i, integer, lowest, highest);
  }
}

/// The reals (float32, the tensor's shape) that the integers stand for. Throws unless the tensor is valid.
inline Tensor dequantize(const QuantizedTensor& tensor) {
  validate(tensor);
  Tensor result(DataType::float32, tensor.shape);
  const ScaleLayout layout(tensor.shape, tensor.parameters.granularity);
  layout.for_each([&, output = result.mutable_data<float>()](Index element, Index slice) {
    const Affine affine = tensor.parameters.affine(slice);
    const std::int32_t integer = tensor.integer(element);
    output[element] = tensor.levels.empty() ? dequantize_value(integer, affine)
                                            : tensor.levels[static_cast<std::size_t>(integer)] * affine.scale;
  });
  return result;
}

namespace detail {

/// `value(integer)` of every element as a tensor of a quantised type.
template <class Value>
Tensor packed_tensor(const QuantizedTensor& tensor, DataType type, Value&& value) {
  std::vector<std::uint8_t> values(static_cast<std::size_t>(tensor.count()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<std::uint8_t>(value(tensor.integer(static_cast<Index>(i))));
  }
  Tensor result(type, tensor.shape);
  pack_codes(values, bits(type), {result.mutable_raw(), result.bytes()});
  return result;
}

}  // namespace detail

/// The integers as a tensor of the smallest `DataType` that holds them (`IntegerType::storage`), as a graph keeps them
/// and kernels take them: x = (q - zero_point) * scale holds for the result. Of a codebook these are its levels as
/// int8; throws `Unsupported` where they are not such integers (see `integer_levels`).
inline Tensor integers(const QuantizedTensor& tensor) {
  validate(tensor);
  const std::optional<std::vector<std::int8_t>> levels = integer_levels(tensor.levels);
  if (!levels) {
    throw Unsupported(fmt::format("a codebook of {} levels up to {} is not one of int8; dequantise the tensor instead",
                                  tensor.levels.size(), tensor.levels.back()));
  }
  if (levels->empty()) {
    return detail::packed_tensor(tensor, tensor.parameters.type.storage(),
                                 [](std::int32_t integer) { return integer; });
  }
  return detail::packed_tensor(tensor, DataType::int8,
                               [&levels](std::int32_t index) { return (*levels)[static_cast<std::size_t>(index)]; });
}

/// The indices into a codebook as a tensor of the smallest `DataType` that holds them, as a graph keeps them beside the
/// levels: x = levels[index] * scale. Throws unless the tensor is valid and has a codebook; see `integers` for others.
inline Tensor indices(const QuantizedTensor& tensor) {
  validate(tensor);
  require(!tensor.levels.empty(), "a tensor of uniform {} has no codebook to index; ask for its integers instead",
          tensor.parameters.type.name());
  return detail::packed_tensor(tensor, tensor.parameters.type.storage(), [](std::int32_t index) { return index; });
}

/// The quantised tensor of integers as `integers` gives them for a uniform scheme. Throws unless the parameters fit,
/// the tensor has the storage type of theirs, and every integer is within the type.
inline QuantizedTensor quantized_tensor(const Tensor& integers, const QuantizationParameters& parameters) {
  validate(parameters, integers.shape());
  const IntegerType& type = parameters.type;
  require(integers.type() == type.storage(), "integers of type {} are held as {}, the tensor holds {}", type.name(),
          name(type.storage()), name(integers.type()));
  const IntegerType held = integer_type(integers.type());
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(integers.count()));
  unpack_codes({integers.raw(), integers.bytes()}, held.bits, codes);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const std::int32_t integer = from_code(codes[i], held);
    require(integer >= type.lowest() && integer <= type.highest() && !(type.is_binary() && integer == 0),
            "element {} is {}, which {} does not hold", i, integer, type.name());
    codes[i] = to_code(integer, type);
  }
  QuantizedTensor result{.shape = integers.shape(), .parameters = parameters, .codes = {}, .levels = {}};
  result.codes.resize(packed_bytes(codes.size(), type.bits));
  pack_codes(codes, type.bits, result.codes);
  return result;
}

/// The scales as a float32 tensor, of the shape that ONNX gives them: () per tensor, (channels) per channel, and the
/// tensor's own with the axis divided per group.
inline Tensor scale_tensor(const QuantizationParameters& parameters, const Shape& shape) {
  validate(parameters, shape);
  return Tensor::of<float>(ScaleLayout(shape, parameters.granularity).scale_shape(), parameters.scales);
}

/// The zero points as a tensor of the integers' storage type, shaped as the scales; zeros where there are none.
inline Tensor zero_point_tensor(const QuantizationParameters& parameters, const Shape& shape) {
  validate(parameters, shape);
  Tensor result(parameters.type.storage(), ScaleLayout(shape, parameters.granularity).scale_shape());
  std::vector<std::uint8_t> codes(parameters.scales.size());
  for (std::size_t i = 0; i < parameters.zero_points.size(); ++i) {
    codes[i] = static_cast<std::uint8_t>(parameters.zero_points[i]);
  }
  pack_codes(codes, bits(result.type()), {result.mutable_raw(), result.bytes()});
  return result;
}

}  // namespace condense::quantize

#endif
