#ifndef CONDENSE_TRAIN_SCHEDULE_HPP
#define CONDENSE_TRAIN_SCHEDULE_HPP

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "condense/core/shape.hpp"

namespace condense::train {

/// Where training stands. `total` steps are planned, of which `step` are done.
struct SchedulePoint {
  Index step = 0;
  Index total = 1;
  Index steps_per_epoch = 1;
};

/// The learning rate of the next step. Any function of the point can be one; those below are.
using Schedule = std::function<double(const SchedulePoint&)>;

/// The same rate always.
struct ConstantSchedule {
  double rate = 1e-3;

  double operator()(const SchedulePoint&) const { return rate; }
};

/// rate * factor^k in epochs [k * epochs, (k + 1) * epochs).
struct StepSchedule {
  double rate = 1e-1;
  double factor = 0.1;
  Index epochs = 10;  ///< >= 1.

  double operator()(const SchedulePoint& point) const {
    require(epochs >= 1, "a step schedule changes every 1 epoch or more, not {}", epochs);
    return rate * std::pow(factor, static_cast<double>(point.step / (epochs * point.steps_per_epoch)));
  }
};

/// Half a cosine from `rate` down to `final_rate` (Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm
/// restarts", ICLR 2017, equation 5, without restarts), after a linear rise over the first `warm_up_epochs`.
struct CosineSchedule {
  double rate = 1e-3;
  double final_rate = 0;
  double warm_up_epochs = 0;  ///< >= 0.

  double operator()(const SchedulePoint& point) const {
    require(warm_up_epochs >= 0, "the warm-up lasts 0 epochs or more, not {}", warm_up_epochs);
    const double warm_up = warm_up_epochs * static_cast<double>(point.steps_per_epoch);
    const auto step = static_cast<double>(point.step);
    if (step < warm_up) return rate * (step + 1) / (warm_up + 1);
    const double rest = std::max(1.0, static_cast<double>(point.total) - warm_up);
    const double done = std::min(1.0, (step - warm_up) / rest);
    return final_rate + (rate - final_rate) * 0.5 * (1 + std::cos(std::numbers::pi * done));
  }
};

}  // namespace condense::train

#endif
