#ifndef CONDENSE_RUNTIME_DETAIL_LOWERING_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWERING_HPP

#include <array>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <variant>

#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators/cast.hpp"
#include "condense/graph/operators/clip.hpp"
#include "condense/graph/operators/relu.hpp"
#include "condense/kernels/kernel_set.hpp"
#include "condense/runtime/detail/quantized.hpp"
#include "condense/runtime/detail/steps/elementwise.hpp"
#include "condense/runtime/detail/steps/float_product.hpp"
#include "condense/runtime/detail/steps/integer_product.hpp"
#include "condense/runtime/detail/steps/move.hpp"
#include "condense/runtime/program.hpp"
#include "condense/runtime/sparse_products.hpp"
#include "condense/runtime/weight_store.hpp"

namespace condense::runtime::detail {

/// Order of the axes in memory. Images (n, c, h, w) and signals (n, c, w) run fastest channels last, (n, h, w, c); a
/// value of another rank has one layout.
enum class Layout { channels_first, channels_last };

/// What follows a node and can be computed with it: a clamp, and the quantisation of the result.
struct Tail {
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  std::optional<QuantizedValue> quantized;  ///< Empty: the result stays float.
  graph::Value result;                      ///< The last value that is computed.
  std::string operation;                    ///< Such as "Conv + Relu".
  std::vector<const graph::Node*> nodes;    ///< The nodes that are covered, the first one included.

  bool clamps() const noexcept { return !std::isinf(low) || !std::isinf(high); }

  /// Bounds of the stored codes. A clamp and the quantisation may be exchanged because both are monotone.
  std::int32_t lowest() const { return quantize::quantize_value(low, quantized->affine, quantized->integers()); }
  std::int32_t highest() const { return quantize::quantize_value(high, quantized->affine, quantized->integers()); }
};

inline kernels::CodeOutput code_output(const Tail& tail) {
  return {.type = tail.quantized->element(),
          .zero_point = tail.quantized->affine.zero_point,
          .lowest = tail.lowest(),
          .highest = tail.highest()};
}

/// The state of a compilation: a graph with the types it runs with, and the plan made so far. Lowering rules ask it for
/// the buffers of values, in the layout that they want, and append steps.
class Lowering {
 public:
  Lowering(const graph::Graph& graph, graph::InferredValues values, kernels::KernelSet kernels,
           std::shared_ptr<WeightStore> weights)
      : graph_(graph),
        weights_(std::move(weights)),
        types_(std::move(values.types)),
        known_(std::move(values.known)),
        producers_(graph.producers()),
        consumers_(graph.consumers()),
        buffers_of_(types_.size(), {-1, -1}) {
    plan_.kernels = std::move(kernels);
  }

  const graph::Graph& graph() const noexcept { return graph_; }
  const kernels::KernelSet& kernels() const noexcept { return plan_.kernels; }

  /// Whether products of float activations and integer weights quantise the rows of the activations.
  bool quantizes_rows() const noexcept { return quantizes_rows_; }
  void set_quantizes_rows(bool quantizes) noexcept { quantizes_rows_ = quantizes; }

  /// Which products skip weights of zero.
  SparseProducts sparse_products() const noexcept { return sparse_products_; }
  void set_sparse_products(SparseProducts products) noexcept { sparse_products_ = products; }

  const graph::TensorType& type(graph::Value value) const { return types_[index(value)]; }
  const Shape& shape(graph::Value value) const { return types_[index(value)].shape; }

  /// The node that makes a value, null for inputs and constants.
  const graph::Node* producer(graph::Value value) const {
    if (!value.exists() || producers_[index(value)] < 0) return nullptr;
    return &graph_.nodes()[static_cast<std::size_t>(producers_[index(value)])];
  }

  /// The value itself if it need not be computed: a constant, or a small one that follows from constants and shapes.
  const Tensor* known(graph::Value value) const {
    const auto& tensor = known_[index(value)];
    return tensor ? &*tensor : graph_.constant_if(value);
  }

  /// The quantised activation behind an input of a node, if a DequantizeLinear made it.
  std::optional<QuantizedValue> source(graph::Value value) const { return quantized_source(graph_, producer(value)); }

  /// True if a node makes floats of constants that are stored in fewer bits.
  bool is_dequantized_constant(const graph::Node& node) const {
    const auto* cast = node.op.get_if<graph::Cast>();
    const bool makes_floats = node.op.is<graph::DequantizeLinear>() || node.op.is<graph::DequantizeCodebook>() ||
                              (cast != nullptr && cast->to == DataType::float32);
    return makes_floats && std::ranges::all_of(node.inputs, [&](graph::Value value) {
             return !value.exists() || graph_.is_constant(value);
           });
  }

  /// A float constant, or one that a dequantisation of constants makes; empty otherwise.
  std::optional<Tensor> float_constant(graph::Value value) const {
    if (const Tensor* constant = graph_.constant_if(value)) {
      return constant->type() == DataType::float32 ? std::optional(*constant) : std::nullopt;
    }
    const graph::Node* node = producer(value);
    if (node == nullptr || !is_dequantized_constant(*node)) return {};
    std::vector<const Tensor*> inputs;
    for (const graph::Value input : node->inputs) inputs.push_back(graph_.constant_if(input));
    return std::move(graph::evaluate_node(*node, inputs).front());
  }

  /// The clamp and, if asked for, the quantisation that follow `node`, as far as nothing else reads the values between.
  Tail tail(const graph::Node& node, bool with_quantization) const {
    Tail tail;
    tail.result = node.outputs[0];
    tail.operation = std::string(node.op.type());
    tail.nodes.push_back(&node);
    if (const graph::Node* next = only_consumer(tail.result)) {
      if (const auto bounds = clamp_bounds(*next)) {
        tail.low = bounds->min;
        tail.high = bounds->max;
        tail.operation += fmt::format(" + {}", next->op.type());
        tail.result = next->outputs[0];
        tail.nodes.push_back(next);
      }
    }
    if (const graph::Node* next = with_quantization ? only_consumer(tail.result) : nullptr) {
      if (auto quantized = quantized_output(graph_, *next)) {
        tail.quantized = std::move(quantized);
        tail.result = next->outputs[0];
        tail.nodes.push_back(next);
      }
    }
    return tail;
  }

  /// Marks the nodes of a tail as computed.
  void cover(const Tail& tail) {
    for (const graph::Node* node : tail.nodes) cover(*node);
  }
  void cover(const graph::Node& node) { covered_.insert(&node); }
  bool is_covered(const graph::Node& node) const { return covered_.contains(&node); }

  /// True if channels-last differs from channels-first for a value: it has several channels and several positions.
  bool has_two_layouts(graph::Value value) const {
    const Shape& shape = this->shape(value);
    return (shape.rank() == 3 || shape.rank() == 4) && shape[1] > 1 && shape.count(2, shape.rank()) > 1;
  }

  /// A layout in which the value lies already; channels first if it does not exist yet.
  Layout present_layout(graph::Value value) const {
    const auto& buffers = buffers_of_[index(value)];
    if (buffers[0] >= 0) return Layout::channels_first;
    if (buffers[1] >= 0) return Layout::channels_last;
    const auto quantized = source(value);
    return quantized ? present_layout(quantized->codes) : Layout::channels_first;
  }

  /// The buffer that holds a value in a layout; appends what is needed to make it: a change of layout, or the
  /// dequantisation of a value that so far exists as codes only.
  int request(graph::Value value, Layout layout) {
    auto& buffers = buffers_of_[index(value)];
    if (!has_two_layouts(value)) layout = Layout::channels_first;
    const auto wanted = static_cast<std::size_t>(layout);
    if (buffers[wanted] >= 0) return buffers[wanted];
    if (const Tensor* constant = known(value)) {
      return buffers[wanted] = constant_buffer(layout == Layout::channels_first ? *constant : channels_last(*constant));
    }
    if (buffers[1 - wanted] >= 0) return change_layout(value, layout);
    if (const auto folded = float_constant(value)) {
      return buffers[wanted] = constant_buffer(layout == Layout::channels_first ? *folded : channels_last(*folded));
    }
    const auto quantized = source(value);
    require(quantized.has_value(), "node order: the value '{}' is needed before it is made", graph_.name(value));
    const int codes = request(quantized->codes, layout);
    const int target = produce(value, layout);
    append({graph_.name(value), "DequantizeLinear", "-", "elementwise"},
           DequantizeStep{.input = {codes},
                          .output = {target},
                          .count = shape(value).count(),
                          .scale = quantized->affine.scale,
                          .form = {.type = quantized->element(), .zero_point = quantized->affine.zero_point}});
    return target;
  }

  /// A new buffer for a value in a layout; a step that writes it follows.
  int produce(graph::Value value, Layout layout) {
    const int buffer = scratch(element_bytes(value) * static_cast<std::size_t>(shape(value).count()));
    place(value, layout, buffer);
    return buffer;
  }

  /// Declares that a buffer holds a value in a layout.
  void place(graph::Value value, Layout layout, int buffer) {
    buffers_of_[index(value)][has_two_layouts(value) ? static_cast<std::size_t>(layout) : 0] = buffer;
  }

  /// Where all values lie, to return to after steps that may be left out.
  using Places = std::vector<std::array<int, 2>>;
  const Places& places() const noexcept { return buffers_of_; }
  void set_places(Places places) { buffers_of_ = std::move(places); }

  /// A buffer of the arena that belongs to no value.
  int scratch(std::size_t bytes) {
    plan_.buffers.push_back({bytes});
    return static_cast<int>(plan_.buffers.size()) - 1;
  }

  /// A constant buffer: the elements of a tensor, or of a vector, or bytes. The same content has the same buffer.
  int constant_buffer(const Tensor& tensor) {
    const auto owner = std::make_shared<const Tensor>(tensor);
    return constant_buffer(BufferInfo{tensor.bytes(), {owner, owner->raw()}});
  }
  template <class T>
  int constant_buffer(const std::vector<T>& values) {
    return constant_buffer(bytes_of(values));
  }
  int constant_buffer(AlignedBytes bytes) {
    const std::size_t size = bytes.size();
    return constant_buffer(BufferInfo{size, weights_->keep(std::move(bytes))});
  }

  /// The same for a table of offsets and the like, which no report counts as weights.
  template <class T>
  int table_buffer(const std::vector<T>& values) {
    AlignedBytes bytes = bytes_of(values);
    const std::size_t size = bytes.size();
    return constant_buffer(BufferInfo{size, weights_->keep(std::move(bytes)), true});
  }

  /// Appends a step; what it reads and writes follows from its fields. `info` need not speak of bytes.
  template <StepKind T>
  void append(StepInfo info, T step) {
    plan_.steps.push_back(make_step(std::move(info), std::move(step)));
  }

  /// A product, while its step is the last one and may still be changed.
  struct LastProduct {
    graph::Value result;
    std::variant<IntegerProductStep, FloatProductStep> step;
    Layout layout;
    StepInfo info;

    /// What follows a product whose result is in floats; null for codes.
    FloatTail* float_tail() noexcept {
      auto* integers = std::get_if<IntegerProductStep>(&step);
      if (integers == nullptr) return &std::get<FloatProductStep>(step).tail;
      return integers->output_type == kernels::ElementType::float32 ? &integers->tail : nullptr;
    }
    void set_output(int buffer) noexcept {
      std::visit([&](auto& product) { product.output = {buffer}; }, step);
    }
    /// The step if its results are codes, otherwise null.
    IntegerProductStep* integers() noexcept {
      auto* product = std::get_if<IntegerProductStep>(&step);
      return product != nullptr && kernels::is_code(product->output_type) ? product : nullptr;
    }
  };

  /// The product whose step is the last one, if its result is `value` and nothing else reads it.
  std::optional<LastProduct> last_product(graph::Value value) const {
    const bool is_last = last_product_ && last_product_step_ == plan_.steps.size();
    if (!is_last || last_product_->result != value || only_consumer(value) == nullptr) return {};
    return last_product_;
  }
  void append_product(LastProduct product) {
    std::visit([&](const auto& step) { append(product.info, step); }, product.step);
    last_product_ = std::move(product);
    last_product_step_ = plan_.steps.size();
  }
  /// Takes its step back.
  void withdraw_product() {
    plan_.steps.pop_back();
    last_product_.reset();
  }

  /// The bounds of a Relu, or of a Clip with constant ones.
  std::optional<quantize::Range> clamp_bounds(const graph::Node& node) const {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    if (node.op.is<graph::Relu>()) return quantize::Range{0, kInfinity};
    if (!node.op.is<graph::Clip>()) return {};
    quantize::Range range{-kInfinity, kInfinity};
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
      if (!node.inputs[i].exists()) continue;
      const Tensor* bound = graph_.constant_if(node.inputs[i]);
      if (bound == nullptr || bound->type() != DataType::float32) return {};
      (i == 1 ? range.min : range.max) = bound->data<float>()[0];
    }
    return range;
  }

  /// The node that reads a value, null if there are several or it is an output.
  const graph::Node* only_consumer(graph::Value value) const {
    const std::vector<int>& consumers = consumers_[index(value)];
    if (consumers.size() != 1 || graph_.is_output(value)) return nullptr;
    return &graph_.nodes()[static_cast<std::size_t>(consumers[0])];
  }

  /// Bytes of one element as a program stores it: codes of any width take one.
  std::size_t element_bytes(graph::Value value) const {
    return std::max<std::size_t>(1, static_cast<std::size_t>(bits(type(value).type)) / 8);
  }

  Plan& plan() noexcept { return plan_; }

 private:
  static std::size_t index(graph::Value value) { return static_cast<std::size_t>(value.index); }

  struct ImageExtents {
    Index batch;
    Index channels;
    Index positions;
  };
  static ImageExtents extents(const Shape& shape) { return {shape[0], shape[1], shape.count(2, shape.rank())}; }

  Tensor channels_last(const Tensor& tensor) const {
    const auto [batch, channels, positions] = extents(tensor.shape());
    Tensor result(tensor.type(), tensor.shape());
    plan_.kernels.layout.transpose(
        {tensor.raw(), batch, channels, positions, bits(tensor.type()) / 8, result.mutable_raw()});
    return result;
  }

  int change_layout(graph::Value value, Layout layout) {
    const bool to_last = layout == Layout::channels_last;
    const int from = buffers_of_[index(value)][to_last ? 0 : 1];
    const int to = produce(value, layout);
    const ImageExtents image = extents(shape(value));
    append({graph_.name(value), to_last ? "to channels last" : "to channels first", "-", "layout"},
           TransposeStep{.input = {from},
                         .output = {to},
                         .batch = image.batch,
                         .rows = to_last ? image.channels : image.positions,
                         .columns = to_last ? image.positions : image.channels,
                         .element_bytes = static_cast<Index>(element_bytes(value))});
    return to;
  }

  template <class T>
  static AlignedBytes bytes_of(const std::vector<T>& values) {
    AlignedBytes bytes(values.size() * sizeof(T));
    if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }

  int constant_buffer(BufferInfo constant) {
    const auto [entry, is_new] = constants_.try_emplace(constant.constant.get(), plan_.buffers.size());
    if (is_new) plan_.buffers.push_back(std::move(constant));
    return static_cast<int>(entry->second);
  }

  const graph::Graph& graph_;
  bool quantizes_rows_ = false;
  SparseProducts sparse_products_ = SparseProducts::measured_integers;
  std::shared_ptr<WeightStore> weights_;
  std::vector<graph::TensorType> types_;
  std::vector<std::optional<Tensor>> known_;
  std::vector<int> producers_;
  std::vector<std::vector<int>> consumers_;
  Places buffers_of_;  ///< For each value and layout; -1 where it does not lie.
  std::unordered_map<const std::byte*, std::size_t> constants_;  ///< Buffers by address.
  std::unordered_set<const graph::Node*> covered_;
  Plan plan_;
  std::optional<LastProduct> last_product_;
  std::size_t last_product_step_ = 0;
};

}  // namespace condense::runtime::detail

#endif
