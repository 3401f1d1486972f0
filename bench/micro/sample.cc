#include "bench/micro/sample.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <memory>

#include "log/sequencer.h"
#include "storage/digest.h"

namespace longshore::bench {

namespace {

constexpr std::uint64_t repositories = 1'000;
constexpr std::uint64_t events_per_submission = 512;

template <class T>
T wanted(result<T> r) {
  if (r) return *std::move(r);
  std::fprintf(stderr, "bench: %s\n", r.error().text.c_str());
  std::exit(1);
}

std::filesystem::path directory_for(std::uint64_t records) {
  return std::filesystem::path("/var/tmp") /
         ("longshore-micro-" + std::to_string(::getpid()) + "-" + std::to_string(records));
}

void fill(filled_site& site, std::uint64_t records) {
  const system_clock now;
  auto sequencer = wanted(log::sequencer::start(*site.logs.log, {site.logs.desired.get()}, now, {}));
  for (std::uint64_t n = 0; n < records;) {
    std::vector<log::event> events;
    for (; n < records && events.size() < events_per_submission; ++n) events.push_back(sample_event(n));
    std::promise<result<log::append_outcome>> appended;
    auto asked =
        sequencer->submit(std::move(events), [&](result<log::append_outcome> o) { appended.set_value(std::move(o)); });
    if (!asked) wanted<log::append_outcome>(pass(std::move(asked)));
    wanted(appended.get_future().get());
  }
  sequencer->stop();
}

// Removes every directory after its databases are closed.
struct all_sites {
  std::map<std::uint64_t, std::unique_ptr<filled_site>> made;
  ~all_sites() {
    for (auto& [records, site] : made) {
      site.reset();
      std::error_code kept;
      std::filesystem::remove_all(directory_for(records), kept);
    }
  }
};
std::unique_ptr<all_sites> sites;

}  // namespace

log::event sample_event(std::uint64_t number) {
  log::event e;
  e.kind = number % 7 == 0 ? log::event_kind::pull : log::event_kind::push;
  e.origin = "main";
  e.id = "38739657-95ee-45a2-aee6-" + std::to_string(100'000'000'000 + number);
  e.occurred = {static_cast<std::int64_t>(1'790'000'000'000'000 + number * 1'000)};
  e.repository = "team/application-" + std::to_string(number * 7'919 % repositories);
  if (number % 3 == 0) e.tag = "v" + std::to_string(number % 50);
  e.digest = digest::of(std::to_string(number)).text();
  e.media_type = number % 3 == 0 ? "application/vnd.oci.image.manifest.v1+json" : "application/octet-stream";
  e.size = 1'195;
  e.actor = "robot";
  e.request_id = "0c25af99-db50-4908-9081-ce66a0fc484a";
  e.request_addr = "10.1.2.3:57838";
  e.request_host = "registry.example.org";
  e.request_method = "PUT";
  e.request_useragent = "skopeo/1.9.3";
  e.instance = "5513278c-a0d5-405e-b3a2-fec90997cdc0";
  e.action = "push";
  e.detail = sample_envelope(number).substr(0, 600);
  return e;
}

std::string sample_envelope(std::uint64_t number) {
  const std::string id = std::to_string(100'000'000'000 + number);
  const std::string digest_text = digest::of(std::to_string(number)).text();
  return R"({"events":[{"id":"38739657-95ee-45a2-aee6-)" + id +
         R"(","timestamp":"2026-11-23T21:19:06.120330206Z","action":"push","target":{"mediaType":)" +
         R"("application/vnd.oci.image.manifest.v1+json","size":1195,"digest":")" + digest_text +
         R"(","length":1195,"repository":"team/app","url":"http://registry.example.org/v2/team/app/manifests/)" +
         digest_text + R"(","tag":"v0"},"request":{"id":"0c25af99-db50-4908-9081-ce66a0fc484a","addr":)" +
         R"("127.0.0.1:57838","host":"registry.example.org","method":"PUT","useragent":"skopeo/1.9.3"},)" +
         R"("actor":{},"source":{"addr":"vm:5001","instanceID":"5513278c-a0d5-405e-b3a2-fec90997cdc0"}}]})";
}

filled_site& site_with(std::uint64_t records) {
  if (!sites) sites = std::make_unique<all_sites>();
  auto& site = sites->made[records];
  if (site) return *site;
  auto store = wanted(tools::open_site_store(directory_for(records), tools::store_access::create));
  auto logs = wanted(tools::open_site_logs(store));
  site = std::make_unique<filled_site>(std::move(store), std::move(logs));
  fill(*site, records);
  return *site;
}

void forget_sites() { sites.reset(); }

}  // namespace longshore::bench
