#include "engine/reconciled.h"

#include "engine/item_rows.h"
#include "engine/record_detail.h"
#include "engine/reference.h"
#include "storage/packed.h"

namespace longshore::engine {
namespace {

// Rows:
//   reconciled.sources       source                      -> the fields of reconciled_source, in order
//   reconciled.repositories  source NUL repository       -> the fields of reconciled_repository, in order
constexpr std::size_t source_bytes_max = 255;

std::uint64_t packed(timestamp t) { return static_cast<std::uint64_t>(t.us); }
timestamp unpacked(std::uint64_t us) { return {static_cast<std::int64_t>(us)}; }

void pack(storage::packer& to, const std::optional<reconcile_record>& r) {
  to.number(r ? 1 : 0);
  if (!r) return;
  to.text(r->run).number(static_cast<std::uint64_t>(r->mode)).text(r->why).number(r->whole ? 1 : 0);
  to.number(r->complete ? 1 : 0)
      .number(r->broken_off ? 1 : 0)
      .text(r->reason)
      .number(packed(r->started))
      .number(packed(r->ended));
  const reconcile_counts& c = r->counts;
  to.number(c.repositories).number(c.done).number(c.failed).number(c.tags).number(c.requests).number(c.found);
  to.text(r->catalog_refused).text(r->through);
}

reconcile_mode mode_of(std::uint64_t n) { return n == 1 ? reconcile_mode::digests : reconcile_mode::tags; }

std::optional<reconcile_record> unpack_record(storage::unpacker& in) {
  if (in.number() == 0) return std::nullopt;
  reconcile_record r;
  r.run = in.text();
  r.mode = mode_of(in.number());
  r.why = in.text();
  r.whole = in.number() != 0;
  r.complete = in.number() != 0;
  r.broken_off = in.number() != 0;
  r.reason = in.text();
  r.started = unpacked(in.number());
  r.ended = unpacked(in.number());
  r.counts.repositories = in.number();
  r.counts.done = in.number();
  r.counts.failed = in.number();
  r.counts.tags = in.number();
  r.counts.requests = in.number();
  r.counts.found = in.number();
  r.catalog_refused = in.text();
  r.through = in.text();
  return r;
}

std::string pack(const reconciled_source& s) {
  storage::packer out;
  pack(out, s.open);
  pack(out, s.last);
  pack(out, s.last_whole);
  pack(out, s.last_complete);
  out.number(packed(s.digests_complete_at)).number(packed(s.digests_complete_from));
  out.text(s.suspected).number(packed(s.suspected_since));
  out.number(s.watched ? 1 : 0);
  return out.take();
}

std::optional<reconciled_source> unpack_source(std::string_view name, std::string_view value) {
  storage::unpacker in(value);
  reconciled_source s;
  s.name = name;
  s.open = unpack_record(in);
  s.last = unpack_record(in);
  s.last_whole = unpack_record(in);
  s.last_complete = unpack_record(in);
  s.digests_complete_at = unpacked(in.number());
  s.digests_complete_from = unpacked(in.number());
  s.suspected = in.text();
  s.suspected_since = unpacked(in.number());
  s.watched = in.number() != 0;
  if (!in.ok()) return std::nullopt;
  return s;
}

std::string pack(const reconciled_repository& r) {
  return storage::packer()
      .text(r.run)
      .number(packed(r.at))
      .number(packed(r.digests_at))
      .number(r.tags)
      .number(r.found)
      .take();
}

std::optional<reconciled_repository> unpack_repository(std::string_view value) {
  storage::unpacker in(value);
  reconciled_repository r;
  r.run = in.text();
  r.at = unpacked(in.number());
  r.digests_at = unpacked(in.number());
  r.tags = in.number();
  r.found = in.number();
  if (!in.ok()) return std::nullopt;
  return r;
}

reconcile_mode mode_in(const record_detail& detail) {
  return detail.text("mode") == name_of(reconcile_mode::digests) ? reconcile_mode::digests : reconcile_mode::tags;
}

reconcile_counts counts_in(const record_detail& detail) {
  return {detail.number("repositories"), detail.number("done"),     detail.number("failed"),
          detail.number("tags"),         detail.number("requests"), detail.number("found")};
}

void apply_ended(const log::event_view& e, const record_detail& detail, reconciled_source& s) {
  reconcile_record r;
  r.run = detail.text("run");
  r.mode = mode_in(detail);
  r.why = detail.text("why");
  r.whole = detail.flag("whole");
  r.complete = detail.flag("complete");
  r.reason = detail.text("reason");
  r.catalog_refused = detail.text("catalog_refused");
  r.started = unpacked(detail.number("started_us"));
  r.ended = e.recorded;
  r.counts = counts_in(detail);
  if (s.open && s.open->run == r.run) s.open.reset();
  if (r.whole && r.complete && r.catalog_refused.empty()) {
    s.last_complete = r;
    if (r.mode == reconcile_mode::digests) {
      s.digests_complete_at = e.recorded;
      s.digests_complete_from = r.started;
      // What came up while it ran may concern what it had looked at before.
      if (s.suspected_since <= r.started) s.suspected.clear();
    }
  }
  if (r.whole) s.last_whole = r;
  s.last = std::move(r);
}

void apply_noted(const log::event_view& e, const record_detail& detail, reconciled_source& s) {
  const std::string what = detail.text("what");
  if (what == "suspected") {
    s.suspected = detail.text("reason");
    s.suspected_since = e.recorded;
  } else if (what == "watched" || what == "released") {
    s.watched = what == "watched";
  }
}

std::unexpected<error> bad_row(std::string_view family) {
  return fail(errc::corrupt, "a row of " + std::string(family) +
                                 " cannot be read; run `longshore rebuild-views` on this data directory");
}

}  // namespace

std::string_view name_of(reconcile_mode m) { return m == reconcile_mode::digests ? "digests" : "tags"; }

const reconcile_record* reconciled_source::incomplete() const {
  if (last_whole && !last_whole->complete) return &*last_whole;
  return last && !last->complete ? &*last : nullptr;
}

std::vector<storage::family_spec> reconciled::family_specs() {
  return {{"reconciled.sources"}, {"reconciled.repositories"}};
}

reconciled::reconciled(storage::database& db)
    : db_(&db), sources_(db.named("reconciled.sources")), repositories_(db.named("reconciled.repositories")) {}

std::vector<storage::family> reconciled::families() const { return {sources_, repositories_}; }

void reconciled::apply(const log::event_view& e, storage::overlay& state) {
  if (e.kind < log::event_kind::reconcile_started || e.kind > log::event_kind::source_noted) return;
  if (e.kind == log::event_kind::repository_reconciled) {
    apply_repository(e, state);
  } else {
    apply_source(e, state);
  }
}

void reconciled::apply_repository(const log::event_view& e, storage::overlay& state) {
  const record_detail detail(e.detail);
  const std::string source = detail.text("source");
  if (source.empty() || source.size() > source_bytes_max || source.find('\0') != std::string::npos) return;
  if (!is_repository_name(e.repository)) return;
  const std::string key = item_rows::joined(source, e.repository);
  if (detail.flag("left")) {
    if (state.get(repositories_, key)) state.erase(repositories_, key);
    return;
  }
  reconciled_repository r;
  if (const auto row = state.get(repositories_, key)) {
    if (auto known = unpack_repository(*row)) r = *std::move(known);
  }
  r.run = detail.text("run");
  r.at = e.recorded;
  if (mode_in(detail) == reconcile_mode::digests) r.digests_at = e.recorded;
  r.tags = detail.number("tags");
  r.found = detail.number("found");
  state.put(repositories_, key, pack(r));
}

void reconciled::apply_source(const log::event_view& e, storage::overlay& state) {
  using log::event_kind;
  const record_detail detail(e.detail);
  const std::string name = detail.text("source");
  if (name.empty() || name.size() > source_bytes_max) return;
  reconciled_source s;
  s.name = name;
  if (const auto row = state.get(sources_, name)) {
    if (auto known = unpack_source(name, *row)) s = *std::move(known);
  }
  if (e.kind == event_kind::reconcile_started) {
    // Only a run over all has a position to go on from.
    if (!detail.flag("whole")) return;
    s.open.emplace();
    s.open->run = detail.text("run");
    s.open->mode = mode_in(detail);
    s.open->why = detail.text("why");
    s.open->started = e.recorded;
  } else if (e.kind == event_kind::reconcile_position) {
    if (!s.open || s.open->run != detail.text("run")) return;
    s.open->through = detail.text("through");
    s.open->reason = detail.text("broken_off");
    s.open->counts = counts_in(detail);
    s.open->broken_off = !s.open->reason.empty();
    s.open->ended = s.open->broken_off ? e.recorded : timestamp{};
    if (s.open->broken_off) s.last_whole = s.open;
  } else if (e.kind == event_kind::reconcile_ended) {
    apply_ended(e, detail, s);
  } else {
    apply_noted(e, detail, s);
  }
  state.put(sources_, name, pack(s));
}

result<std::optional<reconciled_source>> reconciled::source(std::string_view name) const {
  auto row = db_->get(sources_, name);
  if (!row) return pass(std::move(row));
  if (!*row) return std::optional<reconciled_source>();
  auto s = unpack_source(name, **row);
  if (!s) return bad_row("reconciled.sources");
  return s;
}

result<void> reconciled::sources(const std::function<bool(const reconciled_source&)>& visit) const {
  auto rows = db_->range(sources_, {});
  for (; rows.valid(); rows.next()) {
    const auto s = unpack_source(rows.key(), rows.value());
    if (!s) return bad_row("reconciled.sources");
    if (!visit(*s)) return {};
  }
  return rows.status();
}

result<std::optional<reconciled_repository>> reconciled::repository(std::string_view source,
                                                                    std::string_view name) const {
  auto row = db_->get(repositories_, item_rows::joined(source, name));
  if (!row) return pass(std::move(row));
  if (!*row) return std::optional<reconciled_repository>();
  auto r = unpack_repository(**row);
  if (!r) return bad_row("reconciled.repositories");
  return r;
}

result<void> reconciled::repositories(
    std::string_view source, const std::function<bool(std::string_view, const reconciled_repository&)>& visit) const {
  const std::string prefix = item_rows::joined(source, {});
  auto rows = db_->range(repositories_, storage::with_prefix(prefix));
  for (; rows.valid(); rows.next()) {
    const auto r = unpack_repository(rows.value());
    if (!r) return bad_row("reconciled.repositories");
    if (!visit(rows.key().substr(prefix.size()), *r)) return {};
  }
  return rows.status();
}

}  // namespace longshore::engine
