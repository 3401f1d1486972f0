#include "tools/config_schema.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace longshore::tools {

namespace {

constexpr std::size_t secret_bytes_max = 64u << 10;

std::unexpected<error> refuse(const setting& s, const std::string& why) {
  return fail(errc::invalid, s.where + ": " + s.key + ": " + why);
}

result<void> want(const setting& s, value_type type) {
  if (s.type == type || s.from_environment) return {};
  return refuse(s, "expected " + std::string(name_of(type)) + ", found " + std::string(name_of(s.type)));
}

template <class Number>
result<Number> small_number(const setting& s) {
  result<void> typed = want(s, value_type::number);
  if (!typed) return pass(std::move(typed));
  const result<std::uint64_t> n = parse_number(s.text);
  if (!n) return refuse(s, n.error().text);
  if (!std::in_range<Number>(*n)) return refuse(s, s.text + " is too large");
  return static_cast<Number>(*n);
}

// Makers of take functions: `at` finds the place in the configuration that the value goes to.
template <class Place>
auto text(Place at) {
  return [at](config& c, std::size_t i, const setting& s) -> result<void> {
    result<void> typed = want(s, value_type::text);
    if (!typed) return typed;
    at(c, i) = s.text;
    return {};
  };
}

std::filesystem::path resolved(const setting& s) {
  const std::filesystem::path path(s.text);
  return path.empty() || path.is_absolute() ? path : s.base / path;
}

template <class Place>
auto path(Place at) {
  return [at](config& c, std::size_t i, const setting& s) -> result<void> {
    result<void> typed = want(s, value_type::text);
    if (!typed) return typed;
    at(c, i) = resolved(s);
    return {};
  };
}

// The contents of a file, without the line ends that editors leave behind.
template <class Place>
auto contents(Place at) {
  return [at](config& c, std::size_t i, const setting& s) -> result<void> {
    result<void> typed = want(s, value_type::text);
    if (!typed) return typed;
    result<std::string> bytes = read_small_file(resolved(s), secret_bytes_max);
    if (!bytes) return refuse(s, bytes.error().text);
    while (!bytes->empty() && (bytes->back() == '\n' || bytes->back() == '\r')) bytes->pop_back();
    if (bytes->empty()) return refuse(s, resolved(s).string() + " is empty");
    at(c, i) = std::move(*bytes);
    return {};
  };
}

template <class Place>
auto number(Place at) {
  return [at](config& c, std::size_t i, const setting& s) -> result<void> {
    auto& place = at(c, i);
    auto n = small_number<std::remove_cvref_t<decltype(place)>>(s);
    if (!n) return pass(std::move(n));
    place = *n;
    return {};
  };
}

// From 0 to 1.
template <class Place>
auto share(Place at) {
  return [at](config& c, std::size_t i, const setting& s) -> result<void> {
    result<void> typed = want(s, value_type::number);
    if (!typed) return typed;
    const result<double> value = parse_decimal(s.text);
    if (!value || *value > 1)
      return refuse(s, "\"" + s.text + "\" is no share: expected a number from 0 to 1, like 0.5");
    at(c, i) = *value;
    return {};
  };
}

template <class Place>
auto decimal(Place at) {
  return [at](config& c, std::size_t i, const setting& s) -> result<void> {
    result<void> typed = want(s, value_type::number);
    if (!typed) return typed;
    const result<double> n = parse_decimal(s.text);
    if (!n) return refuse(s, n.error().text);
    at(c, i) = *n;
    return {};
  };
}

template <class Place>
auto boolean(Place at) {
  return [at](config& c, std::size_t i, const setting& s) -> result<void> {
    result<void> typed = want(s, value_type::boolean);
    if (!typed) return typed;
    const result<bool> flag = parse_boolean(s.text);
    if (!flag) return refuse(s, flag.error().text);
    at(c, i) = *flag;
    return {};
  };
}

// A size may be a bare number of bytes too.
template <class Place>
auto size(Place at) {
  return [at](config& c, std::size_t i, const setting& s) -> result<void> {
    result<void> typed = s.type == value_type::number ? result<void>() : want(s, value_type::text);
    if (!typed) return typed;
    const result<std::uint64_t> n = parse_size(s.text);
    if (!n) return refuse(s, n.error().text);
    at(c, i) = *n;
    return {};
  };
}

template <class Place>
auto duration(Place at) {
  return [at](config& c, std::size_t i, const setting& s) -> result<void> {
    if (s.type == value_type::number) return refuse(s, "a duration has a unit, for example \"" + s.text + "s\"");
    result<void> typed = want(s, value_type::text);
    if (!typed) return typed;
    const result<std::chrono::milliseconds> d = parse_duration(s.text);
    if (!d) return refuse(s, d.error().text);
    at(c, i) = *d;
    return {};
  };
}

template <class Place, class Value, std::size_t N>
auto choice(Place at, std::array<std::pair<std::string_view, Value>, N> choices) {
  return [at, choices](config& c, std::size_t i, const setting& s) -> result<void> {
    result<void> typed = want(s, value_type::text);
    if (!typed) return typed;
    std::string known;
    for (const auto& [word, value] : choices) {
      if (word == s.text) {
        at(c, i) = value;
        return {};
      }
      known += (known.empty() ? "\"" : ", \"") + std::string(word) + "\"";
    }
    return refuse(s, "\"" + s.text + "\" is not one of " + known);
  };
}

template <class Place>
auto list(Place at) {
  return [at](config& c, std::size_t i, const setting& s) -> result<void> {
    result<void> typed = want(s, value_type::list);
    if (!typed) return typed;
    if (!s.from_environment) {
      at(c, i) = s.items;
      return {};
    }
    std::vector<std::string> items;
    std::string_view rest = s.text;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (comma > 0) items.emplace_back(rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    at(c, i) = std::move(items);
    return {};
  };
}

// "mon-fri 08:00-18:00 10MB": hours, then a size.
result<engine::schedule_window> window_of(const std::string& text) {
  std::size_t space = text.rfind(' ', text.find_last_of("0123456789"));  // "10 MB" has a blank of its own
  if (space == std::string::npos) space = text.rfind(' ');
  if (space == std::string::npos) {
    return fail(errc::invalid, "\"" + text + "\" lacks a rate: expected for example \"mon-fri 08:00-18:00 10MB\"");
  }
  const result<std::uint64_t> rate = parse_size(std::string_view(text).substr(space + 1));
  if (!rate) return std::unexpected(rate.error());
  return engine::parse_schedule_window(std::string_view(text).substr(0, space), *rate);
}

template <class Place>
auto schedule(Place at) {
  return [at](config& c, std::size_t i, const setting& s) -> result<void> {
    std::vector<std::string> texts;
    auto listed = list([&texts](config&, std::size_t) -> auto& { return texts; })(c, i, s);
    if (!listed) return listed;
    std::vector<engine::schedule_window> windows;
    for (const std::string& text : texts) {
      auto window = window_of(text);
      if (!window) return refuse(s, window.error().text);
      windows.push_back(*window);
    }
    at(c, i) = std::move(windows);
    return {};
  };
}

template <class Named>
Named& element(std::vector<Named>& of, std::size_t i) {
  if (of.size() <= i) of.resize(i + 1);
  return of[i];
}

template <class T>
T& present(std::optional<T>& of) {
  if (!of) of.emplace();
  return *of;
}

using registry_place = std::optional<registry_settings> config::*;

void add_registry(std::vector<key_spec>& to, const std::string& section, registry_place which) {
  const auto r = [which](config& c) -> registry_settings& { return present(c.*which); };
  const auto t = [r](config& c) -> shared_key_settings& { return present(r(c).token); };
  const auto add = [&](const char* key, auto take) { to.push_back({section + "." + key, std::move(take)}); };
  add("url", text([r](config& c, std::size_t) -> auto& { return r(c).url; }));
  add("ca_file", path([r](config& c, std::size_t) -> auto& { return r(c).ca_file; }));
  add("username", text([r](config& c, std::size_t) -> auto& { return r(c).username; }));
  add("password", text([r](config& c, std::size_t) -> auto& { return r(c).password; }));
  add("password_file", contents([r](config& c, std::size_t) -> auto& { return r(c).password; }));
  add("docker_config", path([r](config& c, std::size_t) -> auto& { return r(c).docker_config; }));
  add("connections_max", number([r](config& c, std::size_t) -> auto& { return r(c).connections_max; }));
  add("connections_min", number([r](config& c, std::size_t) -> auto& { return r(c).connections_min; }));
  add("bytes_per_second", size([r](config& c, std::size_t) -> auto& { return r(c).bytes_per_second; }));
  add("requests_per_second", decimal([r](config& c, std::size_t) -> auto& { return r(c).requests_per_second; }));
  add("schedule", schedule([r](config& c, std::size_t) -> auto& { return r(c).schedule; }));
  add("stall_timeout", duration([r](config& c, std::size_t) -> auto& { return r(c).stall_timeout; }));
  add("token.key_file", [t](config& c, std::size_t i, const setting& s) -> result<void> {
    result<void> read = contents([t](config& to_c, std::size_t) -> auto& { return t(to_c).key_pem; })(c, i, s);
    if (!read) return read;
    t(c).key_file = resolved(s);
    return {};
  });
  add("token.issuer", text([t](config& c, std::size_t) -> auto& { return t(c).issuer; }));
  add("token.audience", text([t](config& c, std::size_t) -> auto& { return t(c).audience; }));
  add("token.kid", text([t](config& c, std::size_t) -> auto& { return t(c).kid; }));
  add("token.expire", duration([t](config& c, std::size_t) -> auto& { return t(c).expire; }));
}

template <class Named>
void add_named_tokens(std::vector<key_spec>& to, const std::string& section, std::vector<Named> config::* which) {
  const auto e = [which](config& c, std::size_t i) -> named_token& { return element(c.*which, i); };
  to.push_back({section + "[].name", text([e](config& c, std::size_t i) -> auto& { return e(c, i).name; })});
  to.push_back({section + "[].token", text([e](config& c, std::size_t i) -> auto& { return e(c, i).token; })});
  to.push_back({section + "[].token_file", contents([e](config& c, std::size_t i) -> auto& { return e(c, i).token; })});
}

// A source's registry takes every key that [source_registry] takes: it stands there while one is read.
void add_source_registries(std::vector<key_spec>& to) {
  std::vector<key_spec> keys;
  add_registry(keys, "source[].registry", &config::source_registry);
  for (key_spec& spec : keys) {
    const auto take = std::move(spec.take);
    spec.take = [take](config& c, std::size_t i, const setting& s) {
      config scratch;
      source_settings& of = element(c.sources, i);
      scratch.source_registry = std::move(of.registry);
      auto taken = take(scratch, i, s);
      of.registry = std::move(scratch.source_registry);
      return taken;
    };
    to.push_back(std::move(spec));
  }
}

void add_reconcile(std::vector<key_spec>& to) {
  const auto add = [&](const char* key, auto take) {
    to.push_back({std::string("reconcile.") + key, std::move(take)});
  };
  const auto r = [](config& c) -> reconcile_settings& { return c.reconcile; };
  add("every", duration([r](config& c, std::size_t) -> auto& { return r(c).every; }));
  add("digest_check_every", duration([r](config& c, std::size_t) -> auto& { return r(c).digest_check_every; }));
  add("repositories", list([r](config& c, std::size_t) -> auto& { return r(c).repositories; }));
  add("immutable_tags", list([r](config& c, std::size_t) -> auto& { return r(c).immutable_tags; }));
  add("repositories_concurrent", number([r](config& c, std::size_t) -> auto& { return r(c).repositories_concurrent; }));
  add("requests_per_second", number([r](config& c, std::size_t) -> auto& { return r(c).requests_per_second; }));
  add("on_hint", boolean([r](config& c, std::size_t) -> auto& { return r(c).on_hint; }));
}

void add_site(std::vector<key_spec>& to) {
  const auto add = [&](const char* key, auto take) { to.push_back({key, std::move(take)}); };
  add("site.name", text([](config& c, std::size_t) -> auto& { return c.site.name; }));
  add("site.role", choice([](config& c, std::size_t) -> auto& { return c.site.role; },
                          std::array{std::pair{std::string_view("primary"), site_role::primary},
                                     std::pair{std::string_view("secondary"), site_role::secondary}}));
  add("site.data_dir", path([](config& c, std::size_t) -> auto& { return c.site.data_dir; }));
  add("admin.token", text([](config& c, std::size_t) -> auto& { return c.admin_token; }));
  add("admin.token_file", contents([](config& c, std::size_t) -> auto& { return c.admin_token; }));
  add("log.pulls", choice([](config& c, std::size_t) -> auto& { return c.log.pulls; },
                          std::array{std::pair{std::string_view("all"), pull_recording::all},
                                     std::pair{std::string_view("drop"), pull_recording::drop},
                                     std::pair{std::string_view("drop_own"), pull_recording::drop_own}}));
  add("log.space_min", size([](config& c, std::size_t) -> auto& { return c.log.space_min; }));
  add("log_file.path", path([](config& c, std::size_t) -> auto& { return c.log_file.path; }));
  add("log_file.level", text([](config& c, std::size_t) -> auto& { return c.log_file.level; }));
  add("log_file.bytes_max", size([](config& c, std::size_t) -> auto& { return c.log_file.bytes_max; }));
  add("log_file.files_max", number([](config& c, std::size_t) -> auto& { return c.log_file.files_max; }));
  add("primary.url", text([](config& c, std::size_t) -> auto& { return present(c.primary).url; }));
  add("primary.token", text([](config& c, std::size_t) -> auto& { return present(c.primary).token; }));
  add("primary.token_file", contents([](config& c, std::size_t) -> auto& { return present(c.primary).token; }));
  add("primary.ca_file", path([](config& c, std::size_t) -> auto& { return present(c.primary).ca_file; }));
}

void add_listen(std::vector<key_spec>& to) {
  const auto add = [&](const char* key, auto take) { to.push_back({key, std::move(take)}); };
  add("listen.address", text([](config& c, std::size_t) -> auto& { return c.listen.address; }));
  add("listen.url", text([](config& c, std::size_t) -> auto& { return c.listen.url; }));
  add("listen.ca_file", path([](config& c, std::size_t) -> auto& { return c.listen.ca_file; }));
  add("listen.tls_certificate", path([](config& c, std::size_t) -> auto& { return c.listen.tls_certificate; }));
  add("listen.tls_key", path([](config& c, std::size_t) -> auto& { return c.listen.tls_key; }));
  add("listen.header_bytes_max", size([](config& c, std::size_t) -> auto& { return c.listen.header_bytes_max; }));
  add("listen.body_bytes_max", size([](config& c, std::size_t) -> auto& { return c.listen.body_bytes_max; }));
  add("listen.connections_max", number([](config& c, std::size_t) -> auto& { return c.listen.connections_max; }));
  add("listen.header_timeout", duration([](config& c, std::size_t) -> auto& { return c.listen.header_timeout; }));
  add("listen.idle_timeout", duration([](config& c, std::size_t) -> auto& { return c.listen.idle_timeout; }));
}

void add_replication(std::vector<key_spec>& to) {
  const auto add = [&](const char* key, auto take) {
    to.push_back({std::string("replication.") + key, std::move(take)});
  };
  const auto r = [](config& c) -> replication_settings& { return c.replication; };
  add("repositories_concurrent", number([r](config& c, std::size_t) -> auto& { return r(c).repositories_concurrent; }));
  add("blobs_concurrent", number([r](config& c, std::size_t) -> auto& { return r(c).blobs_concurrent; }));
  add("untagged", boolean([r](config& c, std::size_t) -> auto& { return r(c).untagged; }));
  add("deletes", choice([r](config& c, std::size_t) -> auto& { return r(c).deletes; },
                        std::array{std::pair{std::string_view("mirror"), delete_policy::mirror},
                                   std::pair{std::string_view("keep"), delete_policy::keep}}));
  add("include", list([r](config& c, std::size_t) -> auto& { return r(c).include; }));
  add("exclude", list([r](config& c, std::size_t) -> auto& { return r(c).exclude; }));
  add("tags_include", list([r](config& c, std::size_t) -> auto& { return r(c).tags_include; }));
  add("tags_exclude", list([r](config& c, std::size_t) -> auto& { return r(c).tags_exclude; }));
  add("platforms", list([r](config& c, std::size_t) -> auto& { return r(c).platforms; }));
  add("media_types_exclude", list([r](config& c, std::size_t) -> auto& { return r(c).media_types_exclude; }));
  add("retry_min", duration([r](config& c, std::size_t) -> auto& { return r(c).retry_min; }));
  add("retry_max", duration([r](config& c, std::size_t) -> auto& { return r(c).retry_max; }));
  add("deletes_max_share", share([r](config& c, std::size_t) -> auto& { return r(c).deletes_max_share; }));
  add("deletes_min_tags", number([r](config& c, std::size_t) -> auto& { return r(c).deletes_min_tags; }));
  add("verify_every", duration([r](config& c, std::size_t) -> auto& { return r(c).verify_every; }));
  add("verify_rate", size([r](config& c, std::size_t) -> auto& { return r(c).verify_rate; }));
}

}  // namespace

const std::vector<key_spec>& key_specs() {
  static const std::vector<key_spec> all = [] {
    std::vector<key_spec> made;
    add_site(made);
    add_listen(made);
    add_named_tokens(made, "source", &config::sources);
    add_named_tokens(made, "follower", &config::followers);
    add_registry(made, "source_registry", &config::source_registry);
    add_registry(made, "target_registry", &config::target_registry);
    add_source_registries(made);
    add_reconcile(made);
    add_replication(made);
    return made;
  }();
  return all;
}

generic_key generic(std::string_view key) {
  const std::size_t open = key.find('[');
  const std::size_t close = key.find(']');
  if (open == std::string_view::npos || close == std::string_view::npos) return {std::string(key), 0};
  std::size_t index = 0;
  std::from_chars(key.data() + open + 1, key.data() + close, index);
  return {std::string(key.substr(0, open + 1)) + std::string(key.substr(close)), index};
}

std::string environment_name(std::string_view key, std::size_t index) {
  std::string name = "LONGSHORE_";
  for (const char c : key) {
    if (c == '.') name += '_';
    if (c == '[') name += "_" + std::to_string(index);
    if (c != '.' && c != '[' && c != ']') name += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return name;
}

}  // namespace longshore::tools
