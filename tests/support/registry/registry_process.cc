#include "tests/support/registry/registry_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>

namespace longshore::tests {
namespace {

namespace fs = std::filesystem;

constexpr const char* program = "/usr/bin/docker-registry";
constexpr auto start_max = std::chrono::seconds(30);
constexpr int port_tries = 5;

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

std::uint16_t free_port() {
  const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto a = loopback(0);
  socklen_t n = sizeof a;
  const bool bound = s >= 0 && ::bind(s, reinterpret_cast<sockaddr*>(&a), n) == 0 &&
                     ::getsockname(s, reinterpret_cast<sockaddr*>(&a), &n) == 0;
  if (s >= 0) ::close(s);
  return bound ? ntohs(a.sin_port) : std::uint16_t{0};
}

bool accepts(std::uint16_t port) {
  const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (s < 0) return false;
  const auto a = loopback(port);
  const bool connected = ::connect(s, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0;
  ::close(s);
  return connected;
}

std::string tail_of(const fs::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  const auto all = text.str();
  constexpr std::size_t shown = 1500;
  return all.size() > shown ? all.substr(all.size() - shown) : all;
}

void add_notifications(std::ostream& out, const std::vector<notification_settings>& all) {
  if (all.empty()) return;
  out << "notifications:\n  endpoints:\n";
  int n = 0;
  for (const auto& e : all) {
    out << "    - name: endpoint" << n++ << "\n      url: " << quoted(e.url) << "\n      timeout: " << e.timeout
        << "\n      threshold: " << e.threshold << "\n      backoff: " << e.backoff << "\n";
    if (e.headers.empty()) continue;
    out << "      headers:\n";
    for (const auto& [name, value] : e.headers) out << "        " << name << ": [" << quoted(value) << "]\n";
  }
}

}  // namespace

bool registry_process::available() { return ::access(program, X_OK) == 0; }

result<std::unique_ptr<registry_process>> registry_process::start(registry_settings settings) {
  std::unique_ptr<registry_process> out(new registry_process(std::move(settings)));
  auto& s = out->settings_;
  std::error_code ec;
  if (s.directory.empty()) {
    auto pattern = (fs::temp_directory_path() / "longshore-registry-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      return fail(errc::io_failed, "mkdtemp: " + std::string(std::strerror(errno)));
    s.directory = pattern;
    out->temporary_ = true;
  }
  if (s.storage.empty()) s.storage = s.directory / "storage";
  fs::create_directories(s.storage, ec);
  if (ec) return fail(errc::io_failed, s.storage.string() + ": " + ec.message());
  const int tries = s.port == 0 ? port_tries : 1;
  result<void> launched;
  for (int i = 0; i < tries; ++i) {
    out->port_ = s.port == 0 ? free_port() : s.port;
    launched = out->launch();
    if (launched) return out;
  }
  return pass(std::move(launched));
}

registry_process::~registry_process() {
  kill();
  std::error_code ignored;  // a left-over in the temporary directory harms nobody
  if (temporary_) fs::remove_all(settings_.directory, ignored);
}

result<void> registry_process::write_configuration() const {
  std::ofstream out(settings_.directory / "config.yml");
  out << "version: 0.1\nlog:\n  level: warn\nhttp:\n  addr: " << address()
      << "\n  secret: longshore-test\nstorage:\n  filesystem:\n    rootdirectory: "
      << quoted(settings_.storage.string())
      << "\n  delete:\n    enabled: " << (settings_.delete_enabled ? "true" : "false")
      << "\n  maintenance:\n    uploadpurging:\n      enabled: false\n"
      << "compatibility:\n  schema1:\n    enabled: " << (settings_.schema1 ? "true" : "false") << "\n";
  if (settings_.token) {
    const auto& t = *settings_.token;
    out << "auth:\n  token:\n    realm: " << quoted(t.realm) << "\n    service: " << quoted(t.service)
        << "\n    issuer: " << quoted(t.issuer) << "\n    rootcertbundle: " << quoted(t.rootcertbundle.string())
        << "\n";
  } else if (!settings_.htpasswd.empty()) {
    out << "auth:\n  htpasswd:\n    realm: test\n    path: " << quoted(settings_.htpasswd.string()) << "\n";
  }
  add_notifications(out, settings_.notifications);
  out.close();
  if (!out) return fail(errc::io_failed, "the registry's configuration cannot be written");
  return {};
}

result<void> registry_process::launch() {
  if (auto written = write_configuration(); !written) return written;
  const auto configuration = (settings_.directory / "config.yml").string();
  const auto log = log_file().string();
  const auto home = "HOME=" + settings_.directory.string();
  const char* const arguments[] = {program, "serve", configuration.c_str(), nullptr};
  const char* const environment[] = {"PATH=/usr/bin:/bin", home.c_str(), nullptr};
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) return fail(errc::io_failed, "fork: " + std::string(std::strerror(errno)));
  if (pid_ == 0) {
    // Only async-signal-safe calls here.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(126);
    const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (fd >= 0) {
      ::dup2(fd, STDOUT_FILENO);
      ::dup2(fd, STDERR_FILENO);
    }
    ::execve(program, const_cast<char* const*>(arguments), const_cast<char* const*>(environment));
    ::_exit(127);
  }
  return await_listening();
}

result<void> registry_process::await_listening() {
  const auto until = std::chrono::steady_clock::now() + start_max;
  while (std::chrono::steady_clock::now() < until) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return fail(errc::unavailable, "docker-registry ended at once: " + tail_of(log_file()));
    }
    if (accepts(port_)) return {};
    ::poll(nullptr, 0, 20);
  }
  kill();
  return fail(errc::timed_out, "docker-registry does not listen: " + tail_of(log_file()));
}

void registry_process::end(int signal) {
  if (pid_ < 0) return;
  ::kill(pid_, signal);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void registry_process::stop() { end(SIGTERM); }
void registry_process::kill() { end(SIGKILL); }

result<void> registry_process::restart() {
  kill();
  return launch();
}

}  // namespace longshore::tests
