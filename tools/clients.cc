#include "tools/clients.h"

#include <algorithm>

#include "api/docker_credentials.h"
#include "tools/config_value.h"

namespace longshore::tools {

namespace {

api::credential_source fixed(std::string username, std::string password) {
  // The values are parameters of the coroutine, so that it owns them whatever becomes of the source.
  const auto answer = [](api::credential c) -> engine::task<std::optional<api::credential>> {
    co_return std::optional<api::credential>(std::move(c));
  };
  return [answer, username, password](std::string, std::string) {
    api::credential c;
    c.username = username;
    c.password = password;
    return answer(std::move(c));
  };
}

api::credential_source from_docker(boost::asio::any_io_executor executor, std::vector<std::filesystem::path> paths) {
  auto files = std::make_shared<api::docker_credentials>(executor, std::move(paths));
  return
      [files](std::string host, std::string repository) { return files->find(std::move(host), std::move(repository)); };
}

}  // namespace

result<std::unique_ptr<api::registry_client>> make_registry_client(boost::asio::any_io_executor executor, clock& now,
                                                                   const registry_settings& settings) {
  return make_registry_client(std::move(executor), now, settings, nullptr);
}

result<std::unique_ptr<api::registry_client>> make_registry_client(boost::asio::any_io_executor executor, clock& now,
                                                                   const registry_settings& settings,
                                                                   std::shared_ptr<api::host_limits> limits) {
  api::registry_options options;
  options.http.limits = std::move(limits);
  options.address = settings.url;
  options.http.ca_file = settings.ca_file.string();
  options.http.stall_max = settings.stall_timeout;
  options.http.pool.per_host = settings.connections_max;
  options.http.pool.kept_for_small =
      std::min<std::size_t>(options.http.pool.kept_for_small, settings.connections_max - 1);
  if (!settings.username.empty()) options.credentials = fixed(settings.username, settings.password);
  if (!settings.docker_config.empty()) options.credentials = from_docker(executor, {settings.docker_config});
  if (!settings.credential_files.empty()) options.credentials = from_docker(executor, settings.credential_files);
  if (settings.token) {
    auto key = api::signing_key::from_pem(settings.token->key_pem);
    if (!key) return pass(std::move(key), "key " + settings.token->key_file.string());
    api::shared_key shared;
    shared.key = std::move(*key);
    shared.kid = settings.token->kid;
    shared.issuer = settings.token->issuer;
    shared.service = settings.token->audience;
    shared.lifetime_s = settings.token->expire.count() / 1'000;
    options.shared = std::move(shared);
  }
  return api::registry_client::create(std::move(executor), now, std::move(options));
}

std::string registry_authority(const registry_settings& r) {
  const auto url = parse_base_url(r.url);
  return url ? url->host + ":" + std::to_string(url->port) : r.url;
}

api::host_limits_settings host_limits_of(const registry_settings& r) {
  api::host_limits_settings s;
  s.host = registry_authority(r);
  s.bytes_per_second = r.bytes_per_second;
  s.requests_per_second = r.requests_per_second;
  s.schedule = engine::bandwidth_schedule(r.schedule);
  s.connections = {std::min(r.connections_min, r.connections_max), r.connections_max};
  return s;
}

std::shared_ptr<api::host_limits> make_host_limits(const boost::asio::any_io_executor& on, const clock& now,
                                                   const registry_settings& settings) {
  return api::host_limits::create(on, now, host_limits_of(settings));
}

result<std::unique_ptr<api::peer_client>> make_peer_client(boost::asio::any_io_executor executor, clock& now,
                                                           const primary_settings& settings) {
  api::peer_options options;
  options.address = settings.url;
  options.token = settings.token;
  options.http.ca_file = settings.ca_file.string();
  return api::peer_client::create(std::move(executor), now, std::move(options));
}

}  // namespace longshore::tools
