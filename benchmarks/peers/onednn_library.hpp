#ifndef CONDENSE_BENCHMARKS_PEERS_ONEDNN_LIBRARY_HPP
#define CONDENSE_BENCHMARKS_PEERS_ONEDNN_LIBRARY_HPP

#include <dlfcn.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <string_view>

/// What all primitives of oneDNN have in common. Version 2; others have another interface.
namespace condense::benchmarks::onednn {

inline dnnl::engine& engine() {
  static dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

/// Where the library runs on OpenMP: the variable of the environment would have to be set before the start.
inline void use_threads(int threads) {
  if (void* set = dlsym(RTLD_DEFAULT, "omp_set_num_threads")) reinterpret_cast<void (*)(int)>(set)(threads);
}

/// Keeps it to an instruction set. It can be told once; those who tell it again get the same answer.
inline bool limit_to(std::string_view isa) {
  static const bool is_limited = [&] {
    const auto limit = isa == "avx2"       ? dnnl::cpu_isa::avx2
                       : isa == "avx_vnni" ? dnnl::cpu_isa::avx2_vnni
                                           : dnnl::cpu_isa::all;
    if (limit == dnnl::cpu_isa::all && isa != "avx512_vnni") return false;
    return dnnl::set_max_cpu_isa(limit) == dnnl::status::success;
  }();
  return is_limited;
}

inline std::string name() {
  const dnnl_version_t* version = dnnl_version();
  return "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch);
}

/// Memory in the form that a primitive prefers, filled from another one.
inline dnnl::memory reordered(dnnl::memory from, const dnnl::memory::desc& form) {
  dnnl::memory to(form, engine());
  dnnl::stream stream(engine());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
  return to;
}

}  // namespace condense::benchmarks::onednn

#endif
