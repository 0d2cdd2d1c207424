#ifndef CONDENSE_CORE_TENSOR_HPP
#define CONDENSE_CORE_TENSOR_HPP

#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <unsupported/Eigen/CXX11/Tensor>
#include <utility>

#include "condense/core/data_type.hpp"
#include "condense/core/error.hpp"
#include "condense/core/shape.hpp"

namespace condense {

namespace detail {

template <class T, class Result>
using CopyConst = std::conditional_t<std::is_const_v<T>, const Result, Result>;

}  // namespace detail

/// Row-major Eigen view of a tensor whose rank is known. `T` may be const.
template <class T, int Rank>
using TensorView =
    Eigen::TensorMap<detail::CopyConst<T, Eigen::Tensor<std::remove_const_t<T>, Rank, Eigen::RowMajor, Index>>>;

/// Row-major Eigen view of a matrix. `T` may be const.
template <class T>
using MatrixView = Eigen::Map<
    detail::CopyConst<T, Eigen::Matrix<std::remove_const_t<T>, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>>;

/// A dense tensor: data type, shape, and a buffer aligned to `kAlignment` bytes.
///
/// A value type. Copies share the buffer until one of them is written to (the `mutable_*` functions), which then takes
/// a copy of its own; `reshaped` shares it too. Reading from several threads is safe, writing is not.
class Tensor {
 public:
  static constexpr std::size_t kAlignment = 64;

  /// An empty float32 tensor of shape (0).
  Tensor() : Tensor(DataType::float32, Shape{0}) {}

  /// A tensor of zeros. The shape is concrete.
  Tensor(DataType type, const Shape& shape)
      : type_(type), shape_(shape), buffer_(allocate(condense::bytes(type, shape.count()))) {
    std::memset(buffer_.get(), 0, bytes());
  }

  /// A tensor of `values`, row-major. Throws unless there are as many as the shape asks for.
  template <Element T>
  static Tensor of(const Shape& shape, std::span<const T> values) {
    require(static_cast<Index>(values.size()) == shape.count(), "the shape {} holds {} values, {} are given",
            shape.to_string(), shape.count(), values.size());
    Tensor tensor(data_type_of<T>, shape);
    std::copy(values.begin(), values.end(), tensor.mutable_data<T>());
    return tensor;
  }
  template <Element T>
  static Tensor of(const Shape& shape, std::initializer_list<T> values) {
    return of<T>(shape, std::span<const T>(values.begin(), values.size()));
  }

  /// A copy of an Eigen expression or tensor, row-major.
  template <Element T, int Rank, int Layout, class IndexType>
  static Tensor of(const Eigen::Tensor<T, Rank, Layout, IndexType>& source) {
    static_assert(Layout == Eigen::RowMajor, "condense tensors are row-major: use Eigen::Tensor<T, Rank, RowMajor>");
    std::array<Index, static_cast<std::size_t>(Rank)> extents;
    for (std::size_t i = 0; i < extents.size(); ++i) extents[i] = static_cast<Index>(source.dimensions()[i]);
    return of<T>(Shape(std::span<const Index>(extents)),
                 std::span<const T>(source.data(), static_cast<std::size_t>(source.size())));
  }

  /// A tensor on memory from elsewhere, such as a pool, whose content becomes its elements. The buffer is aligned to
  /// `kAlignment` and at least as large as the type and the shape ask for; it is released with its last tensor.
  static Tensor on(std::shared_ptr<std::byte[]> buffer, DataType type, const Shape& shape) {
    require(buffer != nullptr, "a tensor of shape {} needs memory, the buffer is null", shape.to_string());
    return Tensor(std::move(buffer), type, shape);
  }

  /// A tensor of rank 0.
  template <Element T>
  static Tensor scalar(T value) {
    return of<T>(Shape{}, {value});
  }

  DataType type() const noexcept { return type_; }
  const Shape& shape() const noexcept { return shape_; }
  Index count() const { return shape_.count(); }
  std::size_t bytes() const { return condense::bytes(type_, count()); }

  const std::byte* raw() const noexcept { return buffer_.get(); }
  std::byte* mutable_raw() {
    detach();
    return buffer_.get();
  }

  /// The elements, row-major. Throws unless `T` is the tensor's type (packed types are read through `raw`).
  template <Element T>
  const T* data() const {
    check_type<T>();
    return reinterpret_cast<const T*>(buffer_.get());
  }
  template <Element T>
  T* mutable_data() {
    check_type<T>();
    detach();
    return reinterpret_cast<T*>(buffer_.get());
  }

  template <Element T>
  std::span<const T> values() const {
    return {data<T>(), static_cast<std::size_t>(count())};
  }
  template <Element T>
  std::span<T> mutable_values() {
    return {mutable_data<T>(), static_cast<std::size_t>(count())};
  }

  /// Eigen view of a known rank. Throws unless the rank and the type are the tensor's.
  template <Element T, int Rank>
  TensorView<const T, Rank> view() const {
    return TensorView<const T, Rank>(data<T>(), dimensions<Rank>());
  }
  template <Element T, int Rank>
  TensorView<T, Rank> mutable_view() {
    return TensorView<T, Rank>(mutable_data<T>(), dimensions<Rank>());
  }

  /// Matrix view: the first `row_axes` axes become the rows, the others the columns.
  template <Element T>
  MatrixView<const T> matrix(int row_axes = 1) const {
    const auto [rows, columns] = matrix_extents(row_axes);
    return MatrixView<const T>(data<T>(), rows, columns);
  }
  template <Element T>
  MatrixView<T> mutable_matrix(int row_axes = 1) {
    const auto [rows, columns] = matrix_extents(row_axes);
    return MatrixView<T>(mutable_data<T>(), rows, columns);
  }

  /// The same elements under another shape of the same count; shares the buffer.
  Tensor reshaped(const Shape& shape) const {
    require(shape.count() == count(), "a tensor of shape {} cannot be reshaped to {}: the counts differ",
            shape_.to_string(), shape.to_string());
    Tensor result = *this;
    result.shape_ = shape;
    return result;
  }

  /// True if type, shape and every byte agree.
  friend bool operator==(const Tensor& a, const Tensor& b) {
    return a.type_ == b.type_ && a.shape_ == b.shape_ && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
  }

 private:
  Tensor(std::shared_ptr<std::byte[]> buffer, DataType type, const Shape& shape)
      : type_(type), shape_(shape), buffer_(std::move(buffer)) {}

  static std::shared_ptr<std::byte[]> allocate(std::size_t size) {
    return {static_cast<std::byte*>(::operator new[](size > 0 ? size : 1, std::align_val_t{kAlignment})),
            [](std::byte* memory) { ::operator delete[](memory, std::align_val_t{kAlignment}); }};
  }

  void detach() {
    if (buffer_.use_count() == 1) return;
    std::shared_ptr<std::byte[]> copy = allocate(bytes());
    std::memcpy(copy.get(), buffer_.get(), bytes());
    buffer_ = std::move(copy);
  }

  template <Element T>
  void check_type() const {
    require(type_ == data_type_of<T>, "the tensor holds {}, it was asked for as {}", name(type_),
            name(data_type_of<T>));
  }

  template <int Rank>
  std::array<Index, static_cast<std::size_t>(Rank)> dimensions() const {
    require(shape_.rank() == Rank, "the tensor has shape {}, it was asked for with rank {}", shape_.to_string(), Rank);
    std::array<Index, static_cast<std::size_t>(Rank)> extents;
    std::copy(shape_.begin(), shape_.end(), extents.begin());
    return extents;
  }

  std::pair<Index, Index> matrix_extents(int row_axes) const {
    require(row_axes >= 0 && row_axes <= shape_.rank(), "a tensor of shape {} has no first {} axes", shape_.to_string(),
            row_axes);
    return {shape_.count(0, row_axes), shape_.count(row_axes, shape_.rank())};
  }

  DataType type_;
  Shape shape_;
  std::shared_ptr<std::byte[]> buffer_;
};

/// A view of a row-major tensor of any rank: what the primitives take. `T` is an element type, const for reading.
///
/// Converts from `Tensor`, from row-major `Eigen::Tensor` and `Eigen::TensorMap` of any rank, from row-major Eigen
/// matrices and from vectors, so that a primitive is compiled once and not once per rank. It does not own the data.
template <class T>
class TensorRef {
 public:
  using Value = std::remove_const_t<T>;

  TensorRef(T* data, const Shape& shape) : data_(data), shape_(shape) {}

  /// Shape (n).
  TensorRef(std::span<T> values) : data_(values.data()), shape_{static_cast<Index>(values.size())} {}

  TensorRef(const Tensor& tensor)
    requires std::is_const_v<T>
      : data_(tensor.data<Value>()), shape_(tensor.shape()) {}
  TensorRef(Tensor& tensor)
    requires(!std::is_const_v<T>)
      : data_(tensor.mutable_data<Value>()), shape_(tensor.shape()) {}

  /// Eigen::Tensor and Eigen::TensorMap.
  template <class Derived>
    requires requires(const std::remove_cvref_t<Derived>& tensor) {
      tensor.dimensions();
      std::remove_cvref_t<Derived>::NumDimensions;
    }
  TensorRef(Derived&& tensor) : data_(tensor.data()) {
    using Plain = std::remove_cvref_t<Derived>;
    static_assert(static_cast<int>(Plain::Layout) == Eigen::RowMajor,
                  "condense tensors are row-major: use Eigen::Tensor<T, Rank, Eigen::RowMajor>");
    std::array<Index, static_cast<std::size_t>(Plain::NumDimensions)> extents;
    for (std::size_t i = 0; i < extents.size(); ++i) extents[i] = static_cast<Index>(tensor.dimensions()[i]);
    shape_ = Shape(std::span<const Index>(extents));
  }

  /// Row-major matrices (rows x columns), and vectors (n).
  template <class Derived>
    requires requires(const std::remove_cvref_t<Derived>& matrix) {
      matrix.innerStride();
      std::remove_cvref_t<Derived>::IsVectorAtCompileTime;
    }
  TensorRef(Derived&& matrix) : data_(matrix.data()) {
    using Plain = std::remove_cvref_t<Derived>;
    static_assert(Plain::IsRowMajor || Plain::IsVectorAtCompileTime,
                  "condense tensors are row-major: use Eigen::Matrix<T, Dynamic, Dynamic, Eigen::RowMajor>");
    shape_ = Plain::IsVectorAtCompileTime ? Shape{matrix.size()} : Shape{matrix.rows(), matrix.cols()};
    require(matrix.innerStride() == 1 && (Plain::IsVectorAtCompileTime || matrix.outerStride() == matrix.cols()),
            "the matrix is a strided view; copy it into a contiguous one first");
  }

  /// A mutable view is also a readable one.
  operator TensorRef<const T>() const
    requires(!std::is_const_v<T>)
  {
    return {data_, shape_};
  }

  T* data() const noexcept { return data_; }
  const Shape& shape() const noexcept { return shape_; }
  Index count() const { return shape_.count(); }
  std::span<T> values() const { return {data_, static_cast<std::size_t>(count())}; }

 private:
  T* data_;
  Shape shape_;
};

}  // namespace condense

#endif
