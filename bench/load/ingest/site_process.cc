#include "bench/load/ingest/site_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

namespace longshore::bench {

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

// A port that is free now; nobody else on this machine is expected to take it within the next moments.
std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a = loopback(0);
  socklen_t size = sizeof a;
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&a), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size) == 0;
  ::close(fd);
  return bound ? ntohs(a.sin_port) : std::uint16_t{0};
}

bool accepts(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in a = loopback(port);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0;
  ::close(fd);
  return connected;
}

result<void> write_config(const std::filesystem::path& path, const std::filesystem::path& directory, std::uint16_t port,
                          const std::string& token) {
  std::ofstream out(path);
  out << "[site]\nname = \"bench\"\nrole = \"primary\"\ndata_dir = \"" << (directory / "data").string() << "\"\n"
      << "[listen]\naddress = \"127.0.0.1:" << port << "\"\n"
      << "[admin]\ntoken = \"bench-admin-token\"\n"
      << "[[source]]\nname = \"bench\"\ntoken = \"" << token << "\"\n"
      << "[log_file]\npath = \"" << (directory / "longshore.log").string() << "\"\nlevel = \"warn\"\n";
  out.flush();
  if (!out) return fail(errc::io_failed, "cannot write " + path.string());
  return {};
}

}  // namespace

result<std::unique_ptr<site_process>> site_process::start(const std::filesystem::path& program,
                                                          const std::filesystem::path& directory,
                                                          const std::string& token) {
  std::filesystem::create_directories(directory);
  const std::filesystem::path config = directory / "longshore.toml";
  const std::uint16_t port = free_port();
  if (auto written = write_config(config, directory, port, token); !written) return pass(std::move(written));
  const std::string file = program.string(), configured = config.string();
  const std::string output = (directory / "process.log").string();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(errc::io_failed, std::string("fork: ") + std::strerror(errno));
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int to = ::open(output.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    ::dup2(to, STDOUT_FILENO);
    ::dup2(to, STDERR_FILENO);
    ::execl(file.c_str(), file.c_str(), "serve", "--config", configured.c_str(), nullptr);
    ::_exit(127);
  }
  std::unique_ptr<site_process> made(new site_process(pid, port));
  for (int tries = 0; tries < 1'000; ++tries) {
    if (accepts(port)) return made;
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) == pid) {
      made->pid_ = -1;
      return fail(errc::unavailable, file + " ended at once; see " + output);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return fail(errc::timed_out, file + " does not answer on port " + std::to_string(port) + "; see " + output);
}

site_process::~site_process() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

std::chrono::milliseconds site_process::cpu_time() const {
  std::ifstream in("/proc/" + std::to_string(pid_) + "/stat");
  std::string text;
  std::getline(in, text);
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 2)));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  long user = 0, system = 0;
  fields >> user >> system;
  return std::chrono::milliseconds((user + system) * 1'000 / ::sysconf(_SC_CLK_TCK));
}

}  // namespace longshore::bench
