#pragma once

// The limits of the registries that a configuration names: one object per registry, for all clients of it.
//
// Where source and target are the same registry they share one. The executor and the clock must outlive the clients.

#include <memory>
#include <string>
#include <vector>

#include "api/limits_admin.h"
#include "tools/config.h"

namespace longshore::tools {

class registry_limits {
 public:
  registry_limits(const boost::asio::any_io_executor& on, const clock& now, const config& c);

  // Null where the configuration has no such section.
  std::shared_ptr<api::host_limits> source() const { return of("source_registry"); }
  std::shared_ptr<api::host_limits> target() const { return of("target_registry"); }
  // Of the registry of a [[source]], by the source's name.
  std::shared_ptr<api::host_limits> of_source(const std::string& name) const { return of("source." + name); }
  const std::vector<api::limited_registry>& all() const { return all_; }
  std::vector<api::host_limits_view> views() const;
  // Ends every wait, and every later one.
  void stop();

 private:
  std::shared_ptr<api::host_limits> of(const std::string& section) const;
  std::vector<api::limited_registry> all_;
};

}  // namespace longshore::tools
