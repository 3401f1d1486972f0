#include "tools/doctor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/asio.hpp>
#include <map>
#include <thread>
#include <vector>

namespace longshore::tools {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// A site as far as doctor asks it: an answer per path, one request per connection.
class told_site {
 public:
  explicit told_site(std::map<std::string, std::string> answers) : answers_(std::move(answers)) {
    thread_ = std::thread([this] { serve(); });
  }
  ~told_site() {
    stopping_ = true;
    asio::io_context io;
    tcp::socket last(io);
    last.connect(acceptor_.local_endpoint());
    last.close();
    thread_.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }

 private:
  void serve() {
    while (!stopping_) {
      tcp::socket client = acceptor_.accept();
      std::string head;
      boost::system::error_code ec;
      asio::read_until(client, asio::dynamic_buffer(head), "\r\n\r\n", ec);
      if (ec) continue;
      const std::size_t from = head.find(' ') + 1;
      const auto found = answers_.find(head.substr(from, head.find(' ', from) - from));
      const std::string answer = found == answers_.end() ? "404 Not Found\r\n\r\n" : found->second;
      const std::size_t body = answer.find("\r\n") + 2;
      asio::write(client,
                  asio::buffer("HTTP/1.1 " + answer.substr(0, body) + "Connection: close\r\nContent-Length: " +
                               std::to_string(answer.size() - body) + "\r\n\r\n" + answer.substr(body)),
                  ec);
    }
  }

  std::map<std::string, std::string> answers_;
  asio::io_context io_;
  tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

std::vector<checked> examine(std::map<std::string, std::string> answers) {
  const told_site site(std::move(answers));
  config c;
  c.site.role = site_role::primary;
  c.admin_token = "an-admin-token-of-good-length";
  std::vector<checked> all;
  check_site(c, site.url(), "", [&](const checked& one) { all.push_back(one); });
  return all;
}

TEST(doctor, a_source_that_is_reconciled_no_more_is_bad_and_named) {
  const auto all = examine({{"/healthz", "200 OK\r\nok\n"},
                            {"/readyz", "503 Service Unavailable\r\nreconciling north has halted: no journal\n"},
                            {"/v1/status",
                             "200 OK\r\n{\"sources\":[{\"name\":\"east\",\"reconcile_error\":null},"
                             "{\"name\":\"north\",\"reconcile_error\":\"no journal\"}]}"}});
  const auto bad = std::ranges::find(all, verdict::bad, &checked::found);
  ASSERT_NE(bad, all.end());
  EXPECT_EQ(bad->what, "reconciling north");
  EXPECT_EQ(bad->text, "no journal");
  EXPECT_FALSE(bad->remedy.empty());
  EXPECT_EQ(std::ranges::count(all, verdict::bad, &checked::found), 1);
  const auto not_ready = std::ranges::find(all, verdict::attention, &checked::found);
  ASSERT_NE(not_ready, all.end());
  EXPECT_NE(not_ready->text.find("north has halted"), std::string::npos) << "and why it is not ready";
}

TEST(doctor, a_site_that_works_is_good) {
  for (const checked& one : examine({{"/healthz", "200 OK\r\nok\n"},
                                     {"/readyz", "200 OK\r\nready\n"},
                                     {"/v1/status", "200 OK\r\n{\"sources\":[{\"name\":\"east\"}]}"}})) {
    EXPECT_EQ(one.found, verdict::good) << one.what << ": " << one.text;
  }
}

}  // namespace
}  // namespace longshore::tools
