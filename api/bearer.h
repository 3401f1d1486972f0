#pragma once

// Tokens that prove who asks: named, compared in constant time, never kept in the clear nor logged.
//
// Accepts `Authorization: TOKEN` (what a registry's static header often holds) and `Authorization: Bearer TOKEN`. Only
// SHA-256 digests are held. Read-only after it was filled: from any thread then. An empty token is refused (a bug of
// the configuration's check), and no empty or missing header ever matches.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/answer.h"
#include "storage/digest.h"

namespace longshore::api {

class token_book {
 public:
  void add(std::string name, std::string_view token);

  // Whose token this header value holds; the time it takes does not depend on which, or whether.
  std::optional<std::size_t> find(std::string_view authorization) const;
  const std::string& name(std::size_t i) const { return entries_[i].name; }
  std::optional<std::size_t> named(std::string_view name) const;
  std::size_t size() const { return entries_.size(); }

 private:
  struct entry {
    std::string name;
    hash256 token{};
  };
  std::vector<entry> entries_;
};

// 401, with what to do about it.
answer unauthorized(std::string_view whose);

}  // namespace longshore::api
