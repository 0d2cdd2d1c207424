// The physical limits of one core: its clock, the multiply-adds of each instruction set and the bandwidth of each level
// of memory, with pages of the usual size and of 2 MiB. Medians of 15 rounds in which everything takes turns.
//
//   limits_benchmark [--json FILE]

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "condense/report/table.hpp"
#include "support/limits.hpp"

using namespace condense;
using namespace condense::benchmarks;

namespace {

struct Question {
  std::string name;
  const char* unit;
  std::function<double()> measure;
  std::vector<double> answers = {};
};

}  // namespace

int main(int argc, char** argv) try {
  pin_to_core();
  const CacheSizes caches = cache_sizes();
  constexpr Index kMiB = Index{1} << 20;
  const Index l3 = std::max(2 * caches.l2, std::min(caches.l3 / 4, 8 * kMiB));  // it may be shared by many cores
  const Index beyond = 512 * kMiB;
  const Pages usual(static_cast<std::size_t>(beyond), Pages::Size::usual);
  const Pages huge(static_cast<std::size_t>(beyond), Pages::Size::huge);

  std::vector<Question> questions{{"clock", "GHz", measure_clock}};
  for (const ArithmeticLimit& limit : arithmetic_limits()) {
    questions.push_back({fmt::format("{} {}", limit.integers ? "int8 " : "float", limit.name), "GOPS",
                         [limit] { return measure(limit); }});
  }
  const auto add_level = [&](const char* level, Index bytes) {
    for (const Pages* pages : {&usual, &huge}) {
      questions.push_back(
          {fmt::format("read {} ({} KiB), {}", level, bytes >> 10, pages == &usual ? "usual pages" : "2 MiB pages"),
           "GB/s", [=] { return measure_bandwidth(pages->data(), bytes); }});
    }
  };
  add_level("L1", caches.l1 / 2);
  add_level("L2", caches.l2 / 2);
  add_level("L3", l3);
  add_level("memory", beyond);

  for (int round = 0; round < 15; ++round) {
    for (Question& question : questions) question.answers.push_back(question.measure());
  }
  report::Table table({{"what", "what"}, {"limit", "limit", 2}, {"unit", "unit"}});
  for (const Question& question : questions) {
    table.add({question.name, median(question.answers) * 1e-9, std::string(question.unit)});
  }
  fmt::print("{}", table.text());
  if (argc == 3 && std::string_view(argv[1]) == "--json") report::write_json(argv[2], table.json());
} catch (const std::exception& error) {
  fmt::print(stderr, "limits_benchmark: {}\n", error.what());
  return 1;
}
