// Durable ingest over HTTP: events per second and time to acknowledgement at 1, 8 and 64 connections, with what the
// device takes for an fdatasync beside it.

#include <CLI/CLI.hpp>
#include <cstdio>

#include "bench/load/ingest/disk_probe.h"
#include "bench/load/ingest/notification_load.h"
#include "bench/load/ingest/site_process.h"

namespace longshore::bench {
namespace {

constexpr const char* token = "bench-source-token-0123456789";

struct settings {
  std::string program = "build/release/tools/longshore";
  std::string directory = "/var/tmp";
  std::vector<std::size_t> connections{1, 8, 64};
  int seconds = 5;
  int runs = 3;
  bool json = false;
};

void print(const settings& s, std::size_t connections, int run, load_figures& f, double cpu_share) {
  percentiles& a = f.acknowledged;
  if (s.json) {
    std::printf(
        "{\"scenario\":\"ingest\",\"connections\":%zu,\"run\":%d,\"events_per_s\":%.0f,\"ack_p50_us\":%u,"
        "\"ack_p99_us\":%u,\"ack_p999_us\":%u,\"body_bytes\":%zu,\"server_cores\":%.2f}\n",
        connections, run, f.events_per_second(), a.at(0.5), a.at(0.99), a.at(0.999), f.body_bytes, cpu_share);
  } else {
    std::printf("  %11zu %4d %10.0f %9.2f %9.2f %10.2f %8.2f\n", connections, run, f.events_per_second(),
                a.at(0.5) / 1e3, a.at(0.99) / 1e3, a.at(0.999) / 1e3, cpu_share);
  }
  std::fflush(stdout);
}

result<void> probe(const settings& s, const std::filesystem::path& directory) {
  auto disk = probe_disk(directory, 1'024, std::chrono::seconds(2));
  if (!disk) return pass(std::move(disk));
  if (s.json) {
    std::printf("{\"scenario\":\"fdatasync\",\"block_bytes\":1024,\"p50_us\":%u,\"p99_us\":%u,\"per_s\":%zu}\n",
                disk->at(0.5), disk->at(0.99), disk->count() / 2);
  } else {
    std::printf("device: append of 1 KiB with fdatasync: p50 %.2f ms, p99 %.2f ms, %zu/s one after another\n",
                disk->at(0.5) / 1e3, disk->at(0.99) / 1e3, disk->count() / 2);
  }
  return {};
}

// What the server and this generator cost each other when nothing is recorded: no ingest can be faster here.
result<void> floor_of(const settings& s, site_process& site) {
  load_options load{.port = site.port(), .path = "/healthz", .empty = true, .connections = s.connections.back()};
  load.time = std::chrono::seconds(s.seconds);
  const auto cpu_before = site.cpu_time();
  auto figures = run_load(load);
  if (!figures) return pass(std::move(figures), "the floor");
  const std::chrono::duration<double> cpu = site.cpu_time() - cpu_before;
  const std::chrono::duration<double> all = load.time + load.warm_up;
  if (s.json) {
    std::printf("{\"scenario\":\"http_floor\",\"connections\":%zu,\"requests_per_s\":%.0f,\"server_cores\":%.2f}\n",
                load.connections, figures->events_per_second(), cpu.count() / all.count());
  } else {
    std::printf("floor: HTTP alone (GET /healthz, %zu connections): %.0f requests/s, p99 %.2f ms, server cores %.2f\n",
                load.connections, figures->events_per_second(), figures->acknowledged.at(0.99) / 1e3,
                cpu.count() / all.count());
  }
  return {};
}

result<void> measure(const settings& s, const std::filesystem::path& directory) {
  if (auto probed = probe(s, directory); !probed) return probed;
  auto site = site_process::start(s.program, directory / "site", token);
  if (!site) return pass(std::move(site));
  if (auto done = floor_of(s, **site); !done) return done;
  if (!s.json) std::printf("  connections  run   events/s  p50 ms    p99 ms   p99.9 ms  server cores\n");
  load_options load{.port = (*site)->port(), .path = "/v1/events/bench", .token = token};
  load.time = std::chrono::seconds(s.seconds);
  for (const std::size_t connections : s.connections) {
    for (int run = 1; run <= s.runs; ++run) {
      load.connections = connections;
      const auto cpu_before = (*site)->cpu_time();
      auto figures = run_load(load);
      if (!figures) return pass(std::move(figures), std::to_string(connections) + " connections");
      const std::chrono::duration<double> cpu = (*site)->cpu_time() - cpu_before;
      const std::chrono::duration<double> all = load.time + load.warm_up;
      print(s, connections, run, *figures, cpu.count() / all.count());
      load.first_id = figures->next_id;
    }
  }
  return {};
}

int run(const settings& s) {
  const std::filesystem::path directory =
      std::filesystem::path(s.directory) / ("longshore-bench-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  const auto measured = measure(s, directory);
  if (!measured) {
    std::fprintf(stderr, "ingest bench: %s\n  (kept: %s)\n", measured.error().text.c_str(), directory.c_str());
    return 1;
  }
  std::filesystem::remove_all(directory);
  return 0;
}

}  // namespace
}  // namespace longshore::bench

int main(int argc, char** argv) {
  longshore::bench::settings s;
  CLI::App app{"Durable ingest over HTTP"};
  app.add_option("--program", s.program, "The longshore to measure")->check(CLI::ExistingFile);
  app.add_option("--directory", s.directory, "Where to put its data: the disk that is measured");
  app.add_option("--connections", s.connections, "How many at a time")->delimiter(',');
  app.add_option("--seconds", s.seconds, "Counted time of each run, after one second to warm up");
  app.add_option("--runs", s.runs, "Runs of each");
  app.add_flag("--json", s.json, "One JSON object per line");
  CLI11_PARSE(app, argc, argv);
  return longshore::bench::run(s);
}
