// The physical limits of one core: its clock, the multiply-adds of each instruction set and the bandwidth of each level
// of memory, with pages of the usual size and of 2 MiB. Medians of 15 rounds in which everything takes turns.

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "support/limits.hpp"

using namespace condense::benchmarks;

namespace {

struct Question {
  std::string name;
  const char* unit;
  std::function<double()> measure;
  std::vector<double> answers = {};
};

}  // namespace

int main() {
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
  for (const Question& question : questions) {
    fmt::print("{:<56} {:8.2f} {}\n", question.name, median(question.answers) * 1e-9, question.unit);
  }
}
