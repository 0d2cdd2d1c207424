#ifndef CONDENSE_CORE_RANDOM_HPP
#define CONDENSE_CORE_RANDOM_HPP

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "condense/core/shape.hpp"

namespace condense {

/// Seeded random numbers, the same on every platform and compiler: only integer and exactly rounded arithmetic is used,
/// never a library's `log` or `cos`.
///
/// The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a counter
/// under a key. Streams of one seed are independent, so parallel work gives each task a stream of its own and the
/// result does not depend on who runs it.
class Random {
 public:
  explicit Random(std::uint64_t seed, std::uint64_t stream = 0) noexcept
      : key_{low(seed), high(seed)}, counter_{0, 0, low(stream), high(stream)} {}

  /// 32 random bits.
  std::uint32_t bits() noexcept {
    if (used_ == block_.size()) {
      block_ = philox(counter_, key_);
      if (++counter_[0] == 0) ++counter_[1];
      used_ = 0;
    }
    return block_[used_++];
  }

  /// Uniform in [0, 1), a multiple of 2^-24.
  float uniform() noexcept { return static_cast<float>(bits() >> 8) * 0x1p-24F; }

  /// Uniform in [low, high); low < high and high - low is finite.
  float uniform(float low, float high) noexcept {
    const double offset = static_cast<double>(high - low) * static_cast<double>(uniform());
    const auto value = static_cast<float>(low + offset);  // the product is exact, so fusing it changes nothing
    return value < high ? value : low;
  }

  /// Uniform in [0, bound); bound >= 1. Without bias, by rejection (Lemire, "Fast random integer generation in an
  /// interval", 2019).
  std::uint32_t below(std::uint32_t bound) noexcept {
    std::uint64_t product = std::uint64_t{bits()} * bound;
    const std::uint32_t threshold = (0U - bound) % bound;
    while (low(product) < threshold) product = std::uint64_t{bits()} * bound;
    return high(product);
  }

  /// A sample of the standard normal distribution, by comparisons of uniform numbers alone (Karney, "Sampling exactly
  /// from the normal distribution", ACM TOMS 42, 2016, algorithm N).
  float normal() noexcept {
    while (true) {
      std::uint32_t whole = 0;
      while (exp_minus_half()) ++whole;
      if (!exp_minus_half_power(whole * (whole - 1))) continue;  // for whole = 0 the power is 0
      const double fraction = uniform53();
      bool accepted = true;
      for (std::uint32_t i = 0; i <= whole && accepted; ++i) accepted = accept_fraction(whole, fraction);
      if (!accepted) continue;
      const double magnitude = static_cast<double>(whole) + fraction;
      return static_cast<float>((bits() & 1U) != 0 ? -magnitude : magnitude);
    }
  }

  /// Puts `items` into a random order (Fisher-Yates).
  template <class T>
  void shuffle(std::span<T> items) noexcept {
    for (std::size_t i = items.size(); i > 1; --i) {
      std::swap(items[i - 1], items[below(static_cast<std::uint32_t>(i))]);
    }
  }

  /// One block of Philox4x32-10: ten rounds on `counter` under `key`.
  static std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                             std::array<std::uint32_t, 2> key) noexcept {
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t first = std::uint64_t{0xD2511F53} * counter[0];
      const std::uint64_t second = std::uint64_t{0xCD9E8D57} * counter[2];
      counter = {high(second) ^ counter[1] ^ key[0], low(second), high(first) ^ counter[3] ^ key[1], low(first)};
      key[0] += 0x9E3779B9;
      key[1] += 0xBB67AE85;
    }
    return counter;
  }

 private:
  static constexpr std::uint32_t low(std::uint64_t value) noexcept { return static_cast<std::uint32_t>(value); }
  static constexpr std::uint32_t high(std::uint64_t value) noexcept { return static_cast<std::uint32_t>(value >> 32); }

  double uniform53() noexcept {
    const std::uint64_t upper = bits();
    return static_cast<double>(((upper << 32) | bits()) >> 11) * 0x1p-53;
  }

  /// True with probability exp(-1/2): the length of a decreasing run that starts below 1/2 is even (algorithm H).
  bool exp_minus_half() noexcept {
    double previous = 0.5;
    for (bool even = true;; even = !even) {
      const double next = uniform53();
      if (next >= previous) return even;
      previous = next;
    }
  }

  bool exp_minus_half_power(std::uint32_t power) noexcept {
    for (; power > 0; --power) {
      if (!exp_minus_half()) return false;
    }
    return true;
  }

  /// True with probability exp(-x (2 k + x) / (2 k + 2)) (algorithm B).
  bool accept_fraction(std::uint32_t k, double x) noexcept {
    const double numerator = static_cast<double>(2 * k) + x;
    const double denominator = static_cast<double>(2 * k + 2);
    double previous = x;
    for (bool even = true;; even = !even) {
      const double next = uniform53();
      if (next >= previous || uniform53() * denominator >= numerator) return even;
      previous = next;
    }
  }

  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  std::size_t used_ = 4;
};

}  // namespace condense

#endif
