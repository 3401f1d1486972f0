#pragma once

// Where registries post their notifications.
//
//   POST /api/v4/container_registry_event/events   the source is whose token it is (GitLab's own path)
//   POST /v1/events/{source}                       the source is named; the token must be its own
//
// 200 is sent after every event of the body is durable (or was already), and 202 after what could not be understood
// is durable in quarantine, with the rest of the envelope in the log; never earlier. 401: wrong token. 413: over the
// limit, which makes a registry repeat it for ever: told loudly. 503 (Retry-After) and 507: the log cannot be written.
// Pulls may be dropped by the settings: counted, acknowledged, not recorded.
// Runs on the server's executor; stats() is for that executor too. The world must outlive the server's sessions.

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "api/bearer.h"
#include "api/blocking_pool.h"
#include "api/latency_histogram.h"
#include "api/notification.h"
#include "api/router.h"
#include "engine/age.h"
#include "engine/desired.h"
#include "engine/wait_list.h"
#include "log/quarantine.h"
#include "log/sequencer.h"

namespace longshore::api {

enum class dropped_pulls : std::uint8_t {
  none,
  own,  // those of Longshore itself, by user agent
  all
};

struct ingest_options {
  dropped_pulls drop = dropped_pulls::none;
  std::size_t body_bytes_max = 1u << 20;
  std::size_t quarantine_waiting_max = 64;  // bodies waiting to be put aside; more are answered 503
};

struct ingest_world {
  log::sequencer& to;
  log::quarantine& aside;  // written by nobody else
  blocking_pool& pool;
  const clock& now;
  std::function<result<void>()> space_check;     // before the quarantine is written; may be null
  std::function<void(const std::string&)> warn;  // for an operator; never holds a token
  const log::event_log& log;                     // what was recorded, to know what comes again
  const engine::desired& wanted;
};

inline bool is_within(std::int64_t us_max, timestamp at, timestamp now) { return engine::age_us(at, now) < us_max; }
// So many refusals in a row may have made a registry give up on some: GitLab's drops after ten tries.
inline constexpr std::uint64_t refusals_that_lose = 5;
// A registry repeats within seconds what was not taken: what was turned away longer ago says nothing of now.
inline constexpr std::int64_t turned_away_us_max = 3'600'000'000;
inline bool is_turned_away_lately(timestamp at, timestamp now) { return is_within(turned_away_us_max, at, now); }

struct source_stats {
  std::string name;
  timestamp last_event;
  std::uint64_t received = 0;                               // bodies
  std::uint64_t appended = 0, duplicates = 0, dropped = 0;  // events
  std::uint64_t quarantined = 0;                            // bodies
  std::uint64_t unavailable = 0;                            // bodies answered 503 or 507
  std::uint64_t too_large = 0;                              // bodies answered 413
  std::uint64_t unauthorized = 0;                           // requests that named the source with a wrong token
  std::uint64_t refused_in_a_row = 0;                       // its own, with its token, not taken since one was
  std::string last_refusal;                                 // why the last of these was not taken, and what to do
  timestamp refused_at;                                     // when that was
  std::uint64_t wrong_tokens_in_a_row = 0;  // requests that named it with a wrong token since one was taken
  timestamp wrong_token_at;                 // when the last of these came
  std::optional<event_seq> last_seq;        // of its newest event
  std::uint64_t restarts = 0;               // registry processes first seen after another: events may have been lost
  std::vector<std::string> instances;       // seen lately, newest last
};

struct ingest_stats {
  std::vector<source_stats> sources;
  std::uint64_t unauthorized = 0;  // all of them
  std::uint64_t misdirected = 0;   // requests that named no source there is, or were posted where nothing is
  std::string misdirected_last;    // the path of the last
  timestamp misdirected_at;        // when that was
  latency_histogram acknowledged;  // from the whole body to the answer, of those acknowledged
};

class ingest {
 public:
  ingest(ingest_world world, ingest_options options) : world_(std::move(world)), options_(options) {}
  // Before mount().
  void add_source(std::string name, std::string_view token);
  void mount(router& to);
  // Called, on the server's executor, with a source and what speaks for the loss of some of its notifications: another
  // registry process, or many notifications refused in a row: when they are, and when one is taken again. Before
  // mount().
  void on_doubt(std::function<void(const std::string& source, const std::string& reason)> told) {
    doubt_ = std::move(told);
  }
  // What the log last heard of a source before this process: told once per source, before mount().
  void remember(const std::string& source, std::vector<std::string> instances, timestamp last_event, event_seq last);
  const ingest_stats& stats() const { return stats_; }

 private:
  std::optional<answer> admit(request& r);
  void note_misdirected(const request& r, const std::string& what);
  void note_too_large(const request& r);
  boost::asio::awaitable<void> take(exchange& x);
  boost::asio::awaitable<answer> record(std::size_t source, const request& r);
  boost::asio::awaitable<result<void>> put_aside(std::size_t source, std::string reason, const request& r);
  boost::asio::awaitable<result<log::append_outcome>> append(std::vector<log::event> events);
  std::uint64_t drop_pulls(std::vector<log::event>& events) const;
  void note_instances(source_stats& s, const std::vector<std::string>& instances);
  void note_taken(source_stats& s, const log::append_outcome& done);
  void note_refused(source_stats& s, std::string why);
  void doubt_refused(const source_stats& s, std::uint64_t times);
  answer not_written(source_stats& s, const error& e, bool of_registry);
  std::string source_names() const;
  void warn_sometimes(timestamp& last, const std::string& what);

  ingest_world world_;
  ingest_options options_;
  token_book tokens_;
  ingest_stats stats_;
  std::function<void(const std::string&, const std::string&)> doubt_;
  bool putting_aside_ = false;
  std::size_t waiting_aside_ = 0;
  engine::wait_list aside_free_;
  timestamp warned_unauthorized_, warned_misdirected_, warned_too_large_, warned_unwritten_, warned_quarantined_;
};

}  // namespace longshore::api
