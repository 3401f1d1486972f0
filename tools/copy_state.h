#pragma once

// What earlier copies to one target are known to have done, kept in a directory (`--state DIR`): the same journal and
// views that a secondary has, so that the next run asks the target for nothing that it published itself.
//
// open() creates the directory when it is not there, and refuses one that was kept for another target or is a site's
// (errc::conflict), or that another process uses (errc::busy). What where().record() returned for is durable.
// look() is for plans: it changes nothing in the directory, and where().record() is errc::unsupported.
// Must outlive everything that uses where(). One executor.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "engine/location_index.h"
#include "log/sequencer.h"
#include "storage/env/clock.h"
#include "tools/site_store.h"

namespace longshore::tools {

class copy_state {
 public:
  static result<std::unique_ptr<copy_state>> open(const std::filesystem::path& directory, const std::string& target,
                                                  clock& now);
  static result<std::unique_ptr<copy_state>> look(const std::filesystem::path& directory, const std::string& target);
  ~copy_state();

  engine::location_index& where() { return *where_; }
  // The digest under which a run published this ref; none: it did not, or not since.
  result<std::optional<std::string>> published(const std::string& repository, const std::string& ref) const;

 private:
  static result<std::unique_ptr<copy_state>> load(const std::filesystem::path& directory, const std::string& target,
                                                  store_access access, bool& is_new);
  copy_state(site_store store, site_logs logs) : store_(std::move(store)), logs_(std::move(logs)) {}

  site_store store_;
  site_logs logs_;
  std::unique_ptr<log::sequencer> sequencer_;
  std::unique_ptr<engine::journal> records_;
  std::unique_ptr<engine::location_index> where_;
};

}  // namespace longshore::tools
