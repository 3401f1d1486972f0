#include "api/listing_parser.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <optional>

namespace longshore::api {

namespace json = boost::json;

namespace {

std::unexpected<error> no_listing() {
  return fail(errc::corrupt, "the answer is not a listing; is there a proxy in front?");
}

}  // namespace

// What Boost.JSON calls as it reads. The root is at depth 1, the list at 2, the members of its objects at 3.
class listing_parser::reading {
 public:
  static constexpr std::size_t max_object_size = SIZE_MAX, max_array_size = SIZE_MAX, max_key_size = SIZE_MAX,
                               max_string_size = SIZE_MAX;

  reading(std::string member, taker take) : member_(std::move(member)), take_(std::move(take)) {}
  bool has_list() const { return has_list_; }
  const std::optional<error>& failure() const { return failure_; }

  static bool on_document_begin(json::error_code&) { return true; }
  static bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code& ec) {
    if (depth_ == 2 && in_list_) entry_ = {true, {}, {}, {}, 0};
    if (depth_ == 1 && at_member_) return refuse(ec);
    ++depth_;
    return true;
  }
  bool on_object_end(std::size_t, json::error_code& ec) {
    --depth_;
    return depth_ != 2 || !in_list_ || give(ec);
  }
  bool on_array_begin(json::error_code& ec) {
    if (depth_ == 0 || (depth_ == 2 && in_list_)) return refuse(ec);
    if (depth_ == 1 && at_member_) in_list_ = has_list_ = true;
    ++depth_;
    return true;
  }
  bool on_array_end(std::size_t, json::error_code&) {
    if (--depth_ == 1) in_list_ = false;
    return true;
  }
  bool on_key_part(json::string_view s, std::size_t, json::error_code&) { return keep(s); }
  bool on_key(json::string_view s, std::size_t, json::error_code&) {
    keep(s);
    if (depth_ == 1) at_member_ = text_ == member_;
    if (depth_ == 3) field_ = text_;
    text_.clear();
    return true;
  }
  bool on_string_part(json::string_view s, std::size_t, json::error_code&) { return keep(s); }
  bool on_string(json::string_view s, std::size_t, json::error_code& ec) {
    keep(s);
    const std::string text = std::exchange(text_, {});
    if (depth_ == 3 && in_list_ && field_ == "digest") entry_.digest = text;
    if (depth_ == 3 && in_list_ && field_ == "mediaType") entry_.media_type = text;
    if (depth_ != 2 || !in_list_) return scalar(ec);
    entry_ = {false, text, {}, {}, 0};
    return give(ec);
  }
  static bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t n, json::string_view, json::error_code& ec) {
    if (n >= 0) return on_uint64(static_cast<std::uint64_t>(n), {}, ec);
    return is_size() ? refuse(ec) : scalar(ec);
  }
  bool on_uint64(std::uint64_t n, json::string_view, json::error_code& ec) {
    if (is_size()) entry_.size = n;
    return scalar(ec);
  }
  bool on_double(double, json::string_view, json::error_code& ec) { return is_size() ? refuse(ec) : scalar(ec); }
  bool on_bool(bool, json::error_code& ec) { return scalar(ec); }
  bool on_null(json::error_code& ec) {
    // What Go servers write for an empty list.
    if (depth_ == 1 && at_member_) return has_list_ = true;
    return scalar(ec);
  }
  static bool on_comment_part(json::string_view, json::error_code&) { return true; }
  static bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  bool is_size() const { return depth_ == 3 && in_list_ && field_ == "size"; }
  // A value that is neither an object nor a list is fine but in the place of one.
  bool scalar(json::error_code& ec) {
    const bool is_root = depth_ == 0;
    const bool is_list = depth_ == 1 && at_member_;
    const bool is_entry = depth_ == 2 && in_list_;
    return is_root || is_list || is_entry ? refuse(ec) : true;
  }
  bool keep(json::string_view part) {
    const std::size_t room = text_bytes_max + 1 - text_.size();
    text_.append(part.data(), std::min(part.size(), room));
    return true;
  }
  bool give(json::error_code& ec) {
    auto taken = take_(entry_);
    if (taken) return true;
    failure_ = std::move(taken).error();
    return refuse(ec);
  }
  static bool refuse(json::error_code& ec) {
    ec = json::error::syntax;
    return false;
  }

  std::string member_;
  taker take_;
  int depth_ = 0;
  bool at_member_ = false, in_list_ = false, has_list_ = false;
  std::string text_, field_;
  listing_entry entry_;
  std::optional<error> failure_;
};

struct listing_parser::parser : json::basic_parser<reading> {
  using json::basic_parser<reading>::basic_parser;
};

listing_parser::listing_parser(std::string member, taker take)
    : parser_(std::make_unique<parser>(json::parse_options(), std::move(member), std::move(take))) {}

listing_parser::~listing_parser() = default;

result<void> listing_parser::write(std::string_view text) {
  json::error_code ec;
  const std::size_t used = parser_->write_some(true, text.data(), text.size(), ec);
  if (const auto& why = parser_->handler().failure()) return std::unexpected<error>(*why);
  // Only white space may come behind the end.
  const bool is_rest = text.find_first_not_of(" \t\r\n", used) != std::string_view::npos;
  if (ec || (used < text.size() && is_rest)) return no_listing();
  return {};
}

result<void> listing_parser::finish() {
  json::error_code ec;
  if (!parser_->done()) parser_->write_some(false, nullptr, 0, ec);
  if (ec || !parser_->done() || !parser_->handler().has_list()) return no_listing();
  return {};
}

}  // namespace longshore::api
