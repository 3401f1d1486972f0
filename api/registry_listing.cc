// The listings of registry_client.

#include <boost/asio.hpp>

#include "api/listing_parser.h"
#include "api/registry_client.h"
#include "api/registry_error.h"
#include "engine/reference.h"

namespace longshore::api {

using engine::tag_page;

namespace {

// A registry that does not page lists a repository of some hundred thousand tags in one answer.
constexpr std::size_t page_bytes_max = 16u << 20;
constexpr std::size_t page_names_max = 400'000;
constexpr std::size_t refusal_bytes_max = 256 * 1024;
constexpr int referrer_pages_max = 100;
// In a row: more of a registry that has listed some, which must have been replaced.
constexpr int referrers_refused_max = 3;
constexpr int referrers_refused_after_listing_max = 64;

// How Distribution before 3 answers for an API that it does not have; nothing in front of it says both.
bool is_of_distribution(const http_response& answer) {
  return answer.head.headers.find("Docker-Distribution-Api-Version") && answer.body.starts_with("404 page not found");
}

task<> read_page(http_stream& from, listing_parser& into) {
  std::vector<char> piece(64 * 1024);
  for (std::size_t total = 0;;) {
    auto n = co_await from.read(boost::asio::buffer(piece));
    if (!n) co_return pass(std::move(n));
    if (*n == 0) co_return into.finish();
    total += *n;
    if (total > page_bytes_max) {
      co_return fail(errc::too_large, from.head().from.shown() + " answered with a page of more than " +
                                          std::to_string(page_bytes_max >> 20) + " MiB");
    }
    if (auto taken = into.write({piece.data(), *n}); !taken) co_return taken;
  }
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

task<tag_page> registry_client::list(listing what, std::optional<std::string> next) {
  registry_ask ask;
  ask.kind = request_kind::list;
  ask.scopes = {what.scope};
  ask.repository = what.repository;
  ask.path = what.path;
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
  auto answer = co_await session_.open(ask);
  while (answer && (*answer)->head().status != 200) {
    auto refused = co_await (*answer)->read_all(refusal_bytes_max);
    if (!refused) co_return pass(std::move(refused));
    const int status = refused->head.status;
    // Only Distribution and its kin have a catalog; others answer for its path in many ways.
    if (status == 404 && what.repository.empty()) {
      co_return fail(errc::unsupported, name() + " has no catalog of its repositories (status 404)");
    }
    const bool minds_size = status == 400 && complains(refused->body, "PAGINATION_NUMBER_INVALID");
    if (!minds_size || next || ask.query.empty()) co_return refusal(*refused, what.doing, ask.scopes);
    ask.query.clear();
    answer->reset();
    answer = co_await session_.open(ask);
  }
  if (!answer) co_return pass(std::move(answer));
  tag_page page;
  listing_parser parser(what.member, [&](const listing_entry& e) -> result<void> {
    if (e.is_object) return fail(errc::corrupt, "its entries are no names");
    if (!what.is_name(e.name)) return {};  // nobody could ask for it
    if (page.names.size() == page_names_max) {
      return fail(errc::too_large, "a page of more than " + std::to_string(page_names_max) + " names");
    }
    page.names.push_back(e.name);
    return {};
  });
  if (auto read = co_await read_page(**answer, parser); !read) {
    co_return pass(std::move(read), name() + ": " + what.doing);
  }
  auto following = next_page((*answer)->head(), current);
  if (!following) co_return pass(std::move(following));
  page.next = *std::move(following);
  co_return page;
}

task<tag_page> registry_client::list_tags(std::string repository, std::optional<std::string> next) {
  if (!engine::is_repository_name(repository)) {
    co_return fail(errc::invalid, "\"" + repository.substr(0, 100) + "\" is not a repository name");
  }
  listing what{"/v2/" + repository + "/tags/list",   "tags",     "listing the tags of " + repository,
               "repository:" + repository + ":pull", repository, engine::is_tag};
  co_return co_await list(std::move(what), std::move(next));
}

task<tag_page> registry_client::list_repositories(std::optional<std::string> next) {
  listing what{
      "/v2/_catalog", "repositories", "listing repositories", "registry:catalog:*", "", engine::is_repository_name};
  co_return co_await list(std::move(what), std::move(next));
}

// A proxy before it may not find them for a moment: only when it lasts, or the registry says so itself, it is believed.
std::unexpected<error> registry_client::no_referrers_api(const http_response& answer) {
  const std::string what = name() + " has no referrers API";
  const int enough = lists_referrers_ ? referrers_refused_after_listing_max : referrers_refused_max;
  ++referrers_refused_;
  if (referrers_refused_ >= enough || (!lists_referrers_ && is_of_distribution(answer))) {
    lists_referrers_ = false;
    referrers_refused_ = enough;
    return fail(errc::unsupported, what);
  }
  const std::string when = lists_referrers_ ? " any more, though it has answered before" : ", or a proxy says so";
  return fail(errc::unavailable, what + when + "; it is asked again");
}

task<std::vector<engine::descriptor>> registry_client::referrers(std::string repository, longshore::digest d) {
  return referrers_within(std::move(repository), std::move(d), referrers_max);
}

task<std::vector<engine::descriptor>> registry_client::referrers_within(std::string repository, longshore::digest d,
                                                                        std::size_t most) {
  if (!engine::is_repository_name(repository)) {
    co_return fail(errc::invalid, "\"" + repository.substr(0, 100) + "\" is not a repository name");
  }
  registry_ask ask;
  ask.kind = request_kind::list;
  ask.path = "/v2/" + repository + "/referrers/" + d.text();
  ask.headers.add("Accept", std::string(engine::media_type::oci_index));
  ask.scopes = {"repository:" + repository + ":pull"};
  ask.repository = repository;
  const std::string doing = "listing the referrers of " + d.text();
  std::vector<engine::descriptor> out;
  const auto take = [&](const listing_entry& e) -> result<void> {
    auto referrer = longshore::digest::parse(e.digest);
    if (!referrer) return fail(errc::corrupt, "the answer is no index");
    if (out.size() == most) return fail(errc::too_large, "there are more than " + std::to_string(most));
    out.push_back({e.media_type, *std::move(referrer), e.size});
    return {};
  };
  for (int page = 0; page < referrer_pages_max; ++page) {
    auto answer = co_await session_.open(ask);
    if (!answer) co_return pass(std::move(answer));
    if ((*answer)->head().status != 200) {
      auto refused = co_await (*answer)->read_all(refusal_bytes_max);
      if (!refused) co_return pass(std::move(refused));
      if (page > 0 || refused->head.status != 404) co_return refusal(*refused, doing, ask.scopes);
      // A registry with the API answers 200 with an empty index where there is nothing; some say what is not there.
      for (const char* code : {"NAME_UNKNOWN", "MANIFEST_UNKNOWN", "NOT_FOUND"}) {
        if (complains(refused->body, code)) co_return out;
      }
      co_return no_referrers_api(*refused);
    }
    listing_parser parser("manifests", take);
    if (auto read = co_await read_page(**answer, parser); !read) co_return pass(std::move(read), name() + ": " + doing);
    referrers_refused_ = 0;
    lists_referrers_ = true;
    auto next = next_page((*answer)->head(), ask.path + ask.query);
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
