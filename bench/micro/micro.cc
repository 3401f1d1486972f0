// All micro benchmarks in one program.

#include <benchmark/benchmark.h>

#include "bench/micro/sample.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  longshore::bench::forget_sites();
  return 0;
}
