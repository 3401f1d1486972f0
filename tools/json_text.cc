#include "tools/json_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace longshore::tools {

namespace {

namespace json = boost::json;

std::string scalar(const json::value& v) {
  if (v.is_string()) return visible(v.as_string());
  if (v.is_null()) return "-";
  if (v.is_double()) {
    std::array<char, 64> text{};
    const auto [end, failed] =
        std::to_chars(text.data(), text.data() + text.size(), v.as_double(), std::chars_format::fixed, 3);
    if (failed == std::errc{}) return std::string(text.data(), end);
  }
  if (v.is_array() && !v.as_array().empty()) {
    std::string all;
    for (const json::value& one : v.as_array()) all += (all.empty() ? "" : ", ") + scalar(one);
    return all;
  }
  return json::serialize(v);
}

bool is_table(const json::value& v) {
  return v.is_array() && !v.as_array().empty() &&
         std::ranges::all_of(v.as_array(), [](const json::value& row) { return row.is_object(); });
}

std::string upper(std::string_view name) {
  std::string out = visible(name);
  for (char& c : out) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return out;
}

void append_rows(std::string& out, const std::vector<std::vector<std::string>>& rows, const std::string& indent) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line = indent;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n";
  }
}

constexpr std::size_t line_max = 200;

void append_object(std::string& out, const json::object& object, const std::string& indent);

bool is_nested(const json::value& v) { return is_table(v) || (v.is_object() && !v.as_object().empty()); }

bool is_plain(const json::value& row) {
  return std::ranges::none_of(row.as_object(), [](const auto& member) { return is_nested(member.value()); });
}

void append_one_by_one(std::string& out, const json::array& list, const std::string& indent) {
  for (const json::value& row : list) {
    if (&row != &list.front()) out += "\n";
    append_object(out, row.as_object(), indent);
  }
}

// The members of the rows, in the order in which they come.
std::vector<std::string> columns_of(const json::array& list, bool also_empty) {
  std::vector<std::string> names;
  for (const json::value& row : list) {
    for (const auto& member : row.as_object()) {
      const bool counts = also_empty || !member.value().is_null();
      const bool is_new = std::ranges::find(names, std::string_view(member.key())) == names.end();
      if (counts && is_new) names.emplace_back(member.key());
    }
  }
  return names;
}

std::size_t widest_line(std::string_view text) {
  std::size_t widest = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    widest = std::max(widest, end - at);
    at = end + 1;
  }
  return widest;
}

void append_table(std::string& out, const json::array& list, const std::string& indent) {
  if (!std::ranges::all_of(list, is_plain)) return append_one_by_one(out, list, indent);
  const bool is_listing = indent.empty();  // of its own, and the same columns whatever is in it
  const std::vector<std::string> names = columns_of(list, is_listing);
  std::vector<std::vector<std::string>> rows(1);
  for (const std::string& name : names) rows[0].push_back(upper(name));
  for (const json::value& row : list) {
    rows.emplace_back();
    for (const std::string& name : names) {
      const json::value* cell = row.as_object().if_contains(name);
      rows.back().push_back(cell == nullptr ? "" : scalar(*cell));
    }
  }
  std::string table;
  append_rows(table, rows, indent);
  if (!is_listing && widest_line(table) > line_max) return append_one_by_one(out, list, indent);
  out += table;
}

// Of a rate that says who set it, 0 is none.
bool is_no_limit(const json::object& in, const json::key_value_pair& member) {
  const json::value& v = member.value();
  boost::system::error_code ec;
  if (!v.is_number() || v.to_number<double>(ec) != 0) return false;
  return in.contains(std::string(member.key()) + "_by");
}

void append_object(std::string& out, const json::object& object, const std::string& indent) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& member : object) {
    const json::value& v = member.value();
    if (!is_table(v) && !v.is_object())
      rows.push_back({visible(member.key()), is_no_limit(object, member) ? "no limit" : scalar(v)});
  }
  append_rows(out, rows, indent);
  for (const auto& member : object) {
    const json::value& v = member.value();
    if (!is_table(v) && !v.is_object()) continue;
    out += indent + visible(member.key()) + ":\n";
    if (v.is_object())
      append_object(out, v.as_object(), indent + "  ");
    else
      append_table(out, v.as_array(), indent + "  ");
  }
}

std::string member(const json::object& record, const char* name) {
  const json::value* v = record.if_contains(name);
  return v == nullptr || v->is_null() ? "" : scalar(*v);
}

// A look at the source found that it is not there: the record has no digest.
bool is_gone(const json::object& record) {
  return member(record, "kind") == "observed" && member(record, "digest").empty();
}

}  // namespace

std::string record_text(const json::object& record) {
  return to_text(record) + (is_gone(record) ? "found  gone at the source\n" : "");
}

std::string visible(std::string_view text) {
  std::string shown(text);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const auto c = static_cast<unsigned char>(shown[i]);
    const auto next = i + 1 < shown.size() ? static_cast<unsigned char>(shown[i + 1]) : 0;
    if (c < 0x20 || c == 0x7f) shown[i] = '?';
    if (c == 0xc2 && next >= 0x80 && next <= 0x9f) shown.replace(i, 2, "?");
  }
  return shown;
}

std::string text_at(const json::value& v, std::string_view pointer) {
  boost::system::error_code ec;
  const json::value* found = v.find_pointer(pointer, ec);
  return found != nullptr && found->is_string() ? visible(found->get_string()) : std::string();
}

std::uint64_t number_at(const json::value& v, std::string_view pointer) {
  boost::system::error_code ec;
  const json::value* found = v.find_pointer(pointer, ec);
  if (found == nullptr || !found->is_number()) return 0;
  if (found->is_double()) {
    const double d = found->get_double();
    return d >= 0 && d < 0x1p63 ? static_cast<std::uint64_t>(d) : 0;
  }
  const auto n = found->to_number<std::uint64_t>(ec);
  return ec ? 0 : n;
}

bool flag_at(const json::value& v, std::string_view pointer) {
  boost::system::error_code ec;
  const json::value* found = v.find_pointer(pointer, ec);
  return found != nullptr && found->is_bool() && found->get_bool();
}

std::string to_text(const json::value& v) {
  std::string out;
  if (v.is_object())
    append_object(out, v.as_object(), "");
  else if (is_table(v))
    append_table(out, v.as_array(), "");
  else
    out = scalar(v) + "\n";
  return out;
}

std::string record_line(const json::object& record) {
  std::string what = member(record, "repository");
  if (const std::string tag = member(record, "tag"); !tag.empty()) what += ":" + tag;
  if (const std::string digest = member(record, "digest"); !digest.empty()) what += "@" + digest.substr(0, 19);
  std::string line = member(record, "seq") + "  " + member(record, "recorded") + "  " + member(record, "kind");
  if (member(record, "kind") == "unknown") line += "(" + member(record, "action") + ")";
  line += "  " + what;
  if (is_gone(record)) line += "  gone";
  if (const std::string actor = member(record, "actor"); !actor.empty()) line += "  by " + actor;
  if (const std::string origin = member(record, "origin"); !origin.empty()) line += "  from " + origin;
  return line;
}

}  // namespace longshore::tools
