#pragma once

// A site's data directory, opened whole: the lock, the database with every family that a site uses, its two
// logs and its views. The one list of families, shared by the running site and by the offline commands.
//
// When open_site_store() returns, the directory is locked for this process until the store is destroyed.
// store_access::read_only creates nothing, writes nothing and changes nothing in DIR, not even an upgrade.
// Members are declared so that each outlives what points at it. One owner; the parts have their own rules.
// Refuses: a directory that another process uses (errc::busy), or (unless create) one that holds no site.

#include <filesystem>
#include <memory>
#include <vector>

#include "engine/actual.h"
#include "engine/desired.h"
#include "engine/heard.h"
#include "engine/locations.h"
#include "engine/named_target.h"
#include "engine/reconciled.h"
#include "engine/uploads.h"
#include "log/event_log.h"
#include "storage/data_dir.h"
#include "storage/database.h"

namespace longshore::tools {

enum class store_access : std::uint8_t { create, write, read_only };

inline constexpr const char* replicated_log = "log";
inline constexpr const char* journal_log = "journal";

// Families of both logs, the quarantine and the views.
std::vector<storage::family_spec> site_families();

struct site_store {
  storage::data_dir dir;
  std::unique_ptr<storage::database> db;
};
result<site_store> open_site_store(const std::filesystem::path& path, store_access access);

// Both logs and the views over them, positioned where the database says. The store must outlive it.
struct site_logs {
  std::unique_ptr<log::event_log> log, journal;
  std::unique_ptr<engine::desired> desired;
  std::unique_ptr<engine::heard> heard;
  std::unique_ptr<engine::actual> actual;
  std::unique_ptr<engine::locations> locations;
  std::unique_ptr<engine::uploads> uploads;
  std::unique_ptr<engine::named_target> target;
  std::unique_ptr<engine::reconciled> reconciled;
};
result<site_logs> open_site_logs(site_store& store);

}  // namespace longshore::tools
