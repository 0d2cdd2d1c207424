#include "condense/compress/coded_file.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "compress/networks.hpp"
#include "compress/small_task.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/io/file.hpp"

namespace condense::compress {
namespace {

/// The small network, pruned and with few values.
graph::Graph coarse() {
  graph::Graph graph = small_network(1);
  for (int i = 0; i < graph.value_count(); ++i) {
    if (!graph.is_constant({i})) continue;
    Tensor tensor = graph.constant({i});
    for (float& weight : tensor.mutable_values<float>()) weight = std::round(4 * weight) / 8;
    graph.set_constant({i}, tensor);
  }
  return graph;
}

void expect_same(const graph::Graph& a, const graph::Graph& b) {
  ASSERT_EQ(a.nodes().size(), b.nodes().size());
  for (std::size_t i = 0; i < a.nodes().size(); ++i) {
    EXPECT_EQ(a.nodes()[i].name, b.nodes()[i].name);
    EXPECT_TRUE(a.nodes()[i].op == b.nodes()[i].op) << a.nodes()[i].name;
  }
  for (int i = 0; i < a.value_count(); ++i) {
    if (!a.is_constant({i})) continue;
    EXPECT_TRUE(b.constant(b.find(a.name({i}))) == a.constant({i})) << a.name({i});
  }
  ASSERT_EQ(a.inputs().size(), b.inputs().size());
  for (std::size_t i = 0; i < a.inputs().size(); ++i) {
    EXPECT_EQ(a.name(a.inputs()[i]), b.name(b.inputs()[i]));
    EXPECT_EQ(a.declared_shape(a.inputs()[i]), b.declared_shape(b.inputs()[i]));
    EXPECT_EQ(a.type(a.inputs()[i]).shape, b.type(b.inputs()[i]).shape);
  }
}

TEST(CodedFile, GivesBackTheSameGraph) {
  for (const graph::Graph& graph :
       {coarse(), small_network(2), plain_network(), residual_network(), branched_network()}) {
    CodedReport report;
    const std::vector<std::byte> bytes = encode_graph(graph, &report);
    EXPECT_EQ(report.file_bytes, bytes.size());
    expect_same(graph, decode_graph(bytes, "network"));
    EXPECT_EQ(encode_graph(decode_graph(bytes, "network")), bytes);
  }
}

TEST(CodedFile, TheLoadedGraphRuns) {
  const graph::Graph graph = coarse();
  const graph::Graph loaded = decode_graph(encode_graph(graph), "network");
  const train::Dataset data = small_data(20, 4);
  EXPECT_TRUE(graph::evaluate(graph, {data.inputs}).front() == graph::evaluate(loaded, {data.inputs}).front());
}

TEST(CodedFile, BoundShapesStay) {
  graph::Graph graph;
  const graph::Value input = graph.input("x", DataType::float32, {kDynamic, kDynamic}, Shape{3, 7});
  graph.output(graph.add(graph::Relu{}, {input}), "y");
  expect_same(graph, decode_graph(encode_graph(graph), "network"));
}

TEST(CodedFile, CountsEveryByte) {
  CodedReport report;
  const std::vector<std::byte> bytes = encode_graph(coarse(), &report);
  EXPECT_EQ(report.file_bytes, bytes.size());
  EXPECT_EQ(report.dense_bytes, (12 * 16 + 16 + 16 * 3 + 3) * 4U);
  EXPECT_LE(report.entropy_bytes, report.coded_bytes);
  EXPECT_LT(report.coded_bytes, report.packed_bytes + 80);  // the lengths of codes
  EXPECT_NEAR(report.coded_bytes + static_cast<double>(report.structure_bytes), static_cast<double>(bytes.size()), 1);
  EXPECT_LT(report.structure_bytes, 600U);
  EXPECT_EQ(report.constants.size(), 4U);
  Index zeros = 0;
  for (const CodedConstant& constant : report.constants) zeros += constant.size.elements - constant.size.kept;
  EXPECT_NEAR(report.mask_sparsity, static_cast<double>(zeros) / (12 * 16 + 16 + 16 * 3 + 3), 1e-12);
  EXPECT_NEAR(report.ratio(), static_cast<double>(report.dense_bytes) / static_cast<double>(bytes.size()), 1e-12);
}

TEST(CodedFile, EveryTruncationAndEveryFlippedBitIsRefused) {
  const std::vector<std::byte> bytes = encode_graph(coarse());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(decode_graph(std::span(bytes).first(size), "network"), FormatError) << size;
  }
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::vector<std::byte> changed = bytes;
    changed[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_THROW(decode_graph(changed, "network"), FormatError) << bit;
  }
  std::vector<std::byte> longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_THROW(decode_graph(longer, "network"), FormatError);
}

/// A file whose check sum is right whatever its body is.
std::vector<std::byte> sealed(std::span<const std::byte> body) {
  quantize::BitWriter file;
  file.write_bytes(std::as_bytes(std::span(std::string_view("condensed"))));
  file.write(1, 8);
  std::uint32_t sum = ~0U;
  for (const std::byte byte : body) {
    sum ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) sum = (sum & 1U) != 0 ? 0xedb88320U ^ (sum >> 1) : sum >> 1;
  }
  file.write(~sum & 0xffffffffU, 32);
  file.write_bytes(body);
  return file.bytes();
}

TEST(CodedFile, ForgedFilesAreRefusedOrReadWithinBounds) {
  const std::vector<std::byte> bytes = encode_graph(coarse());
  const std::vector<std::byte> body(bytes.begin() + 14, bytes.end());
  ASSERT_EQ(sealed(body), bytes);
  int read = 0;
  const auto attempt = [&](std::span<const std::byte> forged) {
    try {
      decode_graph(sealed(forged), "forged", {.maximum_bytes = 1 << 16});
      ++read;
    } catch (const FormatError&) {
    } catch (const Unsupported&) {  // names an operator that there is not
    }
  };
  for (std::size_t bit = 0; bit < 8 * body.size(); ++bit) {
    std::vector<std::byte> changed = body;
    changed[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    attempt(changed);
  }
  EXPECT_GT(read, 0);  // other weights, for instance
  for (std::size_t size = 0; size < body.size(); ++size) attempt(std::span(body).first(size));
}

TEST(CodedFile, MessagesNameFileAndPlace) {
  const auto message = [](std::span<const std::byte> bytes, const CodedOptions& options = {}) -> std::string {
    try {
      decode_graph(bytes, "lenet.condensed", options);
    } catch (const FormatError& error) {
      return error.what();
    }
    return "";
  };
  std::vector<std::byte> bytes = encode_graph(coarse());
  EXPECT_NE(message(bytes, {.maximum_bytes = 700}).find("768 bytes, at most"), std::string::npos);
  bytes[9] = std::byte{7};
  EXPECT_NE(message(bytes).find("lenet.condensed: at byte 10: it has version 7"), std::string::npos);
  bytes[0] = std::byte{0};
  EXPECT_NE(message(bytes).find("it is no coded network"), std::string::npos);
  EXPECT_NE(message({}).find("lenet.condensed: at byte 0"), std::string::npos);
}

TEST(CodedFile, IsWrittenWholeAndRead) {
  const std::filesystem::path path = std::filesystem::temp_directory_path() / "condense_coded_file_test.condensed";
  const graph::Graph graph = coarse();
  const CodedReport report = save_coded(graph, path);
  EXPECT_EQ(std::filesystem::file_size(path), report.file_bytes);
  expect_same(graph, load_coded(path));
  std::filesystem::remove(path);
  EXPECT_THROW(load_coded(path), Error);
}

}  // namespace
}  // namespace condense::compress
