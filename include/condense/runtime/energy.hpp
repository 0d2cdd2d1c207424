#ifndef CONDENSE_RUNTIME_ENERGY_HPP
#define CONDENSE_RUNTIME_ENERGY_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "condense/core/error.hpp"
#include "condense/runtime/program.hpp"

namespace condense::runtime {

/// Energy of arithmetic and of memory, in picojoules. The defaults are those of Horowitz, "Computing's energy problem
/// (and what we can do about it)", ISSCC 2014, for 45 nm at 0.9 V.
struct EnergyFigures {
  double integer_multiply = 0.2;  ///< 8 bits by 8 bits.
  double integer_add = 0.1;       ///< 32 bits.
  double float_multiply = 3.7;    ///< float32
  double float_add = 0.9;

  /// An access of 64 bits to a memory of up to so many bytes, and to one outside the chip, at its lower figure.
  double access_8_kib = 10;
  double access_32_kib = 20;
  double access_1_mib = 100;
  double access_outside = 1300;

  /// Of a byte in the smallest memory that holds `bytes`.
  double of_byte(std::size_t bytes) const noexcept {
    constexpr std::size_t kKib = 1024;
    constexpr double kBytesOfAccess = 8;
    if (bytes <= 8 * kKib) return access_8_kib / kBytesOfAccess;
    if (bytes <= 32 * kKib) return access_32_kib / kBytesOfAccess;
    return (bytes <= kKib * kKib ? access_1_mib : access_outside) / kBytesOfAccess;
  }
};

/// What one inference might cost, in joules.
struct EnergyEstimate {
  double arithmetic = 0;
  double weights = 0;
  double activations = 0;
  std::int64_t multiply_accumulates = 0;

  double joules() const noexcept { return arithmetic + weights + activations; }

  /// 10^12 operations per joule, which is TOPS/W, a multiply-accumulate being two operations; 0 if there are none.
  double tera_operations_per_watt() const noexcept {
    return joules() > 0 ? 2 * static_cast<double>(multiply_accumulates) / joules() * 1e-12 : 0;
  }
};

/// An estimate, not a measurement: what one inference would cost a circuit that does nothing but multiply, add, and
/// fetch every operand of a step once, at published figures. It compares programs with each other, and with what the
/// literature says in the same terms; a processor, which also fetches and decodes instructions, takes many times as
/// much.
///
/// Weights come from the smallest memory that holds them all, activations from the smallest that holds the arena.
/// Products of which one side is integers and the other floats are multiplied as floats. Operators without
/// multiply-accumulates count by their bytes alone.
inline EnergyEstimate estimate_energy(const Program& program, const EnergyFigures& figures = {}) {
  constexpr double kPico = 1e-12;
  const double of_integer = kPico * (figures.integer_multiply + figures.integer_add);
  const double of_float = kPico * (figures.float_multiply + figures.float_add);
  const double of_weight = kPico * figures.of_byte(program.weight_bytes());
  const double of_activation = kPico * figures.of_byte(program.arena_bytes());
  EnergyEstimate estimate;
  for (const StepInfo& step : program.steps()) {
    estimate.arithmetic +=
        static_cast<double>(step.multiply_accumulates) * (multiplies_integers(step) ? of_integer : of_float);
    estimate.weights += static_cast<double>(step.weight_bytes) * of_weight;
    estimate.activations += static_cast<double>(step.bytes_read + step.bytes_written) * of_activation;
    estimate.multiply_accumulates += step.multiply_accumulates;
  }
  return estimate;
}

}  // namespace condense::runtime

#endif
