// The log's tree: what an append costs, and what a proof costs.

#include <benchmark/benchmark.h>

#include "bench/micro/sample.h"
#include "log/merkle.h"

namespace longshore::bench {
namespace {

void merkle_append(benchmark::State& state) {
  const std::string record = *log::encode(sample_event(3));
  log::frontier edge;
  for (auto _ : state) edge.append(log::leaf_hash(record));
  benchmark::DoNotOptimize(edge.root());
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(record.size()));
}
BENCHMARK(merkle_append);

void merkle_root(benchmark::State& state) {
  log::frontier edge;
  for (std::uint64_t n = 0; n < 1'000'003; ++n) edge.append(hash256{});
  for (auto _ : state) {
    auto root = edge.root();
    benchmark::DoNotOptimize(root);
  }
}
BENCHMARK(merkle_root);

}  // namespace
}  // namespace longshore::bench
