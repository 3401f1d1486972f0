#include "api/event_slices.h"

namespace longshore::api {

namespace {

// Walks valid JSON; on anything else it runs to the end and stops there.
class walker {
 public:
  explicit walker(std::string_view text) : text_(text) {}

  char peek() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
      ++at_;
    }
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  // With its quotes.
  std::string_view string() {
    const std::size_t begin = at_++;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    at_ = at_ < text_.size() ? at_ + 1 : text_.size();
    return text_.substr(begin, at_ - begin);
  }
  std::string_view value() {
    peek();
    const std::size_t begin = at_;
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        string();
        if (depth == 0) break;
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (depth == 0 && (c == ',' || c == ']' || c == '}' || c <= ' ')) break;
      ++at_;
      if ((c == '}' || c == ']') && --depth == 0) break;
    }
    return text_.substr(begin, at_ - begin);
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<std::string_view> event_slices(std::string_view text) {
  std::vector<std::string_view> found;
  walker in(text);
  if (!in.take('{')) return {};
  bool seen = false;
  while (in.peek() == '"') {
    const std::string_view name = in.string();
    if (name.find('\\') != std::string_view::npos || !in.take(':')) return {};
    if (name != "\"events\"") {
      in.value();
    } else {
      if (seen || !in.take('[')) return {};
      seen = true;
      while (in.peek() != ']' && in.peek() != '\0') {
        found.push_back(in.value());
        if (!in.take(',')) break;
      }
      if (!in.take(']')) return {};
    }
    if (!in.take(',')) break;
  }
  return found;
}

}  // namespace longshore::api
