#include "tests/sim/checks.h"

#include <algorithm>
#include <map>

#include "engine/manifest.h"
#include "log/projection.h"
#include "storage/env/ensure.h"

namespace longshore::sim {

namespace {

template <class T>
T sure(result<T> r) {
  ensure(r.has_value(), "a memory database can be read");
  return *std::move(r);
}

void sure(const result<void>& r) { ensure(r.has_value(), "a memory database can be read"); }

std::vector<std::string> names_of(engine::desired& wanted) {
  std::vector<std::string> names;
  sure(wanted.repositories([&](const engine::desired_repository& r) { return names.push_back(r.name), true; }));
  return names;
}

// Those that are work for the engine.
std::vector<engine::desired_item> announced_of(engine::desired& wanted) {
  std::vector<engine::desired_item> all;
  for (const std::string& name : names_of(wanted)) {
    sure(wanted.changed(name, {0}, [&](const engine::desired_item& i) { return all.push_back(i), true; }));
  }
  return all;
}

finding check_repository_settled(secondary_site& site, const engine::desired_repository& r) {
  const auto done = sure(site.done().repository(r.name));
  if (r.items_size == 0) return std::nullopt;
  if (!done) return r.name + " has work, and nothing is known of it at rest";
  if (done->state != engine::sync_state::synced) {
    return r.name + " is " + std::string(engine::name_of(done->state)) + " at rest: " + done->last_sync_failure;
  }
  if (done->synced_size < r.items_size) return r.name + " is synced below what it should be";
  finding open;
  const auto read = site.wanted().changed(r.name, {0}, [&](const engine::desired_item& i) {
    if (engine::is_open(i, sure(site.done().item(r.name, i.ref)))) {
      open = r.name + " is synced, and " + i.ref + " is open";
    }
    return !open;
  });
  ensure(read.has_value(), "a memory database can be read");
  return open;
}

}  // namespace

std::vector<engine::desired_item> items_of(engine::desired& wanted) {
  std::vector<engine::desired_item> all;
  for (const std::string& name : names_of(wanted)) {
    sure(wanted.items(name, [&](const engine::desired_item& i) { return all.push_back(i), true; }));
  }
  return all;
}

finding check_primary_log(log::event_log& log, const std::set<std::string>& acknowledged) {
  std::set<std::string> ids;
  finding twice;
  const auto read = log.fold({0}, log.durable_size(), [&](event_seq seq, std::string_view record) -> result<bool> {
    const auto e = log::view_of(record);
    if (e && !e->id.empty() && !ids.emplace(e->id).second) {
      twice = "notification " + std::string(e->id) + " is recorded twice, again at " + std::to_string(seq.value);
    }
    return true;
  });
  if (!read) return "the primary's log: " + read.error().text;
  if (twice) return twice;
  for (const std::string& id : acknowledged) {
    if (!ids.contains(id)) return "notification " + id + " was acknowledged and is not in the log";
  }
  return std::nullopt;
}

finding check_copy(log::event_log& primary, log::event_log& copy) {
  if (primary.durable_size() != copy.durable_size()) return "the copy of the log has another size";
  for (std::uint64_t seq = 0; seq < primary.durable_size(); ++seq) {
    if (sure(primary.record({seq})) != sure(copy.record({seq}))) {
      return "record " + std::to_string(seq) + " of the copy differs";
    }
  }
  return std::nullopt;
}

finding check_view(log::event_log& log, log::view& v) {
  const auto before = sure(log::view_digest(log, v));
  const auto done = log::rebuild(log, v);
  ensure(done.has_value(), "a view can be rebuilt in memory");
  if (sure(log::view_digest(log, v)) == before) return std::nullopt;
  return "the view " + std::string(v.name()) + " is not what its log folds to";
}

finding check_settled(secondary_site& site) {
  if (const auto s = site.status(); !s.halted.empty()) return "the replicator halted: " + s.halted;
  finding found;
  const auto read = site.wanted().repositories([&](const engine::desired_repository& r) {
    found = check_repository_settled(site, r);
    return !found;
  });
  ensure(read.has_value(), "a memory database can be read");
  return found;
}

namespace {

// The manifest, or something that goes with it, is among those.
bool needs(const memory_registry& source, const std::string& r, const std::string& ref, const lasting& those) {
  if (those.empty()) return false;
  if (those.contains({r, ref})) return true;
  const auto* m = source.manifest_at(r, ref);
  if (m == nullptr) return false;
  if (those.contains({r, m->digest.text()})) return true;
  const auto parsed = engine::parse_manifest(m->media_type, m->bytes);
  if (!parsed) return false;
  if (parsed->subject && needs(source, r, parsed->subject->digest.text(), those)) return true;
  return std::ranges::any_of(parsed->references,
                             [&](const auto& f) { return needs(source, r, f.target.digest.text(), those); });
}

// As needs(), for what refers to the manifest, too: an image comes with its signatures.
bool comes_with(const memory_registry& source, const std::string& r, const std::string& ref, const lasting& those) {
  if (needs(source, r, ref, those)) return true;
  const auto* m = source.manifest_at(r, ref);
  if (m == nullptr || those.empty()) return false;
  const auto parsed = engine::parse_manifest(m->media_type, m->bytes);
  if (parsed && std::ranges::any_of(parsed->references, [&](const auto& f) {
        return comes_with(source, r, f.target.digest.text(), those);
      })) {
    return true;
  }
  return std::ranges::any_of(source.manifests(r), [&](const digest& other) {
    const auto* by = source.manifest_at(r, other.text());
    const auto refers = engine::parse_manifest(by->media_type, by->bytes);
    const bool is_attached = refers && refers->subject && refers->subject->digest == m->digest;
    return is_attached && comes_with(source, r, other.text(), those);
  });
}

finding check_source_tag(const mirror& m, const std::string& r, const std::string& tag, const digest& d) {
  const auto at = m.target.tag(r, tag);
  if (at == d && m.target.is_whole(r, d)) return std::nullopt;
  const auto item = sure(m.site.done().item(r, tag));
  if (at != d && item) {
    const bool parked = item->state == engine::item_state::parked && !item->reason.empty();
    if (parked && (m.was_broken || needs(m.source, r, tag, m.refused))) return std::nullopt;
    const auto wanted = sure(m.site.wanted().item(r, tag));
    const bool unseen = m.by == engine::reconcile_mode::tags && wanted && !wanted->gone && wanted->digest != d.text();
    // What the log asks for is there, or is what the target refuses.
    if (unseen && (at || (parked && item->tried_size > wanted->seq.value))) return std::nullopt;
  }
  return r + ":" + tag + " is " + d.text() + " at the source and " + (at ? at->text() : "not") + " at the target" +
         (at == d ? ", not whole" : "") + "; it is believed to be " +
         (item ? std::string(engine::name_of(item->state)) + " " + item->reason : "unknown");
}

// Another tag that the target has as it was, because it refuses what it should be, needs what this one is at.
bool is_needed_by_refused(const mirror& m, const std::string& r, const std::string& tag) {
  const auto at = m.target.tag(r, tag);
  return at && std::ranges::any_of(m.target.tags(r), [&](const auto& other) {
           if (other.first == tag || !needs(m.source, r, other.first, m.refused)) return false;
           const auto item = sure(m.site.done().item(r, other.first));
           return item && item->state == engine::item_state::parked &&
                  needs(m.target, r, other.first, {{r, at->text()}});
         });
}

finding check_target_tag(const mirror& m, const std::string& r, const std::string& tag) {
  // A tag whose manifest the source has lost is as it was when it was whole.
  if (m.source.tags(r).contains(tag) || m.book.is_foreign(r, tag)) return std::nullopt;
  const auto item = sure(m.site.done().item(r, tag));
  const bool is_held = item && item->code == engine::code_over_ceiling;
  if (item && item->state == engine::item_state::parked && !item->reason.empty() &&
      !(is_held && m.allowed && !is_needed_by_refused(m, r, tag))) {
    return std::nullopt;
  }
  return r + ":" + tag + " stands at the target, the source has no such tag, and it is believed to be " +
         (item ? std::string(engine::name_of(item->state)) : "unknown");
}

finding check_manifest(const mirror& m, const engine::desired_item& i) {
  const digest d = *digest::parse(i.ref);
  const auto item = sure(m.site.done().item(i.repository, i.ref));
  if (!m.source.is_whole(i.repository, d) || m.target.is_whole(i.repository, d)) return std::nullopt;
  const bool parked = item && item->state == engine::item_state::parked && !item->reason.empty();
  if (parked && (m.was_broken || needs(m.source, i.repository, i.ref, m.refused))) return std::nullopt;
  const bool removed = item && item->state == engine::item_state::removed;
  if (removed && !m.verified && m.book.was_last_gone(i.repository, i.ref)) return std::nullopt;
  return i.repository + "@" + i.ref + " is whole at the source, is not at the target, and is believed to be " +
         (item ? std::string(engine::name_of(item->state)) + " " + item->reason : "unknown");
}

}  // namespace

finding check_others(const others& o) {
  for (const auto& i : items_of(o.site.wanted())) {
    if (i.gone || !i.is_tag || o.book.is_tampered(i.repository)) continue;
    const auto d = o.source.tag(i.repository, i.ref);
    if (!d || d->text() != i.digest || !o.source.is_whole(i.repository, *d)) continue;
    if (comes_with(o.source, i.repository, i.ref, o.stuck) || needs(o.source, i.repository, i.ref, o.refused)) continue;
    if (o.target.tag(i.repository, i.ref) != d) {
      return i.repository + ":" + i.ref + " is not at the target, while others fail";
    }
  }
  return std::nullopt;
}

finding check_mirrored(const mirror& m) {
  for (const std::string& r : m.source.repositories()) {
    for (const auto& [tag, text] : m.source.tags(r)) {
      const auto d = m.source.tag(r, tag);
      if (!d || !m.source.is_whole(r, *d) || m.book.is_foreign(r, tag)) continue;
      if (auto found = check_source_tag(m, r, tag, *d)) return found;
    }
  }
  for (const std::string& r : m.target.repositories()) {
    for (const auto& [tag, text] : m.target.tags(r)) {
      if (auto found = check_target_tag(m, r, tag)) return found;
    }
  }
  for (const auto& i : announced_of(m.site.wanted())) {
    if (i.is_tag || i.gone) continue;
    if (auto found = check_manifest(m, i)) return found;
  }
  return std::nullopt;
}

namespace {

bool is_parked(secondary_site& site, const std::string& r, const std::string& ref) {
  const auto item = sure(site.done().item(r, ref));
  return item && item->state == engine::item_state::parked;
}

// What the source would list as referring to the manifest.
std::vector<digest> attached_to(const memory_registry& source, const std::string& r, const digest& d) {
  std::vector<digest> found;
  for (const digest& other : source.manifests(r)) {
    const auto* m = source.manifest_at(r, other.text());
    const auto parsed = engine::parse_manifest(m->media_type, m->bytes);
    if (parsed && parsed->subject && parsed->subject->digest == d) found.push_back(other);
  }
  return found;
}

}  // namespace

finding check_attached(const mirror& m) {
  for (const std::string& r : m.source.repositories()) {
    for (const auto& [tag, text] : m.source.tags(r)) {
      const auto d = m.source.tag(r, tag);
      if (!d || m.target.tag(r, tag) != d || is_parked(m.site, r, tag)) continue;
      for (const digest& a : attached_to(m.source, r, *d)) {
        const bool excused = is_parked(m.site, r, a.text()) || needs(m.source, r, a.text(), m.refused);
        if (excused || !m.source.is_whole(r, a) || m.target.is_whole(r, a)) continue;
        return r + "@" + a.text() + ", which refers to what " + tag + " is, is not at the target";
      }
    }
  }
  return std::nullopt;
}

finding check_locations(const memory_registry& target, secondary_site& site) {
  std::map<std::string, std::set<std::string>> digests;
  const auto read = site.journal_log().fold({0}, site.journal_log().durable_size(),
                                            [&](event_seq, std::string_view record) -> result<bool> {
                                              const auto e = log::view_of(record);
                                              if (e && !e->digest.empty())
                                                digests[std::string(e->repository)].emplace(e->digest);
                                              return true;
                                            });
  ensure(read.has_value(), "a journal in memory can be read");
  for (const auto& [r, all] : digests) {
    for (const std::string& text : all) {
      if (!sure(site.where().holds(r, text))) continue;
      const digest d = *digest::parse(text);
      if (target.manifest_at(r, text) == nullptr && target.blob(r, d) == nullptr) {
        return r + "@" + text + " is recorded to be at the target and is not";
      }
    }
  }
  return std::nullopt;
}

finding check_sent_once(const memory_registry& target) {
  std::map<std::string, int> uploads;
  for (const auto& call : target.calls()) {
    if (call.verb == "finish" && ++uploads[call.ref] > 1) return "blob " + call.ref + " was uploaded twice";
  }
  return std::nullopt;
}

}  // namespace longshore::sim
