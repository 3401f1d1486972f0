#include "tests/sim/primary_site.h"

#include "engine/failure.h"
#include "storage/env/ensure.h"
#include "tests/sim/site_store.h"

namespace longshore::sim {

// In the order in which each needs what stands before it.
struct primary_site::parts {
  turns executor;
  stepped_pauses pauses;
  std::unique_ptr<log::event_log> log, journal_log;
  engine::desired seen;
  engine::reconciled looked;
  stepped_appender to, to_journal;
  engine::journal records;
  engine::reconciler looks;

  parts(primary_world& w, engine::registry& source, storage::database& db)
      : executor(w.random, w.with.in_order),
        pauses(w.now),
        log(open_log(db, "log")),
        journal_log(open_log(db, "journal")),
        seen(db),
        looked(db),
        to(*log, {&seen}, w.now, w.broken),
        to_journal(*journal_log, {&looked}, w.now, w.broken),
        records(to_journal, "primary"),
        looks(executor.on(),
              {"reconcile", source, to, *log, seen, looked, records, pauses, w.now, w.random, w.with.looks}) {
    to_journal.tell = w.tell;
  }
};

primary_site::primary_site(primary_world world)
    : world_(std::move(world)), source_(world_.source), db_(all_families()) {
  give_identity(db_, "log", "the-primary");
  give_identity(db_, "journal", "its-journal");
}

primary_site::~primary_site() { crash(); }

void primary_site::start() {
  parts_ = std::make_unique<parts>(world_, source_, db_);
  const auto started = parts_->looks.start();
  ensure(started.has_value(), "the reconciler could not be started");
}

void primary_site::crash() {
  if (!parts_) return;
  parts_->executor.refuse();
  parts_->to.forget();
  parts_->to_journal.forget();
  parts_->executor.abandon();
  parts_.reset();
  db_.crash();
}

bool primary_site::can_step() {
  parts& p = *parts_;
  return p.to_journal.has_queued() || p.to_journal.has_answers() || p.executor.ready();
}

void primary_site::step() {
  parts& p = *parts_;
  for (;;) {
    switch (world_.random.below(4)) {
      case 0:
        if (p.to_journal.has_queued()) return p.to_journal.commit_some(world_.random);
        break;
      case 1:
        if (p.to_journal.has_answers()) return p.to_journal.answer_one();
        break;
      default:
        if (p.executor.ready()) return p.executor.run_one();
    }
  }
}

void primary_site::wake() { parts_->pauses.wake(); }
std::optional<timestamp> primary_site::next_due() const { return parts_->pauses.next_due(); }

engine::reconciler_status primary_site::status() const {
  auto s = parts_->looks.status();
  ensure(s.has_value(), "a memory database can be read");
  return *std::move(s);
}

bool primary_site::is_at_rest() const {
  const auto s = status();
  return !s.running && s.queued.empty() && !s.reconciled.open;
}

std::string primary_site::incomplete(engine::reconcile_mode mode, timestamp since) const {
  const auto s = status();
  if (!s.halted.empty()) return "the reconciler halted: " + s.halted;
  const auto& last = s.reconciled.last_complete;
  const bool digests = s.reconciled.digests_complete_at >= since;
  if (last && last->ended >= since && (digests || mode == engine::reconcile_mode::tags)) return {};
  return s.reconciled.last ? s.reconciled.last->run + " ended last: " + s.reconciled.last->reason : "none ended";
}

log::event_log& primary_site::log() { return *parts_->log; }
log::event_log& primary_site::journal_log() { return *parts_->journal_log; }
engine::desired& primary_site::seen() { return parts_->seen; }
engine::reconciled& primary_site::looked() { return parts_->looked; }
stepped_appender& primary_site::to() { return parts_->to; }
engine::reconciler& primary_site::looks() { return parts_->looks; }

}  // namespace longshore::sim
