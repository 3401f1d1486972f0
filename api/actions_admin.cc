#include "api/actions_admin.h"

#include <algorithm>
#include <boost/json.hpp>

#include "engine/glob.h"

namespace longshore::api {

namespace json = boost::json;
namespace asio = boost::asio;

namespace {

constexpr std::size_t body_bytes_max = 64u << 10;
constexpr std::size_t patterns_max = 1'000;
constexpr std::size_t repositories_max = 100'000;

struct asked_action {
  std::string name;
  engine::operator_request what;  // without repositories
  std::vector<std::string> patterns;
};

result<std::vector<std::string>> texts(const json::object& o, std::string_view field) {
  std::vector<std::string> out;
  const json::value* v = o.if_contains({field.data(), field.size()});
  if (v == nullptr || v->is_null()) return out;
  if (!v->is_array() || v->get_array().size() > patterns_max) {
    return fail(errc::invalid, std::string(field) + " is a list of at most " + std::to_string(patterns_max) + " texts");
  }
  for (const json::value& one : v->get_array()) {
    if (!one.is_string() || one.get_string().empty()) {
      return fail(errc::invalid, std::string(field) + " is a list of texts");
    }
    out.emplace_back(one.get_string());
  }
  return out;
}

result<std::string> text(const json::object& o, std::string_view field) {
  const json::value* v = o.if_contains({field.data(), field.size()});
  if (v == nullptr || v->is_null()) return std::string();
  if (!v->is_string()) return fail(errc::invalid, std::string(field) + " is a text");
  return std::string(v->get_string());
}

result<asked_action> parse(std::string_view body) {
  boost::system::error_code ec;
  const json::value v = json::parse({body.data(), body.size()}, ec);
  if (ec || !v.is_object())
    return fail(errc::invalid, "the body is a JSON object: {\"action\":...,\"repositories\":[...]}");
  const json::object& o = v.get_object();
  for (const auto& [key, value] : o) {
    if (key != "action" && key != "repositories" && key != "tags" && key != "digests" && key != "reason") {
      return fail(errc::invalid,
                  "unknown field " + printable(key) + "; known: action, repositories, tags, digests, reason");
    }
  }
  asked_action a;
  auto name = text(o, "action");
  if (!name) return pass(std::move(name));
  a.name = *std::move(name);
  const auto verb = engine::operator_verb_of(a.name);
  if (!verb) return fail(errc::invalid, "action is one of resync, skip, unpark and retry");
  a.what.verb = *verb;
  auto patterns = texts(o, "repositories");
  if (!patterns) return pass(std::move(patterns));
  if (patterns->empty()) return fail(errc::invalid, "repositories names at least one; \"**\" is all of them");
  a.patterns = *std::move(patterns);
  auto tags = texts(o, "tags");
  if (!tags) return pass(std::move(tags));
  const bool by_item = *verb == engine::operator_verb::skip || *verb == engine::operator_verb::unpark;
  auto digests = texts(o, "digests");
  if (!digests) return pass(std::move(digests));
  for (const std::string& d : *digests) {
    if (auto parsed = digest::parse(d); !parsed) return pass(std::move(parsed), "digests");
  }
  a.what.digests = *std::move(digests);
  if (!(tags->empty() && a.what.digests.empty()) && !by_item) {
    return fail(errc::invalid, "tags and digests are for skip and unpark");
  }
  auto rules = engine::parse_tag_rules(*tags);
  if (!rules) return pass(std::move(rules), "tags");
  a.what.tags = *std::move(rules);
  auto reason = text(o, "reason");
  if (!reason) return pass(std::move(reason));
  if (*verb == engine::operator_verb::skip && reason->empty()) {
    return fail(errc::invalid, "a skip has a reason: those who find it later want to know");
  }
  a.what.reason = *std::move(reason);
  return a;
}

// The repositories of the log that the patterns name, into the action, but those that this site leaves out; the
// patterns that name none.
result<std::vector<std::string>> match(const admin_world& world, asked_action& a) {
  std::string left_out;
  std::vector<bool> met(a.patterns.size(), false);
  auto walked = world.wanted.repositories([&](const engine::desired_repository& r) {
    bool meant = false;
    for (std::size_t i = 0; i < a.patterns.size(); ++i) {
      if (!engine::matches(a.patterns[i], r.name)) continue;
      met[i] = meant = true;
    }
    const auto rule = meant && world.left_out ? world.left_out(r.name) : std::nullopt;
    if (rule) left_out = r.name + " is left out here (" + *rule + ")";
    if (meant && !rule) a.what.repositories.push_back(r.name);
    return a.what.repositories.size() <= repositories_max;
  });
  if (!walked) return pass(std::move(walked));
  if (a.what.repositories.size() > repositories_max) {
    return fail(errc::too_large, "more than " + std::to_string(repositories_max) + " repositories; ask in parts");
  }
  if (a.what.repositories.empty() && !left_out.empty()) {
    return fail(errc::conflict, left_out + ": change [replication] if it is wanted");
  }
  std::vector<std::string> unmatched;
  for (std::size_t i = 0; i < met.size(); ++i) {
    if (!met[i]) unmatched.push_back(a.patterns[i]);
  }
  return unmatched;
}

}  // namespace

void actions_admin::mount(router& to) {
  route r;
  r.method = "POST";
  r.pattern = "/v1/actions";
  r.body_bytes_max = body_bytes_max;
  r.handle = [this](exchange& x) -> asio::awaitable<void> {
    auto a = co_await act(x.asked());
    x.reply(a ? *std::move(a) : refusal(a.error()));
  };
  r.admit = [this](request& q) -> std::optional<answer> {
    if (world_->admins.find(q.header("Authorization"))) return std::nullopt;
    return unauthorized("the administrator's token");
  };
  to.add(std::move(r));
}

asio::awaitable<result<answer>> actions_admin::act(const request& r) {
  if (!world_->act) co_return fail(errc::conflict, "this site has no target registry: ask a secondary");
  auto asked = parse(r.body);
  if (!asked) co_return pass(std::move(asked));
  auto unmatched = co_await world_->pool.run([&] { return match(*world_, *asked); });
  if (!unmatched) co_return pass(std::move(unmatched));
  if (asked->what.repositories.empty()) {
    co_return fail(errc::not_found,
                   "the log speaks of no repository that matches " + printable(asked->patterns.front()));
  }
  const std::size_t repositories = asked->what.repositories.size();
  auto items = co_await world_->act(std::move(asked->what));
  if (!items) co_return pass(std::move(items));
  const json::object o{{"action", asked->name},
                       {"repositories", repositories},
                       {"items", *items},
                       {"unmatched", json::array(unmatched->begin(), unmatched->end())}};
  co_return json_answer(json::serialize(o) + "\n", 202);
}

}  // namespace longshore::api
