#include "tests/sim/sites.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/uploads.h"
#include "storage/env/ensure.h"
#include "tests/sim/site_store.h"

namespace longshore::sim {

namespace asio = boost::asio;

// The primary's log as a follower reads it: a read waits until there is something to send.
class secondary_site::line final : public engine::log_source {
 public:
  explicit line(secondary_world& world) : world_(&world) {}

  engine::task<engine::log_page> read(event_seq from, std::size_t bytes_max, int) override {
    for (;;) {
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      if (!world_->primary.up()) co_return fail(errc::unavailable, "the primary is down");
      if (world_->line_fault) {
        if (auto fault = world_->line_fault()) co_return std::unexpected<error>(*std::move(fault));
      }
      log::event_log& log = world_->primary.log();
      if (from.value > log.durable_size()) co_return fail(errc::conflict, "the primary's log ends before that");
      if (from.value < log.durable_size()) break;
      co_await moved_.wait();
    }
    log::event_log& log = world_->primary.log();
    auto page = log.read(from, bytes_max);
    if (!page) co_return pass(std::move(page));
    page->records.resize(1 + world_->random.below(page->records.size()));
    auto root = log.root_at(from.value + page->records.size());
    if (!root) co_return pass(std::move(root));
    co_return engine::log_page{log.identity(), from, std::move(page->records), *root, log.durable_size()};
  }
  void moved() { moved_.notify_all(); }

 private:
  secondary_world* world_;
  engine::wait_list moved_;
};

// In the order in which each needs what stands before it.
struct secondary_site::parts {
  turns executor;
  stepped_pauses pauses;
  std::unique_ptr<log::event_log> log, journal_log;
  engine::desired wanted;
  engine::actual done;
  engine::locations where;
  engine::uploads open;
  stepped_appender to_log, to_journal;
  engine::journal records;
  engine::journaled_locations index;
  engine::copier blobs;
  engine::sync_world world;
  engine::replicator work;
  engine::verification looks;
  line to_primary;
  engine::follower follow;

  parts(secondary_world& w, storage::database& db)
      : executor(w.random, w.with.in_order),
        pauses(w.now),
        log(open_log(db, "log")),
        journal_log(open_log(db, "journal")),
        wanted(db),
        done(db),
        where(db),
        open(db),
        to_log(*log, {&wanted}, w.now, w.broken),
        to_journal(*journal_log, {&done, &where, &open}, w.now, w.broken),
        records(to_journal, "secondary"),
        index(records, where, done, open),
        blobs({w.source, w.target, index, pauses}, w.with.copier),
        world{{w.source, w.target, index, blobs, w.with.copying},
              records,
              wanted,
              done,
              pauses,
              w.now,
              w.random,
              w.with.sync},
        work(executor.on(), world, {.jobs_max = w.with.jobs_max}),
        looks(executor.on(), world, work, {.every_ms = 0, .one = {.tags_per_page = 2, .bytes_per_second = 0}}),
        to_primary(w),
        follow(executor.on(), {to_primary, *log, to_log, pauses, w.now, w.random}, {},
               [this](const std::string& repository) { work.changed(repository); }) {
    to_journal.tell = w.tell;
  }
};

secondary_site::secondary_site(secondary_world world) : world_(std::move(world)), db_(all_families()) {
  give_identity(db_, "log", "a-copy");
  give_identity(db_, "journal", "a-journal");
}

secondary_site::~secondary_site() { crash(); }

void secondary_site::start() {
  parts_ = std::make_unique<parts>(world_, db_);
  const auto started = parts_->work.start();
  ensure(started.has_value(), "the replicator could not be started");
  parts_->follow.start();
}

void secondary_site::crash() {
  if (!parts_) return;
  parts_->executor.refuse();
  parts_->to_log.forget();
  parts_->to_journal.forget();
  parts_->executor.abandon();
  parts_.reset();
  db_.crash();
}

bool secondary_site::can_step() {
  parts& p = *parts_;
  return p.to_log.has_queued() || p.to_log.has_answers() || p.to_journal.has_queued() || p.to_journal.has_answers() ||
         p.executor.ready();
}

void secondary_site::step() {
  parts& p = *parts_;
  for (;;) {
    switch (world_.random.below(8)) {
      case 0:
        if (p.to_log.has_queued()) return p.to_log.commit_some(world_.random);
        break;
      case 1:
        if (p.to_log.has_answers()) return p.to_log.answer_one();
        break;
      case 2:
        if (p.to_journal.has_queued()) return p.to_journal.commit_some(world_.random);
        break;
      case 3:
        if (p.to_journal.has_answers()) return p.to_journal.answer_one();
        break;
      default:
        if (p.executor.ready()) return p.executor.run_one();
    }
  }
}

void secondary_site::primary_moved() {
  if (parts_) parts_->to_primary.moved();
}

bool secondary_site::is_at_rest() {
  const auto s = parts_->work.status();
  return s.running.empty() && s.queued == 0 && s.waiting == 0 && !parts_->looks.last().running &&
         parts_->log->durable_size() == world_.primary.log().durable_size();
}

void secondary_site::ask(engine::task<> (engine::replicator::*verb)(std::string), const std::string& repository) {
  asio::co_spawn(
      parts_->executor.on(),
      [](engine::task<> asked) -> asio::awaitable<void> {
        const auto done = co_await std::move(asked);
        ensure(done.has_value(), "what an operator asks for could not be journaled");
      }((parts_->work.*verb)(repository)),
      [](const std::exception_ptr& thrown) { ensure(!thrown, "what an operator asks for threw"); });
}

void secondary_site::resync(const std::string& repository) { ask(&engine::replicator::resync, repository); }
void secondary_site::allow_deletes(const std::string& repository) {
  ask(&engine::replicator::allow_deletes, repository);
}

bool secondary_site::verify(bool deep) {
  const auto begun = parts_->looks.begin({{}, deep, true});
  ensure(begun || begun.error().code == errc::not_found, "a verification could not be begun");
  return begun.has_value();
}
const engine::verify_run& secondary_site::verified() const { return parts_->looks.last(); }

stepped_pauses& secondary_site::pauses() { return parts_->pauses; }
log::event_log& secondary_site::log() { return *parts_->log; }
log::event_log& secondary_site::journal_log() { return *parts_->journal_log; }
engine::desired& secondary_site::wanted() { return parts_->wanted; }
engine::actual& secondary_site::done() { return parts_->done; }
engine::locations& secondary_site::where() { return parts_->where; }
engine::replicator_status secondary_site::status() { return parts_->work.status(); }

}  // namespace longshore::sim
