#ifndef CONDENSE_EXAMPLES_CLI_COMMANDS_HPP
#define CONDENSE_EXAMPLES_CLI_COMMANDS_HPP

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "condense/core/error.hpp"
#include "condense/core/parallel.hpp"

namespace cli {

/// The command line asks for something that does not go together; the program ends with status 2.
class UsageError : public condense::Error {
 public:
  using Error::Error;
};

// Each adds its subcommand, which runs when the command line has been read.
void add_info(CLI::App& app);
void add_run(CLI::App& app);
void add_quantize(CLI::App& app);
void add_prune(CLI::App& app);
void add_compare(CLI::App& app);
void add_compile(CLI::App& app);
void add_bench(CLI::App& app);
void add_profile(CLI::App& app);

/// Options that every subcommand has.
struct CommonOptions {
  bool json = false;
  int threads = 0;

  void add_to(CLI::App& command) {
    command.add_flag("--json", json, "Print the results as JSON and nothing else");
    command.add_option("--threads", threads, "Threads; 0 for one each processor")
        ->capture_default_str()
        ->check(CLI::Range(0, condense::ThreadPool::kMaximumThreads));
  }
  condense::ThreadPool pool() const {
    return threads > 0 ? condense::ThreadPool(threads) : condense::ThreadPool::of_all_processors();
  }
};

/// A check of an option's value by a function that throws where it is wrong, such as `NumberFormat::parse`.
template <class Parse>
CLI::Validator parsed_by(Parse parse) {
  return CLI::Validator(
      [parse](std::string& text) -> std::string {
        try {
          parse(text);
          return {};
        } catch (const condense::Error& error) {
          return error.what();
        }
      },
      "");
}

/// "1,234,567"; the number is not negative.
inline std::string grouped(std::int64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

/// Names in a file may be any bytes; JSON is UTF-8.
inline void print_json(const nlohmann::ordered_json& json) {
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace cli

#endif
