#ifndef CONDENSE_TESTS_SUPPORT_TEMPORARY_FOLDER_HPP
#define CONDENSE_TESTS_SUPPORT_TEMPORARY_FOLDER_HPP

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

namespace condense {

/// A folder of a test's own, removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(std::filesystem::path(testing::TempDir()) / fmt::format("condense_test_{:016x}", unique())) {
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  /// Names of what is in it, sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) result.push_back(entry.path().filename());
    std::sort(result.begin(), result.end());
    return result;
  }

 private:
  static unsigned long long unique() {
    std::random_device device;
    return static_cast<unsigned long long>(device()) << 32 | device();
  }

  std::filesystem::path path_;
};

}  // namespace condense

#endif
