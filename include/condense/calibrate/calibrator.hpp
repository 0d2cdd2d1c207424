#ifndef CONDENSE_CALIBRATE_CALIBRATOR_HPP
#define CONDENSE_CALIBRATE_CALIBRATOR_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "condense/calibrate/analytic.hpp"
#include "condense/calibrate/cross_validated.hpp"
#include "condense/calibrate/entropy.hpp"
#include "condense/calibrate/mean_squared_error.hpp"
#include "condense/calibrate/min_max.hpp"
#include "condense/calibrate/moving_average.hpp"
#include "condense/calibrate/percentile.hpp"
#include "condense/core/error.hpp"

namespace condense::calibrate {

/// How a range is chosen, for programs that choose at run time.
enum class Method : std::uint8_t {
  min_max,
  moving_average,
  percentile,
  entropy,
  mean_squared_error,
  analytic_gaussian,
  analytic_laplace,
};

inline constexpr std::array<Method, 7> kMethods = {
    Method::min_max,          Method::moving_average,     Method::percentile,
    Method::entropy,          Method::mean_squared_error, Method::analytic_gaussian,
    Method::analytic_laplace,
};

namespace detail {

inline constexpr std::array<std::string_view, kMethods.size()> kMethodNames = {
    "min-max", "moving average", "percentile", "entropy", "mean squared error", "analytic gaussian", "analytic laplace",
};

}  // namespace detail

/// "min-max", "mean squared error".
constexpr std::string_view name(Method method) noexcept {
  return detail::kMethodNames[static_cast<std::size_t>(method)];
}

/// The method of a name. Spaces, hyphens and underscores are the same. Throws, listing the names, if there is none.
inline Method parse_method(std::string_view text) {
  const auto same = [](char a, char b) {
    const auto plain = [](char c) { return c == '-' || c == '_' ? ' ' : c; };
    return plain(a) == plain(b);
  };
  for (const Method method : kMethods) {
    if (std::ranges::equal(text, name(method), same)) return method;
  }
  throw InvalidArgument(
      fmt::format("there is no calibration method '{}'; choose from {}", text, fmt::join(detail::kMethodNames, ", ")));
}

/// True for the methods whose statistic does not depend on the order of the data.
constexpr bool is_mergeable(Method method) noexcept { return method != Method::moving_average; }

/// What a calibrator is made from. The defaults are argued in docs/calibration.md.
struct Configuration {
  Method method = Method::mean_squared_error;
  double percentile = 99.999;            ///< For percentile, two-sided: in (50, 100].
  double smoothing = 0.99;               ///< For the moving average: in [0, 1).
  bool cross_validated = false;          ///< Correct the range on held-out batches; see `CrossValidated`.
  int folds = 4;                         ///< For cross-validation: 2 to 64.
  Index bins = Histogram::kDefaultBins;  ///< Of every histogram: a power of two.

  friend bool operator==(const Configuration&, const Configuration&) = default;
};

namespace detail {

/// Any of the observers without cross-validation.
class AnyObserver {
 public:
  AnyObserver(const Configuration& configuration, const Target& target) : observer_(make(configuration, target)) {}

  void observe(std::span<const float> values) {
    std::visit([&](auto& observer) { observer.observe(values); }, observer_);
  }
  quantize::Range range() const {
    return std::visit([](const auto& observer) { return observer.range(); }, observer_);
  }
  std::size_t bytes() const noexcept {
    return std::visit([&](const auto& observer) { return sizeof(*this) - sizeof(observer) + observer.bytes(); },
                      observer_);
  }

  /// Both were made from one configuration.
  void merge(const AnyObserver& other) {
    std::visit(
        [&]<class Held>(Held& observer) {
          if constexpr (MergeableObserver<Held>) {
            observer.merge(std::get<Held>(other.observer_));
          } else {
            throw InvalidArgument(
                fmt::format("a {} depends on the order of its batches and cannot be merged; observe "
                            "the whole stream with one calibrator, or choose another method",
                            name(Method::moving_average)));
          }
        },
        observer_);
  }

  friend bool operator==(const AnyObserver&, const AnyObserver&) = default;

 private:
  using Variant = std::variant<MinMaxObserver, MovingAverageMinMaxObserver, PercentileObserver, EntropyObserver,
                               MeanSquaredErrorObserver, AnalyticObserver>;

  static Variant make(const Configuration& configuration, const Target& target) {
    switch (configuration.method) {
      case Method::min_max: return MinMaxObserver();
      case Method::moving_average: return MovingAverageMinMaxObserver(configuration.smoothing);
      case Method::percentile:
        return PercentileObserver(Percentile::two_sided(configuration.percentile), configuration.bins);
      case Method::entropy: return EntropyObserver(Entropy{target}, configuration.bins);
      case Method::mean_squared_error: return MeanSquaredErrorObserver(MeanSquaredError{target}, configuration.bins);
      case Method::analytic_gaussian: return AnalyticObserver(Analytic{Prior::gaussian, target}, configuration.bins);
      case Method::analytic_laplace: return AnalyticObserver(Analytic{Prior::laplace, target}, configuration.bins);
    }
    throw InvalidArgument(
        fmt::format("there is no calibration method of number {}", static_cast<int>(configuration.method)));
  }

  Variant observer_;
};

}  // namespace detail

/// An observer whose method is chosen at run time. A value, as every observer is.
class Calibrator {
 public:
  /// Throws if a setting is outside its domain.
  explicit Calibrator(const Configuration& configuration = {}, const Target& target = {})
      : configuration_(configuration), target_(target), observer_(make(configuration, target)) {}

  const Configuration& configuration() const noexcept { return configuration_; }
  const Target& target() const noexcept { return target_; }

  void observe(std::span<const float> values) {
    std::visit([&](auto& observer) { observer.observe(values); }, observer_);
  }

  quantize::Range range() const {
    return std::visit([](const auto& observer) { return observer.range(); }, observer_);
  }

  /// The quantiser that the range gives.
  quantize::Affine affine() const { return calibrate::affine(range(), target_); }

  std::size_t bytes() const noexcept {
    return std::visit([&](const auto& observer) { return sizeof(*this) - sizeof(observer) + observer.bytes(); },
                      observer_);
  }

  /// Adds what `other` has seen, exactly. Throws unless both have one configuration and target, and for the moving
  /// average, which depends on the order.
  void merge(const Calibrator& other) {
    require(configuration_ == other.configuration_ && target_ == other.target_,
            "a calibrator ({}, {}) cannot be merged with one ({}, {}) of another configuration", name(method()),
            target_.type.name(), name(other.method()), other.target_.type.name());
    std::visit([&]<class Held>(Held& observer) { observer.merge(std::get<Held>(other.observer_)); }, observer_);
  }

  friend bool operator==(const Calibrator&, const Calibrator&) = default;

 private:
  using Variant = std::variant<detail::AnyObserver, CrossValidated<detail::AnyObserver>>;

  static Variant make(const Configuration& configuration, const Target& target) {
    validate(target);
    detail::AnyObserver observer(configuration, target);
    if (!configuration.cross_validated) return observer;
    return CrossValidated<detail::AnyObserver>(observer, target, configuration.folds, configuration.bins);
  }

  Method method() const noexcept { return configuration_.method; }

  Configuration configuration_;
  Target target_;
  Variant observer_;
};

static_assert(MergeableObserver<Calibrator>);

}  // namespace condense::calibrate

#endif
