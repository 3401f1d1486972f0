#pragma once

// A page of a sorted listing that is there as a whole: the names after `next`. Pure.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "engine/registry.h"

namespace longshore::api {

inline engine::tag_page page_of(const std::vector<std::string>& names, const std::optional<std::string>& next,
                                std::size_t page_size) {
  auto from = next ? std::ranges::upper_bound(names, *next) : names.begin();
  const auto left = static_cast<std::size_t>(names.end() - from);
  const auto to = from + static_cast<std::ptrdiff_t>(std::min(left, std::max<std::size_t>(page_size, 1)));
  engine::tag_page page{{from, to}, std::nullopt};
  if (to != names.end()) page.next = page.names.back();
  return page;
}

}  // namespace longshore::api
