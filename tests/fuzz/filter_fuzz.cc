// Rules that operators write, and the tags and versions that they are held against: anything may come, nothing may
// hang. The input is a rule, a line end, and a tag.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/replication_filter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longshore::engine;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  const std::string_view rule = text.substr(0, line);
  const std::string_view tag = line == std::string_view::npos ? rule : text.substr(line + 1);
  if (const auto v = parse_version(tag); v && ((*v <=> *v) != 0 || !(*v == *v))) std::abort();
  if (const auto range = version_range::parse(rule)) {
    if (const auto v = parse_version(tag)) static_cast<void>(range->contains(*v));
  }
  if (const auto r = tag_rule::parse(std::string(rule))) static_cast<void>(r->matches(tag));
  if (const auto subject = accessory_subject(tag)) {
    bool found = false;
    for (const std::string& t : accessory_tags(*subject)) found = found || t == tag;
    if (!found) std::abort();
  }
  if (const auto f = replication_filter::make({.tags_include = {std::string(rule)}, .platforms = {std::string(tag)}})) {
    static_cast<void>(f->tag(tag));
  }
  return 0;
}
