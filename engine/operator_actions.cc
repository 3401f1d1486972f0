#include "engine/operator_actions.h"

#include <algorithm>

#include "engine/journal_records.h"

namespace longshore::engine {
namespace {

constexpr std::size_t records_at_once = 256;
constexpr std::size_t items_max = 100'000;  // of one repository and call

bool is_meant(const operator_request& r, bool is_tag, const std::string& ref) {
  if (r.tags.empty() && r.digests.empty()) return true;
  return is_tag ? first_match(r.tags, ref) != nullptr : std::ranges::find(r.digests, ref) != r.digests.end();
}

}  // namespace

std::optional<operator_verb> operator_verb_of(std::string_view name) {
  if (name == "resync") return operator_verb::resync;
  if (name == "skip") return operator_verb::skip;
  if (name == "unpark") return operator_verb::unpark;
  if (name == "retry") return operator_verb::retry;
  return std::nullopt;
}

task<std::uint64_t> operator_actions::carry_out(operator_request r) {
  std::uint64_t count = 0;
  for (const std::string& repository : r.repositories) {
    auto n = co_await one(r, repository);
    if (!n) co_return pass(std::move(n), repository);
    count += *n;
  }
  co_return count;
}

task<std::uint64_t> operator_actions::one(const operator_request& r, std::string repository) {
  switch (r.verb) {
    case operator_verb::resync: {
      auto done = co_await schedule_->resync(std::move(repository));
      if (!done) co_return pass(std::move(done));
      co_return 1;
    }
    case operator_verb::skip: {
      auto records = skips(r, repository);
      if (!records) co_return pass(std::move(records));
      const std::uint64_t count = records->size();
      co_return co_await write(std::move(repository), *std::move(records), count);
    }
    case operator_verb::unpark: {
      auto records = unparks(r, repository);
      if (!records) co_return pass(std::move(records));
      const std::uint64_t count = records->size();
      if (r.tags.empty() && r.digests.empty() && count > 0) *records = {record::unpark_asked(repository)};
      co_return co_await write(std::move(repository), *std::move(records), count);
    }
    case operator_verb::retry: {
      auto before = world_->done.repository(repository);
      if (!before) co_return pass(std::move(before));
      if (!*before || (*before)->state != sync_state::failed) co_return 0;
      std::vector records{record::retry_asked(repository)};
      co_return co_await write(std::move(repository), std::move(records), 1);
    }
  }
  co_return 0;
}

task<std::uint64_t> operator_actions::write(std::string repository, std::vector<log::event> records,
                                            std::uint64_t count) {
  for (std::size_t at = 0; at < records.size(); at += records_at_once) {
    const auto from = records.begin() + static_cast<std::ptrdiff_t>(at);
    const auto to = records.begin() + static_cast<std::ptrdiff_t>(std::min(records.size(), at + records_at_once));
    std::vector<log::event> some(std::make_move_iterator(from), std::make_move_iterator(to));
    if (auto written = co_await world_->records.append(std::move(some)); !written) co_return pass(std::move(written));
  }
  if (count > 0) schedule_->due(repository);
  co_return count;
}

result<std::vector<log::event>> operator_actions::skips(const operator_request& r,
                                                        const std::string& repository) const {
  std::vector<log::event> records;
  result<void> looked;
  auto read = world_->wanted.changed(repository, {0}, [&](const desired_item& item) {
    if (!is_meant(r, item.is_tag, item.ref)) return true;
    auto done = world_->done.item(repository, item.ref);
    if (!done) {
      looked = pass(std::move(done));
      return false;
    }
    // A parked one is left out for a reason of its own from now on.
    const bool parked = *done && (*done)->state == item_state::parked;
    if (parked || is_open(item, *done)) records.push_back(record::skip_asked(item, r.reason));
    return records.size() < items_max;
  });
  if (!read) return pass(std::move(read));
  if (!looked) return pass(std::move(looked));
  return records;
}

result<std::vector<log::event>> operator_actions::unparks(const operator_request& r,
                                                          const std::string& repository) const {
  std::vector<log::event> records;
  auto read = world_->done.items(repository, [&](const actual_item& item) {
    const bool asked = item.state == item_state::skipped && item.code == "operator";
    const bool opens = item.state == item_state::parked || asked;
    if (opens && is_meant(r, item.is_tag, item.ref)) {
      records.push_back(record::reopened(repository, item.ref, item.is_tag));
    }
    return records.size() < items_max;
  });
  if (!read) return pass(std::move(read));
  return records;
}

}  // namespace longshore::engine
