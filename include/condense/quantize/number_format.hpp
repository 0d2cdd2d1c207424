#ifndef CONDENSE_QUANTIZE_NUMBER_FORMAT_HPP
#define CONDENSE_QUANTIZE_NUMBER_FORMAT_HPP

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "condense/core/error.hpp"
#include "condense/quantize/granularity.hpp"
#include "condense/quantize/logarithmic.hpp"

namespace condense::quantize {

enum class SchemeKind : std::uint8_t { float32, symmetric, asymmetric, logarithmic, additive_powers_of_two };

/// How numbers are stored, as data: which scheme, with how many bits and which options, and what shares a scale.
///
/// Its text form names it in configurations and tables. Items in brackets may be missing, B is 1 to 8:
///
///     float32
///     intB                 symmetric, [/asymmetric], [/full] to use the most negative code too; ternary is int2
///     uintB                asymmetric, [/symmetric] for values >= 0; binary is int1
///     [u]log<base>-B       logarithmic, [/nozero], [/logdomain] to round the logarithm: "log2-4", "log1.5-5/nozero"
///     [u]apotB             additive powers of two, [/term<k>] for terms of k bits in place of 2: "apot4"
///     ... [/channel[@axis]] [/group<size>[@axis]]     axis 0 for channels and 1 for groups unless given
struct NumberFormat {
  SchemeKind scheme = SchemeKind::float32;
  int bits = 32;  ///< 1 to 8 unless float32.
  bool is_signed = true;
  bool narrow = true;  ///< Symmetric only.
  double base = 2;     ///< Logarithmic only, and the next two.
  bool with_zero = true;
  LogarithmicRounding rounding = LogarithmicRounding::nearest;
  int term_bits = 2;  ///< Additive powers of two only.
  Granularity granularity{};

  /// The format of a text. Throws `InvalidArgument` that names the text, the part at fault and the valid forms.
  static NumberFormat parse(std::string_view text);

  /// The shortest text of which `parse` makes this format.
  std::string name() const;

  friend bool operator==(const NumberFormat&, const NumberFormat&) = default;
};

namespace detail {

/// A cursor over the text of a number format.
class NumberFormatParser {
 public:
  explicit NumberFormatParser(std::string_view text) : text_(text), rest_(text) {}

  NumberFormat parse() {
    NumberFormat format;
    parse_number(format);
    while (!rest_.empty()) {
      const std::size_t begin = text_.size() - rest_.size();
      check(take("/"), begin);
      check(format.scheme != SchemeKind::float32 && parse_option(format), begin);
    }
    return format;
  }

 private:
  void parse_number(NumberFormat& format) {
    if (take("float32")) return;
    if (take("ternary") || take("binary")) {
      format.scheme = SchemeKind::symmetric;
      format.bits = text_.front() == 't' ? 2 : 1;
      return;
    }
    format.is_signed = !take("u");
    if (take("int")) {
      format.scheme = format.is_signed ? SchemeKind::symmetric : SchemeKind::asymmetric;
    } else if (take("log")) {
      format.scheme = SchemeKind::logarithmic;
      check(number(format.base) && take("-"), 0);
    } else {
      check(take("apot"), 0);
      format.scheme = SchemeKind::additive_powers_of_two;
    }
    check(number(format.bits) && format.bits >= 1 && format.bits <= 8, 0);
  }

  bool parse_option(NumberFormat& format) {
    const bool uniform = format.scheme == SchemeKind::symmetric || format.scheme == SchemeKind::asymmetric;
    const bool logarithmic = format.scheme == SchemeKind::logarithmic;
    const bool additive = format.scheme == SchemeKind::additive_powers_of_two;
    if (uniform && take("symmetric")) return set(format.scheme, SchemeKind::symmetric);
    if (uniform && format.narrow && take("asymmetric")) return set(format.scheme, SchemeKind::asymmetric);
    if (format.scheme == SchemeKind::symmetric && format.is_signed && format.bits >= 2 && take("full")) {
      return set(format.narrow, false);
    }
    if (logarithmic && take("nozero")) return set(format.with_zero, false);
    if (logarithmic && take("logdomain")) return set(format.rounding, LogarithmicRounding::log_domain);
    if (additive && take("term")) return number(format.term_bits) && format.term_bits >= 1;
    if (take("channel")) {
      format.granularity = Granularity::per_channel(0);
      return parse_axis(format.granularity);
    }
    if (take("group")) {
      format.granularity = Granularity::per_group(1, 0);
      return number(format.granularity.group_size) && format.granularity.group_size >= 1 &&
             parse_axis(format.granularity);
    }
    return false;
  }

  bool parse_axis(Granularity& granularity) { return !take("@") || number(granularity.axis); }

  template <class T>
  static bool set(T& field, T value) {
    field = value;
    return true;
  }

  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  template <class Number>
  bool number(Number& value) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{}) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return true;
  }

  void check(bool condition, std::size_t begin) const {
    require(condition,
            "\"{}\" is not a number format: \"{}\" is not understood there; valid are float32, int1 to int8, uint1 to "
            "uint8, ternary, binary, log<base>-<bits> and apot<bits>, followed by /channel or /group<size> and "
            "options such as /asymmetric: \"int4/group32\", \"log2-4\", \"apot4/channel\"",
            text_, text_.substr(begin));
  }

  std::string_view text_;
  std::string_view rest_;
};

}  // namespace detail

inline NumberFormat NumberFormat::parse(std::string_view text) { return detail::NumberFormatParser(text).parse(); }

inline std::string NumberFormat::name() const {
  const std::string_view sign = is_signed ? "" : "u";
  std::string text;
  switch (scheme) {
    case SchemeKind::float32: return "float32";
    case SchemeKind::symmetric:
    case SchemeKind::asymmetric: {
      const bool symmetric = scheme == SchemeKind::symmetric;
      if (symmetric && is_signed && bits == 1) {
        text = "binary";
      } else if (symmetric && is_signed && narrow && bits == 2) {
        text = "ternary";
      } else {
        text = fmt::format("{}int{}", sign, bits);
        if (symmetric != is_signed) text += symmetric ? "/symmetric" : "/asymmetric";
        if (symmetric && is_signed && !narrow) text += "/full";
      }
      break;
    }
    case SchemeKind::logarithmic:
      text = fmt::format("{}log{}-{}", sign, base, bits);
      if (!with_zero) text += "/nozero";
      if (rounding == LogarithmicRounding::log_domain) text += "/logdomain";
      break;
    case SchemeKind::additive_powers_of_two:
      text = fmt::format("{}apot{}", sign, bits);
      if (term_bits != 2) text += fmt::format("/term{}", term_bits);
      break;
  }
  const int usual_axis = granularity.kind == Granularity::Kind::per_group ? 1 : 0;
  if (granularity.kind == Granularity::Kind::per_channel) text += "/channel";
  if (granularity.kind == Granularity::Kind::per_group) text += fmt::format("/group{}", granularity.group_size);
  if (granularity.axis != usual_axis) text += fmt::format("@{}", granularity.axis);
  return text;
}

}  // namespace condense::quantize

#endif
