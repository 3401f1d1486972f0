#pragma once

// Where a running site tells what happens: its log file, or standard error; and a command what is not its answer.
//
// A file that has grown to bytes_max is renamed, site.log to site.1.log and so on, the oldest goes, and a new one is
// begun: files_max of them at most.

#include "storage/env/result.h"
#include "tools/config.h"

namespace longshore::tools {

// Until then: warnings and worse go to standard error, since a command's standard output is its answer.
void open_command_log();

// From now on, for the whole process. errc::io_failed when the file cannot be written.
result<void> open_site_log(const log_file_settings& settings);

}  // namespace longshore::tools
