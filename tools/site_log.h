#pragma once

// Where a running site tells what happens: its log file, or standard error.

#include "storage/env/result.h"
#include "tools/config.h"

namespace longshore::tools {

// From now on, for the whole process. errc::io_failed when the file cannot be written.
result<void> open_site_log(const log_file_settings& settings);

}  // namespace longshore::tools
