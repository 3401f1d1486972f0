#pragma once

// The registries that a copy reads and writes, opened once each: over HTTP, or as files.
//
// Plain HTTP is spoken to loopback hosts, and to others only when told. Credentials come from the options, else from
// the files where docker, podman and skopeo keep them. source() and target() answer the same object for the same
// place; an archive is unpacked on a thread of its own, so that stop() is heard meanwhile. One call at a time.
// finish() makes archives and layouts final: what was written to an archive is in its file only then. One that
// cannot be does not hold up the others; all that failed are named.
// The executor and the clock must outlive it. One executor.

#include <boost/asio/any_io_executor.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "api/blocking_pool.h"
#include "api/local/image_reference.h"
#include "api/local/oci_archive.h"
#include "api/local/oci_layout.h"
#include "api/registry_client.h"
#include "tools/config.h"

namespace longshore::tools {

struct endpoint_options {
  bool plain_http = false;
  api::index_entries needed = api::index_entries::all;  // of files
  bool planned = false;                                 // target files are not made; what is not there is empty
  registry_settings settings;                           // but for the url
};

// Of a registry at HOST[:PORT]: by plain HTTP on the loopback, or when told.
std::string registry_address(const std::string& location, bool plain_http);

class copy_endpoints {
 public:
  copy_endpoints(boost::asio::any_io_executor on, clock& now, endpoint_options source, endpoint_options target)
      : on_(std::move(on)), now_(&now), source_(std::move(source)), target_(std::move(target)) {}

  engine::task<engine::registry*> source(const api::image_reference& at);
  engine::task<engine::registry*> target(const api::image_reference& at);
  struct unfinished {
    engine::registry* target;
    error why;
  };
  // An archive into which nothing was brought stays as it is, or does not come to be.
  boost::asio::awaitable<std::vector<unfinished>> finish(std::function<bool(engine::registry*)> brought);

  // Ends every wait for a registry's limits, and the unpacking of an archive.
  void stop();

  std::uint64_t source_requests() const { return requests_of(sources_); }
  std::uint64_t target_requests() const { return requests_of(targets_); }

 private:
  struct opened {
    std::unique_ptr<api::registry_client> client;
    std::unique_ptr<engine::registry> files;
    std::unique_ptr<api::oci_layout> layout;
    std::unique_ptr<api::oci_archive> archive;
    engine::registry* registry = nullptr;
  };
  using places = std::map<std::string, opened>;
  engine::task<engine::registry*> open(places& in, const api::image_reference& at, const endpoint_options& options,
                                       api::layout_access access);
  engine::task<opened> open_archive(const api::image_reference& at, const endpoint_options& options,
                                    api::layout_access access);
  static engine::registry* keep(places& in, const std::string& key, opened made);
  result<opened> open_docker(const api::image_reference& at, const endpoint_options& options);
  static std::uint64_t requests_of(const places& in);

  boost::asio::any_io_executor on_;
  clock* now_;
  endpoint_options source_, target_;
  places sources_, targets_;
  std::stop_source stopping_;
  api::blocking_pool unpacking_{1};
  std::map<std::string, std::shared_ptr<api::host_limits>> limits_;  // by address: shared by both sides
};

}  // namespace longshore::tools
