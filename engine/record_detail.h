#pragma once

// The detail of one of a site's own records, read field by field. Total: what is not there, or not of its kind, reads
// as nothing. The journal is ours, and its verifier finds damage; a fold must not fail.

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace longshore::engine {

class record_detail {
 public:
  explicit record_detail(std::string_view text) {
    boost::system::error_code ec;
    value_ = boost::json::parse({text.data(), text.size()}, ec);
    if (ec || !value_.is_object()) value_ = boost::json::object();
  }
  std::uint64_t number(std::string_view field) const {
    const auto* v = find(field);
    if (v == nullptr) return 0;
    if (v->is_uint64()) return v->get_uint64();
    return v->is_int64() && v->get_int64() > 0 ? static_cast<std::uint64_t>(v->get_int64()) : 0;
  }
  std::string text(std::string_view field) const {
    const auto* v = find(field);
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
  }
  bool flag(std::string_view field) const {
    const auto* v = find(field);
    return v != nullptr && v->is_bool() && v->get_bool();
  }

 private:
  const boost::json::value* find(std::string_view field) const {
    return value_.get_object().if_contains({field.data(), field.size()});
  }
  boost::json::value value_;
};

}  // namespace longshore::engine
