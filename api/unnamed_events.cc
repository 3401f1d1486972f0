#include "api/unnamed_events.h"

#include <algorithm>
#include <map>

namespace longshore::api {
namespace {

// The digest of the bytes, without what was added to it.
std::string_view bytes_of(std::string_view id) { return id.substr(0, id.find_first_of("#@")); }

// Others say nothing that an equal one before has not said; nor does a push of nothing in particular.
bool changes_something(const log::event& e) {
  return e.kind == log::event_kind::erased || (e.kind == log::event_kind::push && !(e.tag.empty() && e.digest.empty()));
}

// What an event is about: a tag, else a digest, else the repository.
const std::string& subject_of(const log::event& e) { return e.tag.empty() ? e.digest : e.tag; }

// The newest record that speaks of the event's subject; none: there is none.
result<std::optional<event_seq>> newest_seq(const log::event& e, const engine::desired& wanted) {
  if (!subject_of(e).empty()) {
    auto item = wanted.item(e.repository, subject_of(e));
    if (!item) return pass(std::move(item));
    return *item ? std::optional((*item)->seq) : std::nullopt;
  }
  auto repository = wanted.repository(e.repository);
  if (!repository) return pass(std::move(repository));
  const std::uint64_t size = *repository ? std::max((*repository)->items_size, (*repository)->erased_size) : 0;
  return size == 0 ? std::nullopt : std::optional(event_seq{size - 1});
}

// What is to be added to the ids of a subject's events, by its last one.
struct last_word {
  std::size_t at = 0;
  std::optional<event_seq> newest;
  bool stands = false;  // the log's newest record has these bytes
};

result<void> look_up(last_word& w, const log::event& e, const log::event_log& log, const engine::desired& wanted) {
  auto newest = newest_seq(e, wanted);
  if (!newest) return pass(std::move(newest));
  w.newest = *newest;
  if (!w.newest) return {};
  auto record = log.record(*w.newest);
  if (!record) return pass(std::move(record));
  auto told = log::decode(*record);
  if (!told) return pass(std::move(told));
  w.stands = told->origin == e.origin && bytes_of(told->id) == bytes_of(e.id);
  return {};
}

}  // namespace

result<void> tell_apart(notification& n, const log::event_log& log, const engine::desired& wanted) {
  // A registry repeats an envelope as a whole: one that brings anything new is new in all.
  bool repeated = true;
  std::map<std::pair<std::string, std::string>, last_word> words;
  std::vector<std::size_t> known;
  for (const std::size_t i : n.unnamed) {
    const log::event& e = n.events[i];
    if (!changes_something(e)) continue;
    words[{e.repository, subject_of(e)}].at = i;
    auto seq = log.find(e.origin, e.id);
    if (!seq) return pass(std::move(seq));
    if (*seq) known.push_back(i);
    repeated = repeated && *seq;
  }
  for (auto& [of, word] : words) {
    if (auto r = look_up(word, n.events[word.at], log, wanted); !r) return r;
  }
  for (const std::size_t i : known) {
    log::event& e = n.events[i];
    const last_word& word = words.at({e.repository, subject_of(e)});
    if (word.newest && !(repeated && word.stands)) e.id += "@" + std::to_string(word.newest->value);
  }
  return {};
}

}  // namespace longshore::api
