#include "log/projection.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <memory>

#include "log/layout.h"

namespace longshore::log {

namespace {

// Large batches let a row that changes often be written once; bounded by memory, not by records.
constexpr std::size_t overlay_bytes_max = 16u << 20;
constexpr std::uint64_t batch_records_max = 16'384;

// In place of a position: the view is being made anew.
constexpr std::string_view renewing = "clearing";
static_assert(renewing.size() == 8);

struct position {
  std::uint64_t size = 0;
  bool is_leftover = false;  // rows of a view half made, or of another format: to be made anew
};

result<position> position_of(const event_log& log, const view& v) {
  auto stored = log.base().get(log.meta(), applied_key(v.name()));
  if (!stored) return pass(std::move(stored));
  if (!*stored) return position{};
  if (**stored == renewing) return position{0, true};
  const auto at = to_folded(**stored);
  if (!at || at->size > log.durable_size()) {
    return fail(errc::corrupt,
                "the view " + std::string(v.name()) + " is not of this log's records; run `longshore rebuild-views`");
  }
  if (at->format != v.format()) return position{0, true};
  return position{at->size, false};
}

result<void> set_position(const event_log& log, const view& v, std::string_view value) {
  storage::write_batch batch;
  batch.put(log.meta(), applied_key(v.name()), value);
  return log.base().commit(batch, storage::durability::synced);
}

result<void> empty(event_log& log, view& v) {
  for (const storage::family f : v.families()) {
    if (auto done = log.base().clear(f); !done) return done;
  }
  return {};
}

// Folds [from, to), handing each batch's changes to commit(overlay, size) with the size folded so far.
template <class F>
result<void> fold_batches(const event_log& log, storage::overlay& state, view& v, std::uint64_t from, std::uint64_t to,
                          F&& commit) {
  std::uint64_t batch_begin = from;
  std::uint64_t done = from;
  auto walked = log.fold({from}, to, [&](event_seq seq, std::string_view record) -> result<bool> {
    auto e = view_of(record);
    if (!e) return pass(std::move(e), log.name() + ": record " + std::to_string(seq.value));
    v.apply(*e, state);
    done = seq.value + 1;
    if (done - batch_begin < batch_records_max && state.size_bytes() < overlay_bytes_max) return true;
    batch_begin = done;
    if (result<void> committed = commit(state, done); !committed) return pass(std::move(committed));
    return true;
  });
  if (!walked) return walked;
  return commit(state, done);
}

// First the mark, then all the rows, on the disk before the mark goes. Until then they are not worth a write-ahead log.
result<void> make_anew(event_log& log, view& v, std::uint64_t end) {
  if (auto marked = set_position(log, v, renewing); !marked) return marked;
  if (auto done = empty(log, v); !done) return done;
  storage::overlay state(log.base());
  storage::write_batch batch;
  auto folded_all = fold_batches(log, state, v, 0, end, [&](storage::overlay& changes, std::uint64_t) {
    batch.clear();
    if (auto drained = changes.drain(batch); !drained) return drained;
    return log.base().commit(batch, storage::durability::unlogged);
  });
  if (!folded_all) return folded_all;
  if (auto written = log.base().flush(); !written) return written;
  return set_position(log, v, to_value(folded{end, v.format()}));
}

struct hash_free {
  void operator()(XXH3_state_t* s) const { XXH3_freeState(s); }
};

}  // namespace

result<std::uint64_t> applied_size(const event_log& log, const view& v) {
  auto at = position_of(log, v);
  if (!at) return pass(std::move(at));
  return at->size;
}

result<void> catch_up(event_log& log, view& v, std::uint64_t to) {
  auto at = position_of(log, v);
  if (!at) return pass(std::move(at));
  const std::uint64_t end = std::min(to, log.durable_size());
  if (at->is_leftover) return make_anew(log, v, end);
  if (at->size >= end) return {};
  storage::overlay state(log.base());
  storage::write_batch batch;
  return fold_batches(log, state, v, at->size, end, [&](storage::overlay& changes, std::uint64_t size) {
    batch.clear();
    if (auto drained = changes.drain(batch); !drained) return drained;
    batch.put(log.meta(), applied_key(v.name()), to_value(folded{size, v.format()}));
    // An earlier batch may be lost in a crash only together with those after it.
    return log.base().commit(batch, size == end ? storage::durability::synced : storage::durability::buffered);
  });
}

result<void> rebuild(event_log& log, view& v) { return make_anew(log, v, log.durable_size()); }

result<void> replay(const event_log& log, storage::database& scratch, view& v, std::uint64_t to) {
  storage::overlay state(scratch);
  storage::write_batch batch;
  return fold_batches(log, state, v, 0, std::min(to, log.durable_size()),
                      [&](storage::overlay& changes, std::uint64_t) {
                        batch.clear();
                        if (auto drained = changes.drain(batch); !drained) return drained;
                        return scratch.commit(batch, storage::durability::unlogged);
                      });
}

result<std::string> view_digest(const event_log& log, const view& v) {
  auto at = position_of(log, v);
  if (!at) return pass(std::move(at));
  const std::unique_ptr<XXH3_state_t, hash_free> hash(XXH3_createState());
  XXH3_128bits_reset(hash.get());
  const auto add = [&](std::string_view part) {
    const std::string size = to_key(part.size());
    XXH3_128bits_update(hash.get(), size.data(), size.size());
    XXH3_128bits_update(hash.get(), part.data(), part.size());
  };
  add(v.name());
  add(to_key(at->size));
  for (const storage::family f : v.families()) {
    storage::scan_range all;
    all.readahead_bytes = 1u << 20;
    auto rows = log.base().range(f, std::move(all));
    std::uint64_t count = 0;
    for (; rows.valid(); rows.next(), ++count) {
      add(rows.key());
      add(rows.value());
    }
    if (auto whole = rows.status(); !whole) return pass(std::move(whole));
    add(to_key(count));
  }
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(hash.get()));
  return to_hex(canonical.digest);
}

}  // namespace longshore::log
