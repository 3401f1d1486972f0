#pragma once

// Keeps this site's copy of the primary's log growing, and tells whom it concerns.
//
// A page is applied only when it continues what is held: same log, next seq, and a Merkle root that follows from the
// records; otherwise nothing of it is applied, the state is `refused` with the reason, and the primary is asked again
// at a slow pace. Until the primary has answered it is asked for what there is at once: only who follows waits for
// more, so that nobody is called away, or connecting, while the primary has nothing to say. An empty copy takes over
// the identity of the first log it meets. A primary that is away is tried with back-off. on_change is called, on the
// engine's executor, with each repository that a page speaks of, after the page is durable and folded into the views.
// start() once; stop() resumes when nothing runs any more and must finish before destruction. All verbs are for the
// engine's executor; the world must outlive it.

#include <functional>
#include <string>

#include "engine/backoff.h"
#include "engine/journal.h"
#include "engine/log_source.h"
#include "engine/pauses.h"
#include "engine/tasks.h"
#include "log/event_log.h"

namespace longshore::engine {

struct follower_world {
  log_source& source;
  log::event_log& log;
  log::appender& to;
  pauses& pause;
  const clock& now;
  random_source& random;
};

// What is known of the primary from before this process.
struct primary_contact {
  timestamp answered, caught_up;
  std::uint64_t size = 0;
  std::string refusal = {};  // as in follower_status
};

struct follower_options {
  std::size_t page_bytes_max = 4u << 20;
  int wait_s = 30;
  backoff_policy backoff{500, 5'000, 3'600'000};  // short: a primary that was only restarted is followed again soon
  std::int64_t refused_pause_ms = 60'000;
  std::int64_t empty_pause_ms = 200;  // after an empty answer that came at once: the primary did not wait
  primary_contact before = {};
};

// unauthorized: the primary does not take this site's token.
enum class follower_state : std::uint8_t { connecting, following, away, unauthorized, refused, halted };
std::string_view name_of(follower_state s);

struct follower_status {
  follower_state state = follower_state::connecting;
  std::string reason;      // "refused: ..." and the like; empty while following
  timestamp retry_at;      // when the primary is asked again; 0 while it is
  timestamp last_contact;  // the last answer, also a refused one
  timestamp caught_up;     // when this copy last was the whole of the primary's log
  timestamp started;       // since when it is followed by this process
  std::uint64_t primary_size = 0, own_size = 0;
  // Why the primary's log does not continue this copy, in words for the primary's operator: "it" is this site. Since it
  // was refused last, also before a restart, until it is followed again.
  std::string refusal;
  // Nobody knows what the primary has while it does not answer: lag_events() is of what was heard last.
  bool is_lag_known() const { return state == follower_state::following; }
  std::uint64_t lag_events() const { return primary_size > own_size ? primary_size - own_size : 0; }
  primary_contact contact() const { return {last_contact, caught_up, primary_size, refusal}; }
};

class follower {
 public:
  using on_change = std::function<void(const std::string& repository)>;
  follower(boost::asio::any_io_executor on, follower_world world, follower_options options, on_change told);

  void start() { loop_.spawn(run()); }
  boost::asio::awaitable<void> stop();
  follower_status status() const;

 private:
  boost::asio::awaitable<void> run();
  task<> step();
  result<void> check(const log_page& page, std::uint64_t held);
  void tell(const std::vector<std::string>& records);
  std::int64_t note_failure(const error& e);
  std::unexpected<error> apart(std::string cause, std::string text);

  follower_world world_;
  follower_options options_;
  on_change told_;
  task_group loop_;
  follower_status status_;
  std::uint64_t failures_ = 0;
  std::string cause_;  // of the failure that is being told
  bool stopping_ = false;
};

}  // namespace longshore::engine
