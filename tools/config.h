#pragma once

// A site's configuration: one TOML file, every key of which the environment can set too.
//
// load_config() returns settings that are complete and valid on their own terms (neither network nor data
// directory is touched; secret and key files are read), or the first thing that is wrong: where it stands,
// what was expected, and for an unknown key the nearest known one. The environment wins over the file: [site]
// name is LONGSHORE_SITE_NAME, [source_registry.token] issuer is LONGSHORE_SOURCE_REGISTRY_TOKEN_ISSUER, the
// token of the first [[source]] is LONGSHORE_SOURCE_0_TOKEN; lists are separated by commas. A secret is given
// in place (`token`) or in a file of its own (`token_file`), never both. Relative paths in the file are
// relative to the file. Plain values: copy freely, read from any thread.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/bandwidth_schedule.h"
#include "storage/env/result.h"

namespace longshore::tools {

enum class site_role : std::uint8_t { primary, secondary };
enum class pull_recording : std::uint8_t { all, drop, drop_own };  // own: by user agent, which the puller chooses
enum class delete_policy : std::uint8_t { mirror, keep };

struct site_settings {
  std::string name;
  site_role role = site_role::primary;
  std::filesystem::path data_dir;
};

struct listen_settings {
  std::string address = "127.0.0.1:5080";          // host:port or [v6]:port; port 0 takes a free one
  std::filesystem::path tls_certificate, tls_key;  // both or neither; PEM
  std::string url;                                 // how commands reach this site; empty: made of the address
  std::filesystem::path ca_file;                   // whom they trust for it; empty: the system's authorities
  std::uint64_t header_bytes_max = 16u << 10;
  std::uint64_t body_bytes_max = 1u << 20;
  std::uint32_t connections_max = 1'024;
  std::chrono::milliseconds header_timeout{10'000};  // to receive a whole request
  std::chrono::milliseconds idle_timeout{120'000};   // between requests
};

// A name and the bearer token that proves it: a notification source, or a follower that may tail the log.
struct named_token {
  std::string name;
  std::string token;
};

struct log_settings {
  pull_recording pulls = pull_recording::all;
  std::uint64_t space_min = 256u << 20;  // free bytes below which new events are refused
};

struct primary_settings {
  std::string url;
  std::string token;
  std::filesystem::path ca_file;
};

// A token that this site signs itself with a key that it shares with the registry, as GitLab Geo does.
struct shared_key_settings {
  std::filesystem::path key_file;
  std::string key_pem;  // contents of key_file
  std::string issuer;
  std::string audience = "container_registry";
  std::string kid;  // empty: the libtrust fingerprint of the key
  std::chrono::milliseconds expire{300'000};
};

struct registry_settings {
  std::string url;  // https://host[:port], or http:// for a plain connection
  std::filesystem::path ca_file;
  std::string username, password;
  std::filesystem::path docker_config;                  // config.json with auths, credsStore, credHelpers
  std::vector<std::filesystem::path> credential_files;  // instead: several such, for commands without a configuration
  std::optional<shared_key_settings> token;
  std::uint32_t connections_max = 16;
  std::uint32_t connections_min = 2;   // what an overloaded registry still gets; connections_max if that is less
  std::uint64_t bytes_per_second = 0;  // of bodies, both ways together; 0: no limit
  double requests_per_second = 0;      // 0: no limit
  std::vector<engine::schedule_window> schedule;  // other bytes_per_second at these hours
  std::chrono::milliseconds stall_timeout{30'000};
};

// Who may notify, and how its registry is read to find what its notifications missed.
struct source_settings : named_token {
  std::optional<registry_settings> registry;
};

struct reconcile_settings {
  std::chrono::milliseconds every{3'600'000};                // 0: never by itself
  std::chrono::milliseconds digest_check_every{86'400'000};  // 0: never by itself
  std::vector<std::string> repositories;                     // empty: the registry's catalog
  std::vector<std::string> immutable_tags;                   // globs: tags that never move
  std::uint32_t repositories_concurrent = 4;
  std::uint32_t requests_per_second = 50;  // to each source
  bool on_hint = true;
};

struct replication_settings {
  std::uint32_t repositories_concurrent = 4;
  std::uint32_t blobs_concurrent = 4;
  bool untagged = true;
  delete_policy deletes = delete_policy::mirror;
  std::vector<std::string> include, exclude;            // globs over repository names; exclude wins
  std::vector<std::string> tags_include, tags_exclude;  // globs, "regex:...", "semver:..."; exclude wins
  std::vector<std::string> platforms;                   // of indexes; empty: all
  std::vector<std::string> media_types_exclude;         // globs
  std::chrono::milliseconds retry_min{1'000}, retry_max{300'000};
  double deletes_max_share = 0.5;       // of the target's tags of a repository, taken away by one pass unasked
  std::uint32_t deletes_min_tags = 10;  // a repository with fewer tags at the target has no such limit
  std::chrono::milliseconds verify_every{86'400'000};  // 0: only when asked
  std::uint64_t verify_rate = 50u << 20;               // bytes per second read by a deep verification; 0: no limit
};

struct log_file_settings {
  std::filesystem::path path;  // empty: standard error
  std::string level = "info";
  std::uint64_t bytes_max = 64u << 20;  // of one file
  std::uint32_t files_max = 5;          // this one and older ones
};

struct config {
  std::filesystem::path file;  // empty: from the environment alone
  site_settings site;
  listen_settings listen;
  std::string admin_token;
  std::vector<source_settings> sources;
  log_settings log;
  std::vector<named_token> followers;
  std::optional<primary_settings> primary;
  std::optional<registry_settings> source_registry, target_registry;
  reconcile_settings reconcile;
  replication_settings replication;
  log_file_settings log_file;
  std::vector<std::string> warnings;  // nothing that stops a site, everything an operator should hear of
};

using environment = std::map<std::string, std::string>;
environment process_environment();

// An empty path: the environment alone. errc::not_found for a missing file, errc::invalid for what is in it.
result<config> load_config(const std::filesystem::path& file, const environment& env);

}  // namespace longshore::tools
