#pragma once

// Every key there is, and where in the configuration its value goes. The one list behind the file, the
// environment and the hints for misspelt keys.
//
// A key's name is its TOML path; "[]" stands for the number of an element: "source[].token". take() converts
// and stores one setting, or says what was expected; it does not look at other keys.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/config.h"
#include "tools/config_value.h"

namespace longshore::tools {

struct key_spec {
  std::string key;
  std::function<result<void>(config&, std::size_t index, const setting&)> take;
};
const std::vector<key_spec>& key_specs();

// "source[3].token" -> {"source[].token", 3}; a key without a number keeps its text and has index 0.
struct generic_key {
  std::string key;
  std::size_t index = 0;
};
generic_key generic(std::string_view key);

// "source_registry.token.issuer" -> "LONGSHORE_SOURCE_REGISTRY_TOKEN_ISSUER"; "[]" becomes "_<index>".
std::string environment_name(std::string_view key, std::size_t index);

}  // namespace longshore::tools
