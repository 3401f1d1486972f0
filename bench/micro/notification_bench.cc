// What ingest does with a body before the log sees it.

#include <benchmark/benchmark.h>

#include "api/notification.h"
#include "bench/micro/sample.h"

namespace longshore::bench {
namespace {

void parse_notification(benchmark::State& state) {
  const std::string body = sample_envelope(3);
  for (auto _ : state) {
    auto parsed = api::parse_notification(body, "main");
    if (!parsed || !parsed->whole()) state.SkipWithError("the sample is no notification");
    benchmark::DoNotOptimize(parsed);
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(parse_notification);

}  // namespace
}  // namespace longshore::bench
