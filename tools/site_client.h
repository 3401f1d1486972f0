#pragma once

// A running site, asked over HTTP from the command line: one question at a time, waiting for the answer.
//
// Every HTTP status is an answer; a failure means that there was none (unavailable: the site is not running,
// or elsewhere). Blocks the calling thread; one owner.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "storage/env/result.h"
#include "tools/config.h"

namespace longshore::tools {

struct site_answer {
  int status = 0;
  std::string body;
  bool ok() const { return status >= 200 && status < 300; }
};

struct site_question {
  std::string method = "GET";
  std::string target;  // "/v1/status"
  std::string token;   // bearer; empty: none
  std::string accept = "application/json";
  std::string content_type, body;
};

class site_client {
 public:
  static result<std::unique_ptr<site_client>> create(const std::string& url, const std::string& ca_file);
  ~site_client();

  result<site_answer> ask(site_question question);
  // Calls line for each line of a successful answer as it arrives, until the answer ends or line returns
  // false. An answer with another status is returned with its body instead, as from ask().
  result<site_answer> lines(site_question question, const std::function<bool(std::string_view)>& line);

 private:
  struct rep;
  explicit site_client(std::unique_ptr<rep> rep);
  std::unique_ptr<rep> rep_;
};

// Where a configured site listens, as seen from its own machine. errc::invalid when only the running process
// knows (port 0): give --url then.
result<std::string> own_url(const config& c);

// What there is to say to nobody's answering at an https address; empty for another one.
std::string unreached(const std::string& url);

// What a refusing answer says, as a failure that tells the remedy: {"errors":[{"message"}]}, or the status.
error refusal(const site_answer& answer, const std::string& doing);

}  // namespace longshore::tools
