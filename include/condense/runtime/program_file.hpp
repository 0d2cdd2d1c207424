#ifndef CONDENSE_RUNTIME_PROGRAM_FILE_HPP
#define CONDENSE_RUNTIME_PROGRAM_FILE_HPP

#include <filesystem>

#include "condense/runtime/program.hpp"

namespace condense::runtime {

/// Writes a program to a file, packed weights and all, so that `load_program` starts it without compiling or packing.
///
/// The file is one for the backend of the program and for this version of condense on machines of the same byte order:
/// keep the graph, too. Throws `Unsupported` naming an operator of one's own, which no file has, and `Error` with the
/// system's reason; the file is whole or not there.
void save_program(const Program& program, const std::filesystem::path& path);

/// How a program is loaded.
struct LoadOptions {
  /// The kernels to run on, those of the backend that the file names; null for the backend's own.
  std::optional<kernels::KernelSet> kernels = {};

  /// The largest arena that is taken: a file that asks for more is refused.
  std::size_t maximum_arena_bytes = std::size_t{1} << 30;
};

/// Loads a program that `save_program` wrote. The file is mapped into memory: no byte of the weights is copied, and
/// pages are read when they are first used, once for all processes that map the file. It must not be changed in place
/// while a program runs on it; replace it by renaming another one.
///
/// Any file may be given: everything that says where a step reads or writes is checked, so that running stays inside
/// its memory. Throws `FormatError` naming the file and the place where it is no program, or one of another version or
/// byte order; `InvalidArgument` if this machine does not have its backend; `Error` with the system's reason.
Program load_program(const std::filesystem::path& path, const LoadOptions& options = {});

/// The same from memory, such as that of a firmware image: `owner` keeps `bytes` alive, which are aligned to 64 bytes.
/// `name` stands for the path in messages.
Program parse_program(std::shared_ptr<const void> owner, std::span<const std::byte> bytes, std::string_view name,
                      const LoadOptions& options = {});

/// True if a file begins like one of `save_program`, of whatever version; false also where there is none.
bool is_program_file(const std::filesystem::path& path);

}  // namespace condense::runtime

#ifndef CONDENSE_COMPILED
#include "condense/runtime/program_file.ipp"
#endif

#endif
