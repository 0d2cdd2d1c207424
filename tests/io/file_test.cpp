#include "condense/io/file.hpp"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#if defined(__linux__)
#include <sys/resource.h>
#endif

#include "support/bytes.hpp"
#include "support/temporary_folder.hpp"
#include "support/throws.hpp"

namespace condense::io {
namespace {

using Names = std::vector<std::string>;

TEST(ReadFile, ReturnsWhatWasWritten) {
  const TemporaryFolder folder;
  for (const std::size_t size : {0U, 1U, 5U, 100'000U}) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 % 256);
    write_file_atomically(folder / "file", bytes);
    EXPECT_EQ(read_file(folder / "file"), bytes);
    EXPECT_EQ(read_file(folder / "file", size), bytes);
  }
  EXPECT_EQ(folder.names(), Names{"file"});
}

TEST(ReadFile, RefusesMoreThanTheLimit) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "large.bin", to_bytes("0123456789"));
  EXPECT_TRUE(
      throws<FormatError>("large.bin: has 10 bytes, more than the 9", [&] { read_file(folder / "large.bin", 9); }));
}

TEST(ReadFile, SaysWhyAFileCannotBeOpened) {
  const TemporaryFolder folder;
  EXPECT_TRUE(throws<Error>("missing.bin: cannot open the file for reading: No such file or directory",
                            [&] { read_file(folder / "missing.bin"); }));
  EXPECT_TRUE(throws<Error>("Is a directory", [&] { read_file(folder / ""); }));
}

template <class Source>
void expect_reads_in_pieces(Source&& source) {
  std::array<std::byte, 4> piece;
  EXPECT_EQ(source.remaining(), 6U);
  source.read(piece);
  EXPECT_EQ(piece[3], std::byte{'d'});
  EXPECT_EQ(source.position(), 4U);
  EXPECT_EQ(source.remaining(), 2U);
  EXPECT_TRUE(throws<FormatError>("ends at byte 6, 4 bytes were expected at byte 4", [&] { source.read(piece); }));
  EXPECT_TRUE(throws<FormatError>("letters", [&] { source.read(piece); }));
  source.read(std::span(piece).first(2));
  EXPECT_EQ(piece[1], std::byte{'f'});
  EXPECT_EQ(source.remaining(), 0U);
}

TEST(InputFile, ReadsInPiecesAndKnowsWhatRemains) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "letters", to_bytes("abcdef"));
  expect_reads_in_pieces(InputFile(folder / "letters"));
}

TEST(InputBytes, ReadsInPiecesAndKnowsWhatRemains) {
  const std::vector<std::byte> bytes = to_bytes("abcdef");
  expect_reads_in_pieces(InputBytes(bytes, "letters"));
}

TEST(InputFile, NoticesThatTheFileBecameShorter) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", std::vector<std::byte>(100'000));
  InputFile source(folder / "file");
  std::filesystem::resize_file(folder / "file", 10);
  std::vector<std::byte> bytes(100'000);
  EXPECT_TRUE(throws<FormatError>("became shorter", [&] { source.read(bytes); }));
}

TEST(WriteFileAtomically, ReplacesAFile) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", to_bytes("the first"));
  write_file_atomically(folder / "file", to_bytes("second"));
  EXPECT_EQ(read_file(folder / "file"), to_bytes("second"));
}

TEST(WriteFileAtomically, LeavesNothingBehindWhenItFails) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "occupied/by");
  EXPECT_TRUE(throws<Error>("occupied: cannot replace the file: Is a directory",
                            [&] { write_file_atomically(folder / "occupied", to_bytes("x")); }));
  EXPECT_TRUE(throws<Error>("nowhere/file: cannot create the file: No such file or directory",
                            [&] { write_file_atomically(folder / "nowhere/file", to_bytes("x")); }));
  EXPECT_EQ(folder.names(), Names{"occupied"});
}

TEST(WriteFileAtomically, ReplacesALinkAndNotWhatItPointsTo) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "target", to_bytes("kept"));
  std::filesystem::create_symlink(folder / "target", folder / "link");
  write_file_atomically(folder / "link", to_bytes("new"));
  EXPECT_EQ(read_file(folder / "target"), to_bytes("kept"));
  EXPECT_EQ(read_file(folder / "link"), to_bytes("new"));
}

#if defined(__linux__)
TEST(WriteFileAtomically, LeavesNothingBehindWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", to_bytes("old"));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 1000, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_TRUE(throws<Error>("file: cannot write the file: File too large",
                            [&] { write_file_atomically(folder / "file", std::vector<std::byte>(1'000'000)); }));
  EXPECT_TRUE(throws<Error>("file: cannot write the file: File too large",  // noticed when the buffer is flushed
                            [&] { write_file_atomically(folder / "file", std::vector<std::byte>(1'001)); }));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(read_file(folder / "file"), to_bytes("old"));
  EXPECT_EQ(folder.names(), Names{"file"});
}
#endif

TEST(AtomicFile, AppearsOnlyWhenItIsCommitted) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", to_bytes("old"));
  {
    AtomicFile abandoned(folder / "file");
    abandoned.write(to_bytes("new"));
  }
  EXPECT_EQ(read_file(folder / "file"), to_bytes("old"));
  EXPECT_EQ(folder.names(), Names{"file"});

  AtomicFile file(folder / "file");
  file.write(to_bytes("ne"));
  file.write(to_bytes("w"));
  EXPECT_EQ(read_file(folder / "file"), to_bytes("old"));
  file.commit();
  EXPECT_EQ(read_file(folder / "file"), to_bytes("new"));
}

TEST(AtomicFile, LetsTwoWritersOfOneNameWorkAtOnce) {
  const TemporaryFolder folder;
  AtomicFile first(folder / "file");
  AtomicFile second(folder / "file");
  first.write(to_bytes("first"));
  second.write(to_bytes("second"));
  second.commit();
  first.commit();
  EXPECT_EQ(read_file(folder / "file"), to_bytes("first"));
  EXPECT_EQ(folder.names(), Names{"file"});
}

}  // namespace
}  // namespace condense::io
