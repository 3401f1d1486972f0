#include "api/ingest.h"

#include <algorithm>
#include <bit>
#include <boost/json.hpp>

#include "api/seldom.h"
#include "api/unnamed_events.h"
#include "engine/journal.h"

namespace longshore::api {

namespace asio = boost::asio;

namespace {

constexpr std::string_view own_agent = "longshore/";
constexpr std::size_t instances_kept = 16;
constexpr std::size_t names_shown_max = 10;

std::string acknowledgement(const log::append_outcome& done, std::uint64_t dropped) {
  std::string text = "{\"appended\":" + std::to_string(done.appended);
  text.append(",\"duplicates\":").append(std::to_string(done.duplicates));
  return text.append(",\"dropped\":").append(std::to_string(dropped)).append("}\n");
}

answer put_aside_answer(const log::append_outcome& done, const std::string& reason) {
  const boost::json::object said{
      {"appended", done.appended}, {"duplicates", done.duplicates}, {"quarantined", true}, {"reason", reason}};
  return json_answer(boost::json::serialize(said) + "\n", 202);
}

// The registry processes that speak, in order, without repetitions in a row.
std::vector<std::string> instances_in(const std::vector<log::event>& events) {
  std::vector<std::string> all;
  for (const log::event& e : events) {
    if (!e.instance.empty() && (all.empty() || all.back() != e.instance)) all.push_back(e.instance);
  }
  return all;
}

// Whatever became of the events, the body holds more than they do: it is kept.
bool is_the_bodys_fault(errc code) { return code == errc::too_large || code == errc::invalid; }

}  // namespace

void ingest::add_source(std::string name, std::string_view token) {
  tokens_.add(name, token);
  stats_.sources.push_back({.name = std::move(name)});
}

void ingest::mount(router& to) {
  for (const char* path : {"/api/v4/container_registry_event/events", "/v1/events/{source}"}) {
    route r;
    r.method = "POST";
    r.pattern = path;
    r.handle = [this](exchange& x) { return take(x); };
    r.admit = [this](request& q) { return admit(q); };
    r.body_bytes_max = options_.body_bytes_max;
    r.too_large = [this](const request& q) { note_too_large(q); };
    to.add(std::move(r));
  }
  to.on_unknown([this](const request& q) {
    if (q.method() != "POST") return;
    note_misdirected(q, "a POST came to " + printable(q.path()) +
                            ", where nothing is: notifications go to /v1/events/NAME, which is that of a [[source]]");
  });
}

std::optional<answer> ingest::admit(request& r) {
  const auto owner = tokens_.find(r.header("Authorization"));
  const std::string_view name = r.parameter("source");
  if (owner && (name.empty() || name == tokens_.name(*owner))) {
    r.caller = *owner;
    return std::nullopt;
  }
  ++stats_.unauthorized;
  const auto meant = tokens_.named(name);
  if (!name.empty() && !meant) {
    note_misdirected(
        r, "a notification came for a source that is not configured: there is no [[source]] " + printable(name));
    return unauthorized("the token of this source");
  }
  if (meant) {
    ++stats_.sources[*meant].unauthorized;
    // Anybody can send these: they are shown, and no reason to suspect a loss.
    ++stats_.sources[*meant].wrong_tokens_in_a_row;
    stats_.sources[*meant].wrong_token_at = world_.now.now();
  }
  warn_sometimes(warned_unauthorized_,
                 "a notification came with a wrong token" +
                     (name.empty() ? std::string() : " for the source " + printable(name)) +
                     ": the registry that sent it repeats it and everything behind it waits; give it the token of "
                     "its source in notifications.endpoints[].headers.Authorization, then run longshore reconcile "
                     "--digests to find what it has given up on");
  return unauthorized(name.empty() ? "the token of any source" : "the token of this source");
}

void ingest::note_misdirected(const request& r, const std::string& what) {
  ++stats_.misdirected;
  stats_.misdirected_last = printable(r.path());
  stats_.misdirected_at = world_.now.now();
  warn_sometimes(warned_misdirected_,
                 what + " (there are: " + source_names() +
                     "). If a registry sent it, correct its notifications.endpoints[].url: it repeats it and "
                     "everything behind it waits; then run longshore reconcile --digests to find what it has given up "
                     "on");
}

std::string ingest::source_names() const {
  std::string names;
  for (std::size_t i = 0; i < stats_.sources.size() && i < names_shown_max; ++i) {
    names += (i == 0 ? "" : ", ") + stats_.sources[i].name;
  }
  return stats_.sources.size() > names_shown_max ? names + " and others" : names;
}

void ingest::note_too_large(const request& r) {
  source_stats& s = stats_.sources[r.caller];
  ++s.too_large;
  note_refused(s, "it is over the limit of " + std::to_string(options_.body_bytes_max) +
                      " bytes (413): raise [listen] body_bytes_max; the registry repeats it");
  warn_sometimes(warned_too_large_,
                 "a notification of the source " + s.name + " is over the limit of " +
                     std::to_string(options_.body_bytes_max) +
                     " bytes and was refused (413): the registry repeats it and everything behind it waits; raise "
                     "[listen] body_bytes_max");
}

asio::awaitable<void> ingest::take(exchange& x) {
  const auto begun = std::chrono::steady_clock::now();
  answer a = co_await record(x.asked().caller, x.asked());
  if (a.status < 300) stats_.acknowledged.add(std::chrono::steady_clock::now() - begun);
  x.reply(std::move(a));
}

asio::awaitable<answer> ingest::record(std::size_t source, const request& r) {
  source_stats& s = stats_.sources[source];
  ++s.received;
  auto parsed = parse_notification(r.body, s.name);
  std::string reason;
  notification n;
  if (parsed) {
    n = *std::move(parsed);
    reason = n.reason;
  } else {
    reason = parsed.error().text;
  }
  const bool quarantining = !parsed || !n.whole();
  if (quarantining) {
    auto kept = co_await put_aside(source, reason, r);
    if (!kept) co_return not_written(s, kept.error(), true);
  }
  if (!n.unnamed.empty()) {
    auto told = co_await world_.pool.run([&] { return tell_apart(n, world_.log, world_.wanted); });
    if (!told) co_return not_written(s, told.error(), true);
  }
  const bool of_registry = !n.is_probe();
  if (!n.events.empty() && of_registry) s.last_event = world_.now.now();
  const auto instances = instances_in(n.events);
  const std::uint64_t dropped = drop_pulls(n.events);
  auto done = co_await append(std::move(n.events));
  if (!done && is_the_bodys_fault(done.error().code)) {
    reason = done.error().text;
    auto kept = co_await put_aside(source, reason, r);
    if (!kept) co_return not_written(s, kept.error(), of_registry);
    note_instances(s, instances);
    if (of_registry) note_taken(s, {});
    co_return put_aside_answer({}, reason);
  }
  if (!done) co_return not_written(s, done.error(), of_registry);
  note_instances(s, instances);
  s.dropped += dropped;
  s.appended += done->appended;
  s.duplicates += done->duplicates;
  if (of_registry) note_taken(s, *done);
  if (quarantining) co_return put_aside_answer(*done, reason);
  co_return json_answer(acknowledgement(*done, dropped));
}

asio::awaitable<result<log::append_outcome>> ingest::append(std::vector<log::event> events) {
  if (events.empty()) co_return log::append_outcome{};
  co_return co_await engine::append(world_.to, std::move(events));
}

// One at a time: the quarantine has one writer.
asio::awaitable<result<void>> ingest::put_aside(std::size_t source, std::string reason, const request& r) {
  if (waiting_aside_ >= options_.quarantine_waiting_max) {
    co_return fail(errc::busy, "too many notifications that cannot be understood are being put aside");
  }
  ++waiting_aside_;
  while (putting_aside_) co_await aside_free_.wait();
  putting_aside_ = true;
  --waiting_aside_;
  log::quarantined entry;
  entry.received = world_.now.now();
  entry.source = stats_.sources[source].name;
  entry.reason = std::move(reason);
  entry.content_type = r.header("Content-Type").substr(0, 256);
  entry.body = r.body;
  const std::string why = entry.reason;
  auto done = co_await world_.pool.run([this, &entry]() -> result<void> {
    if (world_.space_check) {
      if (auto space = world_.space_check(); !space) return space;
    }
    return world_.aside.add(std::move(entry));
  });
  putting_aside_ = false;
  aside_free_.notify_one();
  if (!done) co_return done;
  ++stats_.sources[source].quarantined;
  warn_sometimes(warned_quarantined_, "a notification of the source " + stats_.sources[source].name +
                                          " could not be understood and was put into quarantine: " + printable(why));
  co_return done;
}

std::uint64_t ingest::drop_pulls(std::vector<log::event>& events) const {
  if (options_.drop == dropped_pulls::none) return 0;
  return std::erase_if(events, [&](const log::event& e) {
    return e.kind == log::event_kind::pull &&
           (options_.drop == dropped_pulls::all || e.request_useragent.starts_with(own_agent));
  });
}

// A registry behind a load balancer is several processes: only one that was not seen lately means a restart.
// Known is who was answered with success: what is refused comes again, and must be as new then as it was.
void ingest::note_instances(source_stats& s, const std::vector<std::string>& instances) {
  for (const std::string& instance : instances) {
    if (!s.instances.empty() && s.instances.back() == instance) continue;
    if (const auto known = std::ranges::find(s.instances, instance); known != s.instances.end()) {
      std::rotate(known, known + 1, s.instances.end());
      continue;
    }
    if (!s.instances.empty()) {
      ++s.restarts;
      if (doubt_) doubt_(s.name, "another process of the registry speaks: what the one before had queued is lost");
    }
    if (s.instances.size() == instances_kept) s.instances.erase(s.instances.begin());
    s.instances.push_back(instance);
  }
}

void ingest::note_taken(source_stats& s, const log::append_outcome& done) {
  if (done.appended > 0) s.last_seq = event_seq{done.first.value + done.appended - 1};
  s.wrong_tokens_in_a_row = 0;
  const std::uint64_t refused = std::exchange(s.refused_in_a_row, 0);
  s.last_refusal.clear();
  if (refused >= refusals_that_lose) doubt_refused(s, refused);
}

void ingest::remember(const std::string& source, std::vector<std::string> instances, timestamp last_event,
                      event_seq last) {
  for (source_stats& s : stats_.sources) {
    if (s.name != source) continue;
    s.instances = std::move(instances);
    s.last_event = last_event;
    s.last_seq = last;
  }
}

void ingest::note_refused(source_stats& s, std::string why) {
  ++s.refused_in_a_row;
  s.last_refusal = std::move(why);
  s.refused_at = world_.now.now();
  // It may have given up on some of them, and be quiet from now on. A look that comes while they are still refused
  // settles the doubt too early: then those after it, and note_taken(), doubt once more. Each doubt costs a look at all
  // tags, and a registry may repeat one notification for ever.
  const std::uint64_t times = s.refused_in_a_row / refusals_that_lose;
  if (s.refused_in_a_row % refusals_that_lose == 0 && std::has_single_bit(times)) doubt_refused(s, s.refused_in_a_row);
}

void ingest::doubt_refused(const source_stats& s, std::uint64_t times) {
  if (doubt_) doubt_(s.name, "notifications were refused " + std::to_string(times) + " times in a row");
}

answer ingest::not_written(source_stats& s, const error& e, bool of_registry) {
  ++s.unavailable;
  if (of_registry) {
    note_refused(s, e.text + (e.code == errc::no_space ? " ([log] space_min is the reserve)" : "") +
                        ": the registry repeats it");
  }
  warn_sometimes(warned_unwritten_, "notifications of the source " + s.name +
                                        " cannot be recorded and are refused until they can: " + e.text);
  if (e.code == errc::no_space) return refusal(e);
  return refusal(error{errc::unavailable, e.text, e.retry_after_ms});
}

void ingest::warn_sometimes(timestamp& last, const std::string& what) {
  warn_seldom(world_.warn, world_.now.now(), last, what);
}

}  // namespace longshore::api
