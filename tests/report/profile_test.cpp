#include "condense/report/profile.hpp"

#include <gtest/gtest.h>

#include "condense/io/file.hpp"
#include "support/temporary_folder.hpp"

namespace condense::report {
namespace {

runtime::Profile example() {
  runtime::Profile profile{.backend = "avx2", .threads = 1, .rounds = 5, .seconds = 41e-6, .steps = {}};
  profile.steps.push_back({.info = {.name = "stem",
                                    .operation = "Conv + Relu",
                                    .precision = "int8",
                                    .kernel = "gemm",
                                    .multiply_accumulates = 300'000,
                                    .weight_bytes = 500,
                                    .bytes_read = 300,
                                    .bytes_written = 200},
                           .seconds = 30e-6,
                           .compute_seconds = 15e-6,
                           .memory_seconds = 1e-6});
  profile.steps.push_back(
      {.info = {.name = "pool", .operation = "MaxPool", .precision = "int8", .kernel = "pooling", .bytes_read = 2000},
       .seconds = 10e-6,
       .memory_seconds = 1e-6});
  profile.limits = {.integer_operations = 4e11, .float_operations = 1e11, .reads = {{16384, 1e11}}};
  profile.energy = {.arithmetic = 1e-6, .weights = 2e-6, .activations = 3e-6, .multiply_accumulates = 300'000};
  return profile;
}

TEST(ProfileTable, HasARowForEachStep) {
  EXPECT_EQ(profile_table(example()).text(),
            "step  operation    precision  kernel     us     %    MACs  GOPS  bytes  GB/s  of limit  bound\n"
            "----  -----------  ---------  -------  ----  ----  ------  ----  -----  ----  --------  -------\n"
            "stem  Conv + Relu  int8       gemm     30.0  75.0  300000  20.0   1000   0.0      0.50  compute\n"
            "pool  MaxPool      int8       pooling  10.0  25.0                 2000   0.2      0.10  memory\n");
}

TEST(ProfileJson, NamesUnitsAndCallsTheEnergyAnEstimate) {
  const nlohmann::ordered_json json = profile_json(example());
  EXPECT_DOUBLE_EQ(json["us"], 41);
  EXPECT_DOUBLE_EQ(json["us_of_steps"], 40);
  EXPECT_DOUBLE_EQ(json["us_at_limit"], 16);
  EXPECT_DOUBLE_EQ(json["limits"]["integer_gops"], 400);
  EXPECT_DOUBLE_EQ(json["limits"]["reads"][0]["gb_per_second"], 100);
  EXPECT_DOUBLE_EQ(json["energy_estimate"]["microjoules"], 6);
  EXPECT_DOUBLE_EQ(json["energy_estimate"]["tops_per_watt"], 0.1);
  EXPECT_EQ(json["steps"].size(), 2U);
  EXPECT_EQ(json["steps"][1]["multiply_accumulates"], nullptr);
}

TEST(ChromeTrace, LaysStepsEndToEnd) {
  const TemporaryFolder folder;
  runtime::Profile profile = example();
  profile.steps[1].info.name = "p\xff";  // a name that is not UTF-8 is replaced, the file stays JSON
  write_json(folder / "trace.json", chrome_trace(profile));
  const std::vector<std::byte> bytes = io::read_file(folder / "trace.json");
  const auto trace = nlohmann::json::parse(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  ASSERT_EQ(trace["traceEvents"].size(), 2U);
  const nlohmann::json& stem = trace["traceEvents"][0];
  EXPECT_EQ(stem["name"], "stem");
  EXPECT_EQ(stem["ph"], "X");
  EXPECT_DOUBLE_EQ(stem["ts"], 0);
  EXPECT_DOUBLE_EQ(stem["dur"], 30);
  EXPECT_EQ(stem["args"]["operation"], "Conv + Relu");
  EXPECT_EQ(stem["args"]["bound"], "compute");
  EXPECT_DOUBLE_EQ(trace["traceEvents"][1]["ts"], 30);
  EXPECT_EQ(trace["traceEvents"][1]["name"], "p\uFFFD");
}

}  // namespace
}  // namespace condense::report
