#ifndef CONDENSE_IO_ONNX_DETAIL_UPGRADE_HPP
#define CONDENSE_IO_ONNX_DETAIL_UPGRADE_HPP

#include <functional>
#include <limits>
#include <string_view>
#include <unordered_map>

#include "condense/graph/reference/cast.hpp"
#include "condense/io/onnx/detail/element_type.hpp"
#include "condense/io/onnx/model.hpp"

/// Nodes of older operator sets as the nodes of today that compute the same ("Operators", ONNX's changelog): attributes
/// become inputs, defaults that changed are written out, operators that were replaced are replaced.
namespace condense::io::onnx::detail {

/// What an upgrade can ask and do. Values are spoken of by their names.
class UpgradeContext {
 public:
  virtual ~UpgradeContext() = default;

  virtual graph::TensorType type(const std::string& value) = 0;

  /// The name of a new constant.
  virtual std::string constant(Tensor tensor) = 0;

  /// A name for a value inside a replacement.
  virtual std::string unused_name(const std::string& hint) = 0;
};

/// A node that is being upgraded, and what comes to stand in its place.
class Upgrade {
 public:
  Upgrade(Node node, std::int64_t version, UpgradeContext& context)
      : node_(std::move(node)), version_(version), context_(context) {}

  /// The nodes to add, in order.
  std::vector<Node> run() {
    static const std::unordered_map<std::string_view, void (Upgrade::*)()> kUpgrades = {
        {"Add", &Upgrade::align_operands},
        {"And", &Upgrade::align_operands},
        {"BatchNormalization", &Upgrade::batch_normalization},
        {"Cast", &Upgrade::saturating},
        {"CastLike", &Upgrade::saturating},
        {"Clip", &Upgrade::clip},
        {"Concat", &Upgrade::concat},
        {"Conv", &Upgrade::convolution},
        {"ConvInteger", &Upgrade::convolution},
        {"ConvTranspose", &Upgrade::convolution},
        {"DequantizeLinear", &Upgrade::saturating},
        {"Div", &Upgrade::align_operands},
        {"Dropout", &Upgrade::dropout},
        {"Equal", &Upgrade::align_operands},
        {"Gemm", &Upgrade::gemm},
        {"Greater", &Upgrade::align_operands},
        {"GroupNormalization", &Upgrade::group_normalization},
        {"Hardmax", &Upgrade::softmax},
        {"Less", &Upgrade::align_operands},
        {"LogSoftmax", &Upgrade::softmax},
        {"Mul", &Upgrade::align_operands},
        {"OneHot", &Upgrade::one_hot},
        {"Or", &Upgrade::align_operands},
        {"PRelu", &Upgrade::prelu},
        {"Pad", &Upgrade::pad},
        {"Pow", &Upgrade::align_operands},
        {"QLinearConv", &Upgrade::convolution},
        {"QuantizeLinear", &Upgrade::saturating},
        {"ReduceL1", &Upgrade::reduction},
        {"ReduceL2", &Upgrade::reduction},
        {"ReduceLogSum", &Upgrade::reduction},
        {"ReduceLogSumExp", &Upgrade::reduction},
        {"ReduceMax", &Upgrade::reduction},
        {"ReduceMean", &Upgrade::reduction},
        {"ReduceMin", &Upgrade::reduction},
        {"ReduceProd", &Upgrade::reduction},
        {"ReduceSum", &Upgrade::reduction},
        {"ReduceSumSquare", &Upgrade::reduction},
        {"Reshape", &Upgrade::reshape},
        {"Resize", &Upgrade::resize},
        {"RoiAlign", &Upgrade::roi_align},
        {"Scatter", &Upgrade::scatter},
        {"Slice", &Upgrade::slice},
        {"Softmax", &Upgrade::softmax},
        {"Split", &Upgrade::split},
        {"Squeeze", &Upgrade::axes_to_input},
        {"Sub", &Upgrade::align_operands},
        {"TopK", &Upgrade::top_k},
        {"Unsqueeze", &Upgrade::axes_to_input},
        {"Upsample", &Upgrade::upsample},
        {"Xor", &Upgrade::align_operands},
    };
    if (const auto found = kUpgrades.find(node_.type); found != kUpgrades.end() && node_.domain.empty()) {
      (this->*found->second)();
    }
    before_.push_back(std::move(node_));
    before_.insert(before_.end(), after_.begin(), after_.end());
    return std::move(before_);
  }

 private:
  // ---- What upgrades are made of

  template <class T>
  const T* get(std::string_view name) const {
    const Attribute* attribute = node_.find(name);
    return attribute == nullptr ? nullptr : std::get_if<T>(&attribute->value);
  }
  std::int64_t number(std::string_view name, std::int64_t absent) const {
    const auto* value = get<std::int64_t>(name);
    return value == nullptr ? absent : *value;
  }
  void set(std::string_view name, Attribute::Value value) {
    node_.remove(name);
    node_.attributes.push_back({.name = std::string(name), .value = std::move(value)});
  }
  void remove(std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) node_.remove(name);
  }

  static Tensor vector_of(const std::vector<std::int64_t>& values) {
    return Tensor::of<std::int64_t>({static_cast<Index>(values.size())}, values);
  }

  const std::string& input(std::size_t i) const {
    if (i >= node_.inputs.size()) throw FormatError(fmt::format("its input {} is missing", i));
    return node_.inputs[i];
  }
  const std::string& output() const {
    if (node_.outputs.empty()) throw FormatError("it has no output");
    return node_.outputs[0];
  }

  void set_input(std::size_t i, const std::string& value) {
    if (node_.inputs.size() <= i) node_.inputs.resize(i + 1);
    node_.inputs[i] = value;
  }

  /// Moves a list of numbers from an attribute to input i.
  void list_to_input(std::string_view name, std::size_t i) {
    if (const auto* values = get<std::vector<std::int64_t>>(name)) set_input(i, context_.constant(vector_of(*values)));
    node_.remove(name);
  }

  /// A scalar of the type of input 0.
  std::string scalar_like_input(float value) const {
    return context_.constant(graph::reference::scalar_of(context_.type(input(0)).type, static_cast<double>(value)));
  }

  /// Puts a node before this one and returns the name of its result.
  std::string precede(std::string type, std::vector<std::string> inputs, std::vector<Attribute> attributes = {}) {
    const std::string result = context_.unused_name(output());
    before_.push_back({.name = result,
                       .type = std::move(type),
                       .inputs = std::move(inputs),
                       .outputs = {result},
                       .attributes = std::move(attributes)});
    return result;
  }

  // ---- Operators

  void axes_to_input() {
    if (version_ < 13) list_to_input("axes", 1);
  }

  /// Before opset 7 the second operand was aligned at an axis.
  void align_operands() {
    if (version_ >= 7) return;
    const std::int64_t axis = number("axis", -1);
    const bool aligned = number("broadcast", 0) != 0 && node_.find("axis") != nullptr;
    remove({"axis", "broadcast", "consumed_inputs"});
    if (!aligned || node_.inputs.size() < 2) return;
    const int rank = context_.type(node_.inputs[0]).shape.rank();
    const int second = context_.type(node_.inputs[1]).shape.rank();
    const std::int64_t first = axis < 0 ? axis + rank : axis;
    std::vector<std::int64_t> axes;
    for (std::int64_t i = second; first + i < rank; ++i) axes.push_back(i);
    if (axes.empty()) return;
    node_.inputs[1] = precede("Unsqueeze", {node_.inputs[1], context_.constant(vector_of(axes))});
  }

  void batch_normalization() {
    if (version_ < 9 && number("spatial", 1) == 0) {
      throw Unsupported("its attribute spatial is 0, statistics for each position; condense has those of channels");
    }
    remove({"spatial", "is_test", "consumed_inputs"});
    if (version_ < 14) node_.outputs.resize(1);  // the others were for training
  }

  void clip() {
    if (version_ >= 11) return;
    for (const auto& [name, i] : {std::pair{"min", std::size_t{1}}, std::pair{"max", std::size_t{2}}}) {
      if (const float* bound = get<float>(name)) set_input(i, scalar_like_input(*bound));
    }
    remove({"min", "max", "consumed_inputs"});
  }

  void concat() {
    if (version_ < 4 && node_.find("axis") == nullptr) set("axis", std::int64_t{1});
  }

  /// The extents of the kernel are those of the weights.
  void convolution() { node_.remove("kernel_shape"); }

  void dropout() {
    if (version_ < 12) remove({"ratio", "is_test"});
  }

  void gemm() {
    if (version_ < 7) node_.remove("broadcast");
  }

  /// Before opset 21 scale and bias were those of groups, not of channels.
  void group_normalization() {
    if (version_ >= 21) return;
    const Shape shape = context_.type(input(0)).shape;
    const std::int64_t groups = number("num_groups", 0);
    if (shape.rank() < 2 || groups < 1 || shape[1] % groups != 0) return;  // the operator says what is wrong
    const std::string each = context_.constant(vector_of({1, shape[1] / groups}));
    const std::string one_axis = context_.constant(vector_of({-1}));
    const std::string second = context_.constant(vector_of({1}));
    for (const std::size_t i : {1U, 2U}) {
      const Shape& of_groups = context_.type(input(i)).shape;
      if (of_groups.rank() != 1 || of_groups[0] != groups) {
        throw FormatError(
            fmt::format("its input {} has shape {}; before opset 21 it has one element for each of {} groups", i,
                        of_groups.to_string(), groups));
      }
      const std::string column = precede("Unsqueeze", {input(i), second});
      node_.inputs[i] = precede("Reshape", {precede("Tile", {column, each}), one_axis});
    }
  }

  /// Before opset 11 a negative index stood for no class; now it counts from the back.
  void one_hot() {
    if (version_ >= 11) return;
    const auto scalar = [&](std::int64_t value) { return context_.constant(Tensor::of<std::int64_t>({}, {value})); };
    const std::string index =
        precede("Cast", {input(0)}, {{.name = "to", .value = element_type_number(DataType::int64)}});
    const std::string none = scalar(std::numeric_limits<std::int64_t>::min());
    node_.inputs[0] = precede("Where", {precede("Less", {index, scalar(0)}), none, index});
  }

  void pad() {
    if (version_ >= 11) return;
    list_to_input(node_.find("pads") != nullptr ? "pads" : "paddings", 1);
    if (const float* value = get<float>("value")) set_input(2, scalar_like_input(*value));
    node_.remove("value");
  }

  /// Before opset 7 a slope for each channel was a vector.
  void prelu() {
    if (version_ >= 7 || node_.inputs.size() < 2) return;
    node_.remove("consumed_inputs");
    const Shape& slope = context_.type(node_.inputs[1]).shape;
    std::vector<std::int64_t> axes;
    for (int i = 2; i < context_.type(node_.inputs[0]).shape.rank(); ++i) axes.push_back(i - 1);
    if (slope.rank() != 1 || axes.empty()) return;
    node_.inputs[1] = precede("Unsqueeze", {node_.inputs[1], context_.constant(vector_of(axes))});
  }

  void reduction() {
    if (version_ < (node_.type == "ReduceSum" ? 13 : 18)) list_to_input("axes", 1);
  }

  void reshape() {
    if (version_ < 5) list_to_input("shape", 1);
    node_.remove("consumed_inputs");
  }

  /// Opset 10 knew scales only, and rounded positions down.
  void resize() {
    if (version_ > 10) return;
    const std::string scales = input(1);
    node_.inputs = {node_.inputs[0], "", scales};
    set("coordinate_transformation_mode", std::string("asymmetric"));
    set("nearest_mode", std::string("floor"));
  }

  /// Before opset 16 the centre of the first pixel was at 0.
  void roi_align() {
    if (version_ < 16) set("coordinate_transformation_mode", std::string("output_half_pixel"));
  }

  /// Attributes that concern floats of 8 bits, or choices between equal results.
  void saturating() { remove({"saturate", "precision", "round_mode"}); }

  void scatter() { node_.type = "ScatterElements"; }

  void slice() {
    if (version_ >= 10) return;
    list_to_input("starts", 1);
    list_to_input("ends", 2);
    list_to_input("axes", 3);
  }

  /// Before opset 13 all axes from the given one on were one.
  void softmax() {
    if (version_ >= 13) return;
    const int rank = context_.type(input(0)).shape.rank();
    const std::int64_t axis = number("axis", 1);
    if ((axis < 0 ? axis + rank : axis) == rank - 1) return set("axis", std::int64_t{-1});
    const std::string shape = precede("Shape", {node_.inputs[0]});
    node_.inputs[0] = precede("Flatten", {node_.inputs[0]}, {{.name = "axis", .value = axis}});
    set("axis", std::int64_t{-1});
    const std::string flat = context_.unused_name(output());
    after_.push_back({.name = flat, .type = "Reshape", .inputs = {flat, shape}, .outputs = {node_.outputs[0]}});
    node_.outputs[0] = flat;
  }

  void split() {
    if (version_ < 13) list_to_input("split", 1);
    const bool has_sizes = node_.inputs.size() > 1 && !node_.inputs[1].empty();
    if (!has_sizes && node_.find("num_outputs") == nullptr) {
      set("num_outputs", static_cast<std::int64_t>(node_.outputs.size()));
    }
  }

  void top_k() {
    if (version_ >= 10) return;
    if (const auto* k = get<std::int64_t>("k")) set_input(1, context_.constant(vector_of({*k})));
    node_.remove("k");
  }

  void upsample() {
    node_.type = "Resize";
    std::string scales;
    if (const auto* values = get<std::vector<float>>("scales")) {
      scales = context_.constant(Tensor::of<float>({static_cast<Index>(values->size())}, *values));
    } else {
      scales = input(1);
    }
    node_.remove("scales");
    node_.inputs = {input(0), "", scales};
    set("coordinate_transformation_mode", std::string("asymmetric"));
    set("nearest_mode", std::string("floor"));
  }

  Node node_;
  std::int64_t version_;
  UpgradeContext& context_;
  std::vector<Node> before_;
  std::vector<Node> after_;
};

}  // namespace condense::io::onnx::detail

#endif
