#include "api/sites.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/seldom.h"

namespace longshore::api {

namespace json = boost::json;

namespace {

constexpr std::string_view cursor_prefix = "site/";
constexpr std::string_view refused_prefix = "refused: ";  // of what older sites say

bool is_site_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, allowed);
}

struct report {
  std::uint64_t size = 0;
  std::string summary = "{}";
  bool goes_on = false;  // it is not the first of the site's process
  std::string refused;
};

result<report> parse(const std::string& body) {
  boost::system::error_code ec;
  const json::value v = json::parse(body, ec);
  const json::object* o = ec ? nullptr : v.if_object();
  const json::value* size = o == nullptr ? nullptr : o->if_contains("size");
  if (size == nullptr || !size->is_int64() || size->as_int64() < 0) {
    return fail(errc::invalid, "the body must be {\"size\": N, \"summary\": {...}}, N the number of records taken");
  }
  report r{static_cast<std::uint64_t>(size->as_int64()), "{}", o->contains("previous"), {}};
  if (const json::value* summary = o->if_contains("summary"); summary != nullptr && !summary->is_null()) {
    if (!summary->is_object()) return fail(errc::invalid, "\"summary\" must be an object");
    json::object shown = summary->as_object();
    if (const json::value* refused = shown.if_contains("refused"); refused != nullptr && refused->is_string()) {
      std::string_view why = refused->get_string();
      if (why.starts_with(refused_prefix)) why.remove_prefix(refused_prefix.size());
      // Who reads it here must not take "this site" for his own.
      if (!why.empty()) r.refused = "it says \"" + printable(why, sites::refused_bytes_max) + "\"";
      shown.erase("refused");
    }
    r.summary = json::serialize(shown);
  }
  if (r.summary.size() > sites::summary_bytes_max) {
    return fail(errc::too_large,
                "\"summary\" is over the limit of " + std::to_string(sites::summary_bytes_max) + " bytes");
  }
  return r;
}

}  // namespace

result<std::unique_ptr<sites>> sites::open(sites_world world) {
  std::unique_ptr<sites> opened(new sites(world));
  auto stored = world.cursors.all();
  if (!stored) return pass(std::move(stored));
  for (const auto& [consumer, size] : *stored) {
    if (!consumer.starts_with(cursor_prefix)) continue;
    const std::string name = consumer.substr(cursor_prefix.size());
    opened->known_[name] = {name, size, {}, "{}", {}, {}};
  }
  return opened;
}

void sites::mount(router& to) {
  route r;
  r.method = "PUT";
  r.pattern = "/v1/sites/{site}/cursor";
  r.handle = [this](exchange& x) { return put(x); };
  r.admit = [this](request& q) { return admit(q); };
  r.body_bytes_max = 2 * summary_bytes_max;
  to.add(std::move(r));
  route gone;
  gone.method = "DELETE";
  gone.pattern = "/v1/sites/{site}";
  gone.handle = [this](exchange& x) { return forget(x); };
  gone.admit = [this](request& q) -> std::optional<answer> {
    if (world_.admins.find(q.header("Authorization"))) return std::nullopt;
    return unauthorized("the administrator's token");
  };
  gone.body_bytes_max = 0;
  to.add(std::move(gone));
}

std::optional<answer> sites::admit(request& r) {
  const std::string_view authorization = r.header("Authorization");
  const auto who = world_.followers.find(authorization);
  const bool admin = world_.admins.find(authorization).has_value();
  if (admin) return std::nullopt;
  const std::string* const owner = who ? &world_.followers.name(*who) : nullptr;
  if (owner != nullptr && *owner == r.parameter("site")) {
    turned_away_.erase(*owner);
    return std::nullopt;
  }
  note_turned_away(r, owner);
  if (owner == nullptr) return unauthorized("the token of a follower or administrator");
  return refusal(403, "DENIED",
                 "this token is the site " + *owner +
                     "'s, which may report its own position only; the name of a site and of its token "
                     "in [[follower]] must be the same");
}

void sites::note_turned_away(const request& r, const std::string* owner) {
  const std::string name = printable(r.parameter("site"));
  const auto meant = world_.followers.named(r.parameter("site"));
  const std::string came = "a report in the name of the site " + name + " came from " + r.peer + " with ";
  if (owner != nullptr) {
    if (meant) {
      wrong_tokens& counted = turned_away_[world_.followers.name(*meant)];
      ++counted.of_another;
      counted.of_another_at = world_.now.now();
      counted.owner = *owner;
    }
    return warn_sometimes(warned_of_another_, came + "the token of " + *owner +
                                                  " and was refused: [site] name there must be that of its token in "
                                                  "[[follower]] here");
  }
  if (!meant) return;
  wrong_tokens& counted = turned_away_[world_.followers.name(*meant)];
  ++counted.in_a_row;
  counted.at = world_.now.now();
  warn_sometimes(warned_wrong_, came +
                                    "a wrong token and was refused: if that is the site, give it the token that "
                                    "[[follower]] has for it; anybody else may send these, too");
}

void sites::warn_sometimes(timestamp& last, const std::string& what) {
  warn_seldom(world_.warn, world_.now.now(), last, what);
}

boost::asio::awaitable<void> sites::put(exchange& x) {
  const std::string name(x.asked().parameter("site"));
  if (!is_site_name(name)) {
    co_return x.reply(refusal(400, "INVALID", "a site's name has 1 to 128 letters, digits, '-', '_' and '.'"));
  }
  auto said = parse(x.asked().body);
  if (!said) co_return x.reply(refusal(said.error()));
  if (!known_.contains(name) && known_.size() >= sites_max) {
    co_return x.reply(refusal(507, "NO_SPACE", "too many sites have reported to this one"));
  }
  const auto known = known_.find(name);
  std::uint64_t before = known == known_.end() ? 0 : known->second.size;
  bool back = false;
  auto done = co_await world_.pool.run([&]() -> result<void> {
    const std::string cursor = std::string(cursor_prefix) + name;
    // A report that was on its way while the site was forgotten leaves one of the two without the other.
    auto stored = world_.cursors.get(cursor);
    if (!stored) return pass(std::move(stored));
    before = std::max(before, *stored);
    back = said->size < before && !said->goes_on;
    return back ? world_.cursors.set_back(cursor, said->size) : world_.cursors.set(cursor, said->size);
  });
  if (!done) {
    if (said->size > world_.log.durable_size()) note_longer(name, said->size);
    co_return x.reply(refusal(done.error()));
  }
  site_report& at = known_[name];
  const timestamp now = world_.now.now();
  const bool newest = back || said->size >= at.size;  // another report may have been faster
  at = {name,
        newest ? said->size : at.size,
        now,
        newest ? std::move(said->summary) : at.summary,
        back ? now : at.set_back,
        std::move(said->refused),
        std::min(said->size, world_.log.durable_size())};
  if (back && world_.warn) {
    world_.warn("site " + name + " began anew at " + std::to_string(said->size) + ": it had taken " +
                std::to_string(before) + " events of this log before");
  }
  x.reply(
      json_answer(json::serialize(json::object{{"size", at.size}, {"log_size", world_.log.durable_size()}}) + "\n"));
}

void sites::note_longer(const std::string& name, std::uint64_t size) {
  site_report& at = known_[name];
  at.name = name;
  at.reported = world_.now.now();
  at.compare_at = world_.log.durable_size();
  at.refused = "it has taken " + std::to_string(size) + " records, and this log has " +
               std::to_string(world_.log.durable_size());
}

boost::asio::awaitable<void> sites::forget(exchange& x) {
  const std::string name(x.asked().parameter("site"));
  if (!known_.contains(name)) {
    co_return x.reply(refusal(404, "NOT_FOUND", "no site named " + printable(name) + " has reported to this one"));
  }
  auto done = co_await world_.pool.run([&] { return world_.cursors.forget(std::string(cursor_prefix) + name); });
  if (!done) co_return x.reply(refusal(done.error()));
  known_.erase(name);
  x.reply(json_answer(json::serialize(json::object{{"site", name}, {"forgotten", true}}) + "\n"));
}

std::vector<std::string> sites::configured() const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < world_.followers.size(); ++i) names.push_back(world_.followers.name(i));
  return names;
}

wrong_tokens sites::turned_away(std::string_view configured) const {
  const auto found = turned_away_.find(configured);
  return found == turned_away_.end() ? wrong_tokens() : found->second;
}

std::vector<site_report> sites::all() const {
  std::vector<site_report> reports;
  for (const auto& [name, r] : known_) reports.push_back(r);
  return reports;
}

}  // namespace longshore::api
