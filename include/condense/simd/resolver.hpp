#ifndef CONDENSE_SIMD_RESOLVER_HPP
#define CONDENSE_SIMD_RESOLVER_HPP

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "condense/core/error.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::simd {

/// True if `Kernel` has a version for `Isa`. A kernel is a class template over the tag whose primary is declared and
/// never defined; each version is a full specialisation. Include them before the first question: the compiler
/// remembers the answer.
template <template <class> class Kernel, class Isa>
concept Implemented = requires { sizeof(Kernel<Isa>); };

/// Calls `visit` with the tag of each version of `Kernel` that runs on this machine, from the plainest to the best.
template <template <class> class Kernel, class Sets = AllInstructionSets, class Visit>
void for_each_available(Visit&& visit) {
  Sets::for_each([&](auto isa) {
    if constexpr (Implemented<Kernel, decltype(isa)>) {
      if (decltype(isa)::available()) visit(isa);
    }
  });
}

/// The names of the instruction sets of a list that this machine runs: "scalar, avx2".
template <class Sets = AllInstructionSets>
std::string available_names() {
  std::string names;
  Sets::for_each([&](auto isa) {
    if (decltype(isa)::available()) names.append(names.empty() ? "" : ", ").append(isa.name);
  });
  return names;
}

/// The best version of `Kernel` that runs here: `Table::of<Isa>()`, where `Table` is the struct of function pointers
/// that the kernel's users call through.
///
/// With `backend` it is the version of that name, or, where the kernel has none, of the next one below it in the list
/// that runs here. Throws unless the name is empty or that of an instruction set in the list which this machine runs.
template <template <class> class Kernel, class Table, class Sets = AllInstructionSets>
Table select(std::string_view backend = {}) {
  std::optional<Table> best;
  bool reached = false;
  Sets::for_each([&](auto isa) {
    using Isa = decltype(isa);
    if (reached || !Isa::available()) return;
    if constexpr (Implemented<Kernel, Isa>) best.emplace(Table::template of<Isa>());
    reached = Isa::name == backend;
  });
  require(reached || backend.empty(), "there is no backend '{}' on this machine; CONDENSE_BACKEND may be {}", backend,
          available_names<Sets>());
  if (!best) {
    throw Unsupported(fmt::format("the kernel has no version {}on this machine, which runs {}; add one for scalar",
                                  backend.empty() ? "" : fmt::format("at or below '{}' ", backend),
                                  available_names<Sets>()));
  }
  return *best;
}

/// The backend that the environment variable CONDENSE_BACKEND forces; empty for the best one.
inline std::string_view backend_of_environment() noexcept {
  const char* value = std::getenv("CONDENSE_BACKEND");
  return value != nullptr ? value : "";
}

/// `select` for the backend of the environment, chosen at the first call and the same ever after.
///
/// A version outside condense is used where its tag is in the list that is passed, and a table may also be made by
/// hand: resolve<Gemm, GemmKernel, AllInstructionSets::with<MyAccelerator>>(), GemmKernel::of<MyAccelerator>().
template <template <class> class Kernel, class Table, class Sets = AllInstructionSets>
const Table& resolve() {
  static const Table table = select<Kernel, Table, Sets>(backend_of_environment());
  return table;
}

}  // namespace condense::simd

#endif
