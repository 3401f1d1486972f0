// The listings of registry_client.

#include <boost/json.hpp>

#include "api/registry_client.h"
#include "api/registry_error.h"
#include "engine/reference.h"

namespace longshore::api {

namespace json = boost::json;
using engine::tag_page;

namespace {

constexpr std::size_t page_bytes_max = 32u << 20;
constexpr int referrer_pages_max = 100;
constexpr int referrers_refused_max = 64;  // in a row, by a registry that has listed some: it was replaced

// The strings of an array member; null is what Go servers write for an empty one.
std::optional<std::vector<std::string>> names_in(const std::string& body, const std::string& member) {
  boost::system::error_code ec;
  const auto parsed = json::parse(body, ec);
  if (ec || !parsed.is_object()) return std::nullopt;
  const auto* all = parsed.get_object().if_contains(member);
  if (all == nullptr) return std::nullopt;
  std::vector<std::string> out;
  if (all->is_null()) return out;
  if (!all->is_array()) return std::nullopt;
  out.reserve(all->get_array().size());
  for (const auto& name : all->get_array()) {
    if (!name.is_string()) return std::nullopt;
    out.emplace_back(name.get_string());
  }
  return out;
}

// The entries of an image index; none when it is not one.
std::optional<std::vector<engine::descriptor>> descriptors_in(const std::string& body) {
  boost::system::error_code ec;
  const auto parsed = json::parse(body, ec);
  if (ec || !parsed.is_object()) return std::nullopt;
  const auto* all = parsed.get_object().if_contains("manifests");
  if (all == nullptr) return std::nullopt;
  std::vector<engine::descriptor> out;
  if (all->is_null()) return out;
  if (!all->is_array()) return std::nullopt;
  for (const auto& entry : all->get_array()) {
    const auto* object = entry.if_object();
    const auto* text = object == nullptr ? nullptr : object->if_contains("digest");
    if (text == nullptr || !text->is_string()) return std::nullopt;
    auto d = longshore::digest::parse(std::string_view(text->get_string()));
    if (!d) return std::nullopt;
    const auto* type = object->if_contains("mediaType");
    const auto* size = object->if_contains("size");
    std::uint64_t bytes = 0;
    if (size != nullptr && size->is_number()) bytes = size->to_number<std::uint64_t>(ec);
    if (ec) return std::nullopt;
    out.push_back(
        {type != nullptr && type->is_string() ? std::string(type->get_string()) : std::string(), std::move(*d), bytes});
  }
  return out;
}

}  // namespace

result<std::optional<std::string>> registry_client::next_page(const http_head& answer,
                                                              const std::string& current) const {
  const auto link = next_link(answer.headers.values("Link"));
  if (!link) return std::optional<std::string>();
  auto to = answer.from.resolve(*link);
  if (!to) return pass(std::move(to));
  // Some registries behind proxies link by their inner name; the path is what counts, and ours is the host.
  if (!to->path.starts_with("/v2/") || to->target() == current) {
    return fail(errc::corrupt, name() + " names a next page that is none: " + to->shown());
  }
  return std::optional(to->target());
}

task<tag_page> registry_client::list(std::string path, std::string member, std::string doing,
                                     std::vector<std::string> scopes, std::string repository,
                                     std::optional<std::string> next) {
  registry_ask ask;
  ask.kind = request_kind::list;
  ask.scopes = scopes;
  ask.repository = std::move(repository);
  ask.path = path;
  ask.query = "?n=" + std::to_string(page_size_);
  if (next) {
    auto to = session_.registry().resolve(*next);
    if (!to || !to->same_origin(session_.registry()) || !to->path.starts_with("/v2/")) {
      co_return fail(errc::invalid, "this is not a next page of " + name());
    }
    ask.path = to->path;
    ask.query = to->query;
  }
  const auto current = ask.path + ask.query;
  auto answer = co_await session_.send(ask, page_bytes_max);
  if (!answer) co_return pass(std::move(answer));
  if (answer->head.status == 400 && !next && complains(answer->body, "PAGINATION_NUMBER_INVALID")) {
    ask.query.clear();
    answer = co_await session_.send(ask, page_bytes_max);
    if (!answer) co_return pass(std::move(answer));
  }
  // Only Distribution and its kin have a catalog; others answer for its path in many ways.
  if (answer->head.status == 404 && ask.repository.empty()) {
    co_return fail(errc::unsupported, name() + " has no catalog of its repositories (status 404)");
  }
  if (answer->head.status != 200) co_return refusal(*answer, doing, scopes);
  auto names = names_in(answer->body, member);
  if (!names) {
    co_return fail(errc::corrupt, name() + ": " + doing + ": the answer is not a listing; is there a proxy in front?");
  }
  auto following = next_page(answer->head, current);
  if (!following) co_return pass(std::move(following));
  co_return tag_page{std::move(*names), std::move(*following)};
}

task<tag_page> registry_client::list_tags(std::string repository, std::optional<std::string> next) {
  if (!engine::is_repository_name(repository)) {
    co_return fail(errc::invalid, "\"" + repository.substr(0, 100) + "\" is not a repository name");
  }
  co_return co_await list("/v2/" + repository + "/tags/list", "tags", "listing the tags of " + repository,
                          {"repository:" + repository + ":pull"}, repository, std::move(next));
}

task<tag_page> registry_client::list_repositories(std::optional<std::string> next) {
  co_return co_await list("/v2/_catalog", "repositories", "listing repositories", {"registry:catalog:*"}, "",
                          std::move(next));
}

// One that has answered may have a proxy before it that does not for a moment; only when it lasts it is believed.
std::unexpected<error> registry_client::no_referrers_api() {
  const std::string what = name() + " has no referrers API";
  if (!referrers_refused_ || ++*referrers_refused_ >= referrers_refused_max) {
    referrers_refused_.reset();
    return fail(errc::unsupported, what);
  }
  return fail(errc::unavailable, what + " any more, though it has answered before; it is asked again");
}

task<std::vector<engine::descriptor>> registry_client::referrers(std::string repository, longshore::digest d) {
  if (!engine::is_repository_name(repository)) {
    co_return fail(errc::invalid, "\"" + repository.substr(0, 100) + "\" is not a repository name");
  }
  registry_ask ask;
  ask.kind = request_kind::list;
  ask.path = "/v2/" + repository + "/referrers/" + d.text();
  ask.headers.add("Accept", std::string(engine::media_type::oci_index));
  ask.scopes = {"repository:" + repository + ":pull"};
  ask.repository = repository;
  std::vector<engine::descriptor> out;
  for (int page = 0; page < referrer_pages_max; ++page) {
    auto answer = co_await session_.send(ask, page_bytes_max);
    if (!answer) co_return pass(std::move(answer));
    // A registry with the API answers 200 with an empty index where there is nothing; some say what is not there.
    if (page == 0 && answer->head.status == 404) {
      for (const char* code : {"NAME_UNKNOWN", "MANIFEST_UNKNOWN", "NOT_FOUND"}) {
        if (complains(answer->body, code)) co_return out;
      }
      co_return no_referrers_api();
    }
    if (answer->head.status != 200) co_return refusal(*answer, "listing the referrers of " + d.text(), ask.scopes);
    auto found = descriptors_in(answer->body);
    if (!found) co_return fail(errc::corrupt, name() + " answered for the referrers of " + d.text() + " with no index");
    referrers_refused_ = 0;
    out.insert(out.end(), std::make_move_iterator(found->begin()), std::make_move_iterator(found->end()));
    auto next = next_page(answer->head, ask.path + ask.query);
    if (!next) co_return pass(std::move(next));
    if (!*next) co_return out;
    auto to = session_.registry().resolve(**next);
    if (!to) co_return pass(std::move(to));
    ask.path = to->path;
    ask.query = to->query;
  }
  co_return fail(errc::too_large, name() + " lists more than 100 pages of referrers of " + d.text());
}

}  // namespace longshore::api
