#include "tools/site_log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace longshore::tools {

result<void> open_site_log(const log_file_settings& settings) {
  try {
    // The sink counts the older files only.
    auto logger = settings.path.empty() ? spdlog::stderr_logger_mt("site")
                                        : spdlog::rotating_logger_mt("site", settings.path.string(), settings.bytes_max,
                                                                     settings.files_max - 1);
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%fZ %l %v", spdlog::pattern_time_type::utc);
    logger->set_level(spdlog::level::from_str(settings.level));
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
  } catch (const spdlog::spdlog_ex& e) {
    return fail(errc::io_failed, "[log_file] path: " + std::string(e.what()));
  }
  return {};
}

void open_command_log() {
  auto logger = spdlog::stderr_logger_mt("command");
  logger->set_pattern("longshore: %v");
  logger->set_level(spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace longshore::tools
