#pragma once

// What a handler answers, as a value; and the one table from our failures to HTTP.
//
// Errors are JSON in the registry's form: {"errors":[{"code","message","detail"}]} (OCI distribution-spec).

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/env/result.h"

namespace longshore::api {

struct answer {
  int status = 200;
  std::string_view content_type = "application/json";  // of static storage
  std::vector<std::pair<std::string, std::string>> headers;
  std::shared_ptr<const std::string> shared_body;  // sent first: bytes that many answers have in common
  std::string body;                                // sent after it
  bool close = false;                              // end the connection
};

answer json_answer(std::string body, int status = 200);
answer text_answer(std::string body, int status = 200);
answer refusal(int status, std::string_view code, std::string_view message, std::string_view detail = {});
// What a failure means to the one who asked; busy and unavailable carry Retry-After.
answer refusal(const error& e);

}  // namespace longshore::api
