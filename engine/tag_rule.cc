#include "engine/tag_rule.h"

#include <re2/re2.h>

#include "engine/glob.h"

namespace longshore::engine {
namespace {

constexpr std::size_t rule_bytes_max = 1'000;
constexpr std::int64_t regex_memory_max = 1 << 20;
constexpr std::string_view regex_prefix = "regex:";
constexpr std::string_view semver_prefix = "semver:";

re2::StringPiece piece(std::string_view s) { return {s.data(), s.size()}; }

}  // namespace

result<tag_rule> tag_rule::parse(std::string text) {
  if (text.empty()) return fail(errc::invalid, "an empty rule; \"*\" matches every tag");
  if (text.size() > rule_bytes_max) return fail(errc::invalid, "a rule has at most 1000 characters");
  tag_rule rule(std::move(text));
  const std::string_view all = rule.text_;
  if (all.starts_with(regex_prefix)) {
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_encoding(re2::RE2::Options::EncodingLatin1);  // tags are ASCII
    options.set_max_mem(regex_memory_max);
    options.set_never_capture(true);
    auto regex = std::make_shared<re2::RE2>(piece(all.substr(regex_prefix.size())), options);
    if (!regex->ok()) return fail(errc::invalid, "\"" + rule.text_ + "\" is no regular expression: " + regex->error());
    rule.regex_ = std::move(regex);
  } else if (all.starts_with(semver_prefix)) {
    auto range = version_range::parse(all.substr(semver_prefix.size()));
    if (!range) return pass(std::move(range), "\"" + rule.text_ + "\"");
    rule.range_ = *std::move(range);
  } else if (all.find(':') != std::string_view::npos) {
    return fail(errc::invalid, "\"" + rule.text_ + "\": a rule is a glob, \"regex:...\" or \"semver:...\"");
  }
  return rule;
}

bool tag_rule::matches(std::string_view tag) const {
  if (regex_) return re2::RE2::FullMatch(piece(tag), *regex_);
  if (!range_) return engine::matches(text_, tag);
  const auto version = parse_version(tag);
  return version && range_->contains(*version);
}

result<std::vector<tag_rule>> parse_tag_rules(const std::vector<std::string>& texts) {
  std::vector<tag_rule> rules;
  for (const std::string& text : texts) {
    auto rule = tag_rule::parse(text);
    if (!rule) return pass(std::move(rule));
    rules.push_back(*std::move(rule));
  }
  return rules;
}

const tag_rule* first_match(const std::vector<tag_rule>& rules, std::string_view tag) {
  for (const tag_rule& rule : rules) {
    if (rule.matches(tag)) return &rule;
  }
  return nullptr;
}

}  // namespace longshore::engine
