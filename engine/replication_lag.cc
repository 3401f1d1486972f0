#include "engine/replication_lag.h"

#include <algorithm>

#include "engine/decisions.h"

namespace longshore::engine {
namespace {

// A repository with more settled items than this between its synced seq and its first open one is not walked further:
// its oldest open item is then told as younger than it is.
constexpr std::size_t items_looked_at_max = 10'000;

// So many items are looked at for their number alone.
constexpr std::size_t items_counted_max = 1'000;

struct open_count {
  std::uint64_t open = 0;
  std::size_t left = items_counted_max;
  bool more = false;
};

// Counts as far as it may; goes on to the first that is open where that is sought.
result<std::optional<desired_item>> first_open(const desired& wanted, const actual& done, const std::string& repository,
                                               std::uint64_t from, bool sought, open_count& all) {
  std::optional<desired_item> found;
  std::optional<error> failed;
  std::size_t looked_at = 0;
  auto walked = wanted.changed(repository, {from}, [&](const desired_item& item) {
    if (all.left == 0) all.more = true;
    if (all.left == 0 && (!sought || found)) return false;
    auto known = done.item(repository, item.ref);
    if (!known) {
      failed = known.error();
      return false;
    }
    const bool open = is_open(item, *known);
    if (!found && (open || ++looked_at == items_looked_at_max)) found = item;
    if (open && all.left > 0) ++all.open;
    if (all.left > 0) --all.left;
    return true;
  });
  if (failed) return std::unexpected(*failed);
  if (!walked) return pass(std::move(walked));
  return found;
}

}  // namespace

result<std::optional<open_work>> oldest_open(const desired& wanted, const actual& done, const log::event_log& log,
                                             const std::function<bool(std::string_view)>& selects) {
  std::optional<open_work> oldest;
  std::optional<error> failed;
  open_count all;
  auto walked = wanted.repositories([&](const desired_repository& r) {
    if (selects && !selects(r.name)) return true;
    auto known = done.repository(r.name);
    if (!known) {
      failed = known.error();
      return false;
    }
    const std::uint64_t from = *known ? (*known)->synced_size : 0;
    if (r.items_size <= from) return true;
    const bool sought = !oldest || from < oldest->seq.value;
    auto open = first_open(wanted, done, r.name, from, sought, all);
    if (!open) {
      failed = open.error();
      return false;
    }
    if (sought && *open && (!oldest || (*open)->seq < oldest->seq))
      oldest = open_work{r.name, (*open)->ref, (*open)->seq, {}};
    return true;
  });
  if (failed) return std::unexpected(*failed);
  if (!walked) return pass(std::move(walked));
  if (!oldest) return oldest;
  auto record = log.record(oldest->seq);
  if (!record) return pass(std::move(record));
  const auto e = log::view_of(*record);
  if (!e) return std::unexpected(e.error());
  oldest->since = e->recorded;
  oldest->open_items = std::max<std::uint64_t>(all.open, 1);
  oldest->more = all.more;
  return oldest;
}

replication_lag lag_of(std::optional<open_work> oldest, const follower_status& following, timestamp now) {
  replication_lag lag;
  std::int64_t behind_us = 0;
  lag.events = following.lag_events();
  if (oldest) {
    behind_us = now.us - oldest->since.us;
    lag.events += following.own_size - std::min(following.own_size, oldest->seq.value);
  }
  const bool whole = following.state == follower_state::following && following.lag_events() == 0;
  const timestamp unknown_since = following.caught_up.us != 0 ? following.caught_up : following.started;
  if (!whole && unknown_since.us != 0) behind_us = std::max(behind_us, now.us - unknown_since.us);
  lag.seconds = static_cast<double>(std::max<std::int64_t>(behind_us, 0)) / 1e6;
  lag.oldest = std::move(oldest);
  return lag;
}

}  // namespace longshore::engine
