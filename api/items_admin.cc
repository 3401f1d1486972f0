#include "api/items_admin.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "api/admin_json.h"
#include "engine/decisions.h"
#include "engine/glob.h"

namespace longshore::api {
namespace {

namespace json = boost::json;
using engine::item_state;

constexpr std::uint64_t limit_default = 100, limit_max = 1'000;
constexpr std::array states{item_state::parked, item_state::failed, item_state::skipped};

// Where a page ended: names of repositories and tags have no colon, digests have.
struct place {
  std::string repository, ref;

  static place of(std::string_view token) {
    const std::size_t colon = token.find(':');
    if (colon == std::string_view::npos) return {std::string(token), {}};
    return {std::string(token.substr(0, colon)), std::string(token.substr(colon + 1))};
  }
  std::string token() const { return repository + ":" + ref; }
  bool is_before(const engine::actual_item& i) const {
    if (i.repository != repository) return repository < i.repository;
    const bool is_tag = ref.find(':') == std::string::npos;
    return is_tag == i.is_tag ? ref < i.ref : is_tag;
  }
};

struct question {
  std::optional<item_state> state;
  std::string repository;
  std::uint64_t limit = limit_default;
  place after;

  bool asks_for(const engine::actual_item& i) const {
    const bool counts = state ? i.state == *state : std::ranges::find(states, i.state) != states.end();
    return counts && after.is_before(i);
  }
  bool asks_for(item_state s) const { return !state || *state == s; }
  bool names(const std::string& name) const { return repository.empty() || engine::matches(repository, name); }
};

result<question> understand(const request& r) {
  question q;
  if (const auto text = r.asked("state"); text && !text->empty()) {
    for (const item_state s : states) {
      if (*text == engine::name_of(s)) q.state = s;
    }
    if (!q.state) return fail(errc::invalid, "state is one of parked, failed and skipped");
  }
  if (const auto text = r.asked("limit")) {
    const auto n = to_count(*text);
    if (!n || *n == 0)
      return fail(errc::invalid, "limit is a number above 0 (at most " + std::to_string(limit_max) + ")");
    q.limit = std::min(*n, limit_max);
  }
  q.repository = r.asked("repository").value_or("");
  q.after = place::of(r.asked("after").value_or(""));
  return q;
}

constexpr const char* remedy_of_filter = "change [replication] if it is wanted";

std::string retried(const std::string& repository) {
  return "it is tried again by itself; longshore retry " + repository + " does it now";
}

std::string remedy_for(const engine::actual_item& i, bool is_deletion) {
  const std::string target = i.repository + (i.is_tag ? ":" : "@") + i.ref;
  if (i.state == item_state::failed) return retried(i.repository);
  if (i.code == engine::code_over_ceiling) {
    return "if it is meant: longshore sync --allow-deletes " + i.repository +
           "; if the source has its tags again: longshore unpark " + i.repository;
  }
  if (i.state == item_state::skipped && i.code == "filter") return remedy_of_filter;
  if (is_deletion) {
    return "remove it at the target by hand, then: longshore unpark " + target + "; or leave it: nothing else waits";
  }
  return (i.state == item_state::parked ? "mend the cause, then: longshore unpark " : "longshore unpark ") + target;
}

json::object shown(const engine::actual_item& i, std::string remedy) {
  return {{"repository", i.repository},
          {"reference", i.ref},
          {"state", std::string(engine::name_of(i.state))},
          {"code", i.code},
          {"reason", i.reason},
          {"at", json_of(i.at)},
          {"remedy", std::move(remedy)}};
}

// None: nothing is to be said of it.
result<std::optional<json::object>> line_of(const admin_world& world, const engine::actual_item& i) {
  auto wanted = world.wanted.item(i.repository, i.ref);
  if (!wanted) return pass(std::move(wanted));
  if (i.state == item_state::skipped && *wanted && engine::is_nowhere(**wanted, i)) return std::nullopt;
  // What parks for good where a target cannot delete a tag alone.
  const bool is_deletion =
      i.state == item_state::parked && i.code == name_of(errc::unsupported) && *wanted && (*wanted)->gone;
  return shown(i, remedy_for(i, is_deletion));
}

constexpr std::size_t digests_shown_max = 10;

std::string listed(const std::vector<std::string>& digests) {
  std::string all;
  for (std::size_t i = 0; i < std::min(digests.size(), digests_shown_max); ++i)
    all += (i == 0 ? "" : ", ") + digests[i];
  if (digests.size() > digests_shown_max) all += " and " + std::to_string(digests.size() - digests_shown_max) + " more";
  return all;
}

// What is said of a repository as a whole, as of an item without a reference; none: nothing is. doubted: digests that
// were found with wrong bytes there.
std::optional<json::object> shown(const engine::repository_state& r, const std::vector<std::string>& doubted,
                                  const question& q) {
  engine::actual_item whole;
  whole.repository = r.name;
  if (r.state == engine::sync_state::skipped && q.asks_for(item_state::skipped)) {
    whole.state = item_state::skipped;
    whole.code = "filter";
    whole.reason = r.skipped_by;
    return shown(whole, remedy_of_filter);
  }
  const bool by_its_items = r.failed > 0 && doubted.empty() && r.amiss == 0;
  if (!engine::is_troubled(r) || by_its_items || !q.asks_for(item_state::failed)) return std::nullopt;
  whole.state = item_state::failed;
  whole.reason = r.last_sync_failure;
  if (doubted.empty()) {
    return shown(whole, r.amiss == 0 ? retried(r.name) : "as the reason says; then longshore verify " + r.name);
  }
  whole.reason += " (with wrong bytes: " + listed(doubted) + ")";
  return shown(whole, "delete these from the target registry's storage; then longshore verify " + r.name +
                          " until it finds nothing amiss");
}

result<json::object> page_of(const admin_world& world, const question& q) {
  json::array found;
  place last;
  bool more = false, known = q.repository.empty();
  result<void> looked;
  const auto take = [&](place at, json::object line) {
    more = found.size() == q.limit;
    if (more) return false;
    last = std::move(at);
    found.push_back(std::move(line));
    return true;
  };
  auto walked = each_repository(world.wanted, world.done, world.left_out, [&](const engine::repository_state& r) {
    if (!q.names(r.name)) return true;
    known = true;
    if (r.name < q.after.repository) return true;
    if (r.name != q.after.repository) {
      auto doubted = world.done.doubts(r.name);
      if (!doubted) {
        looked = pass(std::move(doubted));
        return false;
      }
      if (auto line = shown(r, *doubted, q); line && !take({r.name, {}}, *std::move(line))) return false;
    }
    if (r.state == engine::sync_state::skipped || r.parked + r.failed + r.skipped == 0) return true;
    result<void> weighed;
    looked = world.done.items(r.name, [&](const engine::actual_item& i) {
      if (!q.asks_for(i)) return true;
      auto line = line_of(world, i);
      if (!line) weighed = pass(std::move(line));
      if (!weighed) return false;
      return !*line || take({i.repository, i.ref}, **std::move(line));
    });
    if (looked && !weighed) looked = std::move(weighed);
    return looked.has_value() && !more;
  });
  if (!walked) return pass(std::move(walked));
  if (!looked) return pass(std::move(looked));
  if (!known) return fail(errc::not_found, "the log knows no repository like " + printable(q.repository));
  return json::object{{"items", std::move(found)}, {"next", more ? json::value(last.token()) : json::value(nullptr)}};
}

}  // namespace

void items_admin::mount(router& to) {
  route r;
  r.method = "GET";
  r.pattern = "/v1/items";
  r.handle = [this](exchange& x) -> boost::asio::awaitable<void> {
    auto a = co_await items(x.asked());
    x.reply(a ? *std::move(a) : refusal(a.error()));
  };
  r.admit = [this](request& q) -> std::optional<answer> {
    if (world_.admins.find(q.header("Authorization"))) return std::nullopt;
    return unauthorized("the administrator's token");
  };
  r.body_bytes_max = 0;
  to.add(std::move(r));
}

engine::task<answer> items_admin::items(request r) const {
  if (!world_.facts().replicating) {
    co_return fail(errc::conflict, "this site brings nothing to a registry, so it has no such items: ask a secondary");
  }
  const auto q = understand(r);
  if (!q) co_return std::unexpected(q.error());
  auto page = co_await world_.pool.run([&] { return page_of(world_, *q); });
  if (!page) co_return pass(std::move(page));
  co_return json_answer(json::serialize(*page) + "\n");
}

}  // namespace longshore::api
