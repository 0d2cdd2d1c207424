#ifndef CONDENSE_REPORT_PROFILE_HPP
#define CONDENSE_REPORT_PROFILE_HPP

#include <string>

#include "condense/report/table.hpp"
#include "condense/runtime/profile.hpp"

namespace condense::report {

/// The steps of a profile, in order: time and its share, work, bytes, and how close each comes to the limit that binds
/// it, "compute" or "memory".
inline Table profile_table(const runtime::Profile& profile) {
  Table table({{"step", "step"},
               {"operation", "operation"},
               {"precision", "precision"},
               {"kernel", "kernel"},
               {"us", "us", 1},
               {"%", "percent_of_time", 1},
               {"MACs", "multiply_accumulates"},
               {"GOPS", "gops", 1},
               {"bytes", "bytes"},
               {"GB/s", "gb_per_second", 1},
               {"of limit", "fraction_of_limit", 2},
               {"bound", "bound"}});
  const double all = profile.seconds_of_steps();
  for (const runtime::StepProfile& step : profile.steps) {
    const bool multiplies = step.info.multiply_accumulates > 0;
    table.add({step.info.name, step.info.operation, step.info.precision, step.info.kernel, step.seconds * 1e6,
               100 * step.seconds / all, multiplies ? Cell(step.info.multiply_accumulates) : Cell(),
               multiplies ? Cell(step.operations_per_second() * 1e-9) : Cell(), static_cast<std::int64_t>(step.bytes()),
               step.bytes_per_second() * 1e-9, step.fraction_of_limit(),
               step.ran ? std::string(name(step.bound())) : "not run"});
  }
  return table;
}

/// All of a profile; times in microseconds, energy in microjoules and called an estimate.
inline nlohmann::ordered_json profile_json(const runtime::Profile& profile) {
  nlohmann::ordered_json reads = nlohmann::ordered_json::array();
  for (const runtime::ReadLimit& read : profile.limits.reads) {
    reads.push_back({{"bytes", read.bytes}, {"gb_per_second", read.bytes_per_second * 1e-9}});
  }
  const runtime::EnergyEstimate& energy = profile.energy;
  return {{"backend", profile.backend},
          {"threads", profile.threads},
          {"rounds", profile.rounds},
          {"us", profile.seconds * 1e6},
          {"us_of_steps", profile.seconds_of_steps() * 1e6},
          {"us_at_limit", profile.seconds_at_limit() * 1e6},
          {"multiply_accumulates", profile.multiply_accumulates()},
          {"arena_bytes", profile.arena_bytes},
          {"arena_lower_bound", profile.arena_lower_bound},
          {"weight_bytes", profile.weight_bytes},
          {"limits",
           {{"integer_gops", profile.limits.integer_operations * 1e-9},
            {"float_gops", profile.limits.float_operations * 1e-9},
            {"reads", reads}}},
          {"energy_estimate",
           {{"source", "Horowitz, ISSCC 2014, 45 nm"},
            {"microjoules", energy.joules() * 1e6},
            {"arithmetic_microjoules", energy.arithmetic * 1e6},
            {"weights_microjoules", energy.weights * 1e6},
            {"activations_microjoules", energy.activations * 1e6},
            {"tops_per_watt", energy.tera_operations_per_watt()}}},
          {"steps", profile_table(profile).json()}};
}

/// One inference in the trace-event format that chrome://tracing and ui.perfetto.dev show (Google, "Trace Event
/// Format"): an event for each step, one after the other, each as long as its median.
inline nlohmann::ordered_json chrome_trace(const runtime::Profile& profile) {
  nlohmann::ordered_json events = nlohmann::ordered_json::array();
  double start = 0;
  for (const runtime::StepProfile& step : profile.steps) {
    const double microseconds = step.seconds * 1e6;
    events.push_back({{"name", step.info.name},
                      {"cat", step.info.kernel},
                      {"ph", "X"},
                      {"ts", start},
                      {"dur", microseconds},
                      {"pid", 1},
                      {"tid", 1},
                      {"args",
                       {{"operation", step.info.operation},
                        {"precision", step.info.precision},
                        {"multiply_accumulates", step.info.multiply_accumulates},
                        {"bytes", step.bytes()},
                        {"fraction_of_limit", step.fraction_of_limit()},
                        {"bound", name(step.bound())}}}});
    start += microseconds;
  }
  return {{"traceEvents", events}, {"displayTimeUnit", "ns"}};
}

}  // namespace condense::report

#endif
