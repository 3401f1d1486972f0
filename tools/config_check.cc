#include "tools/config_check.h"

#include <algorithm>
#include <array>
#include <set>

#include "tools/config_value.h"

namespace longshore::tools {

namespace {

constexpr std::size_t token_length_min = 16;
constexpr std::size_t docker_config_bytes_max = 1u << 20;

struct checker {
  config& c;
  const key_places& places;

  std::string at(const std::string& key) const {
    const auto found = places.find(key);
    return (found == places.end() ? c.file.string() : found->second) + ": " + key;
  }
  std::unexpected<error> bad(const std::string& key, const std::string& why) const {
    return fail(errc::invalid, at(key) + ": " + why);
  }
  std::unexpected<error> missing(const std::string& key, const std::string& remedy) const {
    std::string from = c.file.empty() ? std::string("environment") : c.file.string();
    return fail(errc::invalid, from + ": " + key + " is missing: " + remedy);
  }
  bool given(const std::string& key) const { return places.contains(key); }

  result<void> in_range(const std::string& key, std::uint64_t value, std::uint64_t low, std::uint64_t high) const {
    if (value >= low && value <= high) return {};
    return bad(key,
               std::to_string(value) + " is out of range: from " + std::to_string(low) + " to " + std::to_string(high));
  }
  result<void> in_range(const std::string& key, std::chrono::milliseconds value, std::int64_t low_ms,
                        std::int64_t high_ms) const {
    if (value.count() >= low_ms && value.count() <= high_ms) return {};
    return bad(key, std::to_string(value.count()) + " ms is out of range: from " + std::to_string(low_ms) + " ms to " +
                        std::to_string(high_ms) + " ms");
  }

  // Names go into URLs, metrics and file names.
  result<void> name(const std::string& key, const std::string& value) const {
    const bool plain = std::ranges::all_of(value, [](char ch) {
      return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '.' ||
             ch == '-' || ch == '_';
    });
    if (!value.empty() && value.size() <= 63 && plain && value.front() != '.') return {};
    return bad(key, "\"" + value + "\" is no name: 1 to 63 letters, digits, '-', '_' or '.'");
  }

  // A token travels in a header: visible ASCII without spaces.
  result<void> token(const std::string& key, const std::string& value) {
    if (value.empty()) return missing(key, "give it, or " + key + "_file; openssl rand -hex 32 makes a good one");
    const bool visible = std::ranges::all_of(value, [](char ch) { return ch > ' ' && ch < 0x7f; });
    if (!visible || value.size() > 4'096) {
      return bad(key, "a token is 1 to 4096 visible ASCII characters without spaces");
    }
    if (value.size() < token_length_min) {
      c.warnings.push_back(at(key) + " is short; openssl rand -hex 32 makes a good one");
    }
    return {};
  }

  template <class Named>
  result<void> named_tokens(const std::string& section, const std::vector<Named>& all) {
    std::set<std::string> names, tokens;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::string element = section + "[" + std::to_string(i) + "]";
      if (all[i].name.empty()) return missing(element + ".name", "every [[" + section + "]] has a name");
      if (auto ok = name(element + ".name", all[i].name); !ok) return ok;
      if (auto ok = token(element + ".token", all[i].token); !ok) return ok;
      if (!names.insert(all[i].name).second) {
        return bad(element + ".name", "two [[" + section + "]] are named \"" + all[i].name + "\"");
      }
      if (!tokens.insert(all[i].token).second) {
        return bad(element + ".token", "two [[" + section + "]] have the same token: it tells who is speaking");
      }
    }
    return {};
  }

  // Whoever may notify must not thereby read the log, and neither be an administrator.
  result<void> roles_apart() const {
    constexpr const char* remedy = "give each a token of its own, as from openssl rand -hex 32";
    const char* shared_with = among(c.sources, c.admin_token)     ? "[[source]]"
                              : among(c.followers, c.admin_token) ? "[[follower]]"
                                                                  : nullptr;
    if (shared_with != nullptr) {
      return bad("admin.token", std::string("is also the token of a ") + shared_with +
                                    ": whoever has that would be an administrator; " + remedy);
    }
    for (std::size_t i = 0; i < c.followers.size(); ++i) {
      if (!among(c.sources, c.followers[i].token)) continue;
      return bad(
          "follower[" + std::to_string(i) + "].token",
          std::string("is also the token of a [[source]]: whoever notifies could read the whole log, and whoever "
                      "follows could put events into it; ") +
              remedy);
    }
    return {};
  }
  template <class Named>
  static bool among(const std::vector<Named>& all, const std::string& token) {
    return std::ranges::find(all, token, &Named::token) != all.end();
  }

  result<void> site() {
    if (!given("site.name")) return missing("site.name", "for example [site] name = \"berlin\"");
    if (auto ok = name("site.name", c.site.name); !ok) return ok;
    if (!given("site.role")) return missing("site.role", "\"primary\" or \"secondary\"");
    if (c.site.data_dir.empty()) return missing("site.data_dir", "the directory to keep the log in");
    if (auto ok = token("admin.token", c.admin_token); !ok) return ok;
    constexpr std::array levels{"trace", "debug", "info", "warn", "error", "critical", "off"};
    if (std::ranges::find(levels, c.log_file.level) == levels.end()) {
      return bad("log_file.level",
                 "\"" + c.log_file.level + "\" is not one of trace, debug, info, warn, error, critical, off");
    }
    if (auto ok = in_range("log_file.bytes_max", c.log_file.bytes_max, 64u << 10, 1ull << 40); !ok) return ok;
    return in_range("log_file.files_max", c.log_file.files_max, 1, 1'000);
  }

  result<void> listen() {
    const result<host_port> address = parse_host_port(c.listen.address);
    if (!address) return bad("listen.address", address.error().text);
    const bool tls = !c.listen.tls_certificate.empty();
    if (tls != !c.listen.tls_key.empty()) {
      return bad(tls ? "listen.tls_certificate" : "listen.tls_key", "needs both tls_certificate and tls_key");
    }
    if (!tls && !is_loopback(address->host)) {
      c.warnings.push_back(at("listen.address") + ": tokens cross the network in clear: set listen.tls_certificate " +
                           "and listen.tls_key, or put a TLS proxy in front");
    }
    const listen_settings& l = c.listen;
    if (!l.url.empty()) {
      if (const auto url = parse_base_url(l.url); !url) return bad("listen.url", url.error().text);
    }
    if (auto ok = in_range("listen.header_bytes_max", l.header_bytes_max, 1'024, 1u << 20); !ok) return ok;
    if (auto ok = in_range("listen.body_bytes_max", l.body_bytes_max, 4'096, 64u << 20); !ok) return ok;
    if (auto ok = in_range("listen.connections_max", l.connections_max, 1, 65'536); !ok) return ok;
    if (auto ok = in_range("listen.header_timeout", l.header_timeout, 100, 600'000); !ok) return ok;
    return in_range("listen.idle_timeout", l.idle_timeout, 100, 3'600'000);
  }

  result<void> registry(const std::string& section, const registry_settings& r) {
    if (r.url.empty()) return missing(section + ".url", "for example \"https://registry.example.org\"");
    const result<base_url> url = parse_base_url(r.url);
    if (!url) return bad(section + ".url", url.error().text);
    if (!url->tls && !r.ca_file.empty()) return bad(section + ".ca_file", "has no use with an http:// url");
    if (r.username.empty() != r.password.empty()) {
      return bad(section + (r.username.empty() ? ".password" : ".username"), "needs both username and password");
    }
    const int ways = (r.username.empty() ? 0 : 1) + (r.docker_config.empty() ? 0 : 1) + (r.token ? 1 : 0);
    if (ways > 1) {
      return bad(section + ".url", "choose one of username and password, docker_config, and [" + section + ".token]");
    }
    if (!r.docker_config.empty()) {
      if (auto there = read_small_file(r.docker_config, docker_config_bytes_max); !there) {
        return bad(section + ".docker_config", there.error().text);
      }
    }
    if (!url->tls && ways > 0 && !is_loopback(url->host)) {
      c.warnings.push_back(at(section + ".url") + ": credentials cross the network in clear: use https://");
    }
    if (r.token) {
      if (r.token->key_pem.empty()) return missing(section + ".token.key_file", "the registry's shared key, PEM");
      if (r.token->issuer.empty()) {
        return missing(section + ".token.issuer", "it must equal the registry's auth.token.issuer");
      }
      if (auto ok = in_range(section + ".token.expire", r.token->expire, 10'000, 86'400'000); !ok) return ok;
    }
    if (auto ok = in_range(section + ".connections_max", r.connections_max, 1, 1'024); !ok) return ok;
    if (auto ok = limits(section, r); !ok) return ok;
    return in_range(section + ".stall_timeout", r.stall_timeout, 100, 3'600'000);
  }

  result<void> byte_rate(const std::string& key, std::uint64_t rate) const {
    if (rate == 0) return {};
    return in_range(key, rate, 1'000, 1'000'000'000'000);
  }

  result<void> limits(const std::string& section, const registry_settings& r) const {
    const std::string least = section + ".connections_min";
    if (given(least)) {
      if (auto ok = in_range(least, r.connections_min, 1, r.connections_max); !ok) return ok;
    }
    if (auto ok = byte_rate(section + ".bytes_per_second", r.bytes_per_second); !ok) return ok;
    for (const auto& window : r.schedule) {
      if (auto ok = byte_rate(section + ".schedule", window.per_second); !ok) return ok;
    }
    const double requests = r.requests_per_second;
    if (requests == 0 || (requests >= 0.001 && requests <= 1'000'000)) return {};
    return bad(section + ".requests_per_second", "is out of range: from 0.001 to 1000000, or 0 for no limit");
  }

  // What is copied keeps its repository's name, so a registry brought to itself gains nothing, and the site would
  // delete and push where others are at work.
  result<void> different_registries() const {
    if (!c.source_registry || !c.target_registry) return {};
    auto from = parse_base_url(c.source_registry->url), to = parse_base_url(c.target_registry->url);
    for (auto* url : {&from, &to}) {
      // All names of this machine, but for the addresses that somebody chose to tell registries apart by.
      if (*url && ((*url)->host == "localhost" || (*url)->host == "::1")) (*url)->host = "127.0.0.1";
    }
    if (!from || !to || from->host != to->host || from->port != to->port) return {};
    return bad("target_registry.url", "is the source registry: a secondary copies to a registry of its own");
  }

  result<void> replication() const {
    const replication_settings& r = c.replication;
    if (auto ok = in_range("replication.repositories_concurrent", r.repositories_concurrent, 1, 256); !ok) return ok;
    if (auto ok = in_range("replication.blobs_concurrent", r.blobs_concurrent, 1, 256); !ok) return ok;
    if (auto ok = in_range("replication.retry_min", r.retry_min, 10, 86'400'000); !ok) return ok;
    if (auto ok = in_range("replication.retry_max", r.retry_max, 10, 7 * 86'400'000LL); !ok) return ok;
    if (r.retry_min > r.retry_max) return bad("replication.retry_min", "is longer than replication.retry_max");
    const auto filter = engine::replication_filter::make(filter_rules_of(r));
    if (!filter) {
      const std::string& why = filter.error().text;
      return bad("replication." + why.substr(0, why.find(':')), why.substr(std::min(why.find(": ") + 2, why.size())));
    }
    for (const auto* globs : {&r.include, &r.exclude}) {
      for (const std::string& glob : *globs) {
        if (!glob.empty() &&
            glob.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-/*?") == std::string::npos) {
          continue;
        }
        return bad(globs == &r.include ? "replication.include" : "replication.exclude",
                   "\"" + glob +
                       "\" can match no repository: lower-case letters, digits, . _ - / and the "
                       "wildcards * and ?");
      }
    }
    return {};
  }

  result<void> sources() {
    std::size_t registries = 0;
    for (std::size_t i = 0; i < c.sources.size(); ++i) {
      if (!c.sources[i].registry) continue;
      ++registries;
      if (auto ok = registry("source[" + std::to_string(i) + "].registry", *c.sources[i].registry); !ok) return ok;
    }
    if (registries > 1) {
      c.warnings.push_back(
          "several [[source]] have a registry: no repository may be in two of them, or each would undo what the other "
          "finds");
    }
    return {};
  }

  result<void> reconcile() const {
    const reconcile_settings& r = c.reconcile;
    constexpr std::int64_t second = 1'000, month = 30 * 86'400'000LL;
    if (r.every.count() != 0) {
      if (auto ok = in_range("reconcile.every", r.every, second, month); !ok) return ok;
    }
    if (r.digest_check_every.count() != 0) {
      if (auto ok = in_range("reconcile.digest_check_every", r.digest_check_every, second, 12 * month); !ok) return ok;
    }
    if (auto ok = in_range("reconcile.repositories_concurrent", r.repositories_concurrent, 1, 64); !ok) return ok;
    if (auto ok = in_range("reconcile.requests_per_second", r.requests_per_second, 1, 100'000); !ok) return ok;
    constexpr const char* in_names = "abcdefghijklmnopqrstuvwxyz0123456789._-/";
    for (const std::string& name : r.repositories) {
      if (!name.empty() && name.size() <= 255 && name.find_first_not_of(in_names) == std::string::npos) continue;
      return bad("reconcile.repositories", "\"" + name + "\" is no repository's name");
    }
    constexpr const char* in_globs = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-*";
    for (const std::string& glob : r.immutable_tags) {
      if (!glob.empty() && glob.find_first_not_of(in_globs) == std::string::npos) continue;
      return bad("reconcile.immutable_tags",
                 "\"" + glob + "\" can match no tag: letters, digits, . _ - and the wildcard *");
    }
    return {};
  }

  result<void> role() {
    if (c.site.role == site_role::primary) {
      if (c.sources.empty()) {
        c.warnings.push_back("no [[source]] is configured: no registry can notify this primary");
      }
      const auto of_secondaries = [&](bool is_given, const std::string& section) {
        if (is_given)
          c.warnings.push_back(at(section + ".url") + ": [" + section + "] is for a secondary and is not used here");
      };
      of_secondaries(c.primary.has_value(), "primary");
      of_secondaries(c.source_registry.has_value(), "source_registry");
      of_secondaries(c.target_registry.has_value(), "target_registry");
      return {};
    }
    if (!c.primary) return missing("primary.url", "a secondary follows a primary: give [primary] url and token_file");
    if (c.primary->url.empty()) return missing("primary.url", "for example \"https://longshore.example.org:5080\"");
    const result<base_url> url = parse_base_url(c.primary->url);
    if (!url) return bad("primary.url", url.error().text);
    if (!url->tls && !c.primary->ca_file.empty()) return bad("primary.ca_file", "has no use with an http:// url");
    if (!url->tls && !is_loopback(url->host)) {
      c.warnings.push_back(at("primary.url") + ": the token crosses the network in clear: use https://");
    }
    if (auto ok = token("primary.token", c.primary->token); !ok) return ok;
    if (!c.source_registry) return missing("source_registry.url", "a secondary copies from the primary's registry");
    if (!c.target_registry) return missing("target_registry.url", "a secondary copies to a registry of its own");
    return {};
  }
};

}  // namespace

engine::filter_rules filter_rules_of(const replication_settings& r) {
  return {r.include, r.exclude, r.tags_include, r.tags_exclude, r.platforms, r.media_types_exclude, r.untagged};
}

result<void> check(config& c, const key_places& places) {
  checker k{c, places};
  if (auto ok = k.site(); !ok) return ok;
  if (auto ok = k.listen(); !ok) return ok;
  if (auto ok = k.named_tokens("source", c.sources); !ok) return ok;
  if (auto ok = k.sources(); !ok) return ok;
  if (auto ok = k.reconcile(); !ok) return ok;
  if (auto ok = k.named_tokens("follower", c.followers); !ok) return ok;
  if (auto ok = k.roles_apart(); !ok) return ok;
  if (auto ok = k.role(); !ok) return ok;
  if (c.source_registry) {
    if (auto ok = k.registry("source_registry", *c.source_registry); !ok) return ok;
  }
  if (c.target_registry) {
    if (auto ok = k.registry("target_registry", *c.target_registry); !ok) return ok;
  }
  if (auto ok = k.different_registries(); !ok) return ok;
  return k.replication();
}

}  // namespace longshore::tools
