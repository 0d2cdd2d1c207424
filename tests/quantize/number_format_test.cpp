#include "condense/quantize/number_format.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "quantize/formats.hpp"
#include "support/throws.hpp"

namespace condense::quantize {
namespace {

TEST(NumberFormat, GoldenTexts) {
  struct Row {
    std::string_view text;
    NumberFormat format;
  };
  const auto uniform = [](SchemeKind scheme, int bits, bool is_signed, Granularity granularity = {}) {
    return NumberFormat{.scheme = scheme, .bits = bits, .is_signed = is_signed, .granularity = granularity};
  };
  NumberFormat full = uniform(SchemeKind::symmetric, 8, true);
  full.narrow = false;
  NumberFormat log = uniform(SchemeKind::logarithmic, 5, true, Granularity::per_channel(1));
  log.base = 1.5;
  log.with_zero = false;
  log.rounding = LogarithmicRounding::log_domain;
  NumberFormat apot = uniform(SchemeKind::additive_powers_of_two, 7, false, Granularity::per_group(-1, 64));
  apot.term_bits = 3;
  for (const Row& row :
       {Row{"float32", NumberFormat{}}, Row{"int8", uniform(SchemeKind::symmetric, 8, true)}, Row{"int8/full", full},
        Row{"int8/asymmetric", uniform(SchemeKind::asymmetric, 8, true)},
        Row{"uint4", uniform(SchemeKind::asymmetric, 4, false)},
        Row{"uint4/symmetric", uniform(SchemeKind::symmetric, 4, false)},
        Row{"ternary/channel", uniform(SchemeKind::symmetric, 2, true, Granularity::per_channel(0))},
        Row{"binary", uniform(SchemeKind::symmetric, 1, true)},
        Row{"int4/group32", uniform(SchemeKind::symmetric, 4, true, Granularity::per_group(1, 32))},
        Row{"log2-4", uniform(SchemeKind::logarithmic, 4, true)}, Row{"log1.5-5/nozero/logdomain/channel@1", log},
        Row{"apot4", uniform(SchemeKind::additive_powers_of_two, 4, true)}, Row{"uapot7/term3/group64@-1", apot}}) {
    EXPECT_EQ(NumberFormat::parse(row.text), row.format) << row.text;
    EXPECT_EQ(row.format.name(), row.text);
  }
}

TEST(NumberFormat, ReadsOtherTextsOfTheSameFormat) {
  EXPECT_EQ(NumberFormat::parse("int2"), NumberFormat::parse("ternary"));
  EXPECT_EQ(NumberFormat::parse("int1"), NumberFormat::parse("binary"));
  EXPECT_EQ(NumberFormat::parse("int8/symmetric"), NumberFormat::parse("int8"));
  EXPECT_EQ(NumberFormat::parse("int8/channel@0"), NumberFormat::parse("int8/channel"));
  EXPECT_EQ(NumberFormat::parse("int8/channel/full"), NumberFormat::parse("int8/full/channel"));
  EXPECT_EQ(NumberFormat::parse("log2.0-4"), NumberFormat::parse("log2-4"));
}

TEST(NumberFormat, PrintsWhatItParsesForEveryFormat) {
  std::set<std::string> names;
  std::size_t count = 0;
  for (NumberFormat format : all_formats()) {
    for (const double base : {format.base, 2.5, 1.0625, 1e10}) {
      if (format.scheme != SchemeKind::logarithmic && base != format.base) continue;
      format.base = base;
      for (const Granularity granularity :
           {Granularity::per_tensor(), Granularity::per_channel(0), Granularity::per_channel(1),
            Granularity::per_channel(-1), Granularity::per_group(1, 32), Granularity::per_group(0, 1),
            Granularity::per_group(-2, 4096)}) {
        format.granularity = granularity;
        const std::string name = format.name();
        ASSERT_EQ(NumberFormat::parse(name), format) << name;
        names.insert(name);
        ++count;
      }
    }
  }
  EXPECT_GT(count, 3000U);
  EXPECT_GT(names.size(), 2000U);
}

TEST(NumberFormat, GivesDifferentFormatsDifferentNames) {
  std::vector<NumberFormat> formats = all_formats();
  std::set<std::string> names;
  for (const NumberFormat& format : formats) names.insert(format.name());
  EXPECT_EQ(names.size(), formats.size());
}

TEST(NumberFormat, RefusesOtherTextsAndNamesThePartAtFault) {
  struct Row {
    std::string_view text;
    std::string_view fault;
  };
  for (const Row& row : {Row{"", ""},
                         Row{"int", "int"},
                         Row{"int9", "int9"},
                         Row{"int0", "int0"},
                         Row{"int-4", "int-4"},
                         Row{"int99999999999999999999", "int99999999999999999999"},
                         Row{"float16", "float16"},
                         Row{"float32/channel", "/channel"},
                         Row{"uternary", "uternary"},
                         Row{" int8", " int8"},
                         Row{"int8 ", " "},
                         Row{"int8/", "/"},
                         Row{"int8/chanel", "/chanel"},
                         Row{"int8/channel@", "/channel@"},
                         Row{"int8/channel@x", "/channel@x"},
                         Row{"int8/channel0", "0"},
                         Row{"int8/group", "/group"},
                         Row{"int8/group0", "/group0"},
                         Row{"int8/group-3", "/group-3"},
                         Row{"int8/channel/nozero", "/nozero"},
                         Row{"int8/full/asymmetric", "/asymmetric"},
                         Row{"int8/asymmetric/full", "/full"},
                         Row{"uint8/full", "/full"},
                         Row{"binary/full", "/full"},
                         Row{"log-4", "log-4"},
                         Row{"log2", "log2"},
                         Row{"log2-9", "log2-9"},
                         Row{"log2-4/term2", "/term2"},
                         Row{"apot4/term0", "/term0"},
                         Row{"apot4/term", "/term"},
                         Row{"apot4/symmetric", "/symmetric"}}) {
    const std::string message =
        fmt::format("\"{}\" is not a number format: \"{}\" is not understood", row.text, row.fault);
    EXPECT_TRUE(throws<InvalidArgument>(message, [&] { NumberFormat::parse(row.text); })) << row.text;
  }
  EXPECT_TRUE(throws<InvalidArgument>("\"int4/group32\"", [] { NumberFormat::parse("four"); })) << "shows a valid one";
}

}  // namespace
}  // namespace condense::quantize
