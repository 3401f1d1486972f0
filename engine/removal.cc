#include "engine/removal.h"

#include "engine/comparison.h"
#include "engine/failure.h"
#include "engine/journal_records.h"

namespace longshore::engine {
namespace {

template <class... Event>
std::vector<log::event> records_of(Event... e) {
  return {std::move(e)...};
}

}  // namespace

task<std::vector<log::event>> removal::remove(desired_item item) {
  auto there = co_await world_->target.resolve(repository_, item.ref);
  if (!there) co_return pass(std::move(there), "looking for " + item.ref + " at the target");
  if (!*there) co_return records_of(record::removed(item));
  // Kept on purpose: settled, and recorded as what it is.
  if (world_->settings.deletes == delete_mode::keep) co_return records_of(record::published(item, **there));
  if (auto listed = co_await list_source(); !listed) co_return pass(std::move(listed), "before deleting " + item.ref);
  if (source_tags_->contains(item.ref)) {
    co_return fail(errc::not_found, "the source lists tag " + item.ref + " and does not serve it");
  }
  if (item.is_tag) co_return co_await remove_tag(std::move(item), **there);
  co_return co_await remove_digest(std::move(item), **there);
}

// That the source knows no such repository is its own word; each tag is asked for by itself besides.
task<> removal::list_source() {
  if (source_tags_) co_return result<void>();
  auto names = co_await list_all_tags(world_->source, repository_, world_->settings.listed_tags_max);
  if (!names && names.error().code != errc::not_found) co_return pass(std::move(names));
  source_tags_ = names ? *std::move(names) : tag_names();
  co_return result<void>();
}

// All that the source's listing lacks counts, not only what this pass is about: what was lost at once may be told of
// in many batches, and each for itself would be small.
task<removal_weight> removal::weigh() {
  if (auto listed = co_await list_source(); !listed) co_return pass(std::move(listed));
  auto target = co_await list_all_tags(world_->target, repository_, world_->settings.listed_tags_max);
  if (!target && target.error().code == errc::not_found) co_return removal_weight{};
  if (!target) co_return pass(std::move(target));
  removal_weight w;
  w.tags_at_target = target->size();
  for (const std::string& tag : *target) {
    if (world_->copying.filter->tag(tag)) continue;
    if (source_tags_->contains(tag)) {
      ++w.stays;
      continue;
    }
    auto ours = ours_at(tag);
    if (!ours) co_return pass(std::move(ours));
    if (!*ours) continue;
    ++w.removals;
    if (is_told(**ours)) ++w.told;
  }
  co_return w;
}

// What would go once the source has it no longer: the log speaks of it, and it is not left out or left there.
result<std::optional<desired_item>> removal::ours_at(const std::string& tag) const {
  auto wanted = world_->wanted.item(repository_, tag);
  if (!wanted || !*wanted) return wanted;
  auto done = world_->done.item(repository_, tag);
  if (!done) return pass(std::move(done));
  const bool left_out = *done && (*done)->state == item_state::skipped && !is_open(**wanted, *done);
  return left_out || !weighs(**wanted, *done) ? std::nullopt : *std::move(wanted);
}

task<std::vector<log::event>> removal::remove_tag(desired_item item, longshore::digest d) {
  auto erased = co_await world_->target.delete_tag(repository_, item.ref);
  if (erased || erased.error().code == errc::not_found) {
    if (tags_) std::erase_if(*tags_, [&](const tag_content& t) { return t.tag == item.ref; });
    co_return records_of(record::removed(item));
  }
  if (!is_refused(erased.error().code)) co_return pass(std::move(erased), "deleting tag " + item.ref);
  co_return co_await remove_digest(std::move(item), std::move(d));
}

task<std::vector<log::event>> removal::remove_digest(desired_item item, longshore::digest d) {
  auto facts = co_await facts_about(d, item.is_tag ? item.ref : std::string());
  if (!facts) co_return pass(std::move(facts), "making sure that deleting " + d.text() + " harms nothing");
  const removal_decision decision = decide_removal(d, *facts);
  if (decision.step == removal_step::park) co_return fail(errc::unsupported, decision.reason);
  if (decision.step == removal_step::hold) co_return records_of(record::item_held_back(item, decision.reason));
  if (decision.step == removal_step::fail) co_return fail(errc::conflict, decision.reason);
  // Before it is done: an answer that is lost, or a crash, must not leave the index believing in it.
  if (auto noted = co_await world_->where.record(records_of(record::lost_on_purpose(repository_, d))); !noted) {
    co_return pass(std::move(noted));
  }
  auto erased = co_await world_->target.delete_manifest(repository_, d);
  if (!erased && is_refused(erased.error().code)) {
    co_return fail(errc::unsupported, "the target does not delete manifests (" + erased.error().text +
                                          "); enable deletion there, then ask for a resync");
  }
  if (!erased && erased.error().code != errc::not_found) co_return pass(std::move(erased), "deleting " + d.text());
  co_return gone_with(item, d);
}

// A digest takes its tags along, and the last tag of one takes the digest: what waited for that waits no longer.
result<std::vector<log::event>> removal::gone_with(const desired_item& item, const longshore::digest& d) {
  std::vector<std::string> refs{d.text()};
  if (tags_) {
    for (const tag_content& t : *tags_) {
      if (t.digest == d) refs.push_back(t.tag);
    }
    std::erase_if(*tags_, [&](const tag_content& t) { return t.digest == d; });
  }
  auto gone = records_of(record::removed(item));
  for (const std::string& ref : refs) {
    if (ref == item.ref) continue;
    auto wanted = world_->wanted.item(repository_, ref);
    if (!wanted) return pass(std::move(wanted));
    if (!*wanted || !(*wanted)->gone) continue;
    auto done = world_->done.item(repository_, ref);
    if (!done) return pass(std::move(done));
    const bool parked = *done && (*done)->state == item_state::parked;
    if (parked || is_open(**wanted, *done)) gone.push_back(record::removed(**wanted));
  }
  return gone;
}

task<removal_facts> removal::facts_about(longshore::digest d, std::string except_tag) {
  removal_facts facts;
  auto at_source = co_await world_->source.resolve(repository_, d.text());
  if (!at_source) co_return pass(std::move(at_source));
  facts.source_has_manifest = at_source->has_value();
  if (facts.source_has_manifest) co_return facts;
  if (!tags_) {
    auto read = co_await read_tag_contents(world_->target, repository_, world_->settings.target_tags_max,
                                           world_->copying.limits);
    if (!read) co_return pass(std::move(read));
    tags_ = *std::move(read);
  }
  for (std::size_t i = 0; i < tags_->size(); ++i) {
    const tag_content& other = (*tags_)[i];
    if (other.tag == except_tag || !other.needs(d)) continue;
    auto s = co_await facts_about_tag(other, d);
    if (!s) co_return pass(std::move(s));
    facts.sharing.push_back(*std::move(s));
  }
  co_return facts;
}

task<sharing_tag> removal::facts_about_tag(tag_content other, longshore::digest d) {
  sharing_tag s;
  s.tag = other.tag;
  s.includes = other.digest != d;
  auto done = world_->done.item(repository_, other.tag);
  if (!done) co_return pass(std::move(done));
  s.left_alone = world_->copying.filter->tag(s.tag).value_or(std::string());
  auto in_log = world_->wanted.item(repository_, other.tag);
  if (!in_log) co_return pass(std::move(in_log));
  s.in_log = in_log->has_value();
  const bool settled = s.in_log && !is_open(**in_log, *done);
  s.parked = *done && (*done)->state == item_state::parked;
  // Parked for want of a way to delete it alone, it may well go along; anything else that is parked may not.
  const bool may_go = s.in_log && (*in_log)->gone && s.parked && (*done)->code != code_over_ceiling;
  s.held = settled && s.parked && !may_go;
  const bool untold = hold_untold_ && s.in_log && !is_told(**in_log);
  // It comes later in this pass, and will be held back.
  if (untold && (*in_log)->gone && !settled) s.held = true;
  // By an operator: nothing that we do would free the digest either.
  const bool skipped = settled && *done && (*done)->state == item_state::skipped;
  if (skipped && s.left_alone.empty()) s.left_alone = (*done)->reason;
  auto shown = co_await world_->source.resolve(repository_, s.tag);
  if (!shown) co_return pass(std::move(shown));
  s.at_source = std::move(*shown);
  const auto now = s.at_source;
  // Listed and not served may be a moment's state: as long as it lasts, it counts as there.
  if (!s.at_source && source_tags_ && source_tags_->contains(s.tag)) s.at_source = d;
  s.as_at_source = s.at_source == other.digest;
  const bool apart = now != other.digest && (now || (!s.at_source && (s.includes || untold)));
  // It will be held back itself, or told of: until then it does not go along.
  if (untold && !s.at_source) s.at_source = d;
  if (settled && apart && !s.parked && s.left_alone.empty()) {
    // Settled, and yet not as the source has it: nothing else would ever bring or remove it, and free the digest.
    std::vector<log::event> found{record::mismatched(**in_log, name_of(compare_tag(now, other.digest)),
                                                     "the source shows " + (now ? now->text() : "no tag"))};
    if (auto r = co_await world_->records.append(std::move(found)); !r) co_return pass(std::move(r));
    reopened_ = true;
  }
  co_return s;
}

}  // namespace longshore::engine
