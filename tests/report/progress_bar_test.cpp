#include "condense/report/progress_bar.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>

namespace condense::report {
namespace {

/// What a bar writes to a file, which is not a terminal.
class WrittenText {
 public:
  WrittenText() : file_(std::tmpfile(), &std::fclose) {}
  std::FILE* file() { return file_.get(); }
  std::string read() {
    std::string text;
    std::rewind(file());
    for (int c = std::fgetc(file()); c != EOF; c = std::fgetc(file())) text += static_cast<char>(c);
    return text;
  }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

TEST(ProgressBar, WritesNothingToAFileBeforeAStageEnds) {
  WrittenText text;
  ProgressBar bar(text.file());
  const Progress progress = std::ref(bar);
  for (Index i = 0; i < 9; ++i) notify(progress, {.stage = "calibrating", .done = i, .total = 10, .detail = "loss 1"});
  EXPECT_EQ(text.read(), "");
}

TEST(ProgressBar, WritesOneLineForEachStageToAFile) {
  WrittenText text;
  ProgressBar bar(text.file());
  const Progress progress = std::ref(bar);
  for (Index i = 1; i <= 10; ++i) notify(progress, {.stage = "calibrating", .done = i, .total = 10, .detail = {}});
  for (Index i = 1; i <= 3; ++i) notify(progress, {.stage = "testing", .done = i, .total = 3, .detail = "92.3 %"});
  for (Index i = 1; i <= 3; ++i) notify(progress, {.stage = "testing", .done = i, .total = 3, .detail = {}});
  const std::string lines = text.read();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 3) << lines;
  EXPECT_EQ(lines.find('\r'), std::string::npos);
  EXPECT_EQ(lines.find('\033'), std::string::npos) << "no control codes in a file";
  EXPECT_EQ(lines.rfind("calibrating  10 of 10, ", 0), 0U) << lines;
  EXPECT_NE(lines.find("\ntesting      3 of 3, "), std::string::npos) << lines;
  EXPECT_NE(lines.find("  92.3 %\n"), std::string::npos) << "what the last step found";
}

TEST(ProgressBar, TakesAStageOfNoStepsForFinished) {
  WrittenText text;
  ProgressBar bar(text.file());
  bar({.stage = "empty", .done = 0, .total = 0, .detail = {}});
  EXPECT_EQ(text.read().rfind("empty        0 of 0", 0), 0U);
}

}  // namespace
}  // namespace condense::report
