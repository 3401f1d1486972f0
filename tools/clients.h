#pragma once

// The HTTP clients that a configuration describes.
//
// Made, not yet connected: errc::invalid for a key, certificate or address that cannot be used. The executor
// and the clock must outlive them.

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "api/peer_client.h"
#include "api/registry_client.h"
#include "tools/config.h"

namespace longshore::tools {

result<std::unique_ptr<api::registry_client>> make_registry_client(boost::asio::any_io_executor executor, clock& now,
                                                                   const registry_settings& settings);
// The same, obeying limits that other clients of that registry share.
result<std::unique_ptr<api::registry_client>> make_registry_client(boost::asio::any_io_executor executor, clock& now,
                                                                   const registry_settings& settings,
                                                                   std::shared_ptr<api::host_limits> limits);
// The limits that the settings ask for; the clients of one registry share one object made of them.
api::host_limits_settings host_limits_of(const registry_settings& settings);
std::shared_ptr<api::host_limits> make_host_limits(const boost::asio::any_io_executor& on, const clock& now,
                                                   const registry_settings& settings);
// "host:port": the same for settings that mean the same registry.
std::string registry_authority(const registry_settings& settings);

result<std::unique_ptr<api::peer_client>> make_peer_client(boost::asio::any_io_executor executor, clock& now,
                                                           const primary_settings& settings);

}  // namespace longshore::tools
