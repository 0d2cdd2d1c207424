#ifndef CONDENSE_TESTS_SUPPORT_GATE_HPP
#define CONDENSE_TESTS_SUPPORT_GATE_HPP

#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>

#include "condense/graph/graph.hpp"

namespace condense {

/// Lets a test say when a run goes on, so that it knows what waits behind it.
class GateState {
 public:
  void close() { set(false); }
  void open() { set(true); }

  /// Returns when a run has come to the closed gate.
  void wait_for_run() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return held_ > 0; });
  }

  /// Called by a run.
  void pass() {
    std::unique_lock lock(mutex_);
    ++held_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
    --held_;
  }

 private:
  void set(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int held_ = 0;
};

/// An operator of float32: the identity that passes a gate, and throws if there is a negative number.
struct Gate {
  static constexpr std::string_view kType = "Gate";
  std::shared_ptr<GateState> state;

  std::vector<graph::TensorType> infer(const graph::InputTypes& inputs) const { return {inputs[0]}; }
  void evaluate(const graph::Evaluation& e) const {
    state->pass();
    const auto* x = e.input().as<float>();
    for (Index i = 0; i < e.input().count(); ++i) {
      require(!(x[i] < 0), "the gate lets no negative number pass, such as {}", x[i]);
      e.output().as<float>()[i] = x[i];
    }
  }
  friend bool operator==(const Gate&, const Gate&) = default;
};

/// (n x 1) through a gate.
inline graph::Graph gated_graph(const std::shared_ptr<GateState>& state) {
  graph::Graph graph;
  graph.output(graph.add(Gate{state}, {graph.input("x", DataType::float32, {kDynamic, 1})}), "y");
  return graph;
}

}  // namespace condense

#endif
