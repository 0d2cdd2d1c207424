#ifndef CONDENSE_BENCHMARKS_SUPPORT_OPTIONS_HPP
#define CONDENSE_BENCHMARKS_SUPPORT_OPTIONS_HPP

#include <fmt/format.h>

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "condense/core/error.hpp"
#include "condense/report/progress_bar.hpp"
#include "condense/report/table.hpp"

namespace condense::benchmarks {

/// What a program that compares condense with its peers is asked for.
struct Options {
  std::string json;
  std::string filter;
  std::string isa;
  std::string models;
  int threads = 1;
  bool quick = false;
  bool profile = false;
};

/// Options that only some of those programs have.
struct OfSome {
  bool isa = true;
  bool threads = false;
  bool models = false;  ///< With `--profile`.
};

inline int parse_threads(const std::string& text) {
  int threads = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, threads);
  require(error == std::errc() && rest == end && threads >= 1, "--threads needs a number above 0, not '{}'", text);
  return threads;
}

inline Options parse(int argc, char** argv, const OfSome& known = {}) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto value = [&] {
      require(i + 1 < argc, "{} needs a value", argument);
      return std::string(argv[++i]);
    };
    if (argument == "--json") {
      options.json = value();
    } else if (argument == "--filter") {
      options.filter = value();
    } else if (argument == "--isa" && known.isa) {
      options.isa = value();
    } else if (argument == "--threads" && known.threads) {
      options.threads = parse_threads(value());
    } else if (argument == "--models" && known.models) {
      options.models = value();
    } else if (argument == "--profile" && known.models) {
      options.profile = true;
    } else if (argument == "--quick") {
      options.quick = true;
    } else {
      throw InvalidArgument(fmt::format("there is no option '{}'; use --json FILE, --filter TEXT,{}{}{} or --quick",
                                        argument, known.isa ? " --isa NAME," : "", known.threads ? " --threads N," : "",
                                        known.models ? " --models FOLDER, --profile," : ""));
    }
  }
  return options;
}

/// Compares what `--filter` keeps of `cases`, each by `compare(case, table)`, and shows and saves the table. `name`
/// gives the description of a case, `kind` says what cases are, such as "layers".
template <class Case, class Name, class Compare>
void compare_all(const Options& options, const std::vector<Case>& cases, std::string_view kind, const Name& name,
                 report::Table table, const Compare& compare) {
  std::vector<Case> kept;
  for (const Case& c : cases) {
    if (name(c).find(options.filter) != std::string::npos) kept.push_back(c);
  }
  require(!kept.empty(), "none of the {} has '{}' in its description, such as '{}'", kind, options.filter,
          name(cases[0]));
  report::ProgressBar progress;
  for (const Case& c : kept) {
    const std::string detail = name(c);
    compare(c, table);
    progress({.stage = kind, .done = (&c - kept.data()) + 1, .total = std::ssize(kept), .detail = detail});
  }
  fmt::print("{}", table.text());
  if (!options.json.empty()) report::write_json(options.json, table.json());
}

}  // namespace condense::benchmarks

#endif
