// A record's way in and out of its stored form.

#include <benchmark/benchmark.h>

#include "bench/micro/sample.h"

namespace longshore::bench {
namespace {

void encode_record(benchmark::State& state) {
  const log::event e = sample_event(3);
  std::size_t bytes = 0;
  for (auto _ : state) {
    auto record = log::encode(e);
    bytes += record->size();
    benchmark::DoNotOptimize(record);
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(encode_record);

void decode_record(benchmark::State& state) {
  const std::string record = *log::encode(sample_event(3));
  for (auto _ : state) {
    auto e = log::decode(record);
    benchmark::DoNotOptimize(e);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decode_record);

// What a fold does: verified, and nothing copied.
void view_record(benchmark::State& state) {
  const std::string record = *log::encode(sample_event(3));
  for (auto _ : state) {
    auto e = log::view_of(record);
    benchmark::DoNotOptimize(e);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(view_record);

void record_to_json(benchmark::State& state) {
  const log::event e = sample_event(3);
  for (auto _ : state) {
    auto line = log::to_json(e);
    benchmark::DoNotOptimize(line);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(record_to_json);

}  // namespace
}  // namespace longshore::bench
