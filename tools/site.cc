#include "tools/site.h"

#include <spdlog/spdlog.h>

#include <boost/asio.hpp>
#include <cstdio>

#include "api/actions_admin.h"
#include "api/admin.h"
#include "api/dashboard.h"
#include "api/elsewhere.h"
#include "api/gap_json.h"
#include "api/hot_tail.h"
#include "api/http_server.h"
#include "api/ingest.h"
#include "api/items_admin.h"
#include "api/limits_admin.h"
#include "api/log_tail.h"
#include "api/metrics.h"
#include "api/reconcile_admin.h"
#include "api/verify_admin.h"
#include "log/cursors.h"
#include "log/quarantine.h"
#include "log/sequencer.h"
#include "tools/descriptors.h"
#include "tools/journal_log.h"
#include "tools/primary.h"
#include "tools/secondary.h"
#include "tools/site_log.h"

namespace longshore::tools {
namespace {

namespace asio = boost::asio;

constexpr std::size_t hot_bytes_max = 16u << 20;
constexpr std::chrono::seconds drain_deadline{5};

api::http_server_options server_options(const listen_settings& l) {
  api::http_server_options o;
  o.address = l.address;
  o.tls_certificate = l.tls_certificate;
  o.tls_key = l.tls_key;
  o.limits.header_bytes_max = static_cast<std::uint32_t>(l.header_bytes_max);
  o.limits.body_bytes_max = l.body_bytes_max;
  o.limits.connections_max = l.connections_max;
  o.limits.header_ms_max = l.header_timeout;
  o.limits.body_ms_max = l.header_timeout;
  o.limits.idle_ms_max = l.idle_timeout;
  return o;
}

api::ingest_options ingest_options(const config& c) {
  api::ingest_options o;
  o.body_bytes_max = c.listen.body_bytes_max;
  o.drop = c.log.pulls == pull_recording::all    ? api::dropped_pulls::none
           : c.log.pulls == pull_recording::drop ? api::dropped_pulls::all
                                                 : api::dropped_pulls::own;
  return o;
}

#ifdef LONGSHORE_DEFECTS
// Only in the build that the crash harness must catch.
log::defects chosen_defects() {
  const char* named = std::getenv("LONGSHORE_DEFECT");
  const std::string_view which = named == nullptr ? "" : named;
  return {.acknowledge_before_sync = which == "ack_before_sync", .no_dedup = which == "no_dedup"};
}
#else
log::defects chosen_defects() { return {}; }
#endif

api::verifying_facts verifying_of(const engine::verification& v) {
  api::verifying_facts f;
  const engine::verify_run& last = v.last();
  f.last.number = last.number;
  f.last.running = last.running;
  f.last.finished = last.finished;
  f.last.total = last.total;
  f.last.clean = last.clean;
  f.last.mismatches_found = last.mismatches_found;
  f.looks_by_itself = v.scheduled().done;
  f.not_compared = v.not_compared().size();
  f.every_ms = v.every_ms();
  f.broken_off = v.broken_off();
  if (f.not_compared == 0) return f;
  const auto& [name, reason] = *v.not_compared().begin();
  f.first_not_compared = name + " (" + reason + ")";
  return f;
}

class site {
 public:
  site(const config& c, site_store store, site_logs logs, target_trust trust)
      : config_(c), trust_(trust), store_(std::move(store)), logs_(std::move(logs)), signals_(io_, SIGINT, SIGTERM) {}

  result<void> open();
  int run();

 private:
  log::sequencer_options sequencer_options();
  result<void> open_server();
  result<void> open_ingest();
  result<void> open_admin();
  api::site_facts facts() const;
  result<void> able() const;
  result<void> ready() const;
  asio::awaitable<void> stop();
  void fail_stopped(const error& why);

  const config& config_;
  target_trust trust_;
  site_store store_;
  site_logs logs_;
  longshore::system_clock now_;
  asio::io_context io_{1};
  asio::signal_set signals_;
  bool stopping_ = false;
  int exit_code_ = 0;

  std::unique_ptr<log::quarantine> quarantine_;
  std::unique_ptr<log::sequencer> log_, journal_;
  api::blocking_pool pool_{2};
  timestamp started_ = now_.now();
  log::cursors cursors_{*logs_.log};
  api::token_book readers_, followers_, admins_;
  api::router routes_;
  std::shared_ptr<api::hot_tail> hot_;
  std::unique_ptr<api::log_tail> tail_;
  std::unique_ptr<api::ingest> ingest_;
  std::unique_ptr<api::sites> sites_;
  std::unique_ptr<api::admin_world> shown_;
  std::unique_ptr<api::admin> admin_;
  std::unique_ptr<api::verify_admin> verify_;
  std::unique_ptr<api::actions_admin> actions_;
  std::unique_ptr<api::items_admin> items_;
  std::unique_ptr<api::metrics> metrics_;
  std::unique_ptr<primary> primary_;
  std::unique_ptr<api::reconcile_admin> reconcile_admin_;
  registry_limits limits_{io_.get_executor(), now_, config_};
  api::limits_admin limits_admin_{limits_.all(), admins_};
  std::unique_ptr<secondary> secondary_;
  std::unique_ptr<api::http_server> server_;
};

log::sequencer_options site::sequencer_options() {
  log::sequencer_options o;
  o.space_check = [this] { return store_.dir.check_space(config_.log.space_min); };
  o.on_failed = [this](const error& why) { asio::post(io_, [this, why] { fail_stopped(why); }); };
  o.broken = chosen_defects();
  return o;
}

result<void> site::open() {
  auto quarantine = log::quarantine::open(*store_.db);
  if (!quarantine) return pass(std::move(quarantine), "opening the quarantine");
  quarantine_ = *std::move(quarantine);
  auto log = log::sequencer::start(*logs_.log, {logs_.desired.get(), logs_.heard.get()}, now_, sequencer_options());
  if (!log) return pass(std::move(log), "starting the log");
  log_ = *std::move(log);
  auto journal = log::sequencer::start(
      *logs_.journal,
      {logs_.actual.get(), logs_.locations.get(), logs_.uploads.get(), logs_.reconciled.get(), logs_.target.get()},
      now_, sequencer_options());
  if (!journal) return pass(std::move(journal), "starting the journal");
  journal_ = *std::move(journal);
  journal_->subscribe(config_.site.role == site_role::secondary ? tell_failures : tell_reconciles);
  hot_ = api::hot_tail::create(io_.get_executor(), *logs_.log, hot_bytes_max);
  hot_->attach(*log_);
  if (config_.site.role == site_role::secondary) {
    auto made = secondary::create(io_.get_executor(), {logs_, *log_, *journal_, now_, limits_}, config_, trust_);
    if (!made) return pass(std::move(made));
    secondary_ = *std::move(made);
  } else {
    auto made = primary::create(io_.get_executor(), {logs_, *log_, *journal_, now_, limits_}, config_);
    if (!made) return pass(std::move(made));
    primary_ = *std::move(made);
  }
  return open_server();
}

result<void> site::open_server() {
  for (const named_token& f : config_.followers) {
    followers_.add(f.name, f.token);
    readers_.add(f.name, f.token);
  }
  if (!config_.admin_token.empty()) {
    admins_.add("admin", config_.admin_token);
    readers_.add("admin", config_.admin_token);
  }
  tail_ =
      std::make_unique<api::log_tail>(api::log_tail_world{*logs_.log, *hot_, pool_, readers_}, api::log_tail_options{});
  tail_->mount(routes_);
  if (primary_) {
    if (auto opened = open_ingest(); !opened) return opened;
  } else {
    api::mount_elsewhere(routes_);
  }
  if (auto opened = open_admin(); !opened) return opened;
  auto server = api::http_server::listen(io_.get_executor(), routes_, server_options(config_.listen));
  if (!server) return pass(std::move(server), "[listen] address " + config_.listen.address);
  server_ = *std::move(server);
  return {};
}

result<void> site::open_ingest() {
  ingest_ = std::make_unique<api::ingest>(
      api::ingest_world{*log_, *quarantine_, pool_, now_,
                        [this] { return store_.dir.check_space(config_.log.space_min); },
                        [](const std::string& what) { spdlog::warn("{}", what); }, *logs_.log, *logs_.desired},
      ingest_options(config_));
  for (const named_token& s : config_.sources) ingest_->add_source(s.name, s.token);
  if (auto attached = primary_->attach(*ingest_); !attached) return attached;
  ingest_->mount(routes_);
  reconcile_admin_ = std::make_unique<api::reconcile_admin>(api::reconcile_admin_world{
      admins_, primary_->reconcilers(), [this] { return primary_->status(); }, *logs_.desired, pool_});
  reconcile_admin_->mount(routes_);
  return {};
}

result<void> site::open_admin() {
  auto sites = api::sites::open({cursors_, *logs_.log, pool_, now_, followers_, admins_,
                                 [](const std::string& what) { spdlog::warn("{}", what); }});
  if (!sites) return pass(std::move(sites), "reading the followers' cursors");
  sites_ = *std::move(sites);
  sites_->mount(routes_);
  shown_ =
      std::make_unique<api::admin_world>(api::admin_world{*logs_.desired,
                                                          *logs_.actual,
                                                          *logs_.log,
                                                          *logs_.journal,
                                                          *quarantine_,
                                                          *sites_,
                                                          pool_,
                                                          now_,
                                                          admins_,
                                                          ingest_.get(),
                                                          [this] { return facts(); },
                                                          [this] { return server_ ? &server_->counters() : nullptr; },
                                                          {}});
  if (secondary_) {
    shown_->resync = [this](std::string name) { return secondary_->resync(std::move(name)); };
    shown_->allow_deletes = [this](std::string name) { return secondary_->allow_deletes(std::move(name)); };
  }
  verify_ = std::make_unique<api::verify_admin>(
      api::verify_world{secondary_ ? &secondary_->verifying() : nullptr, admins_, now_});
  verify_->mount(routes_);
  if (secondary_) {
    shown_->act = [this](engine::operator_request r) { return secondary_->act(std::move(r)); };
    shown_->left_out = [this](std::string_view name) { return secondary_->filter().repository(name); };
  }
  actions_ = std::make_unique<api::actions_admin>(*shown_);
  actions_->mount(routes_);
  items_ = std::make_unique<api::items_admin>(*shown_);
  items_->mount(routes_);
  admin_ = std::make_unique<api::admin>(*shown_);
  admin_->mount(routes_);
  metrics_ = std::make_unique<api::metrics>(api::metrics_world{*shown_, *log_, [this] { return ready(); }});
  metrics_->mount(routes_);
  limits_admin_.mount(routes_);
  api::mount_dashboard(routes_);
  return {};
}

api::site_facts site::facts() const {
  api::site_facts f;
  f.name = config_.site.name;
  f.role = secondary_ ? "secondary" : "primary";
  f.version = LONGSHORE_VERSION;
  f.started = started_;
  f.warnings = config_.warnings;
  f.registries = limits_.views();
  for (const named_token& one : config_.followers) f.followers.push_back(one.name);
  if (secondary_) {
    f.following = secondary_->following();
    f.replicating = secondary_->replicating();
    f.verifying_halted = secondary_->verifying().scheduled().failure;
    f.verifying = verifying_of(secondary_->verifying());
    f.target_suspected = secondary_->target_suspicion();
    if (!f.target_suspected.empty()) f.warnings.push_back(f.target_suspected);
  }
  if (auto can = able(); !can) f.unable = can.error().text;
  if (primary_) f.reconciling = primary_->status();
  for (const engine::reconciler_status& r : f.reconciling) {
    if (std::string told = api::warning_of(r); !told.empty()) f.warnings.push_back(std::move(told));
  }
  return f;
}

// Whether it can do its work, as far as it is its own.
result<void> site::able() const {
  if (stopping_) return fail(errc::stopped, "the site is stopping");
  if (log_->failed() || journal_->failed()) return fail(errc::unavailable, "the log cannot be written; restart");
  if (store_.db->poisoned()) return fail(errc::unavailable, "the database cannot be written any more; restart");
  return store_.dir.check_space(config_.log.space_min);
}

result<void> site::ready() const {
  if (auto can = able(); !can || !secondary_) return can;
  const auto following = secondary_->following();
  if (following.state == engine::follower_state::following) return {};
  const std::string state(name_of(following.state));
  if (following.reason.empty()) return fail(errc::unavailable, state + ": the primary has not answered yet");
  return fail(errc::unavailable,
              following.reason.starts_with(state) ? following.reason : state + ": " + following.reason);
}

void site::fail_stopped(const error& why) {
  spdlog::critical("the log cannot be written any more: {}. Ending; the next start recovers from the disk", why.text);
  exit_code_ = 1;
  signals_.cancel();
}

int site::run() {
  server_->start();
  auto started = secondary_ ? secondary_->start() : primary_->start();
  if (!started) {
    spdlog::critical("{}", started.error().text);
    exit_code_ = 1;
    signals_.cancel();
  }
  spdlog::info("site {} ({}) serves on port {}, log at {} records", config_.site.name,
               config_.site.role == site_role::primary ? "primary" : "secondary", server_->port(),
               logs_.log->durable_size());
  if (exit_code_ != 0) return exit_code_;
  // Also resumed by fail_stopped(), which cancels the wait.
  signals_.async_wait([this](const boost::system::error_code&, int) {
    asio::co_spawn(io_, stop(), [](const std::exception_ptr& e) {
      if (e) std::rethrow_exception(e);
    });
  });
  io_.run();
  log_->stop();
  journal_->stop();
  spdlog::info("site {} has stopped", config_.site.name);
  return exit_code_;
}

asio::awaitable<void> site::stop() {
  if (std::exchange(stopping_, true)) co_return;
  spdlog::info("site {} stops", config_.site.name);
  hot_->close();
  co_await server_->stop(drain_deadline);
  if (primary_) co_await primary_->stop();
  if (secondary_) co_await secondary_->stop();
  limits_.stop();
  signals_.cancel();
}

int refuse(const error& e) {
  spdlog::critical("{}", e.text);
  std::fprintf(stderr, "longshore: %s\n", e.text.c_str());
  return 1;
}

}  // namespace

int run_site(const config& c, target_trust target) {
  if (auto opened = open_site_log(c.log_file); !opened) {
    std::fprintf(stderr, "longshore: %s\n", opened.error().text.c_str());
    return 1;
  }
  if (auto enough = secure_descriptors(c.listen.connections_max); !enough) return refuse(enough.error());
  if (target == target_trust::renewed && c.site.role == site_role::primary) {
    return refuse({errc::invalid, "a primary brings nothing to a target: --new-target is for a secondary"});
  }
  auto store = open_site_store(c.site.data_dir, store_access::create);
  if (!store) return refuse(store.error());
  auto logs = open_site_logs(*store);
  if (!logs) return refuse(logs.error());
  site s(c, *std::move(store), *std::move(logs), target);
  if (auto opened = s.open(); !opened) return refuse(opened.error());
  return s.run();
}

}  // namespace longshore::tools
