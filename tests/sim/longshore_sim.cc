// The simulation as a program: many seeds, or one again.

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include "tests/sim/simulation.h"

namespace longshore::sim {
namespace {

// What aborts must say which seed did: a failed ensure() ends the process.
char abort_line[128];
std::size_t abort_line_size = 0;

void on_abort(int) {
  const auto written = ::write(STDERR_FILENO, abort_line, abort_line_size);
  static_cast<void>(written);  // there is nobody left to tell
}

struct order {
  std::uint64_t from = 1, seeds = 300;
  std::vector<std::uint64_t> listed;  // these instead
  defect broken = defect::none;
  bool verbose = false, fresh = false, until_caught = false, keep_going = false;
};

std::string replay_command(const order& o, std::uint64_t seed) {
  std::string command = "longshore_sim --seed " + std::to_string(seed);
  if (o.broken != defect::none) command += " --defect " + std::string(name_of(o.broken));
  return command + " --verbose";
}

void announce(const order& o, std::uint64_t seed) {
  const int n = std::snprintf(abort_line, sizeof abort_line, "aborted in seed %llu; replay: %s\n",
                              static_cast<unsigned long long>(seed), replay_command(o, seed).c_str());
  abort_line_size = std::min(static_cast<std::size_t>(n), sizeof abort_line - 1);
}

// One seed a line; what follows it is for readers.
std::vector<std::uint64_t> seeds_in(const std::string& path) {
  std::vector<std::uint64_t> seeds;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.front() != '#') seeds.push_back(std::stoull(line));
  }
  return seeds;
}

// By the defect, and not by what a sound world would show as well.
bool is_caught(const order& o, std::uint64_t seed, const outcome& out) {
  return out.breach && !simulation(seed, defect::none, nullptr).run().breach && o.broken != defect::none;
}

void add(outcome& to, const outcome& more) {
  to.steps += more.steps;
  to.events += more.events;
  to.crashes += more.crashes;
  to.faults += more.faults;
  to.operations += more.operations;
  to.held_back += more.held_back;
}

void print_totals(const order& o, std::uint64_t done, std::uint64_t failed, const outcome& total, std::int64_t ms) {
  const auto n = [](std::uint64_t number) { return static_cast<unsigned long long>(number); };
  std::printf(
      "%llu seeds from %llu: %llu steps, %llu events, %llu registry operations, %llu faults, %llu crashes, "
      "%llu repositories held back, %lld ms\n",
      n(done), n(o.from), n(total.steps), n(total.events), n(total.operations), n(total.faults), n(total.crashes),
      n(total.held_back), static_cast<long long>(ms));
  if (failed > 0) std::printf("%llu seeds failed\n", n(failed));
}

int run(const order& o) {
  const auto began = std::chrono::steady_clock::now();
  outcome total;
  std::uint64_t done = 0, failed = 0;
  const std::uint64_t count = o.listed.empty() ? o.seeds : o.listed.size();
  for (; done < count; ++done) {
    const std::uint64_t seed = o.listed.empty() ? o.from + done : o.listed[done];
    announce(o, seed);
    const outcome out = simulation(seed, o.broken, o.verbose ? stdout : nullptr).run();
    add(total, out);
    if (!out.breach) continue;
    if (o.until_caught) {
      if (!is_caught(o, seed, out)) continue;
      std::printf("%s: caught by seed %llu, number %llu: %s\n", std::string(name_of(o.broken)).c_str(),
                  static_cast<unsigned long long>(seed), static_cast<unsigned long long>(done + 1),
                  out.breach->c_str());
      return 0;
    }
    ++failed;
    std::printf("seed %llu: %s\nreplay: %s\n", static_cast<unsigned long long>(seed), out.breach->c_str(),
                replay_command(o, seed).c_str());
    if (!o.keep_going) return 1;
  }
  print_totals(o, done, failed, total,
               std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began).count());
  if (o.until_caught) std::printf("%s was not caught\n", std::string(name_of(o.broken)).c_str());
  return o.until_caught || failed > 0 ? 1 : 0;
}

}  // namespace
}  // namespace longshore::sim

int main(int argc, char** argv) {
  using namespace longshore::sim;
  order o;
  std::string broken;
  std::string list;
  std::optional<std::uint64_t> one;
  CLI::App app("Plays worlds of two registries, a network and two sites, from seeds. Exit 1 at the first breach.");
  app.add_option("--from", o.from, "the first seed");
  app.add_option("--seeds", o.seeds, "how many");
  app.add_option("--seed", one, "this seed alone");
  app.add_option("--list", list, "the seeds in this file")->check(CLI::ExistingFile);
  app.add_flag("--fresh", o.fresh, "begin at a seed nobody has seen");
  app.add_flag("--keep-going", o.keep_going, "play the rest after a breach, too");
  app.add_flag("--verbose", o.verbose, "tell each step");
  app.add_option("--defect", broken, "break something on purpose");
  app.add_flag("--until-caught", o.until_caught, "exit 0 when the defect is found, 1 when no seed finds it");
  CLI11_PARSE(app, argc, argv);
  if (!broken.empty()) {
    const auto named = defect_named(broken);
    if (!named) {
      std::fprintf(stderr, "there is no defect %s\n", broken.c_str());
      return 2;
    }
    o.broken = *named;
  }
  if (one) o.from = *one, o.seeds = 1;
  if (o.fresh) {
    o.from = longshore::fresh_seed() >> 1;
    std::printf("fresh seeds from %llu\n", static_cast<unsigned long long>(o.from));
    std::fflush(stdout);
  }
  if (!list.empty()) o.listed = seeds_in(list);
  std::signal(SIGABRT, on_abort);
  return run(o);
}
