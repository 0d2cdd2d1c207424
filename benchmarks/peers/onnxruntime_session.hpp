#ifndef CONDENSE_BENCHMARKS_PEERS_ONNXRUNTIME_SESSION_HPP
#define CONDENSE_BENCHMARKS_PEERS_ONNXRUNTIME_SESSION_HPP

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "condense/io/onnx/detail/element_type.hpp"

namespace condense::benchmarks {

/// What is used of ONNX Runtime's C interface: a table of functions, each of which keeps its place in all versions
/// (onnxruntime_c_api.h, struct OrtApi).
namespace onnxruntime_api {

struct Status;
struct Environment;
struct Session;
struct SessionOptions;
struct RunOptions;
struct MemoryInfo;
struct Value;
struct Binding;

/// A function by its place in the table.
template <std::size_t place, class Function>
struct Entry {
  static constexpr std::size_t kPlace = place;
  using Type = Function;
};

using GetErrorMessage = Entry<2, const char*(const Status*)>;
using CreateEnv = Entry<3, Status*(int severity, const char* name, Environment**)>;
using CreateSessionFromArray =
    Entry<8, Status*(const Environment*, const void* model, std::size_t bytes, const SessionOptions*, Session**)>;
using CreateSessionOptions = Entry<10, Status*(SessionOptions**)>;
using SetOptimizedModelFilePath = Entry<11, Status*(SessionOptions*, const char* path)>;
using SetSessionExecutionMode = Entry<13, Status*(SessionOptions*, int mode)>;
using SetSessionGraphOptimizationLevel = Entry<23, Status*(SessionOptions*, int level)>;
using SetIntraOpNumThreads = Entry<24, Status*(SessionOptions*, int threads)>;
using CreateTensorWithDataAsOrtValue =
    Entry<49, Status*(const MemoryInfo*, void* data, std::size_t bytes, const std::int64_t* shape, std::size_t rank,
                      int type, Value**)>;
using CreateCpuMemoryInfo = Entry<69, Status*(int allocator, int memory, MemoryInfo**)>;
using ReleaseEnv = Entry<92, void(Environment*)>;
using ReleaseStatus = Entry<93, void(Status*)>;
using ReleaseMemoryInfo = Entry<94, void(MemoryInfo*)>;
using ReleaseSession = Entry<95, void(Session*)>;
using ReleaseValue = Entry<96, void(Value*)>;
using ReleaseSessionOptions = Entry<100, void(SessionOptions*)>;
using RunWithBinding = Entry<133, Status*(Session*, const RunOptions*, const Binding*)>;
using CreateIoBinding = Entry<134, Status*(Session*, Binding**)>;
using ReleaseIoBinding = Entry<135, void(Binding*)>;
using BindInput = Entry<136, Status*(Binding*, const char* name, const Value*)>;
using BindOutput = Entry<137, Status*(Binding*, const char* name, const Value*)>;

/// The version from which on all of these are there.
inline constexpr std::uint32_t kVersion = 5;

using Function = void (*)();

struct Base {
  const Function* (*get_api)(std::uint32_t version);
  const char* (*get_version)();
};

}  // namespace onnxruntime_api

/// ONNX Runtime, found when the program runs: nothing of it is needed to build.
class OnnxRuntime {
 public:
  /// The library that CONDENSE_ONNXRUNTIME names in the environment, else the one that the system finds. Null if there
  /// is none; the first call says so.
  static const OnnxRuntime* find() {
    static const std::unique_ptr<const OnnxRuntime> found = open();
    return found.get();
  }

  const std::string& version() const noexcept { return version_; }

  /// Calls a function of the interface; throws `Error` with what it says if it fails.
  template <class Entry, class... Arguments>
  auto call(Arguments... arguments) const {
    auto* const function = reinterpret_cast<typename Entry::Type*>(functions_[Entry::kPlace]);
    if constexpr (std::is_same_v<decltype(function(arguments...)), onnxruntime_api::Status*>) {
      check(function(arguments...));
    } else {
      return function(arguments...);
    }
  }

  /// An object that the function `Create` makes of `arguments`, and `Release` ends.
  template <class Object, class Create, class Release, class... Arguments>
  std::shared_ptr<Object> make(Arguments... arguments) const {
    Object* made = nullptr;
    call<Create>(arguments..., &made);
    return {made, [this](Object* object) { call<Release>(object); }};
  }

  const onnxruntime_api::Environment* environment() const noexcept { return environment_.get(); }

 private:
  explicit OnnxRuntime(const onnxruntime_api::Base& base, const onnxruntime_api::Function* functions)
      : version_(base.get_version()), functions_(functions) {
    constexpr int kErrors = 3;
    environment_ = make<onnxruntime_api::Environment, onnxruntime_api::CreateEnv, onnxruntime_api::ReleaseEnv>(
        kErrors, "condense");
  }

  static std::unique_ptr<const OnnxRuntime> open() {
    const char* set = std::getenv("CONDENSE_ONNXRUNTIME");
    const std::string name = set != nullptr && *set != '\0' ? set : "libonnxruntime.so.1";
    void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      fmt::print(stderr, "ONNX Runtime is left out, CONDENSE_ONNXRUNTIME may name its libonnxruntime.so.1: {}\n",
                 dlerror());
      return nullptr;
    }
    const auto get_base = reinterpret_cast<const onnxruntime_api::Base* (*)()>(dlsym(library, "OrtGetApiBase"));
    const auto* functions = get_base == nullptr ? nullptr : get_base()->get_api(onnxruntime_api::kVersion);
    if (functions == nullptr) {
      fmt::print(stderr, "ONNX Runtime is left out, {} does not have version {} of its interface\n", name,
                 onnxruntime_api::kVersion);
      return nullptr;
    }
    return std::unique_ptr<const OnnxRuntime>(new OnnxRuntime(*get_base(), functions));
  }

  void check(onnxruntime_api::Status* status) const {
    if (status == nullptr) return;
    const std::string message = call<onnxruntime_api::GetErrorMessage>(status);
    call<onnxruntime_api::ReleaseStatus>(status);
    throw Error("ONNX Runtime: " + message);
  }

  std::string version_;
  const onnxruntime_api::Function* functions_;
  std::shared_ptr<onnxruntime_api::Environment> environment_;
};

/// A model ready to run on memory of the caller's, with all of ONNX Runtime's graph optimisations.
class OnnxSession {
 public:
  /// `model` is an ONNX file's content. Throws `Error` if ONNX Runtime does not take it. What it has made of the model
  /// is written to `optimized`, unless that is empty.
  OnnxSession(const OnnxRuntime& runtime, std::string_view model, int threads, const std::string& optimized = {})
      : runtime_(&runtime) {
    using namespace onnxruntime_api;
    constexpr int kSequential = 0;
    constexpr int kAllOptimizations = 99;
    const auto options = runtime.make<SessionOptions, CreateSessionOptions, ReleaseSessionOptions>();
    runtime.call<SetIntraOpNumThreads>(options.get(), threads);
    runtime.call<SetSessionExecutionMode>(options.get(), kSequential);
    runtime.call<SetSessionGraphOptimizationLevel>(options.get(), kAllOptimizations);
    if (!optimized.empty()) runtime.call<SetOptimizedModelFilePath>(options.get(), optimized.c_str());
    session_ = runtime.make<Session, CreateSessionFromArray, ReleaseSession>(
        runtime.environment(), static_cast<const void*>(model.data()), model.size(), std::as_const(options).get());
    binding_ = runtime.make<Binding, CreateIoBinding, ReleaseIoBinding>(session_.get());
  }

  /// The elements stay the caller's, and have to outlive the session.
  void bind_input(const std::string& name, DataType type, const Shape& shape, const void* elements) {
    const auto value = value_of(type, shape, const_cast<void*>(elements));  // an input is not written to
    runtime_->call<onnxruntime_api::BindInput>(binding_.get(), name.c_str(), value.get());
  }
  void bind_output(const std::string& name, DataType type, const Shape& shape, void* elements) {
    runtime_->call<onnxruntime_api::BindOutput>(binding_.get(), name.c_str(), value_of(type, shape, elements).get());
  }

  void run() const {
    constexpr const onnxruntime_api::RunOptions* kDefaults = nullptr;
    runtime_->call<onnxruntime_api::RunWithBinding>(session_.get(), kDefaults, binding_.get());
  }

 private:
  std::shared_ptr<onnxruntime_api::Value> value_of(DataType type, const Shape& shape, void* elements) const {
    using namespace onnxruntime_api;
    constexpr int kDeviceAllocator = 0;
    constexpr int kDefaultMemory = 0;
    const auto memory =
        runtime_->make<MemoryInfo, CreateCpuMemoryInfo, ReleaseMemoryInfo>(kDeviceAllocator, kDefaultMemory);
    const std::vector<std::int64_t> extents(shape.begin(), shape.end());
    return runtime_->make<Value, CreateTensorWithDataAsOrtValue, ReleaseValue>(
        memory.get(), elements, bytes(type, shape.count()), extents.data(), extents.size(),
        static_cast<int>(io::onnx::detail::element_type_number(type)));
  }

  const OnnxRuntime* runtime_;
  std::shared_ptr<onnxruntime_api::Session> session_;
  std::shared_ptr<onnxruntime_api::Binding> binding_;
};

}  // namespace condense::benchmarks

#endif
