#include "tools/doctor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/asio.hpp>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "api/log_frames.h"

namespace longshore::tools {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// Of a request's path and body, its answer: status, headers, an empty line, the body; empty: not found.
using answering = std::function<std::string(const std::string& path, const std::string& body)>;

// A site as far as doctor asks it, one request per connection.
class told_site {
 public:
  explicit told_site(answering answers) : answers_(std::move(answers)) {
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
      std::string asked;
      boost::system::error_code ec;
      const std::size_t head = asio::read_until(client, asio::dynamic_buffer(asked), "\r\n\r\n", ec);
      if (ec) continue;
      constexpr std::string_view length = "Content-Length: ";
      const std::size_t told = asked.find(length);
      const std::size_t whole = head + (told < head ? std::stoul(asked.substr(told + length.size())) : 0);
      if (asked.size() < whole) {
        asio::read(client, asio::dynamic_buffer(asked), asio::transfer_exactly(whole - asked.size()), ec);
        if (ec) continue;
      }
      const std::size_t from = asked.find(' ') + 1;
      std::string answer = answers_(asked.substr(from, asked.find(' ', from) - from), asked.substr(head));
      if (answer.empty()) answer = "404 Not Found\r\n\r\n";
      const std::size_t body = answer.find("\r\n\r\n") + 2;
      asio::write(client,
                  asio::buffer("HTTP/1.1 " + answer.substr(0, body) +
                               "Connection: close\r\nContent-Length: " + std::to_string(answer.size() - body - 2) +
                               answer.substr(body - 2, 4) + answer.substr(body + 2)),
                  ec);
    }
  }

  answering answers_;
  asio::io_context io_;
  tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

std::vector<checked> examine(answering answers, std::vector<source_settings> sources = {},
                             site_role role = site_role::primary, const seen_registries& seen = {}) {
  const told_site site(std::move(answers));
  config c;
  c.site.role = role;
  c.admin_token = "an-admin-token-of-good-length";
  c.sources = std::move(sources);
  std::vector<checked> all;
  check_site(c, site.url(), "", [&](const checked& one) { all.push_back(one); }, seen);
  return all;
}

answering by_path(std::map<std::string, std::string> answers) {
  return [answers = std::move(answers)](const std::string& path, const std::string&) {
    const auto found = answers.find(path);
    return found == answers.end() ? std::string() : found->second;
  };
}

// A primary whose log grew much while the probe went into it, and is read in pages of two records.
class growing_primary {
 public:
  std::uint64_t probe_at = 0;  // its seq; 0: it is lost

  std::string answer(const std::string& path, const std::string& body) {
    if (path == "/healthz" || path == "/readyz") return "200 OK\r\n\r\nok\n";
    if (path == "/v1/status") return "200 OK\r\n\r\n{}";
    if (path.starts_with("/v1/events/")) {
      const std::size_t id = body.find("doctor-");
      id_ = body.substr(id, body.find('"', id) - id);
      size_ = 9;
      return "200 OK\r\n\r\n{}";
    }
    if (path.find("max_bytes=") != std::string::npos) return size_page();
    const std::size_t after = path.find("after=");
    const std::uint64_t from = after == std::string::npos ? 0 : std::stoul(path.substr(after + 6)) + 1;
    std::string lines;
    for (std::uint64_t seq = from; seq < std::min(from + 2, size_); ++seq) {
      const std::string id = seq == probe_at ? id_ : "other";
      lines += R"({"seq":)" + std::to_string(seq) + R"(,"id":")" + id + "\"}\n";
    }
    return "200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n" + lines;
  }

 private:
  std::string size_page() const {
    std::string frames;
    api::append_page_end_frame(frames, {.first = {0}, .size = 0, .root = {}, .durable_size = size_});
    return "200 OK\r\nContent-Type: " + std::string(api::log_media_type) + "\r\n" +
           std::string(api::log_identity_header) + ": " + std::string(32, 'a') + "\r\n\r\n" + frames;
  }

  std::uint64_t size_ = 3;
  std::string id_;
};

TEST(doctor, a_probe_is_found_behind_all_that_came_meanwhile_and_missed_when_it_is_not_there) {
  source_settings north;
  north.name = "north";
  north.token = "a-token-of-good-length";
  for (const std::uint64_t at : {3u, 4u, 8u, 0u}) {
    growing_primary primary;
    primary.probe_at = at;
    const auto all =
        examine([&](const std::string& path, const std::string& body) { return primary.answer(path, body); }, {north});
    const auto trip = std::ranges::find(all, "notification of north", &checked::what);
    ASSERT_NE(trip, all.end());
    EXPECT_EQ(trip->found, at == 0 ? verdict::bad : verdict::good) << at << ": " << trip->text;
  }
}

TEST(doctor, a_source_that_is_reconciled_no_more_is_bad_and_named) {
  const auto all =
      examine(by_path({{"/healthz", "200 OK\r\n\r\nok\n"},
                       {"/readyz", "503 Service Unavailable\r\n\r\nreconciling north has halted: no journal\n"},
                       {"/v1/status",
                        "200 OK\r\n\r\n{\"sources\":[{\"name\":\"east\",\"reconcile_error\":null},"
                        "{\"name\":\"north\",\"reconcile_error\":\"no journal\"}]}"}}));
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

TEST(doctor, what_may_be_missing_deserves_attention) {
  const auto all = examine(by_path({{"/healthz", "200 OK\r\n\r\nok\n"},
                                    {"/readyz", "200 OK\r\n\r\nready\n"},
                                    {"/v1/status",
                                     "200 OK\r\n\r\n{\"quarantined\":2,\"sources\":[{\"name\":\"east\","
                                     "\"wrong_tokens_in_a_row\":8,\"suspected_loss\":false},"
                                     "{\"name\":\"north\",\"wrong_tokens_in_a_row\":0,\"suspected_loss\":true,"
                                     "\"suspected_because\":\"another process\"}]}"}}));
  std::vector<std::string> told;
  for (const checked& one : all) {
    if (one.found == verdict::attention) told.push_back(one.what + ": " + one.text);
  }
  ASSERT_EQ(told.size(), 3u);
  EXPECT_TRUE(told[0].starts_with("quarantine: 2")) << told[0];
  EXPECT_TRUE(told[1].starts_with("source east: 8")) << told[1];
  EXPECT_EQ(told[2], "source north: notifications may be missing: another process");
}

const checked* named(const std::vector<checked>& all, const std::string& what) {
  const auto at = std::ranges::find(all, what, &checked::what);
  return at == all.end() ? nullptr : &*at;
}

TEST(doctor, a_target_that_lists_little_of_what_was_synced_deserves_attention) {
  const auto site = by_path({{"/healthz", "200 OK\r\n\r\nok\n"},
                             {"/readyz", "200 OK\r\n\r\nok\n"},
                             {"/v1/status", "200 OK\r\n\r\n{}"},
                             {"/v1/repositories?limit=1000&state=synced",
                              "200 OK\r\n\r\n"
                              R"({"repositories":[{"name":"a"},{"name":"b"},{"name":"c"}]})"}});
  seen_registries seen;
  seen.target = std::set<std::string>{"a", "other"};
  const auto few = examine(site, {}, site_role::secondary, seen);
  const checked* found = named(few, "target_registry contents");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->found, verdict::attention);
  EXPECT_NE(found->text.find("1 of 3 repositories"), std::string::npos);
  EXPECT_NE(found->remedy.find("serve --new-target"), std::string::npos);
  EXPECT_NE(found->remedy.find("longshore verify"), std::string::npos);
  seen.target = std::set<std::string>{"a", "b"};
  EXPECT_EQ(named(examine(site, {}, site_role::secondary, seen), "target_registry contents"), nullptr);
  seen.target = std::nullopt;
  EXPECT_EQ(named(examine(site, {}, site_role::secondary, seen), "target_registry contents"), nullptr);
}

TEST(doctor, a_source_that_lists_nothing_of_what_the_log_knows_deserves_attention) {
  const auto site = by_path({{"/healthz", "200 OK\r\n\r\nok\n"},
                             {"/readyz", "200 OK\r\n\r\nok\n"},
                             {"/v1/status", "200 OK\r\n\r\n{}"},
                             {"/v1/reconcile",
                              "200 OK\r\n\r\n"
                              R"({"sources":[{"source":"registry","last":{"complete":true},)"
                              R"("incomplete":{"complete":false,"reason":"has it lost its data?"}}]})"},
                             {"/v1/repositories?limit=1000",
                              "200 OK\r\n\r\n"
                              R"({"repositories":[{"name":"a"},{"name":"b"}]})"}});
  seen_registries seen;
  seen.sources["registry"] = std::set<std::string>{"other"};
  const auto lost = examine(site, {}, site_role::primary, seen);
  ASSERT_NE(named(lost, "source contents"), nullptr);
  EXPECT_EQ(named(lost, "source contents")->found, verdict::attention);
  ASSERT_NE(named(lost, "reconciling registry"), nullptr);
  EXPECT_NE(named(lost, "reconciling registry")->text.find("has it lost its data?"), std::string::npos);
  seen.sources["registry"] = std::set<std::string>{"b"};
  EXPECT_EQ(named(examine(site, {}, site_role::primary, seen), "source contents"), nullptr);
  seen.sources["registry"] = std::nullopt;
  EXPECT_EQ(named(examine(site, {}, site_role::primary, seen), "source contents"), nullptr);
}

// A target that answers a push so.
std::vector<checked> push_to(const std::string& answer, const std::string& repository = "any/name") {
  const told_site target([&](const std::string& path, const std::string&) {
    if (path.find("/manifests/") != std::string::npos && !path.starts_with("/v2/" + repository + "/")) {
      return std::string("500 Internal Server Error\r\n\r\n{}");
    }
    return path.find("/manifests/") == std::string::npos ? std::string("200 OK\r\n\r\n{}") : answer;
  });
  registry_settings r;
  r.url = target.url();
  std::vector<checked> all;
  check_pushing(r, repository, [&](const checked& one) { all.push_back(one); });
  return all;
}

TEST(doctor, a_target_that_takes_no_pushes_is_found) {
  const auto good = push_to(
      "400 Bad Request\r\n\r\n"
      R"({"errors":[{"code":"MANIFEST_INVALID"}]})");
  ASSERT_EQ(good.size(), 1u);
  EXPECT_EQ(good[0].found, verdict::good) << good[0].text;
  const auto read_only = push_to("405 Method Not Allowed\r\n\r\n{}");
  EXPECT_EQ(read_only.at(0).found, verdict::bad);
  EXPECT_NE(read_only.at(0).remedy.find("readonly"), std::string::npos);
  const auto denied = push_to("403 Forbidden\r\n\r\n{}");
  EXPECT_EQ(denied.at(0).found, verdict::attention);
  EXPECT_NE(denied.at(0).remedy.find("let this account push"), std::string::npos);
  const auto unknown = push_to(
      "404 Not Found\r\n\r\n"
      R"({"errors":[{"code":"NAME_UNKNOWN"}]})",
      "no/such");
  EXPECT_EQ(unknown.at(0).found, verdict::attention) << "each new repository will fail there";
  EXPECT_NE(unknown.at(0).text.find("has no no/such"), std::string::npos) << unknown.at(0).text;
  EXPECT_NE(unknown.at(0).remedy.find("beforehand"), std::string::npos);
  EXPECT_NE(unknown.at(0).remedy.find("longshore doctor --push-to"), std::string::npos);
}

TEST(own_url, is_the_configured_one_before_the_address) {
  config c;
  c.listen.address = "0.0.0.0:5080";
  c.listen.tls_certificate = "tls.crt";
  EXPECT_EQ(own_url(c).value(), "https://127.0.0.1:5080");
  c.listen.url = "https://longshore.example.org:5080";
  EXPECT_EQ(own_url(c).value(), "https://longshore.example.org:5080");
  EXPECT_NE(unreached(c.listen.url).find("--ca-file"), std::string::npos);
  EXPECT_EQ(unreached("http://127.0.0.1:5080"), "");
}

TEST(doctor, what_is_open_at_a_secondary_is_said_with_the_command_that_shows_it) {
  const auto all = examine(by_path({{"/healthz", "200 OK\r\n\r\nok\n"},
                                    {"/readyz", "200 OK\r\n\r\nready\n"},
                                    {"/v1/status",
                                     "200 OK\r\n\r\n{\"follower\":{\"error\":null},\"replication\":{\"error\":null},"
                                     "\"verification\":{\"error\":null},"
                                     "\"repositories\":{\"troubled\":3,\"parked_items\":2}}"}}),
                           {}, site_role::secondary);
  const checked* troubled = named(all, "repositories: troubled");
  ASSERT_NE(troubled, nullptr);
  EXPECT_NE(troubled->remedy.find("longshore status --state troubled"), std::string::npos);
  const checked* parked = named(all, "repositories: parked_items");
  ASSERT_NE(parked, nullptr);
  EXPECT_NE(parked->remedy.find("longshore items --state parked"), std::string::npos);
}

TEST(doctor, a_site_that_works_is_good) {
  for (const checked& one : examine(by_path({{"/healthz", "200 OK\r\n\r\nok\n"},
                                             {"/readyz", "200 OK\r\n\r\nready\n"},
                                             {"/v1/status", "200 OK\r\n\r\n{\"sources\":[{\"name\":\"east\"}]}"}}))) {
    EXPECT_EQ(one.found, verdict::good) << one.what << ": " << one.text;
  }
}

}  // namespace
}  // namespace longshore::tools
