#include "log/append_batch.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "log/layout.h"
#include "storage/env/ensure.h"

namespace longshore::log {

namespace {

std::size_t text_bytes(const event& e) {
  return e.origin.size() + e.id.size() + e.repository.size() + e.tag.size() + e.digest.size() + e.media_type.size() +
         e.from_repository.size() + e.actor.size() + e.request_id.size() + e.request_addr.size() +
         e.request_host.size() + e.request_method.size() + e.request_useragent.size() + e.instance.size() +
         e.action.size() + e.detail.size();
}

std::unexpected<error> not_a_continuation(const std::string& what) {
  return fail(errc::conflict, "the records are not a continuation of this copy of the log (" + what +
                                  "); nothing was applied. Make sure that this site follows the right primary "
                                  "and that neither log was restored to an older state");
}

// Every record of a copy, checked against the log's end and against the root that its sender vouches for.
result<std::vector<hash256>> check_copy(const copied_records& copy, const log_writer& writer) {
  if (copy.first.value != writer.size()) {
    return not_a_continuation("they begin at " + std::to_string(copy.first.value) + ", this log ends at " +
                              std::to_string(writer.size()));
  }
  frontier edge = writer.edge();
  timestamp recorded = writer.last_recorded();
  std::vector<hash256> leaves;
  leaves.reserve(copy.records.size());
  for (const std::string& record : copy.records) {
    const std::string at = "record " + std::to_string(edge.size());
    const auto e = view_of(record);
    if (!e) return not_a_continuation(at + " is not a record");
    if (e->seq.value != edge.size()) return not_a_continuation(at + " says it is " + std::to_string(e->seq.value));
    if (e->recorded < recorded) return not_a_continuation(at + " is older than the one before it");
    recorded = e->recorded;
    leaves.push_back(leaf_hash(record));
    edge.append(leaves.back());
  }
  if (edge.root() != copy.expected_root) {
    return not_a_continuation("they do not lead to the Merkle root of " + std::to_string(edge.size()) + " records");
  }
  return leaves;
}

}  // namespace

std::size_t submission::size_bytes() const {
  std::size_t bytes = 0;
  if (copy) {
    for (const std::string& record : copy->records) bytes += record.size();
  } else {
    for (const event& e : events) bytes += text_bytes(e);
  }
  return bytes;
}

append_batch::append_batch(event_log& log, std::vector<view*> views, const clock& now, defects broken)
    : log_(&log), views_(std::move(views)), clock_(&now), broken_(broken), writer_(log), state_(log.base()) {}

result<std::size_t> append_batch::stage(std::span<submission> taken, bool keep_records, std::size_t changes_max) {
  batch_.clear();
  views_batch_.clear();
  fresh_ids_.clear();
  kept_.clear();
  first_ = writer_.size();
  const timestamp now = std::max(writer_.last_recorded(), clock_->now());
  std::size_t staged = 0;
  while (staged < taken.size() && (staged == 0 || state_.size_bytes() < changes_max)) {
    submission& s = taken[staged++];
    s.outcome = s.copy ? stage_copy(s, keep_records) : stage_events(s, now, keep_records);
    if (failed_read_) return std::unexpected(*failed_read_);
  }
  if (writer_.size() == first_) return staged;
  writer_.stage_tail(batch_);
  for (const view* v : views_) {
    batch_.put(log_->meta(), applied_key(v->name()), to_value(folded{writer_.size(), v->format()}));
  }
  if (auto drained = state_.drain(broken_.view_outside_batch ? views_batch_ : batch_); !drained) {
    return pass(std::move(drained));
  }
  return staged;
}

// A first pass encodes everything, so that an event too large leaves nothing of its submission behind.
result<append_outcome> append_batch::stage_events(submission& s, timestamp now, bool keep_records) {
  append_outcome outcome{{writer_.size()}, 0, 0};
  std::unordered_map<std::string, event_seq> fresh;
  std::vector<std::string> records;
  records.reserve(s.events.size());
  for (event& e : s.events) {
    e.seq = {writer_.size() + outcome.appended};
    e.recorded = now;
    auto known = is_known(e, fresh);
    if (!known) {
      failed_read_ = known.error();
      return pass(std::move(known));
    }
    auto record = encode(e);
    if (!record) return pass(std::move(record));
    if (*known) {
      ++outcome.duplicates;
      continue;
    }
    if (!e.id.empty()) fresh.emplace(dedup_key(e.origin, e.id), e.seq);
    records.push_back(*std::move(record));
    ++outcome.appended;
  }
  for (std::string& record : records) {
    const hash256 leaf = leaf_hash(record);
    stage_record(std::move(record), leaf, keep_records);
  }
  fresh_ids_.merge(fresh);
  return outcome;
}

result<bool> append_batch::is_known(const event& e, std::unordered_map<std::string, event_seq>& fresh) const {
  if (e.id.empty() || broken_.no_dedup) return false;
  const std::string key = dedup_key(e.origin, e.id);
  if (fresh.contains(key) || fresh_ids_.contains(key)) return true;
  auto stored = log_->find(e.origin, e.id);
  if (!stored) return pass(std::move(stored));
  return stored->has_value();
}

result<append_outcome> append_batch::stage_copy(submission& s, bool keep_records) {
  auto leaves = check_copy(*s.copy, writer_);
  if (!leaves) return pass(std::move(leaves));
  const append_outcome outcome{s.copy->first, s.copy->records.size(), 0};
  for (std::size_t i = 0; i < leaves->size(); ++i) {
    stage_record(std::move(s.copy->records[i]), (*leaves)[i], keep_records);
  }
  return outcome;
}

void append_batch::stage_record(std::string record, const hash256& leaf, bool keep_records) {
  const auto e = view_of(record);
  ensure(e.has_value(), "a record that was encoded or checked can be read");
  writer_.stage(batch_, record, *e, leaf);
  for (view* v : views_) v->apply(*e, state_);
  if (keep_records) kept_.push_back(std::move(record));
}

result<void> append_batch::commit() {
  if (writer_.size() == first_) return {};
  const auto d = broken_.acknowledge_before_sync ? storage::durability::buffered : storage::durability::synced;
  auto done = log_->base().commit(batch_, d);
  if (done && views_batch_.count() > 0) done = log_->base().commit(views_batch_, storage::durability::buffered);
  if (!done) {
    writer_.drop_staged();
    return done;
  }
  writer_.commit_staged();
  return {};
}

committed append_batch::take_committed() {
  auto records = std::make_shared<const std::vector<std::string>>(std::move(kept_));
  kept_.clear();
  return {{first_}, std::move(records), writer_.size()};
}

}  // namespace longshore::log
