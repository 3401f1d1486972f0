#include "engine/desired.h"

#include "engine/descriptor.h"
#include "engine/item_rows.h"
#include "engine/reference.h"
#include "storage/packed.h"

namespace longshore::engine {

using namespace item_rows;

namespace {

// Rows:
//   desired.repositories  name                            -> items_size, first_seen, last_seen, erased_size
//   desired.items         name NUL kind ref               -> gone, digest, media type, seq, occurred, announced,
//                                                             observed, where an observed deletion found the tag
//   desired.changes       name NUL be64(seq) kind ref     -> (empty), or 'q' when quiet: not announced
//                                                             one per item, its newest event
//   desired.tags          name NUL digest NUL tag         -> (empty)    tags last seen at a digest, until the registry
//                                                             tells of their deletion
// Their keys: engine/item_rows.h.
constexpr std::size_t seq_bytes = 8;
constexpr std::size_t digest_bytes_max = 256;
constexpr std::string_view quiet = "q";

std::string change_key(const desired_item& item) {
  return in_repository(item.repository) + to_key(item.seq) + item_name(item.is_tag, item.ref);
}

struct stored_item {
  desired_item item;
  bool announced = false;
  std::string left;  // the tag is gone by a look, from this digest: the registry may tell of it yet

  const std::string& tagged() const { return item.digest.empty() ? left : item.digest; }
};

std::string pack(const stored_item& s) {
  const desired_item& item = s.item;
  return storage::packer()
      .number(item.gone ? 1 : 0)
      .text(item.digest)
      .text(item.media_type)
      .number(item.seq.value)
      .number(static_cast<std::uint64_t>(item.occurred.us))
      .number(s.announced ? 1 : 0)
      .number(item.observed ? 1 : 0)
      .text(s.left)
      .take();
}

// repository NUL kind ref -> the item, or nothing when the row is not one of ours.
std::optional<stored_item> unpack(std::string_view key, std::string_view value) {
  const auto at = read_item_key(key);
  if (!at) return std::nullopt;
  storage::unpacker in(value);
  stored_item s;
  s.item.repository = at->repository;
  s.item.is_tag = at->is_tag;
  s.item.ref = at->ref;
  s.item.gone = in.number() != 0;
  s.item.digest = in.text();
  s.item.media_type = in.text();
  s.item.seq = {in.number()};
  s.item.occurred = {static_cast<std::int64_t>(in.number())};
  s.announced = in.number() != 0;
  s.item.quiet = !s.announced;
  s.item.observed = in.number() != 0;
  s.left = in.text();
  if (!in.ok()) return std::nullopt;
  return s;
}

std::optional<desired_repository> unpack_repository(std::string_view name, std::string_view value) {
  storage::unpacker in(value);
  desired_repository r{std::string(name), in.number(), {}, {}, 0};
  r.first_seen = {static_cast<std::int64_t>(in.number())};
  r.last_seen = {static_cast<std::int64_t>(in.number())};
  if (in.more()) r.erased_size = in.number();
  if (!in.ok()) return std::nullopt;
  return r;
}

std::unexpected<error> bad_row(std::string_view family) {
  return fail(errc::corrupt, "a row of " + std::string(family) +
                                 " cannot be read; run `longshore rebuild-views` on this data directory");
}

bool is_digest_like(std::string_view d) {
  return !d.empty() && d.size() <= digest_bytes_max && d.find('\0') == std::string_view::npos &&
         d.find(':') != std::string_view::npos;
}

bool is_look(const log::event_view& e) { return e.kind == log::event_kind::observed; }

}  // namespace

std::vector<storage::family_spec> desired::family_specs() {
  return {{"desired.repositories"}, {"desired.items"}, {"desired.changes"}, {"desired.tags"}};
}

desired::desired(storage::database& db)
    : db_(&db),
      repositories_(db.named("desired.repositories")),
      items_(db.named("desired.items")),
      changes_(db.named("desired.changes")),
      tags_(db.named("desired.tags")) {}

std::vector<storage::family> desired::families() const { return {repositories_, items_, changes_, tags_}; }

void desired::apply(const log::event_view& e, storage::overlay& state) {
  using log::event_kind;
  const bool known = e.kind == event_kind::push || e.kind == event_kind::erased || e.kind == event_kind::observed;
  if (!known || !is_repository_name(e.repository)) return;
  if (!e.tag.empty() && !is_tag(e.tag)) return;
  if (!e.digest.empty() && !is_digest_like(e.digest)) return;

  touched in{state};
  const bool names_content = e.kind != event_kind::erased && !e.digest.empty();
  if (names_content && !e.tag.empty()) {
    put_tag(e, in);
  } else if (names_content) {
    const bool manifest = e.kind == event_kind::observed || is_manifest(e.media_type);
    if (manifest) put_manifest(e, announce::yes, in);
  } else if (e.kind == event_kind::push) {
    return;  // a push that names no digest tells nothing that could be replicated
  } else if (!e.tag.empty()) {
    erase_tag(e, e.tag, in);
  } else if (!e.digest.empty()) {
    erase_digest(e, in);
  } else {
    erase_repository(e, in);
  }
  if (in.items || in.whole) put_repository(e, in);
}

void desired::put_item(const desired_item& item, announce a, touched& in) {
  storage::overlay& state = in.state;
  const std::string key = item_key(item.repository, item.is_tag, item.ref);
  stored_item s{item, a == announce::yes, {}};
  std::string was_tagged;
  if (const auto before = state.get(items_, key)) {
    if (const auto old = unpack(key, *before)) {
      state.erase(changes_, change_key(old->item));
      s.announced = s.announced || old->announced;
      if (item.is_tag) was_tagged = old->tagged();
      if (item.is_tag && item.gone && item.observed) s.left = was_tagged;
    }
  }
  state.put(items_, key, pack(s));
  state.put_new(changes_, change_key(item), s.announced ? std::string_view() : quiet);
  if (item.is_tag && s.tagged() != was_tagged) {
    if (!was_tagged.empty()) state.erase(tags_, tag_key(item.repository, was_tagged, item.ref));
    if (!s.tagged().empty()) state.put_new(tags_, tag_key(item.repository, s.tagged(), item.ref), {});
  }
  in.items = true;
  in.announced = in.announced || s.announced;
}

void desired::put_repository(const log::event_view& e, const touched& in) {
  desired_repository r{std::string(e.repository), 0, e.recorded, e.recorded, 0};
  if (const auto row = in.state.get(repositories_, e.repository)) {
    if (auto before = unpack_repository(e.repository, *row)) r = *std::move(before);
  }
  if (in.announced) r.items_size = e.seq.value + 1;
  if (in.items) r.last_seen = e.recorded;
  if (in.whole) r.erased_size = e.seq.value + 1;
  in.state.put(repositories_, r.name,
               storage::packer()
                   .number(r.items_size)
                   .number(static_cast<std::uint64_t>(r.first_seen.us))
                   .number(static_cast<std::uint64_t>(r.last_seen.us))
                   .number(r.erased_size)
                   .take());
}

void desired::put_tag(const log::event_view& e, touched& in) {
  desired_item item{std::string(e.repository), std::string(e.tag),        true,  false,
                    std::string(e.digest),     std::string(e.media_type), e.seq, e.occurred};
  put_item(item, announce::yes, in);
  put_manifest(e, announce::no, in);
}

void desired::put_manifest(const log::event_view& e, announce a, touched& in) {
  desired_item item{std::string(e.repository), std::string(e.digest),     false, false,
                    std::string(e.digest),     std::string(e.media_type), e.seq, e.occurred};
  put_item(item, a, in);
}

void desired::erase_tag(const log::event_view& e, std::string_view tag, touched& in) {
  desired_item item{std::string(e.repository), std::string(tag), true, true, {}, {}, e.seq, e.occurred, is_look(e)};
  put_item(item, announce::yes, in);
}

void desired::erase_digest(const log::event_view& e, touched& in) {
  // The shape of a blob's deletion is the same: only a manifest that was seen is taken for one.
  const std::string key = item_key(e.repository, false, e.digest);
  const auto row = in.state.get(items_, key);
  if (!row) return;
  std::vector<std::string> tags;
  // No tag is at a manifest that is gone: they went with it, and a tag's push brings it back.
  if (const auto known = unpack(key, *row); known && !known->item.gone) {
    const std::string prefix = tag_key(e.repository, e.digest, {});
    in.state.scan_prefix(tags_, prefix, [&](std::string_view at, std::string_view) {
      tags.emplace_back(at.substr(prefix.size()));
      return true;
    });
  }
  for (const std::string& tag : tags) erase_tag(e, tag, in);
  desired_item item{
      std::string(e.repository), std::string(e.digest), false, true, {}, {}, e.seq, e.occurred, is_look(e)};
  put_item(item, announce::yes, in);
}

void desired::erase_repository(const log::event_view& e, touched& in) {
  const auto row = in.state.get(repositories_, e.repository);
  const auto before = row ? unpack_repository(e.repository, *row) : std::nullopt;
  if (!before || before->items_size <= before->erased_size) return;
  // All that is older went with the last deletion: each change is looked at by one deletion only.
  const std::string prefix = in_repository(e.repository);
  auto range = storage::with_prefix(prefix);
  range.lower += to_key(before->erased_size);
  std::vector<std::string> changed;
  in.state.scan_range(changes_, range, [&](std::string_view key, std::string_view) {
    changed.push_back(prefix + std::string(key.substr(prefix.size() + seq_bytes)));
    return true;
  });
  for (const std::string& key : changed) {
    const auto stored = in.state.get(items_, key);
    const auto known = stored ? unpack(key, *stored) : std::nullopt;
    if (!known || (known->item.gone && !known->item.observed)) continue;
    const desired_item& live = known->item;
    put_item({live.repository, live.ref, live.is_tag, true, {}, {}, e.seq, e.occurred, is_look(e)}, announce::yes, in);
  }
  in.whole = true;
}

result<std::optional<desired_repository>> desired::repository(std::string_view name) const {
  auto row = db_->get(repositories_, name);
  if (!row) return pass(std::move(row));
  if (!*row) return std::optional<desired_repository>();
  auto r = unpack_repository(name, **row);
  if (!r) return bad_row("desired.repositories");
  return r;
}

result<void> desired::repositories(const std::function<bool(const desired_repository&)>& visit) const {
  auto rows = db_->range(repositories_, {});
  for (; rows.valid(); rows.next()) {
    const auto r = unpack_repository(rows.key(), rows.value());
    if (!r) return bad_row("desired.repositories");
    if (!visit(*r)) return {};
  }
  return rows.status();
}

result<std::optional<desired_item>> desired::item(std::string_view repository, std::string_view ref) const {
  for (const bool is_tag : {true, false}) {
    const std::string key = item_key(repository, is_tag, ref);
    auto row = db_->get(items_, key);
    if (!row) return pass(std::move(row));
    if (!*row) continue;
    auto s = unpack(key, **row);
    if (!s) return bad_row("desired.items");
    return std::optional(std::move(s->item));
  }
  return std::optional<desired_item>();
}

result<void> desired::items(std::string_view repository, const std::function<bool(const desired_item&)>& visit) const {
  auto rows = db_->range(items_, storage::with_prefix(in_repository(repository)));
  for (; rows.valid(); rows.next()) {
    const auto s = unpack(rows.key(), rows.value());
    if (!s) return bad_row("desired.items");
    if (!visit(s->item)) return {};
  }
  return rows.status();
}

result<void> desired::changed(std::string_view repository, event_seq from,
                              const std::function<bool(const desired_item&)>& visit) const {
  const auto at = db_->take_snapshot();
  const std::string prefix = in_repository(repository);
  auto range = storage::with_prefix(prefix);
  range.lower += to_key(from);
  auto rows = db_->range(changes_, range, &at);
  for (; rows.valid(); rows.next()) {
    if (rows.value() == quiet) continue;
    std::string key = prefix;
    key.append(rows.key().substr(prefix.size() + seq_bytes));
    auto row = db_->get(items_, key, &at);
    if (!row) return pass(std::move(row));
    const auto s = *row ? unpack(key, **row) : std::nullopt;
    if (!s) return bad_row("desired.changes");
    if (!visit(s->item)) return {};
  }
  return rows.status();
}

}  // namespace longshore::engine
