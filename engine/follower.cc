#include "engine/follower.h"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <set>

#include "engine/failure.h"

namespace longshore::engine {

namespace asio = boost::asio;

std::string_view name_of(follower_state s) {
  switch (s) {
    case follower_state::connecting:
      return "connecting";
    case follower_state::following:
      return "following";
    case follower_state::away:
      return "away";
    case follower_state::unauthorized:
      return "unauthorized";
    case follower_state::refused:
      return "refused";
    case follower_state::halted:
      return "halted";
  }
  return "unknown";
}

follower::follower(asio::any_io_executor on, follower_world world, follower_options options, on_change told)
    : world_(world), options_(options), told_(std::move(told)), loop_(std::move(on)) {
  status_.started = world_.now.now();
  status_.last_contact = options_.before.answered;
  status_.caught_up = options_.before.caught_up;
  status_.primary_size = options_.before.size;
  status_.refusal = options_.before.refusal;
}

follower_status follower::status() const {
  follower_status s = status_;
  s.own_size = world_.log.durable_size();
  return s;
}

asio::awaitable<void> follower::run() {
  while (!stopping_) {
    result<void> done;
    try {
      done = co_await step();
    } catch (const boost::system::system_error& e) {
      if (e.code() == asio::error::operation_aborted) throw;
      done = fail(errc::unavailable, e.what());
    }
    if (done) {
      failures_ = 0;
      continue;
    }
    if (stopping_) break;
    const std::int64_t wait = note_failure(done.error());
    status_.retry_at = {world_.now.now().us + wait * 1'000};
    const auto paused = co_await world_.pause.pause(wait);
    status_.retry_at = {};
    if (!paused) break;
  }
}

std::int64_t follower::note_failure(const error& e) {
  ++failures_;
  const bool ours = e.code == errc::unknown_outcome || e.code == errc::stopped;
  const std::string cause = std::exchange(cause_, {});
  if (e.code == errc::conflict) status_.refusal = cause.empty() ? "it cannot apply what the primary sent" : cause;
  if (e.code == errc::conflict || ours) {
    status_.state = ours ? follower_state::halted : follower_state::refused;
    status_.reason = std::string(name_of(status_.state)) + ": " + e.text;
    return options_.refused_pause_ms;
  }
  const bool ours_is_wrong = e.code == errc::unauthorized;
  status_.state = ours_is_wrong ? follower_state::unauthorized : follower_state::away;
  // What describe() calls a registry is a site here.
  status_.reason = ours_is_wrong                 ? e.text
                   : e.code == errc::unavailable ? "the primary's log cannot be reached: " + e.text
                                                 : describe(e);
  return backoff_ms(options_.backoff, failures_, world_.random, e.retry_after_ms);
}

task<> follower::step() {
  const std::uint64_t held = world_.log.durable_size();
  const timestamp asked = world_.now.now();
  const int wait_s = status_.state == follower_state::following ? options_.wait_s : 0;
  auto page = co_await world_.source.read({held}, options_.page_bytes_max, wait_s);
  if (page || page.error().code == errc::conflict) status_.last_contact = world_.now.now();
  if (!page) {
    cause_ = "the primary does not continue its copy of " + std::to_string(held) + " events";
    co_return pass(std::move(page));
  }
  status_.primary_size = page->durable_size;
  if (auto same = check(*page, held); !same) co_return same;
  if (!page->records.empty()) {
    const std::vector<std::string> records = page->records;
    auto applied = co_await append_copy(world_.to, page->first, std::move(page->records), page->root);
    if (!applied) {
      cause_ = "what the primary sent does not continue its copy of " + std::to_string(held) + " events";
      co_return pass(std::move(applied));
    }
    tell(records);
  }
  if (world_.log.durable_size() >= status_.primary_size) status_.caught_up = world_.now.now();
  status_.state = follower_state::following;
  status_.reason.clear();
  status_.refusal.clear();
  const bool hasty =
      wait_s > 0 && page->records.empty() && world_.now.now().us - asked.us < options_.empty_pause_ms * 1'000;
  if (world_.log.durable_size() > held || !hasty) co_return result<void>();
  co_return co_await world_.pause.pause(options_.empty_pause_ms);
}

// text tells this site's operator, advice and all; who reads the cause elsewhere must not take that for himself.
std::unexpected<error> follower::apart(std::string cause, std::string text) {
  cause_ = std::move(cause);
  return fail(errc::conflict, std::move(text));
}

result<void> follower::check(const log_page& page, std::uint64_t held) {
  const std::string own = std::to_string(held);
  if (page.log_identity.empty()) {
    return fail(errc::invalid, "the primary does not say which log it serves; is its address that of a Longshore?");
  }
  if (page.log_identity != world_.log.identity()) {
    if (held > 0) {
      return apart("it holds a copy of log " + world_.log.identity() + ", the primary serves log " + page.log_identity,
                   "the primary serves log " + page.log_identity + ", this site holds a copy of log " +
                       world_.log.identity() +
                       "; point it at its own primary, or start it with an empty data directory");
    }
    if (auto adopted = world_.log.adopt_identity(page.log_identity); !adopted) return adopted;
  }
  if (page.durable_size < held) {
    const std::string primary = std::to_string(page.durable_size);
    return apart("its copy has " + own + " events, the primary's log " + primary,
                 "the primary's log has " + primary + " events, this copy " + own +
                     "; the primary has lost history (was it restored?)");
  }
  if (page.first.value != held) {
    const std::string what =
        "asked for events from " + own + " on, the primary sent them from " + std::to_string(page.first.value) + " on";
    return apart(what, what);
  }
  if (!page.records.empty()) return {};  // the sequencer proves these against the root
  auto root = world_.log.root_at(held);
  if (!root) return pass(std::move(root));
  if (*root == page.root) return {};
  return apart("the primary's first " + own + " events are not those of its copy",
               "the primary's first " + own + " events are not those of this copy; one of the two was changed");
}

void follower::tell(const std::vector<std::string>& records) {
  std::set<std::string> touched;
  for (const std::string& record : records) {
    const auto e = log::view_of(record);
    if (!e) continue;  // cannot be: the sequencer has just taken it
    const bool speaks =
        e->kind == log::event_kind::push || e->kind == log::event_kind::erased || e->kind == log::event_kind::observed;
    if (speaks && !e->repository.empty()) touched.emplace(e->repository);
  }
  for (const std::string& repository : touched) told_(repository);
}

asio::awaitable<void> follower::stop() {
  stopping_ = true;
  world_.pause.stop();
  loop_.cancel();
  co_await loop_.join();
}

}  // namespace longshore::engine
