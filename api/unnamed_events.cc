#include "api/unnamed_events.h"

#include <map>

namespace longshore::api {
namespace {

// The digest of the bytes, without what was added to it.
std::string_view bytes_of(std::string_view id) { return id.substr(0, id.find_first_of("#@")); }

// Others say nothing that an equal one before has not said.
bool moves_a_tag(const log::event& e) {
  return !e.tag.empty() && (e.kind == log::event_kind::push || e.kind == log::event_kind::erased);
}

// The newest record that speaks of the event's tag; none: there is none.
result<std::optional<log::event>> newest_of(const log::event& e, const log::event_log& log,
                                            const engine::desired& wanted) {
  auto item = wanted.item(e.repository, e.tag);
  if (!item) return pass(std::move(item));
  if (!*item) return std::optional<log::event>();
  auto record = log.record((*item)->seq);
  if (!record) return pass(std::move(record));
  auto newest = log::decode(*record);
  if (!newest) return pass(std::move(newest));
  return std::optional(*std::move(newest));
}

}  // namespace

result<void> tell_apart(notification& n, const log::event_log& log, const engine::desired& wanted) {
  // An envelope is repeated as a whole: its last word on a tag says whether it is.
  std::map<std::pair<std::string, std::string>, std::size_t> last;
  for (const std::size_t i : n.unnamed) {
    const log::event& e = n.events[i];
    if (moves_a_tag(e)) last[{e.repository, e.tag}] = i;
  }
  std::map<std::size_t, std::string> moved;  // by the last: what is added to the ids
  for (const auto& [of, i] : last) {
    const log::event& e = n.events[i];
    auto newest = newest_of(e, log, wanted);
    if (!newest) return pass(std::move(newest));
    if (!*newest) continue;
    const bool repeated = (*newest)->origin == e.origin && bytes_of((*newest)->id) == bytes_of(e.id);
    if (!repeated) moved[i] = "@" + std::to_string((*newest)->seq.value);
  }
  for (const std::size_t i : n.unnamed) {
    log::event& e = n.events[i];
    if (!moves_a_tag(e)) continue;
    const auto added = moved.find(last.at({e.repository, e.tag}));
    if (added == moved.end()) continue;
    auto known = log.find(e.origin, e.id);
    if (!known) return pass(std::move(known));
    if (*known) e.id += added->second;
  }
  return {};
}

}  // namespace longshore::api
