#include "tools/secondary.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>

#include "api/sites.h"
#include "engine/journal_records.h"
#include "tools/config_check.h"
#include "tools/last_contact.h"
#include "tools/position_report.h"

namespace longshore::tools {
namespace {

constexpr std::int64_t report_every_ms = 2'000;
constexpr std::int64_t measure_every_ms = 1'000;
constexpr std::int64_t tidy_every_ms = 60'000;
constexpr std::int64_t keep_contact_every_us = 10'000'000;
constexpr std::int64_t session_age_us_max = 86'400'000'000;  // registries purge sessions by age, too

engine::sync_settings settings_of(const replication_settings& r) {
  engine::sync_settings s;
  s.deletes = r.deletes == delete_policy::mirror ? engine::delete_mode::mirror : engine::delete_mode::keep;
  s.ceiling = {r.deletes_max_share, r.deletes_min_tags};
  s.backoff.first_ms = r.retry_min.count();
  s.backoff.cap_ms = r.retry_max.count();
  return s;
}

// What the primary is to tell its operator, too: who looks there sees no more than that this site stands still.
std::string refusal_of(const engine::follower_status& f) {
  if (f.refusal.empty()) return {};
  const std::string why = api::printable(f.refusal, api::sites::refused_bytes_max);
  return ",\"refused\":" + boost::json::serialize(boost::json::string(why));
}

}  // namespace

result<std::unique_ptr<secondary>> secondary::create(boost::asio::any_io_executor on, secondary_world world,
                                                     const config& c, target_trust trust) {
  if (!c.primary || !c.source_registry || !c.target_registry) {
    return fail(errc::invalid, "a secondary needs [primary], [source_registry] and [target_registry]");
  }
  std::unique_ptr<secondary> s(new secondary(on, world, c));
  auto source = make_registry_client(on, world.now, *c.source_registry, world.limits.source());
  if (!source) return pass(std::move(source), "[source_registry]");
  auto target = make_registry_client(on, world.now, *c.target_registry, world.limits.target());
  if (!target) return pass(std::move(target), "[target_registry]");
  auto primary = make_peer_client(on, world.now, *c.primary);
  if (!primary) return pass(std::move(primary), "[primary]");
  auto reporter = make_peer_client(on, world.now, *c.primary);
  if (!reporter) return pass(std::move(reporter), "[primary]");
  auto filter = engine::replication_filter::make(filter_rules_of(c.replication));
  if (!filter) return pass(std::move(filter), "[replication]");
  auto claimed = claim_target(world.logs, world.journal, c.site.name, registry_authority(*c.target_registry), trust);
  if (!claimed) return pass(std::move(claimed));
  s->filter_ = std::make_shared<engine::replication_filter>(*std::move(filter));
  s->source_ = *std::move(source);
  s->target_ = *std::move(target);
  s->primary_ = *std::move(primary);
  s->reporter_ = *std::move(reporter);
  s->build();
  return s;
}

secondary::secondary(boost::asio::any_io_executor on, secondary_world world, const config& c)
    : on_(std::move(on)),
      world_(world),
      config_(c),
      random_(fresh_seed()),
      heard_(world.journal,
             [this](const std::vector<log::event>& submitted) {
               if (watch_) watch_->note(submitted);
             }),
      records_(heard_, c.site.name),
      reports_(on_) {}

void secondary::build() {
  engine::copier_options copying;
  copying.transfers_max = std::max<std::size_t>(2, config_.replication.blobs_concurrent);
  where_ = std::make_unique<engine::journaled_locations>(records_, *world_.logs.locations, *world_.logs.actual,
                                                         *world_.logs.uploads);
  copier_ = std::make_unique<engine::copier>(engine::copier_world{*source_, *target_, *where_, pauses_}, copying);
  engine::copy_settings images;
  images.blobs_at_once = config_.replication.blobs_concurrent;
  images.filter = filter_;
  sync_world_ = std::make_unique<engine::sync_world>(engine::sync_world{{*source_, *target_, *where_, *copier_, images},
                                                                        records_,
                                                                        *world_.logs.desired,
                                                                        *world_.logs.actual,
                                                                        pauses_,
                                                                        world_.now,
                                                                        random_,
                                                                        settings_of(config_.replication)});
  engine::replicator_options options;
  options.jobs_max = config_.replication.repositories_concurrent;
  replicator_ = std::make_unique<engine::replicator>(on_, *sync_world_, std::move(options));
  engine::verification_settings verifying;
  verifying.every_ms = config_.replication.verify_every.count();
  verifying.one.bytes_per_second = config_.replication.verify_rate;
  verification_ = std::make_unique<engine::verification>(on_, *sync_world_, *replicator_, std::move(verifying));
  watch_ = std::make_unique<engine::target_watch>(on_, *sync_world_, *verification_);
  actions_ = std::make_unique<engine::operator_actions>(*sync_world_, *replicator_);
  engine::follower_options following;
  following.before = read_last_contact(config_.site.data_dir).value_or(engine::primary_contact{});
  // A clock that was set back since must not make it newer than anything to come.
  const timestamp now = world_.now.now();
  if (now < following.before.answered || now < following.before.caught_up) {
    following.before = {.refusal = following.before.refusal};
  }
  contact_kept_ = following.before;
  follower_ = std::make_unique<engine::follower>(
      on_, engine::follower_world{*primary_, *world_.logs.log, world_.log, pauses_, world_.now, random_}, following,
      [this](const std::string& repository) { replicator_->changed(repository); });
}

result<void> secondary::start() {
  if (auto started = replicator_->start(); !started) return started;
  follower_->start();
  verification_->start();
  watch_->start();
  reports_.spawn(report_position());
  reports_.spawn(measure());
  reports_.spawn(tidy_uploads());
  return {};
}

engine::task<> secondary::allow_deletes(std::string repository) {
  co_return co_await replicator_->allow_deletes(std::move(repository));
}

boost::asio::awaitable<void> secondary::measure() {
  do {
    replicator_->measure();
  } while (co_await report_pauses_.pause(measure_every_ms));
}

boost::asio::awaitable<void> secondary::report_position() {
  position_report position;
  bool complained = false;
  std::string told_state, told_suspicion, tried_refusal;
  for (;;) {
    const auto following = follower_->status();
    const std::string state =
        std::string(name_of(following.state)) + (following.reason.empty() ? "" : ", " + following.reason);
    if (state != told_state) {
      const bool well =
          following.state == engine::follower_state::following || following.state == engine::follower_state::connecting;
      const std::int64_t wait_us = following.retry_at.us - world_.now.now().us;
      spdlog::log(well ? spdlog::level::info : spdlog::level::warn, "the primary's log: {}{}", state,
                  wait_us > 0 ? "; asked again in " + std::to_string(wait_us / 1'000'000 + 1) + " s" : "");
      told_state = state;
    }
    if (const std::string suspected = watch_->suspicion(); suspected != told_suspicion) {
      if (!suspected.empty()) spdlog::warn("{}", suspected);
      told_suspicion = suspected;
    }
    remember_contact(keep_contact_every_us);
    const std::uint64_t size = world_.logs.log->durable_size();
    const std::string refusal = refusal_of(following);
    if (position.is_due(size, world_.now.now()) || refusal != tried_refusal) {
      tried_refusal = refusal;
      const auto status = replicator_->status();
      const std::string summary = "{\"running\":" + std::to_string(status.running.size()) +
                                  ",\"queued\":" + std::to_string(status.queued) +
                                  ",\"waiting\":" + std::to_string(status.waiting) + refusal + "}";
      position.tried(size, world_.now.now());
      const auto told = co_await reporter_->report_cursor(config_.site.name, size, summary, position.last());
      if (told) {
        position.taken(size, world_.now.now());
        complained = false;
      } else if (!complained) {
        spdlog::warn("the primary did not take this site's position: {}", told.error().text);
        complained = true;
      }
    }
    if (!co_await report_pauses_.pause(report_every_ms)) co_return;
  }
}

void secondary::remember_contact(std::int64_t every_us) {
  const engine::primary_contact heard = follower_->status().contact();
  const timestamp kept_at = contact_kept_.answered;
  const bool is_newer = heard.answered > kept_at && heard.answered.us - kept_at.us >= every_us;
  if (!is_newer && heard.refusal == contact_kept_.refusal) return;
  contact_kept_ = heard;
  if (auto kept = write_last_contact(config_.site.data_dir, heard); !kept) {
    spdlog::debug("when the primary was last heard of is not kept over a restart: {}", kept.error().text);
  }
}

// Upload sessions that are left over: all, once there is nothing to do that could take them up; before that, old ones.
boost::asio::awaitable<void> secondary::tidy_uploads() {
  while (co_await report_pauses_.pause(tidy_every_ms)) {
    const auto status = replicator_->status();
    const bool idle = status.running.empty() && status.queued == 0 && status.waiting == 0;
    const auto now = world_.now.now();
    const auto before = idle ? now : timestamp{now.us - session_age_us_max};
    const auto given_up = co_await copier_->cancel_left_uploads(before);
    if (!given_up) {
      spdlog::info("upload sessions left over are kept for now: {}", given_up.error().text);
    } else if (*given_up > 0) {
      spdlog::info("{} upload sessions that nobody needs were given up at the target", *given_up);
    }
  }
}

boost::asio::awaitable<void> secondary::stop() {
  report_pauses_.stop();
  co_await follower_->stop();
  remember_contact(0);
  co_await watch_->stop();
  co_await verification_->stop();
  copier_->stop();
  world_.limits.stop();
  co_await replicator_->stop();
  pauses_.stop();
  reports_.cancel();
  co_await reports_.join();
}

}  // namespace longshore::tools
