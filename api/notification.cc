#include "api/notification.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <limits>
#include <map>
#include <optional>

#include "api/event_slices.h"
#include "storage/digest.h"

namespace longshore::api {

namespace {

namespace json = boost::json;

// Fields that identify are refused beyond these sizes; those that only describe are left out beyond theirs (they
// remain in the detail), so that a client with an endless user agent cannot hide a push.
constexpr std::size_t id_bytes_max = 256, action_bytes_max = 64, repository_bytes_max = 1'024;
constexpr std::size_t tag_bytes_max = 256, digest_bytes_max = 256, media_type_bytes_max = 512;
constexpr std::size_t description_bytes_max = 4'096;
// Room a record needs beyond its texts: FlatBuffers' table, offsets, and padding of each text.
constexpr std::size_t record_overhead_max = 1'024;

std::string_view view(const json::string& s) { return {s.data(), s.size()}; }
std::string_view view(json::string_view s) { return {s.data(), s.size()}; }

// Collects an event's fields; the first thing that is wrong is kept as the reason.
class reading {
 public:
  const std::optional<std::string>& wrong() const { return wrong_; }
  void refuse(std::string why) {
    if (!wrong_) wrong_ = std::move(why);
  }

  // A text that identifies something.
  void name(std::string& to, const json::value& v, std::string_view what, std::size_t bytes_max) {
    if (v.is_null()) return;
    const json::string* s = v.if_string();
    if (s == nullptr) return refuse(std::string(what) + " is not a string");
    if (s->size() > bytes_max) {
      return refuse(std::string(what) + " has " + std::to_string(s->size()) + " bytes; the limit is " +
                    std::to_string(bytes_max));
    }
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::ranges::any_of(*s, control)) return refuse(std::string(what) + " holds a control character");
    to = view(*s);
  }
  // A text that describes.
  void description(std::string& to, const json::value& v, std::string_view what) {
    if (v.is_null()) return;
    const json::string* s = v.if_string();
    if (s == nullptr) return refuse(std::string(what) + " is not a string");
    if (s->size() <= description_bytes_max) to = view(*s);
  }
  void size(std::optional<std::uint64_t>& to, const json::value& v, std::string_view what) {
    if (v.is_null()) return;
    if (const std::int64_t* n = v.if_int64(); n != nullptr && *n >= 0) {
      to = static_cast<std::uint64_t>(*n);
      return;
    }
    refuse(std::string(what) + (v.is_number() ? " is not a possible size" : " is not a number"));
  }
  void time(timestamp& to, const json::value& v) {
    if (v.is_null()) return;
    const json::string* s = v.if_string();
    if (s == nullptr) return refuse("timestamp is not a string");
    if (s->empty() || s->starts_with("0001-01-01T00:00:00")) return;  // what Go writes for no time at all
    if (auto t = parse_rfc3339(view(*s))) {
      to = *t;
    } else {
      refuse("timestamp: " + t.error().text);
    }
  }
  const json::object* object(const json::value& v, std::string_view what) {
    if (v.is_null()) return nullptr;
    const json::object* o = v.if_object();
    if (o == nullptr) refuse(std::string(what) + " is not an object");
    return o;
  }

 private:
  std::optional<std::string> wrong_;
};

void read_target(reading& in, const json::object& target, log::event& e) {
  std::optional<std::uint64_t> size, length;
  for (const auto& [key, v] : target) {
    const std::string_view k = view(key);
    if (k == "mediaType")
      in.name(e.media_type, v, "target.mediaType", media_type_bytes_max);
    else if (k == "digest")
      in.name(e.digest, v, "target.digest", digest_bytes_max);
    else if (k == "repository")
      in.name(e.repository, v, "target.repository", repository_bytes_max);
    else if (k == "fromRepository")
      in.name(e.from_repository, v, "target.fromRepository", repository_bytes_max);
    else if (k == "tag")
      in.name(e.tag, v, "target.tag", tag_bytes_max);
    else if (k == "size")
      in.size(size, v, "target.size");
    else if (k == "length")
      in.size(length, v, "target.length");
  }
  e.size = size && *size > 0 ? *size : length.value_or(0);
}

void read_request(reading& in, const json::object& request, log::event& e) {
  for (const auto& [key, v] : request) {
    const std::string_view k = view(key);
    if (k == "id")
      in.description(e.request_id, v, "request.id");
    else if (k == "addr")
      in.description(e.request_addr, v, "request.addr");
    else if (k == "host")
      in.description(e.request_host, v, "request.host");
    else if (k == "method")
      in.description(e.request_method, v, "request.method");
    else if (k == "useragent")
      in.description(e.request_useragent, v, "request.useragent");
  }
}

void read_event(reading& in, const json::object& from, log::event& e) {
  for (const auto& [key, v] : from) {
    const std::string_view k = view(key);
    if (k == "id") {
      in.name(e.id, v, "id", id_bytes_max);
    } else if (k == "timestamp") {
      in.time(e.occurred, v);
    } else if (k == "action") {
      in.name(e.action, v, "action", action_bytes_max);
    } else if (k == "target") {
      if (const json::object* o = in.object(v, "target")) read_target(in, *o, e);
    } else if (k == "request") {
      if (const json::object* o = in.object(v, "request")) read_request(in, *o, e);
    } else if (k == "actor") {
      const json::object* o = in.object(v, "actor");
      const json::value* name = o == nullptr ? nullptr : o->if_contains("name");
      if (name != nullptr) in.description(e.actor, *name, "actor.name");
    } else if (k == "source") {
      const json::object* o = in.object(v, "source");
      const json::value* instance = o == nullptr ? nullptr : o->if_contains("instanceID");
      if (instance != nullptr) in.description(e.instance, *instance, "source.instanceID");
    }
  }
}

log::event_kind kind_of(std::string_view action) {
  if (action == "push") return log::event_kind::push;
  if (action == "pull") return log::event_kind::pull;
  if (action == "mount") return log::event_kind::mount;
  if (action == "delete") return log::event_kind::erased;
  return log::event_kind::unknown;
}

std::size_t text_bytes(const log::event& e) {
  std::size_t bytes = record_overhead_max;
  for (const std::string* s :
       {&e.origin, &e.id, &e.repository, &e.tag, &e.digest, &e.media_type, &e.from_repository, &e.actor, &e.request_id,
        &e.request_addr, &e.request_host, &e.request_method, &e.request_useragent, &e.instance, &e.action, &e.detail}) {
    bytes += s->size();
  }
  return bytes;
}

// With the widest seq and time that the sequencer may give it.
bool fits_a_record(const log::event& e) {
  if (text_bytes(e) <= log::record_bytes_max) return true;
  log::event widest = e;
  widest.seq = {std::numeric_limits<std::uint64_t>::max()};
  widest.recorded = {std::numeric_limits<std::int64_t>::max()};
  return log::encode(widest).has_value();
}

result<log::event> to_event(const json::value& v, std::string_view text, std::string_view origin) {
  const json::object* from = v.if_object();
  if (from == nullptr) return fail(errc::invalid, "it is not an object");
  log::event e;
  reading in;
  read_event(in, *from, e);
  if (e.action.empty()) in.refuse("it has no action");
  e.kind = kind_of(e.action);
  if (e.kind != log::event_kind::unknown && e.repository.empty()) in.refuse("it has no target.repository");
  if (in.wrong()) return fail(errc::invalid, *in.wrong());
  e.origin = origin;
  e.detail = text;
  return e;
}

// The ids of events that came without one. Equal events of one envelope are as many events; the same envelope again
// gets the same ids, and is known by them.
class given_ids {
 public:
  std::string of(std::string_view text) {
    const std::string id = longshore::digest::of(text).text();
    const std::size_t nth = ++given_[id];
    return nth == 1 ? id : id + "#" + std::to_string(nth);
  }

 private:
  std::map<std::string, std::size_t, std::less<>> given_;
};

std::string numbered(std::size_t i, std::string_view what) {
  return "event " + std::to_string(i) + " of the envelope: " + std::string(what);
}

void take_in(notification& to, given_ids& ids, std::size_t i, const json::value& v, std::string_view text,
             std::string_view origin) {
  auto e = to_event(v, text, origin);
  if (!e) {
    if (to.refused++ == 0) to.reason = numbered(i, e.error().text);
    return;
  }
  if (e->id.empty()) {
    if (e->occurred.us == 0) to.unnamed.push_back(to.events.size());
    e->id = ids.of(text);
  }
  if (!fits_a_record(*e)) {
    const std::string why = "its JSON of " + std::to_string(text.size()) +
                            " bytes does not fit a log record; the event is recorded without it";
    if (to.whole()) to.reason = numbered(i, why);
    ++to.without_detail;
    e->detail.clear();
  }
  to.events.push_back(*std::move(e));
}

}  // namespace

bool notification::is_probe() const {
  return whole() && !events.empty() &&
         std::ranges::all_of(events, [](const log::event& e) { return e.action == probe_action; });
}

result<notification> parse_notification(std::string_view body, std::string_view origin) {
  std::array<unsigned char, 8'192> memory;
  std::array<unsigned char, 1'024> scratch;
  json::monotonic_resource resource(memory.data(), memory.size());
  json::parse_options how;
  how.max_depth = notification_depth_max;
  json::parser parser(json::storage_ptr(), how, scratch.data(), scratch.size());
  parser.reset(&resource);
  boost::system::error_code ec;
  parser.write(body.data(), body.size(), ec);
  if (ec) return fail(errc::invalid, "the body is not JSON that can be read: " + ec.message());
  const json::value envelope = parser.release();

  const json::object* top = envelope.if_object();
  const json::value* member = top == nullptr ? nullptr : top->if_contains("events");
  const json::array* events = member == nullptr ? nullptr : member->if_array();
  if (events == nullptr) return fail(errc::invalid, "the body is not an object with an array \"events\"");
  if (events->size() > notification_events_max) {
    return fail(errc::invalid, "the envelope has " + std::to_string(events->size()) + " events; the limit is " +
                                   std::to_string(notification_events_max));
  }
  const auto slices = event_slices(body);
  notification n;
  n.events.reserve(events->size());
  given_ids ids;
  for (std::size_t i = 0; i < events->size(); ++i) {
    if (slices.size() == events->size()) {
      take_in(n, ids, i, (*events)[i], slices[i], origin);
    } else {
      take_in(n, ids, i, (*events)[i], json::serialize((*events)[i]), origin);
    }
  }
  return n;
}

}  // namespace longshore::api
