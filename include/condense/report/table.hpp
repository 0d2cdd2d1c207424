#ifndef CONDENSE_REPORT_TABLE_HPP
#define CONDENSE_REPORT_TABLE_HPP

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "condense/core/error.hpp"
#include "condense/io/file.hpp"

namespace condense::report {

/// One column of a table: how it is called on the screen and in JSON, and how its numbers are shown.
struct Column {
  std::string title;
  std::string key;         ///< In JSON, with the unit in it, such as "latency_ms".
  int decimals = 0;        ///< Of floating-point numbers on the screen; JSON has them in full.
  bool with_sign = false;  ///< Show a plus before positive numbers.
};

/// One entry; an empty one prints as nothing and is null in JSON.
using Cell = std::variant<std::monostate, std::string, std::int64_t, double>;

/// Rows under titled columns, as text for a screen and as JSON for programs.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Throws unless there is a cell for each column.
  void add(std::vector<Cell> row) {
    require(row.size() == columns_.size(), "the table has {} columns, the row has {} cells", columns_.size(),
            row.size());
    rows_.push_back(std::move(row));
  }

  std::size_t size() const noexcept { return rows_.size(); }

  /// Lines of text: titles, a rule, the rows. Text is aligned left, numbers right.
  std::string text() const {
    std::vector<std::size_t> widths;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      std::size_t width = columns_[c].title.size();
      for (const auto& row : rows_) width = std::max(width, shown(row[c], columns_[c]).size());
      widths.push_back(width);
    }
    std::string lines;
    const auto add_line = [&](auto&& cell) {
      std::string line;
      for (std::size_t c = 0; c < columns_.size(); ++c) {
        line += is_text(c) ? fmt::format("{:<{}}  ", cell(c), widths[c]) : fmt::format("{:>{}}  ", cell(c), widths[c]);
      }
      lines += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    };
    add_line([&](std::size_t c) { return columns_[c].title; });
    add_line([&](std::size_t c) { return std::string(widths[c], '-'); });
    for (const auto& row : rows_) add_line([&](std::size_t c) { return shown(row[c], columns_[c]); });
    return lines;
  }

  /// An array with an object for each row. Numbers that are not finite become the strings "inf", "-inf" and "nan",
  /// for JSON has no such numbers.
  nlohmann::ordered_json json() const {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const auto& row : rows_) {
      nlohmann::ordered_json object = nlohmann::ordered_json::object();
      for (std::size_t c = 0; c < columns_.size(); ++c) object[columns_[c].key] = json_of(row[c]);
      rows.push_back(std::move(object));
    }
    return rows;
  }

 private:
  bool is_text(std::size_t column) const {
    for (const auto& row : rows_) {
      if (!std::holds_alternative<std::monostate>(row[column])) return std::holds_alternative<std::string>(row[column]);
    }
    return true;
  }

  static std::string shown(const Cell& cell, const Column& column) {
    if (const auto* text = std::get_if<std::string>(&cell)) return *text;
    if (const auto* whole = std::get_if<std::int64_t>(&cell))
      return column.with_sign ? fmt::format("{:+}", *whole) : fmt::format("{}", *whole);
    if (const auto* number = std::get_if<double>(&cell)) {
      return column.with_sign ? fmt::format("{:+.{}f}", *number, column.decimals)
                              : fmt::format("{:.{}f}", *number, column.decimals);
    }
    return {};
  }

  static nlohmann::ordered_json json_of(const Cell& cell) {
    if (const auto* text = std::get_if<std::string>(&cell)) return *text;
    if (const auto* whole = std::get_if<std::int64_t>(&cell)) return *whole;
    if (const auto* number = std::get_if<double>(&cell)) {
      if (std::isfinite(*number)) return *number;
      return fmt::format("{}", *number);
    }
    return nullptr;
  }

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

/// Writes JSON to a file, whole or not at all. What is not UTF-8, as names in a model's file may be, is replaced.
inline void write_json(const std::filesystem::path& path, const nlohmann::ordered_json& json) {
  const std::string text = json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  io::write_file_atomically(path, std::as_bytes(std::span(text)));
}

}  // namespace condense::report

#endif
