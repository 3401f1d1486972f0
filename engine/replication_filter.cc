#include "engine/replication_filter.h"

#include <algorithm>
#include <array>

#include "engine/glob.h"

namespace longshore::engine {
namespace {

constexpr std::array<std::string_view, 4> accessory_suffixes{"", ".sig", ".att", ".sbom"};
constexpr std::string_view accessory_prefix = "sha256-";
constexpr std::size_t sha256_hex = 64;

std::string named(std::string_view key, std::string_view rule) { return std::string(key) + ": " + std::string(rule); }

const std::string* first_glob(const std::vector<std::string>& globs, std::string_view text) {
  const auto at = std::ranges::find_if(globs, [&](const std::string& g) { return matches(g, text); });
  return at == globs.end() ? nullptr : &*at;
}

std::string joined(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& s : list) out += (out.empty() ? "" : ", ") + s;
  return out;
}

bool speaks_of_accessories(const std::string& rule) {
  return rule.find(accessory_prefix) != std::string::npos ||
         std::ranges::any_of(accessory_suffixes, [&](std::string_view s) { return !s.empty() && rule.ends_with(s); });
}

// "os/architecture" or "os/architecture/variant", nothing empty.
bool is_platform(std::string_view p) {
  const auto slashes = std::ranges::count(p, '/');
  return (slashes == 1 || slashes == 2) && p.front() != '/' && p.back() != '/' &&
         p.find("//") == std::string_view::npos && p.find(' ') == std::string_view::npos;
}

bool takes_platform(std::string_view rule, std::string_view platform) {
  if (rule == platform) return true;
  // The one that says less stands for every variant.
  const auto extends = [](std::string_view longer, std::string_view shorter) {
    return std::ranges::count(shorter, '/') == 1 && longer.size() > shorter.size() && longer.starts_with(shorter) &&
           longer[shorter.size()] == '/';
  };
  return extends(platform, rule) || extends(rule, platform);
}

void add_list(std::string& to, char key, const std::vector<std::string>& list) {
  for (const std::string& s : list) (to += key).append(s).push_back('\n');
}

}  // namespace

result<replication_filter> replication_filter::make(filter_rules rules) {
  replication_filter f;
  auto include = parse_tag_rules(rules.tags_include);
  if (!include) return pass(std::move(include), "tags_include");
  auto exclude = parse_tag_rules(rules.tags_exclude);
  if (!exclude) return pass(std::move(exclude), "tags_exclude");
  for (const std::string& p : rules.platforms) {
    if (p.empty() || !is_platform(p)) {
      return fail(errc::invalid, "platforms: \"" + p + "\" is no platform; they are like \"linux/arm64\"");
    }
  }
  for (const std::string& type : rules.media_types_exclude) {
    if (type.empty()) return fail(errc::invalid, "media_types_exclude: an empty pattern");
  }
  f.tags_include_ = *std::move(include);
  f.tags_exclude_ = *std::move(exclude);
  std::string all;
  add_list(all, 'i', rules.tags_include);
  add_list(all, 'e', rules.tags_exclude);
  add_list(all, 'p', rules.platforms);
  add_list(all, 'm', rules.media_types_exclude);
  if (!rules.untagged) all += "u\n";
  if (!all.empty()) f.fingerprint_ = digest::of(all).text().substr(0, accessory_prefix.size() + 16);
  f.rules_ = std::move(rules);
  return f;
}

replication_filter::verdict replication_filter::repository(std::string_view name) const {
  if (const std::string* glob = first_glob(rules_.exclude, name)) return named("exclude", *glob);
  if (rules_.include.empty() || first_glob(rules_.include, name) != nullptr) return std::nullopt;
  return named("include", joined(rules_.include));
}

replication_filter::verdict replication_filter::tag(std::string_view name) const {
  const bool accessory = accessory_subject(name).has_value();
  for (const tag_rule& rule : tags_exclude_) {
    if (accessory && !speaks_of_accessories(rule.text())) continue;
    if (rule.matches(name)) return named("tags_exclude", rule.text());
  }
  if (accessory || tags_include_.empty() || first_match(tags_include_, name) != nullptr) return std::nullopt;
  return named("tags_include", joined(rules_.tags_include));
}

replication_filter::verdict replication_filter::untagged() const {
  if (!rules_.untagged) return "untagged: false";
  if (judges_tags()) return "untagged: belongs to no tag that is taken";
  return std::nullopt;
}

replication_filter::verdict replication_filter::media_types(std::string_view type, const manifest& content) const {
  std::vector<std::string_view> types{type, content.artifact_type};
  if (content.kind != manifest_kind::index) {
    for (const manifest_reference& r : content.references) types.push_back(r.target.media_type);
  }
  for (const std::string_view t : types) {
    if (t.empty()) continue;
    if (const std::string* glob = first_glob(rules_.media_types_exclude, t)) return named("media_types_exclude", *glob);
  }
  return std::nullopt;
}

replication_filter::verdict replication_filter::entry(const manifest& index, const manifest_reference& entry) const {
  if (rules_.platforms.empty()) return std::nullopt;
  if (!entry.target.attests.empty()) {
    for (const manifest_reference& other : index.references) {
      if (!other.target.attests.empty() || other.target.digest.text() != entry.target.attests) continue;
      return this->entry(index, other);
    }
    return std::nullopt;
  }
  const std::string& platform = entry.target.platform;
  const bool taken = platform.empty() || std::ranges::any_of(rules_.platforms, [&](const std::string& rule) {
                       return takes_platform(rule, platform);
                     });
  return taken ? std::nullopt : verdict(named("platforms", joined(rules_.platforms)));
}

std::optional<std::string> accessory_subject(std::string_view tag) {
  if (!tag.starts_with(accessory_prefix) || tag.size() < accessory_prefix.size() + sha256_hex) return std::nullopt;
  const std::string_view hex = tag.substr(accessory_prefix.size(), sha256_hex);
  const std::string_view suffix = tag.substr(accessory_prefix.size() + sha256_hex);
  const bool is_hex = hex.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (!is_hex || std::ranges::find(accessory_suffixes, suffix) == accessory_suffixes.end()) return std::nullopt;
  return "sha256:" + std::string(hex);
}

std::vector<std::string> accessory_tags(std::string_view digest_text) {
  std::vector<std::string> tags;
  if (!digest_text.starts_with("sha256:")) return tags;
  for (const std::string_view suffix : accessory_suffixes) {
    tags.push_back(std::string(accessory_prefix) + std::string(digest_text.substr(7)) + std::string(suffix));
  }
  return tags;
}

}  // namespace longshore::engine
