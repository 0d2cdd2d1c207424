// The program `condense`: looks into ONNX networks, runs, quantises, prunes, compares,
// compiles and measures them.
//
//   condense info|run|quantize|prune|compare|compile|bench|profile ...
//
// condense SUBCOMMAND --help lists the options; see docs/command_line.md.
//
// Status: 0 done, 1 something is wrong with a file or its content, 2 the command line does not say what to do.

#include <new>

#include "commands.hpp"

int main(int argc, char** argv) {
  CLI::App app("Compresses neural networks in ONNX files, and runs them.", "condense");
  app.set_version_flag("--version", CONDENSE_VERSION);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  cli::add_info(app);
  cli::add_run(app);
  cli::add_quantize(app);
  cli::add_prune(app);
  cli::add_compare(app);
  cli::add_compile(app);
  cli::add_bench(app);
  cli::add_profile(app);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const cli::UsageError& error) {
    fmt::print(stderr, "condense: {}\n", error.what());
    return 2;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "condense: there is not enough memory; a smaller --batch takes less\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "condense: {}\n", error.what());
  }
  return 1;
}
