#ifndef CONDENSE_KERNELS_GEMM_DETAIL_QUAD_PLAN_HPP
#define CONDENSE_KERNELS_GEMM_DETAIL_QUAD_PLAN_HPP

#include <algorithm>
#include <cstdint>

#include "condense/core/shape.hpp"

namespace condense::kernels::detail {

/// Which products of 8 columns can be added up in 16 bits without saturating, whatever the activations are; found when
/// weights are packed.
///
/// A quad is 4 neighbouring elements of K. vpmaddubsw multiplies them by unsigned bytes and adds two products each: it
/// pairs the first with the second, or with a copy of the activations in another order with the third or the fourth.
/// The plan puts quads together in twos, each with its pairing, such that in every column and pair the four weights
/// that meet have positive ones of at most 128 in sum, and negative ones of at least -128: their products then lie
/// within 255 * 128 = 32640. Of normally distributed weights at their full range nearly all quads find a partner: 53 %
/// at K = 256, 89 % at 1152, 97 % at 4096; of uniform ones none. Quads without one are multiplied in 16 bits.
class QuadPlan {
 public:
  static constexpr Index kColumns = 8;
  static constexpr Index kMostQuads = 64;
  static constexpr int kPairings = 3;
  static constexpr int kOrders[kPairings][4] = {{0, 1, 2, 3}, {0, 2, 1, 3}, {0, 3, 1, 2}};

  /// A quad of the plan, and how it is paired.
  struct Entry {
    int quad = 0;
    int pairing = 0;
  };

  /// `codes(column, k)` are the weights. Time is quadratic in the quads at worst: 4 to 20 ns a weight.
  template <class Codes>
  QuadPlan(Index quads, const Codes& codes) noexcept {
    for (int quad = 0; quad < quads; ++quad) add_up(quad, codes);
    // Those that are hardest to place choose first, and among the easiest.
    int order[kMostQuads];
    for (int i = 0; i < quads; ++i) order[i] = i;
    std::sort(order, order + quads,
              [&](int a, int b) { return least_[a] != least_[b] ? least_[a] > least_[b] : a < b; });
    bool placed[kMostQuads] = {};
    for (Index i = 0; i < quads; ++i) {
      for (Index j = quads - 1; j > i && !placed[order[i]]; --j) {
        if (!placed[order[j]] && put_together(order[i], order[j])) placed[order[i]] = placed[order[j]] = true;
      }
    }
    Index next = together_;
    for (int quad = 0; quad < quads; ++quad) {
      if (!placed[quad]) entries_[next++] = {quad, 0};
    }
  }

  /// Quads that are put together, an even number: entries [0, together()), two by two. The others follow in order.
  Index together() const noexcept { return together_; }
  const Entry& operator[](Index i) const noexcept { return entries_[i]; }

 private:
  static constexpr int kMost = 128;
  static constexpr int kPairs = 2 * kColumns;

  /// What the weights of every pair add up to, positive and negative ones, without their sign.
  struct Sums {
    std::int16_t positive[kPairs];
    std::int16_t negative[kPairs];
  };

  template <class Codes>
  void add_up(int quad, const Codes& codes) noexcept {
    least_[quad] = 2 * kMost;
    for (int pairing = 0; pairing < kPairings; ++pairing) {
      Sums& sums = sums_[quad][pairing];
      int largest = 0;
      for (int pair = 0; pair < kPairs; ++pair) {
        const int* order = kOrders[pairing] + pair % 2 * 2;
        const int one = codes(pair / 2, 4 * quad + order[0]);
        const int two = codes(pair / 2, 4 * quad + order[1]);
        sums.positive[pair] = static_cast<std::int16_t>(std::max(one, 0) + std::max(two, 0));
        sums.negative[pair] = static_cast<std::int16_t>(-std::min(one, 0) - std::min(two, 0));
        largest = std::max({largest, int{sums.positive[pair]}, int{sums.negative[pair]}});
      }
      largest_[quad][pairing] = largest;
      least_[quad] = std::min(least_[quad], largest);
    }
  }

  bool put_together(int one, int two) noexcept {
    for (int p = 0; p < kPairings; ++p) {
      if (largest_[one][p] > kMost) continue;
      for (int q = 0; q < kPairings; ++q) {
        if (largest_[two][q] > kMost || !fit(sums_[one][p], sums_[two][q])) continue;
        entries_[together_++] = {one, p};
        entries_[together_++] = {two, q};
        return true;
      }
    }
    return false;
  }

  static bool fit(const Sums& one, const Sums& two) noexcept {
    for (int pair = 0; pair < kPairs; ++pair) {
      if (one.positive[pair] + two.positive[pair] > kMost || one.negative[pair] + two.negative[pair] > kMost) {
        return false;
      }
    }
    return true;
  }

  Index together_ = 0;
  Entry entries_[kMostQuads];
  Sums sums_[kMostQuads][kPairings];
  int largest_[kMostQuads][kPairings];
  int least_[kMostQuads];
};

}  // namespace condense::kernels::detail

#endif
