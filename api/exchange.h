#pragma once

// One request being answered: what a handler is given.
//
// Either reply() once, and the answer is sent when the handler has returned; or begin_stream() and then write() any
// number of times, each sent on return, the stream ending well when the handler returns. A handler that does neither is
// answered for with 500. Streams end with errc::unavailable when the client went away or stopped reading, and with
// errc::stopped when the server is to stop: the handler then returns. One handler at a time, on the server's executor.

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>

#include "api/answer.h"
#include "api/request.h"

namespace longshore::api {

class exchange {
 public:
  virtual ~exchange() = default;

  const request& asked() const { return *request_; }
  void reply(answer a) { answer_ = std::move(a); }

  // Sends the head; body and shared_body of `head` must be empty.
  virtual boost::asio::awaitable<result<void>> begin_stream(answer head) = 0;
  virtual boost::asio::awaitable<result<void>> write(std::string_view bytes) = 0;
  // The server wants to stop: waits should end.
  virtual bool stopping() const = 0;

 protected:
  explicit exchange(const request& r) : request_(&r) {}
  const request* request_;
  std::optional<answer> answer_;
};

using handler = std::function<boost::asio::awaitable<void>(exchange&)>;
// Asked after the head, before the body is read: none lets it in, an answer is sent instead and the connection closed.
using admission = std::function<std::optional<answer>(request&)>;

}  // namespace longshore::api
