#include "api/registry_client.h"

#include "api/registry_error.h"
#include "engine/manifest.h"
#include "engine/reference.h"

namespace longshore::api {

using engine::manifest_document;

namespace {

constexpr std::size_t answer_bytes_max = 256 * 1024;

std::string pull_scope(const std::string& repository) { return "repository:" + repository + ":pull"; }
std::string push_scope(const std::string& repository) { return "repository:" + repository + ":pull,push"; }

result<void> valid(const std::string& repository) {
  if (engine::is_repository_name(repository)) return {};
  return fail(errc::invalid, "\"" + repository.substr(0, 100) + "\" is not a repository name");
}

result<void> valid(const std::string& repository, const std::string& ref) {
  if (auto ok = valid(repository); !ok) return ok;
  if (engine::is_tag(ref) || longshore::digest::parse(ref)) return {};
  return fail(errc::invalid, "\"" + ref.substr(0, 150) + "\" is neither a tag nor a sha256 or sha512 digest");
}

std::string manifest_path(const std::string& repository, const std::string& ref) {
  return "/v2/" + repository + "/manifests/" + ref;
}

std::string all_manifest_types() {
  std::string out;
  for (const auto type : engine::manifest_media_types()) out.append(out.empty() ? "" : ", ").append(type);
  return out;
}

registry_ask manifest_ask(std::string method, const std::string& repository, const std::string& ref) {
  registry_ask ask;
  ask.method = std::move(method);
  ask.path = manifest_path(repository, ref);
  ask.kind = request_kind::manifest;
  ask.scopes = {pull_scope(repository)};
  ask.repository = repository;
  return ask;
}

// The digest of the document by the rules of its type, checked against what was asked for and what was told.
result<longshore::digest> checked_digest(const std::string& media_type, const std::string& bytes,
                                         const std::optional<longshore::digest>& asked, const http_head& answer) {
  const auto algorithm = asked ? asked->algorithm() : digest_algorithm::sha256;
  auto is = engine::manifest_digest(media_type, bytes, algorithm);
  if (!is) return is;
  if (asked && *is != *asked) {
    return fail(errc::corrupt, answer.from.shown() + " answered with content whose digest is " + is->text());
  }
  if (const auto told = answer.headers.find("Docker-Content-Digest")) {
    const auto d = longshore::digest::parse(*told);
    if (d && d->algorithm() == algorithm && *d != *is) {
      return fail(errc::corrupt,
                  answer.from.shown() + " calls its content " + d->text() + ", but its digest is " + is->text());
    }
  }
  return is;
}

}  // namespace

registry_client::registry_client(std::unique_ptr<http_client> http, clock& now, url registry, registry_options options)
    : http_(std::move(http)),
      clock_(&now),
      page_size_(options.page_size),
      habits_(options.large_bytes),
      auth_(*http_, now,
            {registry, std::move(options.credentials), std::move(options.shared), options.allow_local_redirects}),
      session_(*http_, auth_, registry, options.allow_local_redirects) {}

result<std::unique_ptr<registry_client>> registry_client::create(boost::asio::any_io_executor executor, clock& now,
                                                                 registry_options options) {
  auto registry = url::parse(options.address);
  if (!registry) return pass(std::move(registry), "the registry's address");
  if (registry->path != "/" || !registry->query.empty()) {
    return fail(errc::invalid, "the registry's address " + options.address +
                                   " must end after the host and port: registries answer at /v2/");
  }
  auto http = http_client::create(std::move(executor), options.http);
  if (!http) return pass(std::move(http));
  return std::unique_ptr<registry_client>(
      new registry_client(std::move(*http), now, std::move(*registry), std::move(options)));
}

std::unexpected<error> registry_client::refusal(const http_response& answer, const std::string& doing,
                                                const std::vector<std::string>& scopes) const {
  return std::unexpected(session_.refusal(answer, doing, scopes, clock_->now()));
}

task<> registry_client::ping() {
  registry_ask ask;
  ask.path = "/v2/";
  ask.kind = request_kind::list;
  ask.headers.add("Docker-Distribution-Api-Version", "registry/2.0");
  auto answer = co_await session_.send(std::move(ask), answer_bytes_max);
  if (!answer) co_return pass(std::move(answer));
  if (answer->head.status != 200) co_return refusal(*answer, "asking for /v2/", {});
  co_return result<>();
}

task<manifest_document> registry_client::get_manifest(std::string repository, std::string ref) {
  if (auto ok = valid(repository, ref); !ok) co_return pass(std::move(ok));
  auto ask = manifest_ask("GET", repository, ref);
  ask.headers.add("Accept", all_manifest_types());
  auto answer = co_await session_.send(ask, engine::manifest_bytes_max);
  if (!answer) co_return pass(std::move(answer));
  if (answer->head.status != 200) {
    co_return refusal(*answer, "reading manifest " + repository + ":" + ref, ask.scopes);
  }
  auto media_type = media_type_of(answer->head.headers);
  const auto asked = longshore::digest::parse(ref);
  // Under a tag nothing proves what came: at least it must be a document, not a proxy's page or nothing at all.
  if (const auto first = answer->body.find_first_not_of(" \t\r\n");
      !asked && (first == std::string::npos || answer->body[first] != '{')) {
    co_return fail(errc::unavailable, name() + ": reading manifest " + repository + ":" + ref +
                                          ": the answer is no manifest; is there a proxy in front?");
  }
  auto is = checked_digest(media_type, answer->body, asked ? std::optional(*asked) : std::nullopt, answer->head);
  if (!is) co_return pass(std::move(is));
  co_return manifest_document{std::move(media_type), std::move(answer->body), std::move(*is)};
}

task<std::optional<longshore::digest>> registry_client::resolve(std::string repository, std::string ref) {
  return resolve_unless(std::move(repository), std::move(ref), std::nullopt);
}

task<std::optional<longshore::digest>> registry_client::resolve_again(std::string repository, std::string ref,
                                                                      longshore::digest known) {
  return resolve_unless(std::move(repository), std::move(ref), std::move(known));
}

task<std::optional<longshore::digest>> registry_client::resolve_unless(std::string repository, std::string ref,
                                                                       std::optional<longshore::digest> known) {
  if (auto ok = valid(repository, ref); !ok) co_return pass(std::move(ok));
  auto ask = manifest_ask("HEAD", repository, ref);
  ask.headers.add("Accept", all_manifest_types());
  if (known) ask.headers.add("If-None-Match", "\"" + known->text() + "\"");
  auto answer = co_await session_.send(ask, answer_bytes_max);
  if (!answer) co_return pass(std::move(answer));
  if (known && answer->head.status == 304) co_return known;
  if (answer->head.status == 200) {
    if (const auto told = answer->head.headers.find("Docker-Content-Digest")) {
      auto d = longshore::digest::parse(*told);
      if (d) co_return std::optional(std::move(*d));
    }
  } else if (answer->head.status != 404 && answer->head.status != 405) {
    co_return refusal(*answer, "resolving " + repository + ":" + ref, ask.scopes);
  }
  // Not told, or not told why: the document itself, or the body of the refusal, decides.
  auto document = co_await get_manifest(repository, ref);
  if (document) co_return std::optional(std::move(document->digest));
  if (document.error().code == errc::not_found) co_return std::optional<longshore::digest>();
  co_return pass(std::move(document));
}

task<longshore::digest> registry_client::put_manifest(std::string repository, std::string ref, std::string media_type,
                                                      std::string bytes) {
  if (auto ok = valid(repository, ref); !ok) co_return pass(std::move(ok));
  if (bytes.size() > engine::manifest_bytes_max) {
    co_return fail(errc::too_large, "a manifest of " + std::to_string(bytes.size()) + " bytes is over 8 MiB");
  }
  auto ask = manifest_ask("PUT", repository, ref);
  ask.scopes = {push_scope(repository)};
  ask.headers.add("Content-Type", media_type);
  ask.body = bytes;
  auto answer = co_await session_.send(ask, answer_bytes_max);
  if (!answer) co_return pass(std::move(answer));
  if (answer->head.status < 200 || answer->head.status > 202) {
    auto why = refusal(*answer, "writing manifest " + repository + ":" + ref, ask.scopes);
    if (answer->head.status == 405) {
      why.error().text += "; it " + std::string(engine::takes_no_pushes) +
                          " (Distribution: storage.maintenance.readonly), or a pull-through cache?";
    }
    co_return why;
  }
  const auto asked = longshore::digest::parse(ref);
  co_return checked_digest(media_type, bytes, asked ? std::optional(*asked) : std::nullopt, answer->head);
}

task<> registry_client::erase(std::string repository, std::string ref) {
  auto ask = manifest_ask("DELETE", repository, ref);
  ask.scopes = {"repository:" + repository + ":delete"};
  auto answer = co_await session_.send(ask, answer_bytes_max);
  if (!answer) co_return pass(std::move(answer));
  const auto status = answer->head.status;
  if (status == 202 || status == 200 || status == 204) co_return result<>();
  const bool by_tag = !longshore::digest::parse(ref);
  // Distribution 2 takes every reference here for a digest.
  if (by_tag && status == 400 && complains(answer->body, "DIGEST_INVALID")) {
    co_return fail(errc::unsupported, name() + " cannot delete a tag by its name (" + said_in(answer->body) + ")");
  }
  auto why = refusal(*answer, "deleting " + repository + ":" + ref, ask.scopes);
  if (why.error().code == errc::unsupported) {
    why.error().text += "; deleting is switched off there (Distribution: storage.delete.enabled)";
  }
  co_return why;
}

task<> registry_client::delete_tag(std::string repository, std::string tag) {
  if (auto ok = valid(repository); !ok) co_return ok;
  if (!engine::is_tag(tag)) co_return fail(errc::invalid, "\"" + tag.substr(0, 150) + "\" is not a tag");
  co_return co_await erase(std::move(repository), std::move(tag));
}

task<> registry_client::delete_manifest(std::string repository, longshore::digest d) {
  if (auto ok = valid(repository); !ok) co_return ok;
  co_return co_await erase(std::move(repository), d.text());
}

task<std::optional<std::uint64_t>> registry_client::stat_blob(std::string repository, longshore::digest d) {
  if (auto ok = valid(repository); !ok) co_return pass(std::move(ok));
  registry_ask ask;
  ask.method = "HEAD";
  ask.path = "/v2/" + repository + "/blobs/" + d.text();
  ask.kind = request_kind::blob;
  ask.scopes = {pull_scope(repository)};
  ask.repository = repository;
  auto answer = co_await session_.open(ask);
  if (!answer) co_return pass(std::move(answer));
  const auto& head = (*answer)->head();
  const bool here = head.from.same_origin(session_.registry());
  if (head.status == 200 && (*answer)->content_length()) co_return (*answer)->content_length();
  // The header vouches for a registry where a HEAD cannot carry the error's code; believing it wrongly costs only
  // an upload too many.
  if (head.status == 404 && here && head.headers.find("Docker-Distribution-Api-Version")) {
    co_return std::optional<std::uint64_t>();
  }
  // A signed URL of a store may be good for GET only.
  if (head.status == 200 || head.status == 404 || !here) {
    co_return co_await stat_by_get(std::move(repository), std::move(d));
  }
  auto whole = co_await (*answer)->read_all(answer_bytes_max);
  if (!whole) co_return pass(std::move(whole));
  co_return refusal(*whole, "looking for blob " + d.text() + " in " + repository, ask.scopes);
}

task<std::optional<std::uint64_t>> registry_client::stat_by_get(std::string repository, longshore::digest d) {
  registry_ask ask;
  ask.path = "/v2/" + repository + "/blobs/" + d.text();
  ask.headers.add("Range", "bytes=0-0");
  ask.kind = request_kind::blob;
  ask.scopes = {pull_scope(repository)};
  ask.repository = repository;
  auto answer = co_await session_.open(ask);
  if (!answer) co_return pass(std::move(answer));
  const auto& head = (*answer)->head();
  if (head.status == 200 && (*answer)->content_length()) co_return (*answer)->content_length();
  if (head.status == 206) {
    const auto range = parse_content_range(head.headers.find("Content-Range").value_or(""));
    if (range && range->total) co_return range->total;
  }
  // Nothing to give of an empty blob.
  if (head.status == 416 && head.headers.find("Content-Range").value_or("") == "bytes */0") {
    co_return std::optional<std::uint64_t>(0);
  }
  if (head.status < 300) {
    co_return fail(errc::unavailable, name() + " does not tell the size of blob " + d.text() + " in " + repository);
  }
  auto whole = co_await (*answer)->read_all(answer_bytes_max);
  if (!whole) co_return pass(std::move(whole));
  auto why = refusal(*whole, "looking for blob " + d.text() + " in " + repository, ask.scopes);
  if (why.error().code == errc::not_found) co_return std::optional<std::uint64_t>();
  co_return why;
}

}  // namespace longshore::api
