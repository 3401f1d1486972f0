#include "engine/repository_look.h"

#include <algorithm>
#include <utility>

#include "engine/silence.h"
#include "engine/tasks.h"

namespace longshore::engine {
namespace {

namespace asio = boost::asio;

constexpr int looks_max = 3;
constexpr std::size_t batch_events_max = 500;
constexpr std::uint64_t append_attempts_max = 5;

}  // namespace

task<look_report> repository_look::run() {
  for (int n = 0; n < looks_max; ++n) {
    auto again = co_await look();
    if (!again) co_return pass(std::move(again));
    if (!*again) break;
  }
  report_.requests = reader_.requests();
  co_return std::move(report_);
}

task<bool> repository_look::look() {
  report_.failed.reset();
  const std::uint64_t looked_from = world_->log.durable_size();
  auto listed = co_await list();
  if (!listed) co_return pass(std::move(listed));
  if (!*listed) co_return false;
  report_.tags = (*listed)->size();
  auto said = known();
  if (!said) co_return pass(std::move(said));
  report_.vanished = if_vanished_ == if_vanished::report && has_vanished(*said, **listed);
  if (report_.vanished) co_return false;
  tag_answers answers;
  auto questions = questions_about(*said, **listed, mode_, world_->settings.immutable_tags);
  auto asked = co_await ask(std::move(questions), answers);
  if (!asked) co_return pass(std::move(asked));
  const std::uint64_t checked = world_->log.durable_size();
  said = known();
  if (!said) co_return pass(std::move(said));
  co_return co_await append(findings(*said, **listed, answers, looked_from), checked);
}

// None: the source did not list them; the report says why.
task<std::optional<listed_tags>> repository_look::list() {
  auto names = co_await reader_.tags(repository_);
  if (names) co_return *std::move(names);
  // The registry's own word that there is no such repository: then it lists nothing, and each tag is asked about.
  if (names.error().code == errc::not_found) co_return listed_tags();
  if (names.error().code == errc::stopped) co_return pass(std::move(names));
  report_.failed = std::move(names).error();
  co_return std::optional<listed_tags>();
}

// Tags that the source cannot serve keep no other from being asked for; each answer stands by itself. In another order
// each time: where so many are waited for in vain that the rest is not asked, it is not the same rest in each look.
task<> repository_look::ask(std::vector<tag_question> questions, tag_answers& answers) {
  for (std::size_t n = questions.size(); n > 1; --n) std::swap(questions[n - 1], questions[world_->random.below(n)]);
  std::size_t next = 0;
  std::string first_failed;
  silence silent;
  bool stopped = false, away = false;
  const auto answers_control = [&]() -> asio::awaitable<bool> {
    auto there = co_await reader_.answers(repository_);
    stopped = stopped || !there;
    co_return there && *there;
  };
  const auto worker = [&]() -> asio::awaitable<void> {
    while (next < questions.size() && !away && !stopped) {
      const tag_question& q = questions[next++];
      auto answer = co_await reader_.resolve(repository_, q.tag, q.known);
      if (answer) {
        answers.emplace(q.tag, *std::move(answer));
        silent.broken();
      } else if (answer.error().code == errc::stopped) {
        stopped = true;
      } else {
        if (!report_.failed || q.tag < first_failed) {
          first_failed = q.tag;
          report_.failed = answer.error();
          report_.failed->text = q.tag + ": " + report_.failed->text;
        }
        silent.waits().failed(answer.error());
        if (silent.waits().too_many() || !co_await silent.goes_on_without(answer.error().code, answers_control))
          away = true;
      }
    }
  };
  std::vector<asio::awaitable<void>> workers;
  const std::size_t count = std::min(questions.size(), std::max<std::size_t>(world_->settings.tags_at_once, 1));
  for (std::size_t i = 0; i < count; ++i) workers.push_back(worker());
  co_await run_all(std::move(workers));
  if (stopped) co_return fail(errc::stopped, "stopping");
  co_return result<void>();
}

task<bool> repository_look::append(std::vector<finding> found, std::uint64_t checked) {
  if (found.empty()) co_return false;
  auto said = known();
  if (!said) co_return pass(std::move(said));
  std::uint64_t last = checked;
  for (std::size_t at = 0; at < found.size(); at += batch_events_max) {
    std::vector<log::event> events;
    for (std::size_t i = at; i < std::min(found.size(), at + batch_events_max); ++i) {
      events.push_back(event_of(found[i], *said));
    }
    for (std::uint64_t attempt = 1;; ++attempt) {
      auto done = co_await engine::append(world_->to, events);
      if (done) {
        report_.found += done->appended;
        if (done->appended > 0) last = done->first.value + done->appended;
        break;
      }
      if (done.error().code != errc::busy || attempt == append_attempts_max) {
        co_return pass(std::move(done), "recording what was found in " + repository_);
      }
      const auto wait = backoff_ms(world_->settings.patience, attempt, world_->random, 0);
      if (auto waited = co_await world_->pause.pause(wait); !waited) co_return pass(std::move(waited));
    }
  }
  co_return overtaken(checked, last);
}

result<known_tags> repository_look::known() const {
  known_tags tags;
  auto read = world_->wanted.items(repository_, [&](const desired_item& item) {
    if (!item.is_tag) return false;  // tags come first
    tags.emplace(item.ref, known_tag{item.digest, item.gone, item.seq});
    return true;
  });
  if (!read) return pass(std::move(read));
  return tags;
}

// Whether anybody but this run spoke of the repository in records [from, to).
result<bool> repository_look::overtaken(std::uint64_t from, std::uint64_t to) const {
  bool found = false;
  auto read = world_->log.fold({from}, to, [&](event_seq, std::string_view record) -> result<bool> {
    const auto e = log::view_of(record);
    if (!e) return pass(result<log::event_view>(e));
    const bool speaks = e->kind == log::event_kind::push || e->kind == log::event_kind::erased;
    found = speaks && e->repository == repository_;
    return !found;
  });
  if (!read) return pass(std::move(read));
  return found;
}

log::event repository_look::event_of(const finding& f, const known_tags& said) const {
  const auto before = said.find(f.tag);
  log::event e;
  e.kind = log::event_kind::observed;
  e.origin = world_->name;
  e.repository = repository_;
  e.tag = f.tag;
  e.digest = f.digest;
  e.occurred = world_->now.now();
  e.action = "observed";
  // What it supersedes is part of the id: a tag may come to the same digest twice in one run.
  e.id = "observed:" + run_ + ":" + repository_ + ":" + f.tag + ":" + f.digest + ":" +
         (before == said.end() ? std::string() : std::to_string(before->second.seq.value));
  return e;
}

}  // namespace longshore::engine
