#include "api/credential_helper.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>

extern char** environ;

namespace longshore::api {

namespace asio = boost::asio;
using engine::task;

namespace {

constexpr auto awaited = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t output_bytes_max = 64 * 1024;
constexpr std::size_t server_bytes_max = 2 * 1024;  // fits any pipe at once

class descriptor_owner {
 public:
  explicit descriptor_owner(int fd = -1) : fd_(fd) {}
  descriptor_owner(const descriptor_owner&) = delete;
  descriptor_owner& operator=(const descriptor_owner&) = delete;
  ~descriptor_owner() { reset(-1); }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_;
};

// A child process; killed with its whole group and reaped when it is still there at the end.
class child {
 public:
  explicit child(pid_t pid) : pid_(pid) {}
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child() { kill_and_reap(); }
  pid_t pid() const { return pid_; }
  // After it ended.
  int reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }
  void kill_and_reap() {
    if (pid_ < 0) return;
    ::kill(-pid_, SIGKILL);
    reap();
  }

 private:
  pid_t pid_;
};

bool safe_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

// Starts `program get` with the two descriptors as its input and output; its messages go nowhere.
result<pid_t> start(std::string program, int input, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string verb = "get";
  char* const arguments[] = {program.data(), verb.data(), nullptr};
  pid_t pid = -1;
  const int failed = posix_spawnp(&pid, program.c_str(), &actions, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    return fail(errc::unauthorized, "the credential helper " + program + " cannot be started (" +
                                        std::strerror(failed) +
                                        "); install it on the PATH of this service, or "
                                        "remove it from the credentials file");
  }
  return pid;
}

// All that the helper writes until it closes its output.
task<std::string> read_output(asio::posix::stream_descriptor& from) {
  std::string out;
  std::array<char, 4096> piece{};
  for (;;) {
    auto [ec, n] = co_await from.async_read_some(asio::buffer(piece), awaited);
    out.append(piece.data(), n);
    if (ec == asio::error::eof) co_return out;
    if (ec) co_return fail(errc::io_failed, "reading a credential helper's answer: " + ec.message());
    if (out.size() > output_bytes_max) {
      co_return fail(errc::unauthorized,
                     "a credential helper answered with more than " + std::to_string(output_bytes_max) + " bytes");
    }
  }
}

result<std::optional<credential>> understand(const std::string& program, const std::string& output, int status) {
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    // Errors come on the output; this is the protocol's way to say "no such server".
    if (output.find("credentials not found") != std::string::npos) return std::optional<credential>();
    return fail(errc::unauthorized, program + " failed: " + output.substr(0, 300));
  }
  boost::system::error_code ec;
  const auto parsed = boost::json::parse(output, ec);
  const auto* object = ec ? nullptr : parsed.if_object();
  const auto text = [object](const char* name) -> std::optional<std::string> {
    const auto* v = object == nullptr ? nullptr : object->if_contains(name);
    if (v == nullptr || !v->is_string()) return std::nullopt;
    return std::string(v->get_string());
  };
  const auto user = text("Username");
  const auto secret = text("Secret");
  if (!user || !secret) {
    return fail(errc::unauthorized, program + " did not answer with a JSON object of Username and Secret");
  }
  credential c;
  if (*user == "<token>") {
    c.identity_token = *secret;
  } else {
    c.username = *user;
    c.password = *secret;
  }
  return std::optional<credential>(std::move(c));
}

task<std::string> within(asio::posix::stream_descriptor& output, asio::posix::stream_descriptor& ended,
                         std::string program, std::chrono::milliseconds limit) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer deadline(output.get_executor(), limit);
  std::string text;
  std::optional<error> failure;
  const auto work = [&]() -> asio::awaitable<void> {
    auto read = co_await read_output(output);
    if (read) {
      text = std::move(*read);
    } else {
      failure = std::move(read).error();
      co_return;
    }
    auto [ec] = co_await ended.async_wait(asio::posix::stream_descriptor::wait_read, awaited);
    if (ec) failure = error{errc::io_failed, "waiting for a credential helper: " + ec.message()};
  };
  const auto which = co_await (work() || deadline.async_wait(awaited));
  if (which.index() == 1) {
    co_return fail(errc::timed_out, program + " did not answer within " + std::to_string(limit.count()) + " ms");
  }
  if (failure) co_return std::unexpected(*failure);
  co_return text;
}

}  // namespace

task<std::optional<credential>> ask_credential_helper(asio::any_io_executor executor, std::string name,
                                                      std::string server, std::chrono::milliseconds limit) {
  const auto program = "docker-credential-" + name;
  if (!safe_name(name) || server.size() > server_bytes_max) {
    co_return fail(errc::unauthorized, "\"" + name.substr(0, 100) + "\" is not the name of a credential helper");
  }
  int in[2], out[2];
  if (::pipe2(in, O_CLOEXEC) != 0) co_return fail(errc::io_failed, std::string("pipe: ") + std::strerror(errno));
  descriptor_owner in_read(in[0]), in_write(in[1]);
  if (::pipe2(out, O_CLOEXEC) != 0) co_return fail(errc::io_failed, std::string("pipe: ") + std::strerror(errno));
  descriptor_owner out_read(out[0]), out_write(out[1]);
  // Written before there is a reader to die: it fits the pipe, so it neither blocks nor raises SIGPIPE.
  if (::write(in_write.get(), server.data(), server.size()) != static_cast<ssize_t>(server.size())) {
    co_return fail(errc::io_failed, std::string("writing to a pipe: ") + std::strerror(errno));
  }
  in_write.reset(-1);
  auto pid = start(program, in_read.get(), out_write.get());
  if (!pid) co_return pass(std::move(pid));
  child helper(*pid);
  out_write.reset(-1);
  descriptor_owner ended(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
  if (ended.get() < 0) co_return fail(errc::io_failed, std::string("pidfd_open: ") + std::strerror(errno));
  asio::posix::stream_descriptor output(executor, out_read.release());
  asio::posix::stream_descriptor exit(executor, ended.release());
  auto text = co_await within(output, exit, program, limit);
  if (!text) co_return pass(std::move(text));
  co_return understand(program, *text, helper.reap());
}

}  // namespace longshore::api
