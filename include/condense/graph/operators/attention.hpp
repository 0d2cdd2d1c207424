#ifndef CONDENSE_GRAPH_OPERATORS_ATTENTION_HPP
#define CONDENSE_GRAPH_OPERATORS_ATTENTION_HPP

#include <cmath>
#include <limits>

#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/activation_functions.hpp"
#include "condense/graph/reference/broadcast.hpp"
#include "condense/graph/reference/halves.hpp"
#include "condense/graph/reference/product.hpp"

namespace condense::graph {

/// y = softmax(scale * q k' + mask) v for every head of every entry of a batch. ONNX Attention, opset 23, without its
/// cache of past keys (Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2; fewer heads of keys than
/// of queries: Ainslie et al., "GQA", EMNLP 2023, section 2).
///
/// Inputs: q (batch, heads, queries, size), k (batch, key heads, keys, size) and v (batch, key heads, keys, value
/// size), floats of one type; or all three with heads and size as one last axis, (batch, queries, heads * size), and
/// `q_num_heads` and `kv_num_heads`. The key heads divide the heads, and each serves as many that are consecutive.
/// Optional mask, broadcast to (batch, heads, queries, keys): floats of that type, which are added, or booleans, false
/// for a key that a query does not see. The result is laid out as q. It is computed in float, or double for float64; a
/// query that sees no key gives 0.
struct Attention {
  static constexpr std::string_view kType = "Attention";

  bool is_causal = false;           ///< A query sees only keys that are not behind it.
  std::optional<float> scale = {};  ///< Absent for 1 / sqrt(size).
  float softcap = 0;                ///< If not 0, scores s become softcap * tanh(s / softcap).
  std::optional<Index> q_num_heads = {};
  std::optional<Index> kv_num_heads = {};
  std::optional<DataType> softmax_precision = {};  ///< Least precision asked for; no more is done for it.

  static void attributes(auto& op, auto&& visit) {
    visit("is_causal", op.is_causal);
    visit("scale", op.scale);
    visit("softcap", op.softcap);
    visit("q_num_heads", op.q_num_heads);
    visit("kv_num_heads", op.kv_num_heads);
    visit("softmax_precision", op.softmax_precision);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(3, 4);
    for (const std::size_t i : {0U, 1U, 2U}) {
      reference::require_any_float(inputs, i);
      inputs.require_same_type(i);
      require(inputs.shape(i).rank() == inputs.shape(0).rank(), "its inputs 0 and {} have shapes {} and {}", i,
              inputs.shape(0).to_string(), inputs.shape(i).to_string());
    }
    const Sizes sizes = sizes_of(inputs.shape(0), inputs.shape(1), inputs.shape(2));
    const Shape scores{sizes.batch, sizes.heads, sizes.queries, sizes.keys};
    const Shape result{sizes.batch, sizes.heads, sizes.queries, sizes.value_size};
    if (inputs.has(3)) {
      require(inputs.type(3) == DataType::boolean || inputs.type(3) == inputs.type(0),
              "its input 3, the mask, is boolean or {} as its input 0, this one is {}", name(inputs.type(0)),
              name(inputs.type(3)));
      require(reference::broadcasts_to(inputs.shape(3), scores),
              "its input 3, the mask, of shape {} does not broadcast to the scores {}", inputs.shape(3).to_string(),
              scores.to_string());
    }
    if (!sizes.packed) return {{inputs.type(0), result}};
    return {{inputs.type(0), Shape{sizes.batch, sizes.queries, sizes.heads * sizes.value_size}}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Sizes sizes = sizes_of(e.input(0).shape(), e.input(1).shape(), e.input(2).shape());
    reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
      parallel_for(floats.pool, sizes.batch * sizes.heads, [&](Index i) { attend<T>(floats, sizes, i); });
    });
  }

  friend bool operator==(const Attention&, const Attention&) = default;

 private:
  struct Sizes {
    Index batch = 0;
    Index heads = 0;
    Index key_heads = 0;
    Index queries = 0;
    Index keys = 0;
    Index size = 0;
    Index value_size = 0;
    bool packed = false;
  };

  Sizes sizes_of(const Shape& q, const Shape& k, const Shape& v) const {
    require(q.rank() == 3 || q.rank() == 4, "its input 0 has 3 or 4 dimensions, this one has shape {}", q.to_string());
    Sizes sizes;
    sizes.packed = q.rank() == 3;
    if (sizes.packed) {
      require(q_num_heads.value_or(0) >= 1 && kv_num_heads.value_or(0) >= 1,
              "its inputs have 3 dimensions, so it needs its attributes q_num_heads and kv_num_heads");
      require(q[2] % *q_num_heads == 0 && k[2] % *kv_num_heads == 0 && v[2] % *kv_num_heads == 0,
              "its inputs of shapes {}, {} and {} do not split into {} and {} heads", q.to_string(), k.to_string(),
              v.to_string(), *q_num_heads, *kv_num_heads);
    }
    sizes.batch = q[0];
    sizes.heads = sizes.packed ? *q_num_heads : q[1];
    sizes.key_heads = sizes.packed ? *kv_num_heads : k[1];
    const Index value_heads = sizes.packed ? *kv_num_heads : v[1];
    const int row_axis = sizes.packed ? 1 : 2;
    sizes.queries = q[row_axis];
    sizes.keys = k[row_axis];
    sizes.size = sizes.packed ? q[2] / sizes.heads : q[3];
    const Index key_size = sizes.packed ? k[2] / sizes.key_heads : k[3];
    sizes.value_size = sizes.packed ? v[2] / sizes.key_heads : v[3];
    require(k[0] == q[0] && v[0] == q[0] && key_size == sizes.size && v[row_axis] == sizes.keys &&
                value_heads == sizes.key_heads,
            "its inputs 0, 1 and 2 of shapes {}, {} and {} do not belong together", q.to_string(), k.to_string(),
            v.to_string());
    require(sizes.heads == sizes.key_heads || (sizes.key_heads > 0 && sizes.heads % sizes.key_heads == 0),
            "its input 1 has {} heads, which do not divide the {} of its input 0", sizes.key_heads, sizes.heads);
    return sizes;
  }

  /// The matrix of one head as its own memory if it is not contiguous.
  template <class T>
  static std::vector<T> gathered(const T* packed, Index rows, Index columns, Index stride) {
    std::vector<T> result(static_cast<std::size_t>(rows * columns));
    for (Index row = 0; row < rows; ++row) std::copy_n(packed + row * stride, columns, result.data() + row * columns);
    return result;
  }

  template <class T>
  void attend(const Evaluation& e, const Sizes& s, Index i) const {
    const Index b = i / s.heads;
    const Index h = i % s.heads;
    const Index key_head = h / (s.heads / s.key_heads);
    const auto head = [&](std::size_t input, Index heads, Index which, Index rows, Index columns) {
      const T* data = e.input(input).template as<T>();
      if (!s.packed) return gathered(data + (b * heads + which) * rows * columns, rows, columns, columns);
      return gathered(data + b * rows * heads * columns + which * columns, rows, columns, heads * columns);
    };
    const std::vector<T> q = head(0, s.heads, h, s.queries, s.size);
    const std::vector<T> k = head(1, s.key_heads, key_head, s.keys, s.size);
    const std::vector<T> v = head(2, s.key_heads, key_head, s.keys, s.value_size);
    std::vector<T> scores(static_cast<std::size_t>(s.queries * s.keys), T{0});
    const T factor = scale ? static_cast<T>(*scale) : T{1} / std::sqrt(static_cast<T>(s.size));
    reference::add_product<T>({s.queries, s.keys, s.size}, factor, {q.data()}, {k.data(), true}, scores.data(), {});
    add_mask(e, s, i, scores.data());
    for (Index row = 0; s.keys > 0 && row < s.queries; ++row) {
      reference::softmax_of_seen(scores.data() + row * s.keys, s.keys);
    }
    std::vector<T> y(static_cast<std::size_t>(s.queries * s.value_size), T{0});
    reference::add_product<T>({s.queries, s.value_size, s.keys}, T{1}, {scores.data()}, {v.data()}, y.data(), {});
    const Index stride = s.packed ? s.heads * s.value_size : s.value_size;
    T* to = e.output().template as<T>();
    to += s.packed ? b * s.queries * stride + h * s.value_size : i * s.queries * s.value_size;
    for (Index row = 0; row < s.queries; ++row) {
      std::copy_n(y.data() + row * s.value_size, s.value_size, to + row * stride);
    }
  }

  template <class T>
  void add_mask(const Evaluation& e, const Sizes& s, Index i, T* scores) const {
    constexpr T kUnseen = -std::numeric_limits<T>::infinity();
    const Index count = s.queries * s.keys;
    if (softcap != 0) {
      const auto cap = static_cast<T>(softcap);
      std::transform(scores, scores + count, scores, [&](T score) { return cap * std::tanh(score / cap); });
    }
    if (e.has(3)) {
      const InputBuffer& mask = e.input(3);
      const Shape shape{s.batch, s.heads, s.queries, s.keys};
      const reference::Broadcast broadcast(shape, mask.shape(), shape);
      broadcast.for_each_run(i * count, (i + 1) * count,
                             [&](Index first, Index, Index from, Index length, Index, Index step) {
                               for (Index j = 0; j < length; ++j) {
                                 T& score = scores[first - i * count + j];
                                 if (mask.type.type == DataType::boolean) {
                                   score = mask.as<bool>()[from + j * step] ? score : kUnseen;
                                 } else {
                                   score += mask.as<T>()[from + j * step];
                                 }
                               }
                             });
    }
    for (Index row = 0; is_causal && row < s.queries; ++row) {
      for (Index key = row + 1; key < s.keys; ++key) scores[row * s.keys + key] = kUnseen;
    }
  }
};

using AttentionOperators = OperatorList<Attention>;

}  // namespace condense::graph

#endif
