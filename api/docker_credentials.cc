#include "api/docker_credentials.h"

#include <boost/json.hpp>
#include <fstream>

#include "api/credential_helper.h"
#include "engine/base64.h"

namespace longshore::api {

namespace json = boost::json;
using engine::task;

namespace {

constexpr std::size_t file_bytes_max = 1 << 20;
constexpr std::string_view docker_hub_key = "https://index.docker.io/v1/";

bool is_docker_hub(std::string_view host) {
  return host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io";
}

const json::object* object_at(const json::object& in, std::string_view name) {
  const auto* v = in.if_contains(name);
  return v == nullptr ? nullptr : v->if_object();
}

std::string text_at(const json::object& in, std::string_view name) {
  const auto* v = in.if_contains(name);
  return v == nullptr || !v->is_string() ? std::string() : std::string(v->get_string());
}

// "https://host/v1/" and "http://host" are older spellings of "host".
std::string_view normal_key(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!key.starts_with(scheme)) continue;
    key.remove_prefix(scheme.size());
    for (const std::string_view path : {"/v1/", "/v2/", "/v1", "/v2", "/"}) {
      if (key.ends_with(path)) {
        key.remove_suffix(path.size());
        break;
      }
    }
    return key;
  }
  return key;
}

result<std::optional<credential>> entry(const json::object& e) {
  credential c{text_at(e, "username"), text_at(e, "password"), text_at(e, "identitytoken"),
               text_at(e, "registrytoken")};
  if (const auto packed = text_at(e, "auth"); !packed.empty()) {
    auto plain = engine::from_base64(packed, engine::base64_alphabet::standard);
    const auto colon = plain ? plain->find(':') : std::string::npos;
    if (colon == std::string::npos) return fail(errc::unauthorized, "an \"auth\" value is not base64 of user:password");
    c.username = plain->substr(0, colon);
    c.password = plain->substr(colon + 1);
    // Some tools pad the password with NULs.
    while (!c.password.empty() && c.password.back() == '\0') c.password.pop_back();
  }
  if (c.username.empty() && c.password.empty() && c.identity_token.empty() && c.registry_token.empty()) {
    return std::optional<credential>();  // logged in through a helper, or logged out
  }
  return std::optional<credential>(std::move(c));
}

result<std::optional<credential>> from_auths(const json::object& auths, const std::string& host,
                                             const std::string& repository) {
  // host/a/b/c, host/a/b, host/a, host.
  for (std::string name = repository.empty() ? host : host + "/" + repository;;) {
    for (const auto& [key, value] : auths) {
      const auto normal = normal_key(std::string_view(key));
      const bool same = normal == name || (name == host && is_docker_hub(host) &&
                                           (std::string_view(key) == docker_hub_key || is_docker_hub(normal)));
      if (!same || !value.is_object()) continue;
      auto c = entry(value.get_object());
      if (!c || *c) return c;
    }
    if (name.size() <= host.size()) return std::optional<credential>();
    name.resize(name.rfind('/'));
  }
}

// What these files have wrong is for whoever keeps them to mend; then everything goes on by itself.
result<std::optional<std::string>> read_file(const std::filesystem::path& path) {
  std::error_code ec;
  if (!std::filesystem::exists(path, ec)) return std::optional<std::string>();
  std::ifstream in(path, std::ios::binary);
  std::string text(file_bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) {
    return fail(errc::unauthorized, path.string() + " cannot be read; check the permissions of the credentials file");
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > file_bytes_max) return fail(errc::unauthorized, path.string() + " is over 1 MiB");
  return std::optional<std::string>(std::move(text));
}

}  // namespace

result<docker_answer> look_up(std::string_view config_json, const std::string& host, const std::string& repository) {
  boost::system::error_code ec;
  const auto parsed = json::parse(config_json, ec);
  const auto* config = ec ? nullptr : parsed.if_object();
  if (config == nullptr) return fail(errc::unauthorized, "not a JSON object; it should look like {\"auths\":{...}}");
  docker_answer out;
  out.server = is_docker_hub(host) ? std::string(docker_hub_key) : host;
  if (const auto* helpers = object_at(*config, "credHelpers")) {
    out.helper = text_at(*helpers, host);
    if (out.helper.empty() && is_docker_hub(host)) {
      for (const std::string_view alias : {"docker.io", "index.docker.io", "https://index.docker.io/v1/"}) {
        if (out.helper.empty()) out.helper = text_at(*helpers, alias);
      }
    }
  }
  if (out.helper.empty()) out.helper = text_at(*config, "credsStore");
  if (const auto* auths = object_at(*config, "auths")) {
    auto found = from_auths(*auths, host, repository);
    if (!found) return pass(std::move(found));
    out.found = std::move(*found);
  }
  return out;
}

docker_credentials::docker_credentials(boost::asio::any_io_executor executor, std::vector<std::filesystem::path> files,
                                       std::chrono::milliseconds helper_limit)
    : executor_(std::move(executor)), files_(std::move(files)), helper_limit_(helper_limit) {}

task<std::optional<credential>> docker_credentials::find(std::string host, std::string repository) {
  for (const auto& file : files_) {
    auto text = read_file(file);
    if (!text) co_return pass(std::move(text));
    if (!*text) continue;
    auto answer = look_up(**text, host, repository);
    if (!answer) co_return pass(std::move(answer), file.string());
    if (!answer->helper.empty()) {
      auto asked = co_await ask_credential_helper(executor_, answer->helper, answer->server, helper_limit_);
      if (!asked) co_return pass(std::move(asked), file.string());
      if (*asked) co_return asked;
    }
    if (answer->found) co_return answer->found;
  }
  co_return std::optional<credential>();
}

std::vector<std::filesystem::path> docker_credential_files(const std::function<const char*(const char*)>& environment) {
  std::vector<std::filesystem::path> out;
  const auto add = [&](const char* variable, const char* below) {
    const char* value = environment(variable);
    if (value == nullptr || *value == '\0') return false;
    out.push_back(*below == '\0' ? std::filesystem::path(value) : std::filesystem::path(value) / below);
    return true;
  };
  add("REGISTRY_AUTH_FILE", "");
  add("XDG_RUNTIME_DIR", "containers/auth.json");
  if (!add("XDG_CONFIG_HOME", "containers/auth.json")) add("HOME", ".config/containers/auth.json");
  if (!add("DOCKER_CONFIG", "config.json")) add("HOME", ".docker/config.json");
  return out;
}

}  // namespace longshore::api
