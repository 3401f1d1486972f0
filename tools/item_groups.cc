#include "tools/item_groups.h"
#include "tools/json_text.h"

#include <algorithm>
#include <utility>

namespace longshore::tools {
namespace {

namespace json = boost::json;

constexpr std::string_view mark = "\001";  // where a remedy names the item
constexpr std::size_t together_max = 1'000, names_in_line = 8;

std::string without_digests(std::string_view text) {
  std::string kept;
  for (;;) {
    const std::size_t at = std::min(text.find("sha256:"), text.find("sha512:"));
    if (at == std::string_view::npos) return kept.append(text);
    const std::size_t hex = at + std::string_view("sha256:").size();
    kept.append(text.substr(0, hex));
    const std::size_t end = std::min(text.find_first_not_of("0123456789abcdef", hex), text.size());
    if (end > hex) kept += "...";
    text.remove_prefix(end);
  }
}

}  // namespace

std::string item_groups::add(const json::value& item) {
  const std::string ref = text_at(item, "/reference");
  const char* between = ref.empty() ? "" : ref.find(':') == std::string::npos ? ":" : "@";
  const std::string reason = text_at(item, "/reason");
  cause now{text_at(item, "/repository"), text_at(item, "/state"), without_digests(reason), text_at(item, "/remedy")};
  std::string name = now.repository + between + ref;
  const std::size_t at = ref.empty() ? std::string::npos : now.remedy.find(name);
  if (at != std::string::npos) now.remedy.replace(at, name.size(), mark);
  std::string ended;
  if (now != cause_ || names_.size() >= together_max) ended = rest();
  if (names_.empty()) reason_ = reason;
  differ_ = differ_ || reason != reason_;
  cause_ = std::move(now);
  names_.push_back(std::move(name));
  return ended;
}

std::string item_groups::rest() {
  if (names_.empty()) return {};
  std::string text = names_.front();
  for (std::size_t i = 1; i < names_.size(); ++i) {
    text += (i % names_in_line == 0 ? ",\n    " : ", ") + names_[i].substr(cause_.repository.size());
  }
  std::string remedy = cause_.remedy;
  if (const std::size_t at = remedy.find(mark); at != std::string::npos) {
    remedy.replace(at, mark.size(), names_.size() == 1 ? names_.front() : cause_.repository);
  }
  names_.clear();
  const std::string reason = std::exchange(differ_, false) ? cause_.reason + " (--json has each digest)" : reason_;
  return text + ": " + cause_.state + ": " + reason + "\n    " + remedy + "\n";
}

}  // namespace longshore::tools
