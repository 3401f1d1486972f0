#include "tools/last_contact.h"

#include <fcntl.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "api/sites.h"

namespace longshore::tools {
namespace {

constexpr const char* file_name = "primary.contact";
constexpr std::int64_t us_max = 1'000'000'000'000'000'000;  // so that every number has at most as many digits
constexpr std::size_t refusal_bytes = api::sites::refused_bytes_max;

}  // namespace

std::optional<engine::primary_contact> read_last_contact(const std::filesystem::path& data_dir) {
  std::ifstream in(data_dir / file_name);
  engine::primary_contact c;
  std::string end;
  in >> c.answered.us >> c.caught_up.us >> c.size >> end;
  const auto sound = [](std::int64_t us) { return us >= 0 && us < us_max; };
  if (!in || end != "." || !sound(c.answered.us) || !sound(c.caught_up.us)) return std::nullopt;
  std::getline(in, c.refusal);  // the rest of the line
  std::getline(in, c.refusal);  // none in an older file
  c.refusal.erase(c.refusal.find_last_not_of(' ') + 1);
  return c;
}

result<void> write_last_contact(const std::filesystem::path& data_dir, const engine::primary_contact& c) {
  const auto file = data_dir / file_name;
  const auto failed = [&](int number) { return fail(errc::io_failed, file.string() + ": " + std::strerror(number)); };
  // Always as long: nothing of an earlier text is left behind it.
  char text[80 + refusal_bytes];
  const std::string refusal = api::printable(c.refusal, refusal_bytes);
  const int size =
      std::snprintf(text, sizeof text, "%020" PRId64 " %020" PRId64 " %020" PRIu64 " .\n%-*s\n", c.answered.us,
                    c.caught_up.us, c.size, static_cast<int>(refusal_bytes), refusal.c_str());
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return failed(errno);
  const auto written = ::pwrite(fd, text, static_cast<std::size_t>(size), 0);
  const int number = errno;
  ::close(fd);
  if (written != size) return failed(written < 0 ? number : ENOSPC);
  return {};
}

}  // namespace longshore::tools
