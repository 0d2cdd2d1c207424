#ifndef CONDENSE_TRAIN_GRADIENTS_ATTENTION_HPP
#define CONDENSE_TRAIN_GRADIENTS_ATTENTION_HPP

#include <cmath>
#include <limits>

#include "condense/graph/operators/attention.hpp"
#include "condense/graph/reference/activation_functions.hpp"
#include "condense/linalg/product.hpp"
#include "condense/train/detail/backward.hpp"
#include "condense/train/detail/reduce.hpp"

namespace condense::train {

namespace detail {

/// The gradients of attention, head by head. With the scores s = cap(scale q k'), the probabilities p = softmax(s +
/// mask) and y = p v: dv = p' dy, dp = dy v', ds = p (dp - the sum of dp p over the keys), which is that of the mask,
/// and with dr = scale ds (1 - (s / softcap)^2): dq = dr k, dk = dr' q. Heads that share keys add theirs up in order.
template <class T>
class AttentionGradient {
 public:
  AttentionGradient(const graph::Attention& op, const Backward& b)
      : op_(op), b_(b), mask_(b.has(3) ? &b.input(3) : nullptr), gradients_(b.inputs.size()) {
    const Shape& q = b.input_shape(0);
    const Shape& k = b.input_shape(1);
    const Shape& v = b.input_shape(2);
    is_packed_ = q.rank() == 3;
    batch_ = q[0];
    heads_ = is_packed_ ? *op.q_num_heads : q[1];
    key_heads_ = is_packed_ ? *op.kv_num_heads : k[1];
    queries_ = q[is_packed_ ? 1 : 2];
    keys_ = k[is_packed_ ? 1 : 2];
    size_ = is_packed_ ? q[2] / heads_ : q[3];
    value_size_ = is_packed_ ? v[2] / key_heads_ : v[3];
    scale_ = op.scale ? static_cast<T>(*op.scale) : T{1} / std::sqrt(static_cast<T>(size_));
    for (std::size_t i = 0; i < 3; ++i) {
      if (b.wants(i)) gradients_[i] = zeros(b, data_type_of<T>, b.input_shape(i));
    }
    if (b.wants(3) && mask_->type() == DataType::boolean) refuse(b, 3, "the mask of booleans");
  }

  std::vector<Tensor> compute() && {
    T* targets[3] = {};
    for (std::size_t i = 0; i < 3; ++i) targets[i] = b_.wants(i) ? gradients_[i].template mutable_data<T>() : nullptr;
    Tensor mask_gradient;
    if (b_.wants(3)) mask_gradient = b_.memory.make(data_type_of<T>, {batch_, heads_, queries_, keys_});
    T* mask_target = b_.wants(3) ? mask_gradient.mutable_data<T>() : nullptr;
    parallel_for(b_.pool, batch_ * key_heads_, [&](Index group) {
      const Index shared = heads_ / key_heads_;
      for (Index i = 0; i < shared; ++i)
        go_back(group / key_heads_, group % key_heads_ * shared + i, targets, mask_target);
    });
    if (b_.wants(3)) gradients_[3] = sum_to_shape(mask_gradient, b_.input_shape(3), b_.memory);
    return std::move(gradients_);
  }

 private:
  /// A matrix within a tensor of heads.
  struct Head {
    Index offset = 0;
    Index rows = 0;
    Index columns = 0;
    Index stride = 0;

    linalg::Factor<T> of(const T* data) const { return {data + offset, rows, columns, stride, false}; }
    linalg::Factor<T> transpose_of(const T* data) const { return {data + offset, columns, rows, stride, true}; }
  };

  Head head(Index entry, Index which, Index heads, Index rows, Index columns) const {
    if (!is_packed_) return {(entry * heads + which) * rows * columns, rows, columns, columns};
    return {entry * rows * heads * columns + which * columns, rows, columns, heads * columns};
  }

  void go_back(Index entry, Index which, T* const (&targets)[3], T* mask_target) const {
    const Index key_head = which / (heads_ / key_heads_);
    const Head q = head(entry, which, heads_, queries_, size_);
    const Head k = head(entry, key_head, key_heads_, keys_, size_);
    const Head v = head(entry, key_head, key_heads_, keys_, value_size_);
    const Head y = head(entry, which, heads_, queries_, value_size_);
    const T* all_q = b_.input(0).template data<T>();
    const T* all_k = b_.input(1).template data<T>();
    const T* dy = b_.output_gradient().template data<T>();
    const auto count = static_cast<std::size_t>(queries_ * keys_);
    std::vector<T> scores(count);
    linalg::add_product(scale_, q.of(all_q), k.transpose_of(all_k), scores.data(), keys_);
    const auto cap = static_cast<T>(op_.softcap);
    if (cap != 0) {
      for (T& score : scores) score = cap * std::tanh(score / cap);
    }
    const std::vector<T> p = probabilities(scores, entry * heads_ + which);
    const linalg::Factor<T> transposed_p{p.data(), keys_, queries_, keys_, true};
    if (targets[2] != nullptr) linalg::add_product(T{1}, transposed_p, y.of(dy), targets[2] + v.offset, v.stride);
    std::vector<T> ds(count);
    linalg::add_product(T{1}, y.of(dy), v.transpose_of(b_.input(2).template data<T>()), ds.data(), keys_);
    for (Index row = 0; row < queries_; ++row) {
      const T* weights = p.data() + row * keys_;
      T* gradient = ds.data() + row * keys_;
      T mean = 0;
      for (Index i = 0; i < keys_; ++i) mean += weights[i] * gradient[i];
      for (Index i = 0; i < keys_; ++i) gradient[i] = weights[i] * (gradient[i] - mean);
    }
    if (mask_target != nullptr) std::ranges::copy(ds, mask_target + (entry * heads_ + which) * queries_ * keys_);
    for (std::size_t i = 0; cap != 0 && i < count; ++i) ds[i] *= T{1} - scores[i] / cap * (scores[i] / cap);
    const linalg::Factor<T> dr{ds.data(), queries_, keys_, keys_, false};
    const linalg::Factor<T> transposed_dr{ds.data(), keys_, queries_, keys_, true};
    if (targets[0] != nullptr) linalg::add_product(scale_, dr, k.of(all_k), targets[0] + q.offset, q.stride);
    if (targets[1] != nullptr) linalg::add_product(scale_, transposed_dr, q.of(all_q), targets[1] + k.offset, k.stride);
  }

  /// softmax(scores + mask); zeros for a query that sees no key.
  std::vector<T> probabilities(std::vector<T> p, Index i) const {
    constexpr T kUnseen = -std::numeric_limits<T>::infinity();
    const Index count = queries_ * keys_;
    if (mask_ != nullptr) {
      const bool is_boolean = mask_->type() == DataType::boolean;
      const bool* seen = is_boolean ? mask_->data<bool>() : nullptr;
      const T* more = is_boolean ? nullptr : mask_->data<T>();
      const Shape shape{batch_, heads_, queries_, keys_};
      graph::reference::Broadcast(shape, mask_->shape(), shape)
          .for_each_run(i * count, (i + 1) * count,
                        [&](Index first, Index, Index from, Index length, Index, Index step) {
                          for (Index j = 0; j < length; ++j, from += step) {
                            T& score = p[static_cast<std::size_t>(first - i * count + j)];
                            score = !is_boolean ? score + more[from] : seen[from] ? score : kUnseen;
                          }
                        });
    }
    for (Index row = 0; row < queries_; ++row) {
      T* scores = p.data() + row * keys_;
      for (Index key = row + 1; op_.is_causal && key < keys_; ++key) scores[key] = kUnseen;
      if (keys_ > 0) graph::reference::softmax_of_seen(scores, keys_);
    }
    return p;
  }

  const graph::Attention& op_;
  const Backward& b_;
  const Tensor* mask_;
  std::vector<Tensor> gradients_;
  bool is_packed_ = false;
  Index batch_ = 0;
  Index heads_ = 0;
  Index key_heads_ = 0;
  Index queries_ = 0;
  Index keys_ = 0;
  Index size_ = 0;
  Index value_size_ = 0;
  T scale_ = 1;
};

}  // namespace detail

/// That of `detail::AttentionGradient`.
template <>
struct Gradient<graph::Attention> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Attention& op, const Backward& b) {
    return graph::with_float_type(b.output_gradient().type(),
                                  [&]<class T>() { return detail::AttentionGradient<T>(op, b).compute(); });
  }
};

}  // namespace condense::train

#endif
