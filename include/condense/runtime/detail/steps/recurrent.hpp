#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_RECURRENT_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_RECURRENT_HPP

#include "condense/graph/reference/recurrent_cells.hpp"
#include "condense/runtime/detail/steps/row_product.hpp"

namespace condense::runtime::detail {

/// `graph::reference` has a cell for each.
enum class RecurrentCellKind : std::uint8_t { elman, gru, lstm };

void fields_of(IsA<graph::reference::RecurrenceSizes> auto& s, auto&& visit) {
  visit(s.steps, s.batch, s.input, s.hidden, s.gates, s.directions, s.batch_first);
}
void fields_of(IsA<graph::reference::RecurrentActivation> auto& s, auto&& visit) {
  visit(s.function, s.alpha, s.beta, s.clip);
}

/// A recurrent layer on packed weights: the recurrence and the cells are those of `graph::reference`, their products
/// and the usual activations kernels.
struct RecurrentStep {
  static constexpr std::string_view kKind = "recurrent";

  Reads x{};
  Reads biases{};   ///< (directions x 2 x gates * hidden): of the input, then of the state.
  Reads lengths{};  ///< int32 (batch); none if all sequences have all steps.
  Reads initial_h{};
  Reads initial_c{};
  Reads peepholes{};  ///< (directions x 3 * hidden)
  RowProduct input_product{};
  /// Of the state: all gates; of a GRU that resets before the product the first two, and the third.
  std::vector<RowProduct> state_products{};
  Writes y{};
  Writes last_h{};
  Writes last_c{};
  Writes memory{};
  RecurrentCellKind cell = RecurrentCellKind::lstm;
  bool is_reversed = false;
  bool is_variant = false;  ///< `linear_before_reset` of a GRU, `input_forget` of an LSTM.
  graph::reference::RecurrenceSizes sizes{};
  std::vector<graph::reference::RecurrentActivation> activations{};  ///< Those of each direction.

  static void fields(auto& s, auto&& visit) {
    visit(s.x, s.biases, s.lengths, s.initial_h, s.initial_c, s.peepholes, s.input_product, s.state_products, s.y,
          s.last_h, s.last_c, s.memory, s.cell, s.is_reversed, s.is_variant, s.sizes, s.activations);
  }

  /// Bytes of `memory`: of the recurrence, of the cell, of rows that are quantised.
  Index memory_bytes() const noexcept {
    const Index floats = graph::reference::RecurrenceMemory<float>::elements(sizes) + cell_elements();
    Index quantized = input_product.memory_bytes(sizes.steps * sizes.batch);
    for (const RowProduct& product : state_products) {
      quantized = std::max(quantized, product.memory_bytes(sizes.batch));
    }
    return floats * Index{sizeof(float)} + quantized;
  }

  void check(const BufferSizes& buffers) const {
    const graph::reference::RecurrenceSizes& s = sizes;
    constexpr Index kGates[] = {1, 3, 4};
    constexpr std::size_t kActivations[] = {1, 2, 3};
    require(cell <= RecurrentCellKind::lstm, "there is no recurrent cell {}", static_cast<int>(cell));
    const auto kind = static_cast<std::size_t>(cell);
    require(s.gates == kGates[kind] && (s.directions == 1 || s.directions == 2),
            "a recurrent cell has {} gates and {} directions", s.gates, s.directions);
    require(activations.size() == kActivations[kind] * static_cast<std::size_t>(s.directions),
            "a recurrent cell has {} activations", activations.size());
    for (const graph::reference::RecurrentActivation& activation : activations) {
      require(activation.function <= graph::reference::RecurrentFunction::softplus &&
                  (!activation.clip || *activation.clip >= 0),
              "an activation is function {}, clipped at {}", static_cast<int>(activation.function),
              activation.clip.value_or(0));
    }
    const Index state = checked_product({s.directions, s.batch, s.hidden});
    const Index all = checked_product({s.steps, s.batch, checked_product({s.directions, s.gates, s.hidden}) + s.input});
    static_cast<void>(checked_product({all, 16}));
    buffers.require_readable(x, s.steps * s.batch * s.input, sizeof(float));
    buffers.require_readable(biases, s.directions * 2 * s.width(), sizeof(float));
    if (lengths.exists()) buffers.require_readable(lengths, s.batch, sizeof(std::int32_t));
    if (initial_h.exists()) buffers.require_readable(initial_h, state, sizeof(float));
    if (initial_c.exists()) buffers.require_readable(initial_c, state, sizeof(float));
    if (peepholes.exists()) buffers.require_readable(peepholes, s.directions * 3 * s.hidden, sizeof(float));
    input_product.check(buffers, s.directions, s.width(), s.input);
    const bool separates = cell == RecurrentCellKind::gru && !is_variant;
    require(state_products.size() == (separates ? 2U : 1U), "the state of a recurrent cell has {} products",
            state_products.size());
    for (std::size_t i = 0; i < state_products.size(); ++i) {
      const Index gates = !separates ? s.gates : i == 0 ? 2 : 1;
      state_products[i].check(buffers, s.directions, gates * s.hidden, s.hidden);
    }
    buffers.require_writable(y, s.steps * state, sizeof(float));
    if (last_h.exists()) buffers.require_writable(last_h, state, sizeof(float));
    if (last_c.exists()) buffers.require_writable(last_c, state, sizeof(float));
    buffers.require_writable(memory, memory_bytes(), 1);
  }

  /// Throws `InvalidArgument` if a length is none.
  void run(const Execution& e) const {
    namespace reference = graph::reference;
    if (sizes.batch == 0 || sizes.hidden == 0) return;
    const auto* longest_of = e.at<std::int32_t>(lengths);
    Index longest = longest_of == nullptr ? sizes.steps : 0;
    for (Index i = 0; longest_of != nullptr && i < sizes.batch; ++i) {
      require(longest_of[i] >= 0 && longest_of[i] <= sizes.steps, "sequence {} has the length {}, there are {} steps",
              i, longest_of[i], sizes.steps);
      longest = std::max<Index>(longest, longest_of[i]);
    }
    const reference::RecurrenceTensors<float> tensors{.x = e.at<float>(x),
                                                      .lengths = longest_of,
                                                      .initial_h = e.at<float>(initial_h),
                                                      .initial_c = e.at<float>(initial_c),
                                                      .y = e.at<float>(y),
                                                      .last_h = e.at<float>(last_h),
                                                      .last_c = e.at<float>(last_c)};
    auto* floats = e.at<float>(memory);
    const reference::RecurrenceMemory<float> recurrence(sizes, floats);
    float* of_cell = floats + reference::RecurrenceMemory<float>::elements(sizes);
    auto* of_products = reinterpret_cast<std::byte*>(of_cell + cell_elements());
    const auto reversed = [&](Index direction) { return direction == 1 || is_reversed; };
    const auto multiply = [&](Index direction, const float* sequences, float* gates) {
      input_product.run(e, direction, sequences, longest * sizes.batch, bias(e, direction, 0), gates, of_products);
    };
    const auto run_cell = [&](auto&& make_cell) {
      reference::run_recurrence<float>(sizes, tensors, recurrence, reversed, multiply, [&](Index direction) {
        return make_cell(Shared{sizes, *this, e, direction, of_products}, direction);
      });
    };
    float* rest_of_cell = of_cell + 3 * sizes.batch * sizes.hidden;
    switch (cell) {
      case RecurrentCellKind::elman:
        return run_cell([](const Shared& shared, Index) { return reference::ElmanCell<float, Shared>{shared}; });
      case RecurrentCellKind::gru:
        return run_cell([&](const Shared& shared, Index) {
          return reference::GruCell<float, Shared, Borrowed>{shared, is_variant, {of_cell}, {rest_of_cell}};
        });
      case RecurrentCellKind::lstm:
        return run_cell([&](const Shared& shared, Index direction) {
          const float* looks = peepholes.exists() ? e.at<float>(peepholes) + direction * 3 * sizes.hidden : nullptr;
          return reference::LstmCell<float, Shared, Borrowed>{shared, looks, is_variant, {of_cell}};
        });
    }
  }

 private:
  /// What the cells of `graph::reference` take for a vector.
  struct Borrowed {
    float* elements = nullptr;

    float* data() const noexcept { return elements; }
    void resize(std::size_t) const noexcept {}
  };

  /// What they take for a `RecurrentCell`.
  struct Shared {
    graph::reference::RecurrenceSizes sizes;
    const RecurrentStep& step;
    const Execution& e;
    Index direction = 0;
    std::byte* memory = nullptr;

    void multiply_state(const float* h, Index first, Index, float* result) const {
      step.state_products[first == 0 ? 0 : 1].run(e, direction, h, sizes.batch,
                                                  step.bias(e, direction, 1) + first * sizes.hidden, result, memory);
    }

    void activate(std::size_t function, float* values, Index count) const {
      using graph::reference::RecurrentFunction;
      const std::size_t of_direction = step.activations.size() / static_cast<std::size_t>(sizes.directions);
      const auto& activation = step.activations[static_cast<std::size_t>(direction) * of_direction + function];
      if (activation.function == RecurrentFunction::sigmoid) return map(kernels::FloatFunction::sigmoid, values, count);
      if (activation.function == RecurrentFunction::tanh) return map(kernels::FloatFunction::tanh, values, count);
      activation.apply(values, count);
    }

   private:
    void map(kernels::FloatFunction function, float* values, Index count) const {
      const std::optional<float> clip = step.activations.front().clip;  // that of all
      if (clip) e.kernels.float_elementwise.map({{kernels::FloatFunction::clip, -*clip, *clip}, values, values, count});
      e.kernels.float_elementwise.map({{function}, values, values, count});
    }
  };

  /// Products and, of a GRU, the state that is reset.
  Index cell_elements() const noexcept { return cell == RecurrentCellKind::elman ? 0 : 4 * sizes.batch * sizes.hidden; }

  /// The bias of the input (0) or of the state (1).
  const float* bias(const Execution& e, Index direction, Index of) const noexcept {
    return e.at<float>(biases) + (direction * 2 + of) * sizes.width();
  }
};

}  // namespace condense::runtime::detail

#endif
