#include "tools/copy_endpoints.h"

#include "api/local/archive_files.h"
#include "api/local/distribution_storage.h"
#include "api/local/empty_registry.h"
#include "api/url.h"
#include "tools/clients.h"

namespace longshore::tools {

using api::image_transport;

namespace {

bool is_yet_to_be(const api::image_reference& at) {
  std::error_code ec;
  return api::is_layout(at.transport) && !std::filesystem::exists(at.location, ec) && !ec;
}

// What a copy would make.
std::unique_ptr<engine::registry> nothing_at(const api::image_reference& at) {
  api::image_reference place;
  place.transport = at.transport;
  place.location = at.location;
  return std::make_unique<api::empty_registry>(api::to_text(place));
}

}  // namespace

std::string registry_address(const std::string& location, bool plain_http) {
  const auto parsed = api::url::parse("http://" + location);
  const bool plain = plain_http || (parsed && api::is_loopback_host(parsed->host));
  return (plain ? "http://" : "https://") + location;
}

engine::task<engine::registry*> copy_endpoints::source(const api::image_reference& at) {
  co_return co_await open(sources_, at, source_, api::layout_access::read);
}

engine::task<engine::registry*> copy_endpoints::target(const api::image_reference& at) {
  const auto access = target_.planned ? api::layout_access::plan : api::layout_access::write;
  co_return co_await open(targets_, at, target_, access);
}

result<copy_endpoints::opened> copy_endpoints::open_docker(const api::image_reference& at,
                                                           const endpoint_options& options) {
  registry_settings settings = options.settings;
  settings.url = registry_address(at.location, options.plain_http);
  auto& limits = limits_[settings.url];
  if (!limits) limits = make_host_limits(on_, *now_, settings);
  auto client = make_registry_client(on_, *now_, settings, limits);
  if (!client) return pass(std::move(client));
  opened made;
  made.client = *std::move(client);
  made.registry = made.client.get();
  return made;
}

engine::registry* copy_endpoints::keep(places& in, const std::string& key, opened made) {
  if (made.files) made.registry = made.files.get();
  return in.emplace(key, std::move(made)).first->second.registry;
}

engine::task<copy_endpoints::opened> copy_endpoints::open_archive(const api::image_reference& at,
                                                                  const endpoint_options& options,
                                                                  api::layout_access access) {
  api::oci_archive_options archive;
  archive.file = at.location;
  archive.access = access;
  archive.needed = options.needed;
  archive.stop = stopping_.get_token();
  auto files = co_await unpacking_.run([&] { return api::oci_archive::open(std::move(archive)); });
  if (!files) co_return pass(std::move(files));
  opened made;
  made.archive = *std::move(files);
  made.registry = &made.archive->registry();
  co_return made;
}

engine::task<engine::registry*> copy_endpoints::open(places& in, const api::image_reference& at,
                                                     const endpoint_options& options, api::layout_access access) {
  const std::string key = std::to_string(static_cast<int>(at.transport)) + at.location;
  if (const auto found = in.find(key); found != in.end()) co_return found->second.registry;
  opened made;
  const bool plans = access == api::layout_access::plan;
  if (plans && is_yet_to_be(at)) {
    if (at.transport == image_transport::oci_archive) {
      if (auto fits = api::check_place_of(at.location); !fits) co_return pass(std::move(fits));
    }
    made.files = nothing_at(at);
    co_return keep(in, key, std::move(made));
  }
  switch (at.transport) {
    case image_transport::docker: {
      auto client = open_docker(at, options);
      if (!client) co_return pass(std::move(client));
      made = *std::move(client);
      break;
    }
    case image_transport::oci_layout: {
      api::oci_layout_options layout;
      layout.directory = at.location;
      layout.access = access;
      layout.needed = options.needed;
      auto files = api::oci_layout::open(std::move(layout));
      if (!files && plans && files.error().code == errc::not_found) {
        made.files = nothing_at(at);
        break;
      }
      if (!files) co_return pass(std::move(files));
      made.layout = *std::move(files);
      made.registry = made.layout.get();
      break;
    }
    case image_transport::oci_archive: {
      auto files = co_await open_archive(at, options, access);
      if (!files) co_return pass(std::move(files));
      made = *std::move(files);
      break;
    }
    case image_transport::distribution: {
      auto files = api::distribution_storage::open({.directory = at.location});
      if (!files) co_return pass(std::move(files));
      made.files = *std::move(files);
      break;
    }
  }
  co_return keep(in, key, std::move(made));
}

void copy_endpoints::stop() {
  stopping_.request_stop();
  for (auto& [address, limits] : limits_) limits->stop();
}

boost::asio::awaitable<std::vector<copy_endpoints::unfinished>> copy_endpoints::finish(
    std::function<bool(engine::registry*)> brought) {
  std::vector<unfinished> failed;
  for (auto& [key, target] : targets_) {
    result<void> done;
    if (target.archive && brought(target.registry)) done = co_await target.archive->finish();
    if (target.layout) done = co_await target.layout->finish();
    if (!done) failed.push_back({target.registry, std::move(done).error()});
  }
  co_return failed;
}

std::uint64_t copy_endpoints::requests_of(const places& in) {
  std::uint64_t all = 0;
  for (const auto& [key, place] : in) {
    if (!place.client) continue;
    for (const api::request_counters& c : place.client->counters().by_kind) all += c.requests;
  }
  return all;
}

}  // namespace longshore::tools
