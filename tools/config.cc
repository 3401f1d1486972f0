#include "tools/config.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "tools/config_check.h"
#include "tools/config_schema.h"
#include "tools/config_value.h"

extern char** environ;

namespace longshore::tools {

namespace {

constexpr std::string_view prefix = "LONGSHORE_";
constexpr std::size_t elements_max = 1'024;

const key_spec* find_key(std::string_view key) {
  const auto& all = key_specs();
  const auto found = std::ranges::find(all, key, &key_spec::key);
  return found == all.end() ? nullptr : &*found;
}

// All sections, "[]" and all: "site", "source[]", "source_registry.token", ...
std::vector<std::string> sections() {
  std::set<std::string> names;
  for (const key_spec& spec : key_specs()) {
    for (std::size_t dot = spec.key.find('.'); dot != std::string::npos; dot = spec.key.find('.', dot + 1)) {
      names.insert(spec.key.substr(0, dot));
    }
  }
  return {names.begin(), names.end()};
}

std::string shown(std::string key) {
  std::erase_if(key, [](char c) { return c == '[' || c == ']'; });
  return key;
}

std::unexpected<error> unknown(const setting& s, const generic_key& g) {
  std::vector<std::string> candidates;
  if (s.type == value_type::table) {
    candidates = sections();
  } else {
    // In a known section the hint stays within it: it is the key that is misspelt.
    const std::size_t dot = g.key.rfind('.');
    const std::string section = dot == std::string::npos ? "" : g.key.substr(0, dot + 1);
    for (const key_spec& spec : key_specs()) {
      if (spec.key.starts_with(section)) candidates.push_back(spec.key);
    }
  }
  for (std::string& candidate : candidates) candidate = shown(candidate);
  const std::string word = shown(g.key);
  const auto hint = nearest(word, candidates);
  return fail(errc::invalid,
              s.where + ": unknown " + (s.type == value_type::table ? "section [" : "key ") + word +
                  (s.type == value_type::table ? "]" : "") +
                  (hint ? "; did you mean " + *hint + "?" : "; tools/README.md lists the keys there are"));
}

result<void> known(const setting& s) {
  const generic_key g = generic(s.key);
  if (s.type != value_type::table) {
    const key_spec* spec = find_key(g.key);
    if (spec != nullptr) return {};
    const auto all = sections();
    if (std::ranges::find(all, g.key) != all.end() || std::ranges::find(all, g.key + "[]") != all.end()) {
      return fail(errc::invalid, s.where + ": " + s.key + " is a section: write [" + s.key + "] (or [[" + s.key +
                                     "]]) and its keys below");
    }
    return unknown(s, g);
  }
  const auto all = sections();
  if (std::ranges::find(all, g.key) != all.end()) return {};
  if (std::ranges::find(all, g.key + "[]") != all.end()) {
    return fail(errc::invalid, s.where + ": there may be several of [" + s.key + "]: write [[" + s.key + "]]");
  }
  const std::string one = shown(g.key);
  if (g.key.ends_with("[]") && std::ranges::find(all, one) != all.end()) {
    return fail(errc::invalid, s.where + ": there is only one [" + one + "]: write it in single brackets");
  }
  return unknown(s, g);
}

// "SOURCE_3_TOKEN" against "source[].token": the index, when the variable is this key's.
std::optional<std::size_t> index_in(std::string_view variable, std::string_view key) {
  const std::size_t open = key.find('[');
  if (open == std::string_view::npos) {
    return variable == environment_name(key, 0) ? std::optional<std::size_t>(0) : std::nullopt;
  }
  const std::string head = environment_name(key.substr(0, open), 0) + "_";
  if (!variable.starts_with(head)) return std::nullopt;
  std::size_t index = 0;
  const std::string_view rest = variable.substr(head.size());
  const auto [end, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), index);
  if (failed != std::errc{} || end == rest.data() || index >= elements_max) return std::nullopt;
  return variable == environment_name(key, index) ? std::optional(index) : std::nullopt;
}

// What container platforms set by themselves for a service that happens to be named longshore.
bool is_platform_variable(std::string_view variable) {
  return variable == "LONGSHORE_CONFIG" || variable.starts_with("LONGSHORE_PORT") ||
         variable.starts_with("LONGSHORE_SERVICE_");
}

std::vector<setting> read_environment(const environment& env, std::vector<std::string>& warnings) {
  std::vector<setting> out;
  for (auto it = env.lower_bound(std::string(prefix)); it != env.end() && it->first.starts_with(prefix); ++it) {
    const auto& [variable, value] = *it;
    bool taken = is_platform_variable(variable);
    for (const key_spec& spec : key_specs()) {
      const auto index = index_in(variable, spec.key);
      if (!index) continue;
      setting s;
      s.key = spec.key;
      if (const std::size_t open = s.key.find("[]"); open != std::string::npos) {
        s.key.insert(open + 1, std::to_string(*index));
      }
      s.from_environment = true;
      s.text = value;
      s.where = variable;
      out.push_back(std::move(s));
      taken = true;
      break;
    }
    if (taken) continue;
    std::vector<std::string> names;
    for (const key_spec& spec : key_specs()) names.push_back(environment_name(spec.key, 0));
    const auto hint = nearest(variable, names);
    warnings.push_back("environment variable " + variable + " sets no known key and is ignored" +
                       (hint ? "; did you mean " + *hint + "?" : ""));
  }
  return out;
}

// token <-> token_file: two ways to give one thing.
std::string sibling(const std::string& key) {
  constexpr std::string_view suffix = "_file";
  if (key.ends_with(suffix)) return key.substr(0, key.size() - suffix.size());
  return key + std::string(suffix);
}

using settings_by_key = std::map<std::string, setting>;

void overlay(settings_by_key& settings, std::vector<setting> from_environment) {
  std::set<std::string> set_here;
  for (const setting& s : from_environment) set_here.insert(s.key);
  for (setting& s : from_environment) {
    if (!set_here.contains(sibling(s.key))) settings.erase(sibling(s.key));
    settings[s.key] = std::move(s);
  }
}

result<void> check_density(const settings_by_key& settings) {
  std::map<std::string, std::set<std::size_t>> seen;
  for (const auto& [key, s] : settings) {
    const generic_key g = generic(key);
    const std::size_t open = g.key.find('[');
    if (open != std::string::npos) seen[g.key.substr(0, open)].insert(g.index);
  }
  for (const auto& [section, indices] : seen) {
    if (*indices.rbegin() + 1 == indices.size()) continue;
    return fail(errc::invalid,
                "the " + section + "s in the environment are numbered from 0 without gaps, after those " +
                    "in the file; number " + std::to_string(indices.size() - 1) + " or one before is missing");
  }
  return {};
}

}  // namespace

environment process_environment() {
  environment env;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || !text.starts_with(prefix)) continue;
    env.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return env;
}

result<config> load_config(const std::filesystem::path& file, const environment& env) {
  config c;
  c.file = file;
  settings_by_key settings;
  if (!file.empty()) {
    result<std::vector<setting>> given = read_toml(file);
    if (!given) return pass(std::move(given));
    for (setting& s : *given) {
      result<void> is_known = known(s);
      if (!is_known) return pass(std::move(is_known));
      if (s.type != value_type::table) settings[s.key] = std::move(s);
    }
  }
  overlay(settings, read_environment(env, c.warnings));
  result<void> dense = check_density(settings);
  if (!dense) return pass(std::move(dense));
  key_places places;
  for (const auto& [key, s] : settings) {
    const key_spec* spec = find_key(generic(key).key);
    if (const auto twin = settings.find(sibling(key)); twin != settings.end() && find_key(generic(twin->first).key)) {
      return fail(errc::invalid, s.where + ": both " + key + " and " + twin->first + " are given: keep one of them");
    }
    result<void> taken = spec->take(c, generic(key).index, s);
    if (!taken) return pass(std::move(taken));
    places[key] = s.where;
  }
  result<void> checked = check(c, places);
  if (!checked) return pass(std::move(checked));
  return c;
}

}  // namespace longshore::tools
