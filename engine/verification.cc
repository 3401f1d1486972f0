#include "engine/verification.h"

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>

#include "engine/age.h"
#include "engine/failure.h"
#include "engine/glob.h"
#include "engine/journal_records.h"

namespace longshore::engine {

namespace asio = boost::asio;

namespace {

constexpr std::int64_t pause_ms_max = 60'000;
constexpr std::int64_t pause_ms_min = 100;
constexpr std::size_t due_max = 1'000;     // taken at a time: the views are read whole to find them
constexpr std::size_t reopening_max = 16;  // their findings are kept meanwhile

// An unreadable view or journal ends a run; anything else is one repository's trouble.
bool ends_a_run(errc code) {
  return code == errc::stopped || code == errc::unknown_outcome || code == errc::io_failed || code == errc::corrupt;
}

verification_turns::trouble trouble_of(const result<verification_turns::trouble>& verified) {
  if (verified) return *verified;
  using trouble = verification_turns::trouble;
  return is_about_the_host(verified.error().code) ? trouble::shared : trouble::its_own;
}

}  // namespace

verification::verification(asio::any_io_executor on, const sync_world& world, replicator& mends,
                           verification_settings settings)
    : world_(&world),
      mends_(&mends),
      settings_(std::move(settings)),
      rate_(world.pause, world.now, static_cast<double>(settings_.one.bytes_per_second)),
      group_(on),
      turns_(settings_.every_ms * 1'000) {}

void verification::start() {
  if (settings_.every_ms > 0) group_.spawn(keep_verifying());
}

// Of what is left out, only what is doubted: others may be brought from there.
result<bool> verification::is_to_be_read(const std::string& repository) const {
  if (mends_->selects(repository)) return true;
  auto done = world_->done.repository(repository);
  if (!done) return pass(std::move(done));
  return *done && (*done)->doubted > 0;
}

result<std::vector<std::string>> verification::matching(const std::vector<std::string>& globs) const {
  std::vector<std::string> names;
  std::set<std::string_view> unused(globs.begin(), globs.end());
  result<void> looked;
  auto read = world_->wanted.repositories([&](const desired_repository& r) {
    const bool selected = mends_->selects(r.name);
    if (!selected && !globs.empty()) return true;
    auto counts = is_to_be_read(r.name);
    if (!counts) {
      looked = pass(std::move(counts));
      return false;
    }
    if (!*counts) return true;
    bool named = globs.empty();
    for (const std::string& g : globs) {
      if (!matches(g, r.name)) continue;
      named = true;
      unused.erase(g);
    }
    if (named) names.push_back(r.name);
    return true;
  });
  if (!read) return pass(std::move(read));
  if (!looked) return pass(std::move(looked));
  if (names.empty() || !unused.empty()) {
    return fail(errc::not_found, "no repository that is replicated here is called " +
                                     (unused.empty() ? std::string("anything") : std::string(*unused.begin())) +
                                     "; nothing was begun");
  }
  return names;
}

result<std::uint64_t> verification::begin(verify_request asked) {
  if (stopping_) return fail(errc::stopped, "the site is stopping");
  if (last_.running)
    return fail(errc::busy,
                "a verification runs already: longshore verify --status shows it; ask again when it has ended");
  auto names = matching(asked.repositories);
  if (!names) return pass(std::move(names));
  verify_run fresh;
  fresh.number = last_.number + 1;
  fresh.asked = std::move(asked);
  fresh.running = true;
  fresh.started = world_->now.now();
  fresh.total = static_cast<std::size_t>(
      std::ranges::count_if(*names, [&](const std::string& name) { return mends_->selects(name); }));
  last_ = std::move(fresh);
  if (told_.began) told_.began();
  group_.spawn(run(*std::move(names)));
  return last_.number;
}

asio::awaitable<void> verification::run(std::vector<std::string> repositories) {
  struct ending {
    verification* of;
    ~ending() {
      of->last_.running = false;
      of->last_.repository.clear();
      of->last_.finished = of->world_->now.now();
      if (of->told_.ended) of->told_.ended(of->last_);
      of->ended_.notify_all();
    }
  } const at_the_end{this};
  for (const std::string& repository : repositories) {
    last_.repository = repository;
    auto done = co_await verify_one(repository, last_);
    if (stopping_ || (!done && ends_a_run(done.error().code))) {
      last_.failure = done ? "the site is stopping" : describe(done.error());
      break;
    }
    if (!last_.failure.empty()) break;
  }
  last_.repository.clear();
  while (last_.reopening > 0) co_await opened_.wait();
}

task<verification_turns::trouble> verification::verify_one(std::string repository, verify_run& into) {
  using trouble = verification_turns::trouble;
  verifier v(*world_, repository, into.asked.deep, settings_.one, into.progress, rate_);
  struct presence {
    std::vector<verifier*>* in;
    verifier* who;
    ~presence() { std::erase(*in, who); }
  } const listed{&working_, &v};
  working_.push_back(&v);
  const bool selected = mends_->selects(repository);
  auto verdict = selected ? co_await v.run() : co_await v.run_doubts();
  if (!verdict) {
    if (selected && !ends_a_run(verdict.error().code)) {
      verify_verdict unknown;
      unknown.reason = describe(verdict.error());
      add(into, repository, unknown);
    }
    co_return pass(std::move(verdict));
  }
  const trouble met = verdict->away ? trouble::shared : trouble::its_own;
  if (!selected) {
    add_amiss(into, repository, *verdict);
    co_return met;
  }
  add(into, repository, *verdict);
  const bool opens = into.asked.repair && !verdict->findings.empty();
  if (auto noted = co_await note_left(repository, *verdict, into.asked.repair && !opens); !noted) {
    co_return pass(std::move(noted));
  }
  if (!opens || stopping_) co_return met;
  while (into.reopening >= reopening_max) co_await opened_.wait();
  ++into.reopening;
  group_.spawn(open_again(std::move(repository), *std::move(verdict), into));
  co_return met;
}

// What was found is shown until it is open again, which may be long after: a pass that runs there ends first.
asio::awaitable<void> verification::open_again(std::string repository, verify_verdict verdict, verify_run& into) {
  struct ending {
    verify_run* of;
    wait_list* told;
    ~ending() {
      --of->reopening;
      told->notify_all();
    }
  } const at_the_end{&into, &opened_};
  auto opened = co_await mends_->reopen(repository, [&] { return reopening(*world_, verdict); });
  if (opened) opened = co_await take_back(repository, verdict);
  if (opened) co_return;
  if (ends_a_run(opened.error().code)) {
    into.failure = describe(opened.error());
  } else {
    note_unknown(into, repository, "what differs could not be opened again: " + describe(opened.error()));
  }
}

// What stays amiss shows in the repository's state until a verification finds it gone.
task<> verification::note_left(const std::string& repository, const verify_verdict& verdict, bool repair) {
  const left_amiss left = left_by(verdict, repair);
  auto before = world_->done.repository(repository);
  if (!before) co_return pass(std::move(before));
  const std::uint64_t known = *before ? (*before)->amiss : 0;
  if (left.found == known && (known == 0 || left.reason == (*before)->amiss_reason)) co_return result<void>();
  const bool all_seen = verdict.is != verify_verdict::state::unknown && verdict.changing == 0;
  if (left.found < known && !all_seen) co_return result<void>();
  co_return co_await world_->records.append(std::vector{record::repository_amiss(repository, left.found, left.reason)});
}

// What this verdict noted, and nothing that another has found meanwhile.
task<> verification::take_back(const std::string& repository, const verify_verdict& verdict) {
  const left_amiss noted = left_by(verdict, false);
  auto now = world_->done.repository(repository);
  if (!now) co_return pass(std::move(now));
  const bool stands = *now && (*now)->amiss == noted.found && (*now)->amiss_reason == noted.reason;
  co_return stands ? co_await note_left(repository, verdict, true) : result<void>();
}

void verification::note_unknown(verify_run& to, const std::string& repository, std::string reason) {
  ++to.unknown_repositories;
  not_compared_[repository] = reason;
  if (to.unknowns.size() < verify_listed_max) to.unknowns.push_back({repository, std::move(reason)});
}

void verification::add(verify_run& to, const std::string& repository, const verify_verdict& verdict) {
  ++to.done;
  to.unsettled += verdict.unsettled;
  to.parked += verdict.parked;
  to.skipped += verdict.skipped;
  to.unclaimed += verdict.unclaimed;
  if (verdict.found > 0) ++to.mismatched;
  if (verdict.is == verify_verdict::state::clean) ++to.clean;
  if (verdict.is == verify_verdict::state::unjudged) ++to.unjudged;
  for (const verify_verdict::left_out_item& u : verdict.left_out) {
    if (to.left_out.size() == verify_listed_max) break;
    to.left_out.push_back({repository, u.ref, u.why});
  }
  add_amiss(to, repository, verdict);
}

void verification::add_amiss(verify_run& to, const std::string& repository, const verify_verdict& verdict) {
  to.mismatches_found += verdict.found;
  to.kept_by_target += verdict.kept_by_target;
  to.not_at_source += verdict.not_at_source;
  if (verdict.is == verify_verdict::state::unknown) {
    note_unknown(to, repository, verdict.reason);
  } else {
    not_compared_.erase(repository);
    turns_.compared(repository);
  }
  for (const tag_mismatch& m : verdict.mismatches) {
    if (to.mismatches.size() == verify_listed_max) break;
    to.mismatches.push_back({repository, m});
  }
}

// Those of the synced repositories whose turn has come.
result<verification::due> verification::look_for_due() const {
  const timestamp now = world_->now.now();
  std::int64_t count = 0;
  std::vector<std::pair<std::int64_t, std::string>> found;
  result<void> looked;
  auto read = world_->wanted.repositories([&](const desired_repository& wanted) {
    auto counts = is_to_be_read(wanted.name);
    if (!counts) {
      looked = pass(std::move(counts));
      return false;
    }
    if (!*counts) return true;
    auto done = world_->done.repository(wanted.name);
    if (!done) {
      looked = pass(std::move(done));
      return false;
    }
    ++count;
    // What failed for a long time is looked at like any other; what was never worked through is not there to be seen.
    const bool worked = *done && ((*done)->last_synced_at.us > 0 || (*done)->state == sync_state::failed);
    if (!worked) return true;
    const auto age = std::min(age_us((*done)->verified_at, now), age_us((*done)->created_at, now));
    const auto was = not_compared_.contains(wanted.name) ? verification_turns::newest::not_compared
                                                         : verification_turns::newest::compared;
    if (const auto overdue = turns_.overdue_us(wanted.name, age, was, now)) found.emplace_back(-*overdue, wanted.name);
    return true;
  });
  if (!read) return pass(std::move(read));
  if (!looked) return pass(std::move(looked));
  std::ranges::sort(found);
  if (found.size() > due_max) found.resize(due_max);
  due out;
  for (auto& [_, name] : found) out.repositories.push_back(std::move(name));
  const std::int64_t most = std::max(pause_ms_min, std::min(settings_.every_ms, pause_ms_max));
  out.wait_ms = std::clamp(settings_.every_ms / std::max<std::int64_t>(count, 1), pause_ms_min, most);
  return out;
}

asio::awaitable<void> verification::keep_verifying() {
  std::int64_t wait_ms = pause_ms_min;
  while (co_await schedule_.pause(wait_ms)) {
    auto next = look_for_due();
    if (!next) {
      scheduled_.failure = describe(next.error());
      co_return;
    }
    wait_ms = next->wait_ms;
    if (!scheduled_.failure.empty()) co_return;
    for (const std::string& repository : next->repositories) {
      turns_.took(repository, world_->now.now());
      ++scheduled_.total;
      const auto done = co_await verify_one(repository, scheduled_);
      if (!done && ends_a_run(done.error().code)) {
        scheduled_.failure = describe(done.error());
        co_return;
      }
      if (not_compared_.contains(repository)) turns_.failed(repository, world_->now.now(), trouble_of(done));
      if (!co_await schedule_.pause(wait_ms)) co_return;
    }
  }
}

std::string verification::broken_off() const {
  // Not by age_us(): where the clock was set back nobody knows whether the schedule has been round.
  const bool round_since =
      settings_.every_ms > 0 && world_->now.now().us - last_.finished.us >= settings_.every_ms * 1'000;
  return last_.running || round_since ? std::string() : last_.failure;
}

asio::awaitable<void> verification::wait(std::int64_t ms_max) {
  using namespace asio::experimental::awaitable_operators;
  if (!last_.running || ms_max <= 0) co_return;
  asio::steady_timer deadline(co_await asio::this_coro::executor, std::chrono::milliseconds(ms_max));
  co_await (ended_.wait() || deadline.async_wait(asio::use_awaitable));
}

asio::awaitable<void> verification::stop() {
  stopping_ = true;
  for (verifier* v : working_) v->stop();
  schedule_.stop();
  ended_.notify_all();
  group_.cancel();
  co_await group_.join();
}

}  // namespace longshore::engine
