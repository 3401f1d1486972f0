#include "bench/load/ingest/notification_load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

namespace longshore::bench {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t id_digits = 12;
constexpr std::string_view id_mark = "############";
constexpr std::size_t answer_bytes_max = 16u << 10;

// As Distribution 2.8 sends it; the marks stand where ids differ from one request to the next.
constexpr std::string_view body =
    R"({
   "events": [
      {
         "id": "38739657-95ee-45a2-aee6-############",
         "timestamp": "2026-11-23T21:19:06.120330206Z",
         "action": "push",
         "target": {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "size": 1195,
            "digest": "sha256:a45735357517a903d6a07f5fdae53c1f7eebe120a15e1e34390b############",
            "length": 1195,
            "repository": "team/app",
            "url": "http://registry.example.org/v2/team/app/manifests/sha256:a45735357517a903d6a07f5fdae53c1f",
            "tag": "v0"
         },
         "request": {
            "id": "0c25af99-db50-4908-9081-ce66a0fc484a",
            "addr": "127.0.0.1:57838",
            "host": "registry.example.org",
            "method": "PUT",
            "useragent": "skopeo/1.9.3"
         },
         "actor": {},
         "source": {
            "addr": "vm:5001",
            "instanceID": "5513278c-a0d5-405e-b3a2-fec90997cdc0"
         }
      }
   ]
}
)";

std::unexpected<error> broken(const std::string& what) {
  return fail(errc::io_failed, what + ": " + std::strerror(errno));
}

struct request_text {
  std::string bytes;
  std::vector<std::size_t> marks;
};

request_text make_request(const load_options& options) {
  request_text made;
  if (options.empty) {
    made.bytes = "GET " + options.path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Go-http-client/1.1\r\n\r\n";
    return made;
  }
  made.bytes = "POST " + options.path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Go-http-client/1.1\r\n" +
               "Content-Length: " + std::to_string(body.size()) + "\r\nAuthorization: Bearer " + options.token +
               "\r\nContent-Type: application/vnd.docker.distribution.events.v1+json\r\nAccept-Encoding: gzip\r\n\r\n";
  made.bytes += body;
  for (std::size_t at = made.bytes.find(id_mark); at != std::string::npos; at = made.bytes.find(id_mark, at + 1)) {
    made.marks.push_back(at);
  }
  return made;
}

void write_id(std::string& bytes, const std::vector<std::size_t>& marks, std::uint64_t id) {
  std::array<char, id_digits> digits{};
  for (std::size_t i = id_digits; i > 0; --i, id >>= 4) digits[i - 1] = "0123456789abcdef"[id & 0xf];
  for (const std::size_t at : marks) bytes.replace(at, id_digits, digits.data(), id_digits);
}

// One answer's end, if it is there: header, and as many bytes as Content-Length says.
enum class answer_state : std::uint8_t { incomplete, good, refused };
answer_state state_of(std::string_view got) {
  const std::size_t head = got.find("\r\n\r\n");
  if (head == std::string_view::npos) return answer_state::incomplete;
  std::size_t length = 0;
  for (std::size_t line = got.find("\r\n"); line < head; line = got.find("\r\n", line + 2)) {
    constexpr std::string_view name = "content-length:";
    const std::string_view field = got.substr(line + 2, name.size());
    if (field.size() == name.size() && ::strncasecmp(field.data(), name.data(), name.size()) == 0) {
      length = std::strtoull(got.data() + line + 2 + name.size(), nullptr, 10);
    }
  }
  if (got.size() < head + 4 + length) return answer_state::incomplete;
  return got.starts_with("HTTP/1.1 2") ? answer_state::good : answer_state::refused;
}

struct connection {
  int fd = -1;
  std::string request;
  std::string answer;
  clock::time_point sent;
};

class load {
 public:
  explicit load(const load_options& options) : options_(options), request_(make_request(options)) {}
  ~load() {
    for (const connection& c : connections_) ::close(c.fd);
    if (epoll_ >= 0) ::close(epoll_);
  }
  load(const load&) = delete;
  load& operator=(const load&) = delete;

  result<load_figures> run();

 private:
  result<void> connect_all();
  result<void> send(connection& c);
  result<void> receive(connection& c);
  result<void> wait_some();

  const load_options& options_;
  request_text request_;
  int epoll_ = -1;
  std::vector<connection> connections_;
  std::size_t under_way_ = 0;
  clock::time_point counted_from_, end_;
  load_figures figures_;
};

result<void> load::connect_all() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return broken("epoll");
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(options_.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connections_.reserve(options_.connections);
  for (std::size_t n = 0; n < options_.connections; ++n) {
    connection& c = connections_.emplace_back();
    c.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c.fd < 0) return broken("socket");
    const int on = 1;
    ::setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(c.fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return broken("connecting");
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.u64 = n;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &wanted) != 0) return broken("epoll");
    c.request = request_.bytes;
  }
  return {};
}

// Requests are far smaller than a socket's buffer: one call takes them whole.
result<void> load::send(connection& c) {
  write_id(c.request, request_.marks, figures_.next_id++);
  c.answer.clear();
  c.sent = clock::now();
  const ssize_t n = ::send(c.fd, c.request.data(), c.request.size(), MSG_NOSIGNAL);
  if (n != static_cast<ssize_t>(c.request.size())) return broken("sending a notification");
  ++under_way_;
  return {};
}

result<void> load::receive(connection& c) {
  std::array<char, 4096> buffer;
  const ssize_t n = ::recv(c.fd, buffer.data(), buffer.size(), 0);
  if (n <= 0) return broken("the site closed the connection");
  c.answer.append(buffer.data(), static_cast<std::size_t>(n));
  const answer_state state = state_of(c.answer);
  if (state == answer_state::refused || c.answer.size() > answer_bytes_max) {
    return fail(errc::rejected, "the site answered: " + c.answer.substr(0, 400));
  }
  if (state == answer_state::incomplete) return {};
  --under_way_;
  const auto now = clock::now();
  if (c.sent >= counted_from_ && now <= end_) {
    ++figures_.events;
    const auto taken = std::chrono::duration_cast<std::chrono::microseconds>(now - c.sent).count();
    figures_.acknowledged.add(static_cast<std::uint32_t>(taken));
  }
  return now < end_ ? send(c) : result<void>{};
}

result<void> load::wait_some() {
  std::array<epoll_event, 64> ready{};
  const int n = ::epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), 10'000);
  if (n < 0 && errno == EINTR) return {};
  if (n < 0) return broken("epoll");
  if (n == 0) return fail(errc::timed_out, "no acknowledgement within 10 seconds");
  for (int i = 0; i < n; ++i) {
    if (auto done = receive(connections_[ready[static_cast<std::size_t>(i)].data.u64]); !done) return done;
  }
  return {};
}

result<load_figures> load::run() {
  if (auto done = connect_all(); !done) return pass(std::move(done));
  figures_.next_id = options_.first_id;
  figures_.request_bytes = request_.bytes.size();
  figures_.body_bytes = body.size();
  figures_.acknowledged.reserve(1u << 20);
  counted_from_ = clock::now() + options_.warm_up;
  end_ = counted_from_ + options_.time;
  for (connection& c : connections_) {
    if (auto done = send(c); !done) return pass(std::move(done));
  }
  while (under_way_ > 0) {
    if (auto done = wait_some(); !done) return pass(std::move(done));
  }
  figures_.seconds = std::chrono::duration<double>(options_.time).count();
  return std::move(figures_);
}

}  // namespace

result<load_figures> run_load(const load_options& options) { return load(options).run(); }

}  // namespace longshore::bench
