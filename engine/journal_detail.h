#pragma once

// The detail of one of our own journal's records, as a fold reads it.
//
// A field that is not there reads as zero: the journal is ours, and its verifier finds damage; a fold must be total.

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "log/event.h"

namespace longshore::engine {

class journal_detail {
 public:
  explicit journal_detail(const log::event_view& e) {
    boost::system::error_code ec;
    value_ = boost::json::parse({e.detail.data(), e.detail.size()}, ec);
    if (ec || !value_.is_object()) value_ = boost::json::object();
  }
  std::uint64_t number(std::string_view field) const {
    const auto* v = value_.as_object().if_contains({field.data(), field.size()});
    if (v == nullptr) return 0;
    if (v->is_uint64()) return v->get_uint64();
    return v->is_int64() && v->get_int64() > 0 ? static_cast<std::uint64_t>(v->get_int64()) : 0;
  }
  std::string text(std::string_view field) const {
    const auto* v = value_.as_object().if_contains({field.data(), field.size()});
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
  }

 private:
  boost::json::value value_;
};

}  // namespace longshore::engine
