#include "condense/report/table.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "support/temporary_folder.hpp"
#include "support/throws.hpp"

namespace condense::report {
namespace {

Table table() {
  Table table(
      {{"scheme", "scheme"}, {"accuracy %", "accuracy_percent", 2}, {"change", "change", 1, true}, {"bytes", "bytes"}});
  table.add({std::string("float32"), 92.25, {}, std::int64_t{403208}});
  table.add({std::string("int8"), 92.0, -0.25, std::int64_t{107996}});
  return table;
}

TEST(Table, AlignsTextLeftAndNumbersRight) {
  EXPECT_EQ(table().text(),
            "scheme   accuracy %  change   bytes\n"
            "-------  ----------  ------  ------\n"
            "float32       92.25          403208\n"
            "int8          92.00    -0.2  107996\n");
  EXPECT_EQ(table().size(), 2U);
}

TEST(Table, EndsNoLineInBlanks) {
  Table table({{"a", "a"}, {"note", "note"}});
  table.add({std::string("long text"), std::string("x")});
  table.add({std::string("b"), {}});
  EXPECT_EQ(table.text(), "a          note\n---------  ----\nlong text  x\nb\n");
}

TEST(Table, WithoutRowsHasItsTitles) {
  EXPECT_EQ(Table({{"a", "a"}, {"bc", "bc"}}).text(), "a  bc\n-  --\n");
  EXPECT_EQ(Table(std::vector<Column>{{"a", "a"}}).json().dump(), "[]");
}

TEST(Table, ShowsASignWhereAColumnAsksForIt) {
  Table table({{"points", "points", 2, true}, {"count", "count", 0, true}});
  table.add({1.5, std::int64_t{3}});
  table.add({-0.5, std::int64_t{-3}});
  EXPECT_EQ(table.text(), "points  count\n------  -----\n +1.50     +3\n -0.50     -3\n");
}

TEST(Table, KnowsTheKindOfAColumnFromItsFirstEntry) {
  Table table({{"value", "value", 1}});
  table.add({{}});
  table.add({2.0});
  EXPECT_EQ(table.text(), "value\n-----\n\n  2.0\n");
}

TEST(Table, HasARowForEachObjectInJson) {
  const nlohmann::ordered_json json = table().json();
  ASSERT_EQ(json.size(), 2U);
  EXPECT_EQ(json[0].dump(), R"({"scheme":"float32","accuracy_percent":92.25,"change":null,"bytes":403208})");
  EXPECT_TRUE(json[1]["scheme"].is_string());
  EXPECT_TRUE(json[1]["accuracy_percent"].is_number_float());
  EXPECT_TRUE(json[1]["bytes"].is_number_integer());
  EXPECT_EQ(json[1]["change"].get<double>(), -0.25) << "in full, however few decimals the screen shows";
}

TEST(Table, SpellsOutNumbersThatJsonDoesNotHave) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Table table({{"sqnr", "sqnr_db", 1}});
  for (const double value : {kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN()}) table.add({value});
  const std::string text = table.json().dump();
  EXPECT_EQ(text, R"([{"sqnr_db":"inf"},{"sqnr_db":"-inf"},{"sqnr_db":"nan"}])");
  EXPECT_EQ(nlohmann::json::parse(text).size(), 3U);
}

TEST(Table, KeepsQuotesAndOtherAlphabetsInJson) {
  Table table(std::vector<Column>{{"name", "name"}});
  table.add({std::string("a \"b\" \\ \n ü")});
  EXPECT_EQ(nlohmann::json::parse(table.json().dump())[0]["name"], "a \"b\" \\ \n ü");
}

TEST(Table, RefusesARowOfAnotherLength) {
  Table table({{"a", "a"}, {"b", "b"}});
  EXPECT_TRUE(throws<InvalidArgument>("2 columns, the row has 1 cells", [&] { table.add({std::string("x")}); }));
  EXPECT_TRUE(throws<InvalidArgument>("3 cells", [&] { table.add({{}, {}, {}}); }));
  EXPECT_EQ(table.size(), 0U);
}

TEST(WriteJson, ReplacesAFileByAWholeOne) {
  const TemporaryFolder folder;
  std::ofstream(folder / "table.json") << "old";
  write_json(folder / "table.json", table().json());
  std::ifstream file(folder / "table.json");
  EXPECT_EQ(nlohmann::ordered_json::parse(file), table().json());
  EXPECT_EQ(folder.names(), std::vector<std::string>{"table.json"}) << "nothing of the writing is left behind";
}

TEST(WriteJson, NamesAFileThatCannotBeWrittenAndLeavesNothing) {
  const TemporaryFolder folder;
  const auto path = folder / "missing/table.json";
  EXPECT_TRUE(throws<Error>(path.string(), [&] { write_json(path, table().json()); }));
  EXPECT_TRUE(folder.names().empty());
}

}  // namespace
}  // namespace condense::report
