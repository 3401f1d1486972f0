// The blob transfers of registry_client.

#include "api/http_fields.h"
#include "api/registry_client.h"
#include "engine/reference.h"

namespace longshore::api {
namespace {

constexpr std::size_t answer_bytes_max = 256 * 1024;

result<void> valid(const std::string& repository) {
  if (engine::is_repository_name(repository)) return {};
  return fail(errc::invalid, "\"" + repository.substr(0, 100) + "\" is not a repository name");
}

// Said to a mount, these are about the mount; whatever else they mean, an upload will tell.
bool refuses_mount(int status) {
  return status >= 400 && status < 500 && status != 401 && status != 408 && status != 429;
}

// A refused mount may be retried as an upload; an unreachable or overloaded registry may not.
bool is_about_the_mount(errc code) {
  return code != errc::unavailable && code != errc::timed_out && code != errc::throttled && code != errc::busy &&
         code != errc::stopped;
}

}  // namespace

task<std::unique_ptr<engine::blob_reader>> registry_client::open_blob(std::string repository, longshore::digest d,
                                                                      std::uint64_t offset) {
  if (auto ok = valid(repository); !ok) co_return pass(std::move(ok));
  registry_ask ask;
  ask.path = "/v2/" + repository + "/blobs/" + d.text();
  if (offset > 0) ask.headers.add("Range", "bytes=" + std::to_string(offset) + "-");
  ask.kind = request_kind::blob;
  ask.lane = traffic::stream;
  ask.resumed = offset > 0;
  ask.scopes = {"repository:" + repository + ":pull"};
  ask.repository = repository;
  auto answer = co_await session_.open(ask);
  if (answer && (*answer)->head().status == 416 && offset > 0) {
    // A store that refuses the range: whether there is more, the whole of it tells. Still going on with a blob: it
    // waits for no connection.
    if (auto why = co_await (*answer)->read_all(answer_bytes_max); !why) co_return pass(std::move(why));
    ask.headers = {};
    answer = co_await session_.open(ask);
  }
  if (!answer) co_return pass(std::move(answer));
  auto stream = std::move(*answer);
  const auto status = stream->head().status;
  if (status == 200) {
    const auto size = stream->content_length();
    auto reader = std::make_unique<http_blob_reader>(std::move(stream), 0, size);
    // Range was ignored: the beginning comes again.
    if (auto skipped = co_await reader->skip(offset); !skipped) co_return pass(std::move(skipped));
    co_return std::unique_ptr<engine::blob_reader>(std::move(reader));
  }
  if (status == 206) {
    const auto range = parse_content_range(stream->head().headers.find("Content-Range").value_or(""));
    if (!range || range->first != offset) {
      co_return fail(errc::corrupt,
                     name() + " answered a request for the rest of blob " + d.text() + " with another part of it");
    }
    co_return std::make_unique<http_blob_reader>(std::move(stream), offset, range->total);
  }
  auto whole = co_await stream->read_all(answer_bytes_max);
  if (!whole) co_return pass(std::move(whole));
  co_return refusal(*whole, "reading blob " + d.text() + " of " + repository, ask.scopes);
}

task<std::unique_ptr<engine::blob_writer>> registry_client::begin_upload(std::string repository, longshore::digest d,
                                                                         std::uint64_t size,
                                                                         std::optional<std::string> from) {
  registry_ask ask;
  ask.method = "POST";
  ask.path = "/v2/" + repository + "/blobs/uploads/";
  ask.kind = request_kind::upload;
  const std::vector<std::string> push{"repository:" + repository + ":pull,push"};
  ask.scopes = push;
  ask.repository = repository;
  if (from) {
    ask.query = "?mount=" + escape(d.text()) + "&from=" + escape(*from);
    ask.scopes.push_back("repository:" + *from + ":pull");
  }
  auto answer = co_await session_.send(ask, answer_bytes_max);
  if (!answer) co_return pass(std::move(answer));
  if (from && answer->head.status == 201) co_return std::unique_ptr<engine::blob_writer>();
  if (from && refuses_mount(answer->head.status)) {
    co_return fail(errc::not_found, name() + " does not mount blob " + d.text() + " from " + *from);
  }
  if (answer->head.status != 202) {
    co_return refusal(*answer, "beginning an upload to " + repository, ask.scopes);
  }
  auto location = session_.upload_location(answer->head);
  if (!location) co_return pass(std::move(location));
  upload_place place{std::move(*location), {}, push, repository};
  place.keep_cookies(answer->head);
  place.chunk_min = parse_count(answer->head.headers.find("OCI-Chunk-Min-Length").value_or("")).value_or(0);
  co_return std::make_unique<http_blob_writer>(session_, *clock_, habits_, std::move(place), std::move(d), size, 0);
}

task<std::unique_ptr<engine::blob_writer>> registry_client::resume_blob(std::string repository, longshore::digest d,
                                                                        std::uint64_t size,
                                                                        engine::upload_session kept) {
  if (auto ok = valid(repository); !ok) co_return pass(std::move(ok));
  // The blob would go to that registry, and count as this one's.
  if (kept.registry != session_.registry().origin()) {
    co_return fail(errc::not_found, "the upload of blob " + d.text() + " was not begun at " + name());
  }
  auto location = session_.upload_location(kept.location);
  if (!location) co_return pass(std::move(location));
  upload_place place{
      std::move(*location), std::move(kept.cookies), {"repository:" + repository + ":pull,push"}, repository};
  auto answer = co_await session_.at_upload("GET", place);
  if (!answer) co_return pass(std::move(answer));
  const auto& head = answer->head;
  const std::string gone = name() + " does not know the upload of blob " + d.text() + " any more";
  if (head.status == 404 || head.status == 410 || head.status == 416) co_return fail(errc::not_found, gone);
  if (head.status == 405 || head.status == 501) co_return fail(errc::unsupported, name() + " tells nothing of uploads");
  if (head.status < 200 || head.status > 204) co_return refusal(*answer, "asking for an upload's state", place.scopes);
  if (head.headers.find("Location")) {
    auto moved = session_.upload_location(head);
    if (!moved) co_return pass(std::move(moved));
    place.location = std::move(*moved);
  }
  place.keep_cookies(head);
  const auto last = parse_upload_range(head.headers.find("Range").value_or(""));
  const auto kept_bytes = last ? *last + 1 : 0;
  auto writer = std::make_unique<http_blob_writer>(session_, *clock_, habits_, std::move(place), d, size, kept_bytes);
  if (kept_bytes > 1 && kept_bytes <= size) co_return writer;
  // "0-0" is said of one byte and of none: a new session costs less than a wrong guess.
  if (auto cancelled = co_await writer->cancel(); !cancelled) co_return pass(std::move(cancelled));
  co_return fail(errc::not_found, gone + ", or has nothing of it");
}

task<std::unique_ptr<engine::blob_writer>> registry_client::begin_blob(std::string repository, longshore::digest d,
                                                                       std::uint64_t size,
                                                                       std::optional<std::string> mount_from) {
  if (auto ok = valid(repository); !ok) co_return pass(std::move(ok));
  const bool canonical = d.algorithm() == digest_algorithm::sha256;
  if (mount_from && engine::is_repository_name(*mount_from) && (canonical || !habits_.mounts_only_sha256)) {
    auto begun = co_await begin_upload(repository, d, size, std::move(mount_from));
    if (!begun && !is_about_the_mount(begun.error().code)) co_return begun;
    if (begun && (*begun || canonical)) co_return begun;
    if (begun) {
      // Distribution 2 says 201 to such a mount, and links nothing that could be read.
      auto there = co_await stat_blob(repository, d);
      if (!there) co_return pass(std::move(there));
      if (*there) co_return begun;
      habits_.mounts_only_sha256 = true;
    }
  }
  co_return co_await begin_upload(std::move(repository), std::move(d), size, std::nullopt);
}

}  // namespace longshore::api
