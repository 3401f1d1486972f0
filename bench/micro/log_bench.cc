// Reading a log of a million records back: scanned, paged as for a follower, and folded anew into a view.
// Aims: 500,000 records/s for the scan, 200,000 for the rebuild.

#include <benchmark/benchmark.h>

#include "bench/micro/sample.h"
#include "log/projection.h"

namespace longshore::bench {
namespace {

constexpr std::uint64_t records = 1'000'000;

void count(benchmark::State& state, std::uint64_t bytes_per_pass) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(records));
  if (bytes_per_pass > 0) state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes_per_pass));
}

void log_scan(benchmark::State& state) {
  filled_site& site = site_with(records);
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    bytes = 0;
    auto done = site.logs.log->fold({0}, records, [&](event_seq, std::string_view record) -> result<bool> {
      bytes += record.size();
      return true;
    });
    if (!done) state.SkipWithError(done.error().text.c_str());
  }
  count(state, bytes);
}
BENCHMARK(log_scan)->Unit(benchmark::kMillisecond)->UseRealTime();

void log_scan_decoded(benchmark::State& state) {
  filled_site& site = site_with(records);
  for (auto _ : state) {
    std::uint64_t sizes = 0;
    auto done = site.logs.log->fold({0}, records, [&](event_seq, std::string_view record) -> result<bool> {
      auto e = log::view_of(record);
      if (!e) return pass(std::move(e));
      sizes += e->size;
      return true;
    });
    if (!done) state.SkipWithError(done.error().text.c_str());
    benchmark::DoNotOptimize(sizes);
  }
  count(state, 0);
}
BENCHMARK(log_scan_decoded)->Unit(benchmark::kMillisecond)->UseRealTime();

void log_read_pages(benchmark::State& state) {
  filled_site& site = site_with(records);
  for (auto _ : state) {
    for (event_seq next{0}; next.value < records;) {
      const auto page = site.logs.log->read(next, 4u << 20);
      if (!page || page->records.empty()) {
        state.SkipWithError("a page could not be read");
        break;
      }
      next.value += page->records.size();
    }
  }
  count(state, 0);
}
BENCHMARK(log_read_pages)->Unit(benchmark::kMillisecond)->UseRealTime();

void view_rebuild(benchmark::State& state) {
  filled_site& site = site_with(records);
  for (auto _ : state) {
    auto done = log::rebuild(*site.logs.log, *site.logs.desired);
    if (!done) state.SkipWithError(done.error().text.c_str());
  }
  count(state, 0);
}
BENCHMARK(view_rebuild)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace longshore::bench
