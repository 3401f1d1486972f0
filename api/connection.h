#pragma once

// One TCP or TLS connection to a server, as bytes.
//
// open() returns connected and, for TLS, with the server's certificate verified against the given authorities and
// the host's name. write() returns when all of the buffer is handed to the kernel; read_some() with at least one
// byte, or 0 at an orderly end. Every verb fails with timed_out after its time without a byte of progress, and
// with unavailable when the connection breaks; a connection that failed is of no further use.
// One verb at a time. Must not outlive the tls_settings it was made with.

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <memory>

#include "api/local_reach.h"
#include "api/url.h"
#include "engine/registry.h"

namespace longshore::api {

using engine::task;
using milliseconds = std::chrono::milliseconds;

// Which certificate authorities to believe: the system's, or those of one PEM file.
class tls_settings {
 public:
  // Empty: the system's. errc::invalid when the file cannot be read as PEM certificates.
  static result<std::shared_ptr<tls_settings>> create(const std::string& ca_file);
  ~tls_settings();
  struct state;
  // For the first secure connection, and by any thread: the system's authorities are some 20 ms of parsing.
  result<state*> ready();

 private:
  tls_settings();
  std::unique_ptr<state> state_;
};

class connection {
 public:
  connection(boost::asio::any_io_executor executor, std::shared_ptr<tls_settings> tls);
  ~connection();

  // Addresses out of reach are refused (denied), whatever name leads there.
  task<> open(std::string host, std::uint16_t port, bool secure, milliseconds limit, local_reach reach);
  // Of both, as one where the system can.
  task<> write(std::array<boost::asio::const_buffer, 2> buffers, milliseconds stall_max);
  task<std::size_t> read_some(boost::asio::mutable_buffer buffer, milliseconds stall_max);

  // Plain connections only: bytes, or an end, wait to be read. Idle, that means closed by the server.
  bool readable_now();
  bool idle_is_stale();

 private:
  struct streams;
  std::shared_ptr<tls_settings> tls_;
  std::unique_ptr<streams> streams_;
  std::string host_;
};

}  // namespace longshore::api
