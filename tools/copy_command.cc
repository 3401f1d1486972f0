// longshore copy, longshore plan: images from one place to another, once; and what that would do.

#include <boost/asio.hpp>
#include <chrono>
#include <memory>
#include <set>

#include "api/docker_credentials.h"
#include "engine/glob.h"
#include "storage/env/clock.h"
#include "tools/command.h"
#include "tools/config_value.h"
#include "tools/copy_report.h"
#include "tools/copy_session.h"

namespace longshore::tools {

namespace {

namespace asio = boost::asio;
using steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds tick_every{200};

struct side_options {
  bool plain_http = false;
  std::string ca_file, username, password_file, bytes_per_second;
  double requests_per_second = 0;
};

struct copy_options {
  std::string from, to, file, state, docker_config;
  std::vector<std::string> tags, exclude_tags, immutable_tags, platforms, exclude_types;
  std::size_t images = 8, transfers = 12, connections = 16;
  bool no_referrers = false, no_subjects = false, remove = false;
  double remove_share_max = 0.5;
  side_options source, target;
};

bool matches_any(const std::vector<std::string>& globs, std::string_view tag) {
  return std::ranges::any_of(globs, [&](const std::string& g) { return engine::matches(g, tag); });
}

result<endpoint_options> endpoint_of(const copy_options& o, const side_options& side) {
  endpoint_options e;
  e.plain_http = side.plain_http;
  e.settings.ca_file = side.ca_file;
  e.settings.connections_max = static_cast<std::uint32_t>(o.connections);
  if (!side.bytes_per_second.empty()) {
    auto rate = parse_size(side.bytes_per_second);
    if (!rate) return pass(std::move(rate), "bytes per second");
    e.settings.bytes_per_second = *rate;
  }
  e.settings.requests_per_second = side.requests_per_second;
  e.settings.username = side.username;
  if (!side.username.empty()) {
    if (side.password_file.empty()) return fail(errc::invalid, "a user name needs a password file beside it");
    auto password = read_small_file(side.password_file, 64u << 10);
    if (!password) return pass(std::move(password));
    while (password->ends_with('\n') || password->ends_with('\r')) password->pop_back();
    e.settings.password = *std::move(password);
  } else if (!o.docker_config.empty()) {
    // One that was named is meant: without it everything would be asked for anonymously.
    if (auto there = read_small_file(o.docker_config, 1u << 20); !there) return pass(std::move(there));
    e.settings.docker_config = o.docker_config;
  } else {
    e.settings.credential_files = api::docker_credential_files([](const char* name) { return std::getenv(name); });
  }
  return e;
}

result<void> check_deletion(const std::vector<copy_job>& jobs) {
  for (const copy_job& job : jobs) {
    if (!job.from.at.tag && !job.from.at.digest) continue;
    return fail(errc::invalid, "--delete is for whole repositories, and " + job.text +
                                   " names one image: leave the tag out, and choose with --tags");
  }
  return {};
}

// A file is written at the end, when the state has long said that all is there; and it may be deleted like any other.
result<void> check_state(const std::vector<copy_job>& jobs) {
  for (const copy_job& job : jobs) {
    if (!api::is_layout(job.to.at.transport)) continue;
    return fail(errc::invalid, "--state is for registries as targets, and " + job.text +
                                   " writes files: leave --state out, what they hold is seen in them");
  }
  return {};
}

result<copy_request> request_of(const copy_options& o, copy_purpose purpose) {
  copy_request r;
  if (!o.file.empty()) {
    auto jobs = read_jobs(o.file);
    if (!jobs) return pass(std::move(jobs));
    r.jobs = *std::move(jobs);
  } else {
    auto job = parse_job(o.from, o.to);
    if (!job) return pass(std::move(job));
    r.jobs = {*std::move(job)};
  }
  if (o.remove) {
    if (auto fits = check_deletion(r.jobs); !fits) return pass(std::move(fits));
  }
  if (!o.state.empty()) {
    if (auto fits = check_state(r.jobs); !fits) return pass(std::move(fits));
  }
  if (!o.source.username.empty()) {
    if (auto fits = check_one_registry(r.jobs, &copy_job::from, "--src-user"); !fits) return pass(std::move(fits));
  }
  if (!o.target.username.empty()) {
    if (auto fits = check_one_registry(r.jobs, &copy_job::to, "--dst-user"); !fits) return pass(std::move(fits));
  }
  r.run.removal.on = o.remove;
  r.run.removal.share_max = o.remove_share_max;
  auto source = endpoint_of(o, o.source);
  if (!source) return pass(std::move(source), "the source");
  auto target = endpoint_of(o, o.target);
  if (!target) return pass(std::move(target), "the target");
  r.source = *std::move(source);
  r.target = *std::move(target);
  r.dry_run = purpose == copy_purpose::plan;
  r.images_at_once = o.images;
  r.transfers_at_once = o.transfers;
  r.state = o.state;
  r.copying.by = engine::copied_by::command;
  r.copying.referrers = !o.no_referrers;
  r.copying.subjects = !o.no_subjects;
  auto filter = engine::replication_filter::make({{}, {}, o.tags, o.exclude_tags, o.platforms, o.exclude_types, true});
  if (!filter) return fail(filter.error().code, by_option(filter.error().text));
  r.copying.filter = std::make_shared<engine::replication_filter>(*std::move(filter));
  if (r.copying.filter->judges_platforms()) r.target.needed = api::index_entries::some;
  r.tags = o.tags;
  r.run.immutable = [&o](std::string_view tag) { return matches_any(o.immutable_tags, tag); };
  return r;
}

std::int64_t ms_since(steady::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - start).count();
}

// "docker://team/app" is likelier to lack its host than to be on a host of that name.
std::set<std::string> strange_hosts(const std::vector<copy_job>& jobs) {
  std::set<std::string> found;
  for (const copy_job& job : jobs) {
    for (const api::image_reference& at : {job.from.at, job.to.at}) {
      const bool is_host = at.location.find_first_of(".:") != std::string::npos || at.location == "localhost";
      if (at.transport == api::image_transport::docker && !is_host) found.insert(at.location);
    }
  }
  return found;
}

void tell_strange_hosts(const std::set<std::string>& hosts) {
  for (const std::string& host : hosts) {
    std::fprintf(stderr,
                 "longshore: the first part, \"%s\", is taken for a host: write docker://HOST/%s/... if it belongs to "
                 "the repository's name\n",
                 host.c_str(), host.c_str());
  }
}

int run(const invocation& call, const copy_options& o, copy_purpose purpose) {
  if (o.file.empty() == (o.from.empty() || o.to.empty())) {
    std::fprintf(stderr, "longshore: name SRC and DST, or a file of them with --from-file\n");
    return exit_wrong_usage;
  }
  auto request = request_of(o, purpose);
  if (!request) {
    failed(call, request.error());
    return request.error().code == errc::invalid ? exit_wrong_usage : exit_failed;
  }
  const std::set<std::string> hosts = strange_hosts(request->jobs);
  asio::io_context io(1);
  longshore::system_clock now;
  copy_report report(purpose, call.json);
  const auto start = steady::now();
  copy_session session(io.get_executor(), now, *std::move(request),
                       [&](const told_outcome& outcome) { report.outcome(outcome); });
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code& ec, int) {
    if (!ec) session.stop();
  });
  asio::steady_timer ticker(io);
  bool ended = false;  // cancelling reaches only a wait that has not run out yet
  const auto tick = [&]() -> asio::awaitable<void> {
    for (;;) {
      ticker.expires_after(tick_every);
      static_cast<void>(co_await ticker.async_wait(asio::as_tuple(asio::use_awaitable)));
      if (ended) co_return;
      report.tick(session.figures(), ms_since(start));
    }
  };
  const auto rethrow = [](const std::exception_ptr& thrown) {
    if (thrown) std::rethrow_exception(thrown);
  };
  int code = exit_failed;
  const auto work = [&]() -> asio::awaitable<void> {
    auto done = co_await session.run();
    ended = true;
    ticker.cancel();
    signals.cancel();
    code = done ? report.end(*done, ms_since(start)) : failed(call, done.error());
    if (code != exit_done) tell_strange_hosts(hosts);
  };
  asio::co_spawn(io, tick(), rethrow);
  asio::co_spawn(io, work(), rethrow);
  io.run();
  return code;
}

void add_side(CLI::App& command, const std::string& prefix, const std::string& which, side_options& to) {
  command.add_flag("--" + prefix + "-plain-http", to.plain_http, "Speak plain HTTP to the " + which);
  command.add_option("--" + prefix + "-ca-file", to.ca_file, "Certificates to trust at the " + which + " (PEM)");
  command.add_option("--" + prefix + "-user", to.username,
                     "User name at the " + which + ", which is one registry then, with --from-file too");
  command.add_option("--" + prefix + "-password-file", to.password_file, "File with the password");
  command.add_option("--" + prefix + "-bytes-per-second", to.bytes_per_second,
                     "At most so much, such as 10MB or 200kB");
  command.add_option("--" + prefix + "-requests-per-second", to.requests_per_second, "At most so many requests")
      ->check(CLI::Range(0.0, 1e6));
}

// One value each time it is given, so that SRC and DST may follow it.
void add_list(CLI::App& command, const std::string& name, std::vector<std::string>& values, const std::string& what) {
  command.add_option(name, values, what + "; may be given several times")->allow_extra_args(false);
}

void add(CLI::App& app, invocation& call, copy_purpose purpose) {
  const bool plan = purpose == copy_purpose::plan;
  CLI::App* command = add_command(
      app, call, plan ? "plan" : "copy",
      plan ? "What a copy would send, mount and leave, without touching anything"
           : "Copy images, repositories or whole registries, each blob once",
      std::string("longshore ") + (plan ? "plan" : "copy") +
          " docker://registry.example.org/team/app docker://mirror.example.org/team/app --tags 'v1.*'\n  longshore " +
          (plan ? "plan" : "copy") + " docker://registry.example.org/team/app:v1 oci-archive:app.tar:v1",
      needs::nothing);
  auto o = std::make_shared<copy_options>();
  command->add_option("SRC", o->from,
                      "docker://HOST[/REPOSITORY[:TAG][@DIGEST]], oci:DIR[:TAG], oci-archive:FILE[:TAG] or "
                      "distribution:DIR[//REPOSITORY[:TAG]]; '*' in REPOSITORY chooses several");
  command->add_option("DST", o->to, "Likewise; docker://HOST/PREFIX/ keeps the names below PREFIX");
  command->add_option("--from-file", o->file, "Instead: a file with \"SRC DST\" on each line, and comments after '#'");
  add_list(*command, "--tags", o->tags,
           "Only these tags: a glob, \"regex:...\" or \"semver:>=1.2 <2\"; none at all is a failure");
  add_list(*command, "--exclude-tags", o->exclude_tags, "Not these tags; wins over --tags");
  CLI::Option* remove = command->add_flag(
      "--delete", o->remove,
      "Of repositories that are copied whole (or by --tags): delete the target's tags that the source has no longer");
  command
      ->add_option("--delete-max-share", o->remove_share_max,
                   "Of a repository's tags; where more would go, none does, and the exit code is 3")
      ->needs(remove)
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  add_list(*command, "--platforms", o->platforms, "Of an index only these, such as linux/amd64 (default: all)");
  add_list(*command, "--exclude-media-types", o->exclude_types, "Not images of these media types (globs)");
  command->add_option("--state", o->state, "Directory to remember in what the target registry has (made if need be)");
  add_list(*command, "--immutable-tags", o->immutable_tags,
           "Tags that never move: with --state, not even asked for again (globs)");
  command->add_flag("--no-referrers", o->no_referrers, "Leave out what refers to an image by the referrers API");
  command->add_flag("--no-subjects", o->no_subjects, "Leave out what an image's subject names");
  command->add_option("--docker-config", o->docker_config, "Credentials (else where docker and podman keep them)");
  command->add_option("--images", o->images, "Images at once")->check(CLI::Range(1, 256))->capture_default_str();
  command->add_option("--transfers", o->transfers, "Blobs at once")->check(CLI::Range(1, 256))->capture_default_str();
  command->add_option("--connections", o->connections, "Connections to a registry at once")
      ->check(CLI::Range(3, 512))
      ->capture_default_str();
  add_side(*command, "src", "source", o->source);
  add_side(*command, "dst", "target", o->target);
  command->callback([&call, o, purpose] { call.run = [&call, o, purpose] { return run(call, *o, purpose); }; });
}

}  // namespace

void add_copy_commands(CLI::App& app, invocation& call) {
  add(app, call, copy_purpose::copy);
  add(app, call, copy_purpose::plan);
}

}  // namespace longshore::tools
