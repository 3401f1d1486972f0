// The TOML reader behind config_value.h; the only source that knows the library.

#include <toml++/toml.h>
#include <array>
#include <charconv>
#include <sstream>
#include <string>

#include "tools/config_value.h"

namespace longshore::tools {

namespace {

constexpr std::size_t file_bytes_max = 1u << 20;

// Without an exponent; what is no number at all ("inf", "nan") stays that.
std::string decimal_text(double d) {
  std::array<char, 512> text{};
  const auto done = std::to_chars(text.data(), text.data() + text.size(), d, std::chars_format::fixed);
  return std::string(text.data(), done.ptr);
}

struct flattener {
  std::string file_name;
  std::filesystem::path base;
  std::vector<setting> out;

  setting at(const std::string& key, value_type type, const toml::node& node) const {
    setting s;
    s.key = key;
    s.type = type;
    s.where = file_name + ":" + std::to_string(node.source().begin.line);
    s.base = base;
    return s;
  }

  void table(const std::string& key, const toml::table& t) {
    if (!key.empty()) out.push_back(at(key, value_type::table, t));
    for (const auto& [name, node] : t) {
      const std::string child(name.str());
      value(key.empty() ? child : key + "." + child, node);
    }
  }

  void array(const std::string& key, const toml::array& list) {
    if (!list.empty() && list.is_homogeneous(toml::node_type::table)) {
      for (std::size_t i = 0; i < list.size(); ++i) {
        table(key + "[" + std::to_string(i) + "]", *list[i].as_table());
      }
      return;
    }
    setting s = at(key, value_type::list, list);
    for (const toml::node& item : list) {
      const auto* text = item.as_string();
      if (text == nullptr)
        s.type = value_type::other;
      else
        s.items.push_back(text->get());
    }
    out.push_back(std::move(s));
  }

  void value(const std::string& key, const toml::node& node) {
    if (const auto* t = node.as_table()) return table(key, *t);
    if (const auto* a = node.as_array()) return array(key, *a);
    setting s = at(key, value_type::other, node);
    if (const auto* text = node.as_string()) {
      s.type = value_type::text;
      s.text = text->get();
    } else if (const auto* number = node.as_integer()) {
      s.type = value_type::number;
      s.text = std::to_string(number->get());
    } else if (const auto* real = node.as_floating_point()) {
      s.type = value_type::number;
      s.text = decimal_text(real->get());
    } else if (const auto* flag = node.as_boolean()) {
      s.type = value_type::boolean;
      s.text = flag->get() ? "true" : "false";
    }
    out.push_back(std::move(s));
  }
};

}  // namespace

result<std::vector<setting>> read_toml(const std::filesystem::path& file) {
  result<std::string> bytes = read_small_file(file, file_bytes_max);
  if (!bytes) return pass(std::move(bytes), "configuration");
  flattener flat;
  flat.file_name = file.string();
  flat.base = file.parent_path();
  try {
    flat.table("", toml::parse(std::string_view(*bytes), std::string_view(flat.file_name)));
  } catch (const toml::parse_error& e) {
    return fail(errc::invalid, flat.file_name + ":" + std::to_string(e.source().begin.line) +
                                   ": not TOML: " + std::string(e.description()));
  }
  return std::move(flat.out);
}

}  // namespace longshore::tools
