#include "api/log_tail.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/log_frames.h"

namespace longshore::api {

namespace asio = boost::asio;
using boost::asio::awaitable;

namespace {

constexpr std::string_view log_size_header = "Longshore-Log-Size";

std::unexpected<error> bad_parameter(std::string_view name, std::string_view expected) {
  return fail(errc::invalid, "the parameter " + std::string(name) + " is not " + std::string(expected));
}

}  // namespace

void log_tail::mount(router& to) {
  const auto add = [&](const char* pattern, awaitable<void> (log_tail::*answer_it)(exchange&)) {
    route r;
    r.method = "GET";
    r.pattern = pattern;
    r.handle = [this, answer_it](exchange& x) { return (this->*answer_it)(x); };
    r.admit = [this](request& q) -> std::optional<answer> {
      const auto who = world_.readers.find(q.header("Authorization"));
      if (!who) return unauthorized("the token of a follower or administrator");
      q.caller = *who;
      return std::nullopt;
    };
    r.body_bytes_max = 0;
    to.add(std::move(r));
  };
  add("/v1/log/events", &log_tail::events);
  add("/v1/log/checkpoint", &log_tail::checkpoint);
  add("/v1/log/records/{seq}", &log_tail::record);
}

result<log_tail::question> log_tail::understand(const request& r) const {
  question q;
  q.form = form_for(r.header("Accept"));
  q.bytes_max = options_.page_bytes;
  std::optional<std::string> after = r.asked("after");
  const std::string_view resumed = r.header("Last-Event-ID");
  if (q.form == tail_form::event_stream && !resumed.empty()) after = std::string(resumed);
  if (after) {
    const auto seq = to_count(*after);
    if (!seq || *seq == std::numeric_limits<std::uint64_t>::max()) {
      return bad_parameter("after", "the seq of a record");
    }
    q.from = event_seq{*seq}.next();
  }
  if (const auto text = r.asked("max_bytes")) {
    const auto bytes = to_count(*text);
    if (!bytes || *bytes == 0) return bad_parameter("max_bytes", "a number of bytes above 0");
    q.bytes_max = std::min<std::uint64_t>(*bytes, options_.page_bytes_max);
  }
  if (const auto text = r.asked("wait")) {
    const auto seconds = to_count(*text);
    if (!seconds) return bad_parameter("wait", "a number of seconds");
    const auto most = static_cast<std::uint64_t>(options_.wait_max.count());
    q.wait = std::chrono::seconds(static_cast<std::int64_t>(std::min(*seconds, most)));
  }
  if (const auto text = r.asked("follow")) {
    if (*text != "0" && *text != "1") return bad_parameter("follow", "0 or 1");
    q.follow = *text == "1";
  }
  const std::uint64_t size = world_.log.durable_size();
  if (q.from.value > size) {
    return fail(errc::conflict, "record " + std::to_string(q.from.value - 1) + " was asked after, but this log (" +
                                    world_.log.identity() + ") ends with " + std::to_string(size) +
                                    " records: the asker's history is longer, so it followed another log or this one "
                                    "was set back; check both sites' data before following again");
  }
  return q;
}

answer log_tail::head(tail_form form) const {
  answer a;
  a.content_type = media_type_of(form);
  a.headers.emplace_back(log_identity_header, world_.log.identity());
  a.headers.emplace_back(log_size_header, std::to_string(world_.log.durable_size()));
  a.headers.emplace_back("Cache-Control", "no-store");
  return a;
}

awaitable<void> log_tail::events(exchange& x) {
  auto asked = understand(x.asked());
  if (!asked) co_return x.reply(refusal(asked.error()));
  const question q = *asked;
  if (q.follow) co_return co_await follow(x, q);
  if (q.wait.count() > 0 && world_.log.durable_size() == q.from.value && !x.stopping()) {
    co_await world_.hot.wait_beyond(q.from.value, std::chrono::steady_clock::now() + q.wait);
  }
  auto p = co_await read(q.from, q.bytes_max);
  if (!p) co_return x.reply(refusal(p.error()));
  auto rendered = co_await render(q.form, *p);
  if (!rendered) co_return x.reply(refusal(rendered.error()));
  answer a = head(q.form);
  a.shared_body = std::move(p->shared);
  a.body = std::move(p->own);
  x.reply(std::move(a));
}

awaitable<void> log_tail::follow(exchange& x, question q) {
  auto begun = co_await x.begin_stream(head(q.form));
  if (!begun) co_return;
  event_seq from = q.from;
  while (!x.stopping() && !world_.hot.closed()) {
    if (world_.log.durable_size() == from.value &&
        !co_await world_.hot.wait_beyond(from.value, std::chrono::steady_clock::now() + options_.heartbeat)) {
      auto beat = co_await x.write(heartbeat_of(q.form));
      if (!beat) co_return;
      continue;
    }
    auto p = co_await read(from, q.bytes_max);
    if (!p) co_return;  // the stream ends; whoever follows asks again and is told
    const std::uint64_t size = p->size;
    auto rendered = co_await render(q.form, *p);
    if (!rendered) co_return;
    if (p->shared) {
      auto sent = co_await x.write(*p->shared);
      if (!sent) co_return;
    }
    auto sent = co_await x.write(p->own);
    if (!sent) co_return;
    from = {size};
  }
}

awaitable<result<log_tail::page>> log_tail::read(event_seq from, std::size_t bytes_max) {
  page p;
  p.first = from;
  if (auto hot = world_.hot.read(from, bytes_max)) {
    p.size = hot->size;
    p.shared = std::move(hot->shared);
    p.own = std::move(hot->own);
    auto root = co_await root_at(p.size);
    if (!root) co_return pass(std::move(root));
    p.root = *root;
    co_return p;
  }
  auto done = co_await world_.pool.run([&]() -> result<void> {
    auto cold = world_.log.read(from, bytes_max);
    if (!cold) return pass(std::move(cold));
    for (const std::string& record : cold->records) append_record_frame(p.own, record);
    p.size = from.value + cold->records.size();
    auto root = world_.log.root_at(p.size);
    if (!root) return pass(std::move(root));
    p.root = *root;
    return {};
  });
  if (!done) co_return pass(std::move(done));
  co_return p;
}

awaitable<result<hash256>> log_tail::root_at(std::uint64_t size) {
  if (auto held = world_.hot.root_at(size)) co_return *std::move(held);
  co_return co_await world_.pool.run([&] { return world_.log.root_at(size); });
}

awaitable<result<void>> log_tail::render(tail_form form, page& p) {
  if (form == tail_form::frames) {
    append_page_end_frame(p.own, {p.first, p.size, p.root, world_.log.durable_size()});
    co_return result<void>();
  }
  if (p.empty()) co_return result<void>();
  auto text = co_await world_.pool.run([&] { return text_of(form, p.frames()); });
  if (!text) co_return pass(std::move(text));
  p.shared.reset();
  p.own = *std::move(text);
  co_return result<void>();
}

awaitable<void> log_tail::checkpoint(exchange& x) {
  const std::uint64_t size = world_.log.durable_size();
  auto root = co_await root_at(size);
  if (!root) co_return x.reply(refusal(root.error()));
  const boost::json::object said{{"identity", world_.log.identity()}, {"size", size}, {"root", to_hex(*root)}};
  answer a = head(tail_form::frames);
  a.content_type = "application/json";
  a.body = boost::json::serialize(said) + "\n";
  x.reply(std::move(a));
}

awaitable<void> log_tail::record(exchange& x) {
  const auto seq = to_count(x.asked().parameter("seq"));
  if (!seq) co_return x.reply(refusal(400, "INVALID", "a record's seq is a number: /v1/log/records/0"));
  auto stored = co_await world_.pool.run([&] { return world_.log.record({*seq}); });
  if (!stored) co_return x.reply(refusal(stored.error()));
  answer a = head(tail_form::frames);
  if (x.asked().header("Accept").find("application/octet-stream") != std::string_view::npos) {
    a.content_type = "application/octet-stream";
    a.body = *std::move(stored);
  } else {
    auto e = log::decode(*stored);
    if (!e) co_return x.reply(refusal(e.error()));
    a.content_type = "application/json";
    a.body = log::to_json(*e) + "\n";
  }
  x.reply(std::move(a));
}

}  // namespace longshore::api
