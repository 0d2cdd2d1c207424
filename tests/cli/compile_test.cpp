#include "cli/program.hpp"

namespace condense {
namespace {

TEST_F(CommandLine, CompileSavesAProgramThatRunsAsTheModelDoes) {
  const nlohmann::json made = json("compile net.onnx -o net.program --batch 4");
  EXPECT_EQ(made["file_bytes"], std::filesystem::file_size(folder_ / "net.program"));
  EXPECT_EQ(made["weight_bytes"], json("bench net.onnx --rounds 1 --batch 4")["weight_bytes"]);

  const nlohmann::json run = json("run net.program --data data.npy -o a.npy");
  EXPECT_EQ(run["samples"], 40);
  EXPECT_EQ(run["execution"], made["execution"]);
  EXPECT_EQ(run["outputs"][0]["name"], "logits");
  json("run net.onnx --data data.npy --batch 4 -o b.npy");
  EXPECT_TRUE(io::read_npy(folder_ / "a.npy") == io::read_npy(folder_ / "b.npy"));
}

TEST_F(CommandLine, MeasuresPrograms) {
  json("compile net.onnx -o net.program --batch 2 --backend scalar");
  const nlohmann::json bench = json("bench net.program --rounds 2 --threads 1");
  EXPECT_EQ(bench["batch"], 2);
  EXPECT_NE(bench["execution"].get<std::string>().find("compiled for scalar"), std::string::npos);
  const nlohmann::json profile = json("profile net.program --rounds 1 --threads 1");
  EXPECT_EQ(profile["multiply_accumulates"], 2 * (16 * 8 * 27 + 5 * 128));
}

TEST_F(CommandLine, CompileTakesShapes) {
  json("compile net.onnx -o net.program --shape image=3,3,6,6");
  EXPECT_EQ(json("bench net.program --rounds 1")["batch"], 3);
  EXPECT_TRUE(fails(2, "compile net.onnx -o net.program --shape image=3,x", "'image=3,x' is no shape"));
  EXPECT_TRUE(fails(2, "compile net.onnx -o net.program --shape picture=3,3,6,6", "no input 'picture'"));
  EXPECT_TRUE(fails(1, "compile net.onnx -o net.program --shape image=3,4,6,6", "4"));
  EXPECT_TRUE(fails(1, "compile net.onnx -o net.program --backend abacus", "abacus"));
  EXPECT_TRUE(fails(1, "compile net.onnx -o missing/net.program", "missing/net.program"));
}

TEST_F(CommandLine, ProgramsAreRefusedWhereTheyAreDamagedOrTheDataIsNot) {
  json("compile net.onnx -o net.program --batch 7");
  EXPECT_TRUE(fails(1, "run net.program --data data.npy", "40"));
  std::filesystem::resize_file(folder_ / "net.program", 1000);
  EXPECT_TRUE(fails(1, "bench net.program", "net.program: it has 1000 bytes"));
}

}  // namespace
}  // namespace condense
