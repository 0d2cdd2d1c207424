#ifndef CONDENSE_RUNTIME_PROGRAM_FILE_IPP
#define CONDENSE_RUNTIME_PROGRAM_FILE_IPP

#include <fstream>
#include <set>

#include "condense/core/inline.hpp"
#include "condense/io/mapped_file.hpp"
#include "condense/runtime/detail/field_reader.hpp"
#include "condense/runtime/detail/finish_plan.hpp"
#include "condense/runtime/detail/steps.hpp"
#include "condense/runtime/program_file.hpp"

namespace condense::runtime {

namespace detail {

// A file is the head, the description that it announces, and the constants, each at a multiple of 64 bytes.

inline constexpr std::string_view kProgramMark = "condense program";

/// To be raised whenever packed weights, steps or the rest of the file change.
inline constexpr std::uint32_t kProgramVersion = 2;

inline constexpr std::uint32_t kByteOrder = 0x01020304;
inline constexpr std::size_t kFileAlignment = 64;

struct ProgramHead {
  std::array<char, kProgramMark.size()> mark{};
  std::uint32_t version = kProgramVersion;
  std::uint32_t byte_order = kByteOrder;
  std::uint64_t description_bytes = 0;
  std::uint64_t file_bytes = 0;
};

enum class BufferPlace : std::uint8_t { arena, weights, table };

/// A buffer in a file: where it lies in the arena, or as a constant in the file.
struct FileBuffer {
  BufferPlace place = BufferPlace::arena;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;

  static void fields(auto& s, auto&& visit) { visit(s.place, s.bytes, s.offset); }
};

void fields_of(IsA<Port> auto& s, auto&& visit) { visit(s.name, s.type, s.buffer); }

inline std::uint64_t align_in_file(std::uint64_t offset) {
  return (offset + kFileAlignment - 1) / kFileAlignment * kFileAlignment;
}

/// Lets constants of a file lie one after the other from `offset` on; where the last one ends.
inline std::uint64_t place_constants(const Plan& plan, std::uint64_t offset, std::vector<FileBuffer>& buffers) {
  buffers.clear();
  for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
    const BufferInfo& buffer = plan.buffers[i];
    if (buffer.constant == nullptr) {
      buffers.push_back({BufferPlace::arena, buffer.bytes, plan.arena.offsets[i]});
      continue;
    }
    offset = align_in_file(offset);
    buffers.push_back({buffer.is_table ? BufferPlace::table : BufferPlace::weights, buffer.bytes, offset});
    offset += buffer.bytes;
  }
  return align_in_file(offset);
}

inline void write_step(FieldWriter& out, const Step& step) {
  const bool is_known = StepKinds::any_of([&]<class T>() {
    const T* work = step.work.get_if<T>();
    if (work == nullptr) return false;
    out.write(std::string(T::kKind));
    out.write(step.info);
    out.write(*work);
    return true;
  });
  require(is_known, "the step '{}' ({}) is of a kind that no file has", step.info.name, step.info.operation);
}

inline std::vector<std::byte> describe(const Plan& plan, const std::vector<FileBuffer>& buffers) {
  FieldWriter out;
  out.write(plan.kernels.name);
  out.write(buffers);
  out.write(plan.inputs);
  out.write(plan.outputs);
  out.write(plan.steps.size());
  for (const Step& step : plan.steps) write_step(out, step);
  return out.bytes();
}

inline ProgramHead read_head(io::InputBytes& file, std::size_t file_bytes) {
  ProgramHead head;
  if (file.remaining() < sizeof(head)) throw FormatError(fmt::format("{}: it is too short for a program", file.name()));
  file.read(std::as_writable_bytes(std::span(&head, 1)));
  const auto refuse = [&](const std::string& why) { throw FormatError(fmt::format("{}: {}", file.name(), why)); };
  if (std::string_view(head.mark.data(), head.mark.size()) != kProgramMark) refuse("it is no program of condense");
  if (head.byte_order != kByteOrder) refuse("it was saved on a machine of another byte order; save it on this kind");
  if (head.version != kProgramVersion) {
    refuse(fmt::format("it has version {}, this condense reads version {}; compile the graph and save it again",
                       head.version, kProgramVersion));
  }
  if (head.file_bytes != file_bytes || head.description_bytes > file.remaining()) {
    refuse(fmt::format("it has {} bytes, {} were written; copy it again", file_bytes, head.file_bytes));
  }
  return head;
}

/// Reads what `describe` wrote, and checks it against itself and the file. Throws `InvalidArgument` for what
/// contradicts itself.
class ProgramParser {
 public:
  ProgramParser(std::shared_ptr<const void> owner, std::span<const std::byte> bytes, FieldReader& reader,
                const LoadOptions& options)
      : owner_(std::move(owner)), bytes_(bytes), reader_(reader), options_(options) {}

  /// Comes before `parse`.
  void read_backend() { plan_.kernels = kernels_of(reader_.read<std::string>()); }

  Plan parse() {
    read_buffers();
    read_ports(plan_.inputs);
    read_ports(plan_.outputs);
    const auto count = reader_.read<std::size_t>();
    for (std::size_t i = 0; i < count; ++i) plan_.steps.push_back(read_step());
    for (std::size_t i = 0; i < count; ++i) {
      if (plan_.steps[i].branch.count >= count - i) reader_.refuse("a branch goes beyond the last step");
    }
    for (const Port& port : plan_.inputs) check(port, "input");
    for (const Port& port : plan_.outputs) check(port, "output");
    if (!finish(plan_, offsets_)) reader_.refuse("buffers that are needed at the same time overlap in the arena");
    if (plan_.arena.bytes > options_.maximum_arena_bytes) {
      reader_.refuse(fmt::format("its arena has {} bytes, at most {} are allowed; raise maximum_arena_bytes",
                                 plan_.arena.bytes, options_.maximum_arena_bytes));
    }
    return std::move(plan_);
  }

 private:
  kernels::KernelSet kernels_of(const std::string& backend) const {
    try {
      kernels::KernelSet kernels = options_.kernels ? *options_.kernels : kernels::KernelSet::select(backend);
      require(kernels.name == backend, "the program is for the backend '{}', the kernels given are '{}'", backend,
              kernels.name);
      return kernels;
    } catch (const InvalidArgument& error) {
      throw InvalidArgument(fmt::format("{}: {}; compile the graph on this machine", reader_.name(), error.what()));
    }
  }

  void read_buffers() {
    constexpr std::size_t kMostInArena = 1 << 13;  // checking them takes the square of their number
    std::size_t in_arena = 0;
    for (const FileBuffer& buffer : reader_.read<std::vector<FileBuffer>>()) {
      if (buffer.place > BufferPlace::table) reader_.refuse("a buffer is neither in the arena nor constant");
      const bool is_constant = buffer.place != BufferPlace::arena;
      const std::uint64_t room = is_constant ? bytes_.size() : options_.maximum_arena_bytes;
      if (buffer.offset % kFileAlignment != 0 || buffer.offset > room || buffer.bytes > room - buffer.offset) {
        reader_.refuse(
            is_constant
                ? fmt::format("a constant of {} bytes at byte {} is not in the file", buffer.bytes, buffer.offset)
                : fmt::format("a buffer of {} bytes at byte {} is not in an arena of {}, the most that is "
                              "allowed; raise maximum_arena_bytes",
                              buffer.bytes, buffer.offset, room));
      }
      BufferInfo info{static_cast<std::size_t>(buffer.bytes), nullptr, buffer.place == BufferPlace::table};
      if (is_constant) info.constant = {owner_, bytes_.data() + buffer.offset};
      if (!is_constant && ++in_arena > kMostInArena) {
        reader_.refuse(fmt::format("it has more than {} buffers", kMostInArena));
      }
      offsets_.push_back(static_cast<std::size_t>(buffer.offset));
      plan_.buffers.push_back(std::move(info));
    }
  }

  void read_ports(std::vector<Port>& ports) {
    const auto count = reader_.read<std::size_t>();
    for (std::size_t i = 0; i < count; ++i) reader_.read(ports.emplace_back());
  }

  Step read_step() {
    const auto kind = reader_.read<std::string>();
    auto info = reader_.read<StepInfo>();
    std::optional<Step> step;
    StepKinds::any_of([&]<class T>() {
      if (kind != T::kKind) return false;
      T work{};
      reader_.read(work);
      work.check(BufferSizes(plan_.buffers, plan_.kernels));
      step.emplace(make_step(std::move(info), std::move(work)));
      return true;
    });
    if (!step) reader_.refuse(fmt::format("there is no step '{}'", kind));
    const std::set<int> used(step->writes.begin(), step->writes.end());
    if (used.size() != step->writes.size() && !step->writes_in_parts) reader_.refuse("a step writes a buffer twice");
    const BufferSizes buffers(plan_.buffers, plan_.kernels);  // some may be of no use to the step
    for (const int buffer : step->writes) buffers.require_writable({buffer}, 0, 1);
    for (const int buffer : step->reads) {
      buffers.require_readable({buffer}, 0, 1);
      if (used.contains(buffer)) reader_.refuse("a step reads what it writes");
    }
    return *std::move(step);
  }

  void check(const Port& port, std::string_view kind) const {
    const BufferSizes buffers(plan_.buffers, plan_.kernels);
    require(port.type.shape.is_concrete(), "the {} '{}' has an open shape", kind, port.name);
    const auto bytes = static_cast<Index>(condense::bytes(port.type.type, port.type.shape.count()));
    buffers.require_readable({port.buffer}, bytes, 1);
    require(kind == "output" || !buffers.is_constant({port.buffer}), "the input '{}' is constant", port.name);
  }

  std::shared_ptr<const void> owner_;
  std::span<const std::byte> bytes_;
  FieldReader& reader_;
  const LoadOptions& options_;
  std::vector<std::size_t> offsets_;  ///< Of the buffers in the arena.
  Plan plan_;
};

}  // namespace detail

CONDENSE_INLINE void save_program(const Program& program, const std::filesystem::path& path) {
  const detail::Plan& plan = program.plan();
  std::vector<detail::FileBuffer> buffers;
  detail::place_constants(plan, 1, buffers);  // the description's size does not depend on the offsets
  detail::ProgramHead head;
  std::ranges::copy(detail::kProgramMark, head.mark.begin());
  head.description_bytes = detail::describe(plan, buffers).size();
  head.file_bytes = detail::place_constants(plan, sizeof(head) + head.description_bytes, buffers);

  io::AtomicFile file(path);
  std::uint64_t written = 0;
  const auto write = [&](std::span<const std::byte> bytes) {
    file.write(bytes);
    written += bytes.size();
  };
  const auto fill_up_to = [&](std::uint64_t offset) {
    constexpr std::array<std::byte, detail::kFileAlignment> kZeros{};
    write(std::span(kZeros).first(static_cast<std::size_t>(offset - written)));
  };
  write(std::as_bytes(std::span(&head, 1)));
  write(detail::describe(plan, buffers));
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    if (plan.buffers[i].constant == nullptr) continue;
    fill_up_to(buffers[i].offset);
    write({plan.buffers[i].constant.get(), plan.buffers[i].bytes});
  }
  fill_up_to(head.file_bytes);
  file.commit();
}

CONDENSE_INLINE Program parse_program(std::shared_ptr<const void> owner, std::span<const std::byte> bytes,
                                      std::string_view name, const LoadOptions& options) {
  require(reinterpret_cast<std::uintptr_t>(bytes.data()) % detail::kFileAlignment == 0,
          "{}: a program in memory must lie at a multiple of {} bytes", name, detail::kFileAlignment);
  io::InputBytes file(bytes, name);
  const detail::ProgramHead head = detail::read_head(file, bytes.size());
  io::InputBytes description(bytes.first(sizeof(head) + static_cast<std::size_t>(head.description_bytes)), name);
  description.take(sizeof(head));
  detail::FieldReader reader(description);
  detail::ProgramParser parser(std::move(owner), bytes, reader, options);
  parser.read_backend();
  try {
    return Program(std::make_shared<const detail::Plan>(parser.parse()));
  } catch (const InvalidArgument& error) {
    reader.refuse(error.what());
  }
}

CONDENSE_INLINE bool is_program_file(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;
  std::array<char, detail::kProgramMark.size()> mark{};
  std::ifstream(path, std::ios::binary).read(mark.data(), std::ssize(mark));
  return std::string_view(mark.data(), mark.size()) == detail::kProgramMark;
}

CONDENSE_INLINE Program load_program(const std::filesystem::path& path, const LoadOptions& options) {
  const auto file = std::make_shared<const io::MappedFile>(path);
  return parse_program(file, file->bytes(), file->name(), options);
}

}  // namespace condense::runtime

#endif
