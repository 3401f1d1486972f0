#pragma once

// Limits of registries, seen and changed while the site runs, with an administrator's token.
//
//   GET /v1/limits   every registry's limits in force, who set them, and what came of them
//   PUT /v1/limits   {"source_registry": {"bytes_per_second": 10000000, "requests_per_second": 50}, ...}: what is named
//                    changes, null goes back to the configuration. All of it or, with 400, nothing.
//
// A rate that was set holds whatever the schedule says, until it is changed, or the site restarts.

#include <boost/json/object.hpp>

#include "api/bearer.h"
#include "api/host_limits.h"
#include "api/router.h"

namespace longshore::api {

struct limited_registry {
  std::vector<std::string> sections;  // of the configuration; two where source and target are one registry
  std::shared_ptr<host_limits> limits;
  host_limits_view view() const;
};

// One change per registry (the same order). errc::invalid says what is expected.
result<std::vector<limits_change>> parse_limits_change(std::string_view body, const std::vector<limited_registry>& of);

boost::json::object json_of(const host_limits_view& v);
// By section; a registry that is source and target is there twice.
boost::json::object json_of(const std::vector<host_limits_view>& all);

class limits_admin {
 public:
  limits_admin(std::vector<limited_registry> registries, const token_book& admins)
      : registries_(std::move(registries)), admins_(&admins) {}
  void mount(router& to);

 private:
  answer show() const;
  answer change(const request& r);

  std::vector<limited_registry> registries_;
  const token_book* admins_;
};

}  // namespace longshore::api
