#include "tests/replay/history.h"

#include <unistd.h>

#include <array>
#include <future>

#include "storage/digest.h"
#include "storage/env/ensure.h"

namespace longshore::replay {

namespace {

template <class T>
T wanted(result<T> r, const char* what) {
  if (!r) ensure_failed((std::string(what) + ": " + r.error().text).c_str(), std::source_location::current());
  return *std::move(r);
}

std::string random_digest(random_source& random) {
  return digest::of("manifest " + std::to_string(random.below(12))).text();
}

std::string random_repository(random_source& random) {
  static const std::array<const char*, 6> names{"team/app", "team/base",   "legacy/app",
                                                "one",      "a/b/c/d/e_f", "No Such Name"};
  return names[random.below(names.size())];
}

std::string random_tag(random_source& random) {
  static const std::array<const char*, 6> names{"latest", "v1", "v2", "_odd.tag", "sha256-00.sig", "not a tag!"};
  return names[random.below(names.size())];
}

std::string random_media_type(random_source& random) {
  static const std::array<const char*, 5> types{
      "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
      "application/vnd.oci.image.index.v1+json", "application/octet-stream", ""};
  return types[random.below(types.size())];
}

void push(log::event& e, random_source& random) {
  e.kind = log::event_kind::push;
  e.digest = random_digest(random);
  e.media_type = random_media_type(random);
  if (random.below(3) != 0) e.tag = random_tag(random);
}

void erase(log::event& e, random_source& random) {
  e.kind = log::event_kind::erased;
  const std::uint64_t what = random.below(9);
  if (what < 4) e.tag = random_tag(random);
  if (what >= 4 && what < 8) e.digest = random_digest(random);
}

}  // namespace

log::event random_event(random_source& random, std::uint64_t number) {
  log::event e;
  e.origin = random.below(8) == 0 ? "other" : "main";
  e.id = random.below(10) == 0 ? "" : "id-" + std::to_string(random.below(4) == 0 ? number / 2 : number);
  e.repository = random_repository(random);
  e.occurred = {static_cast<std::int64_t>(1'700'000'000'000'000 + random.below(1'000'000'000))};
  e.detail = "{\"n\":" + std::to_string(number) + "}";
  switch (random.below(12)) {
    case 0:
    case 1:
      erase(e, random);
      break;
    case 2:
      e.kind = log::event_kind::observed;
      e.tag = random_tag(random);
      if (random.below(2) == 0) e.digest = random_digest(random);
      break;
    case 3:
      e.kind = log::event_kind::mount;
      e.digest = random_digest(random);
      e.from_repository = random_repository(random);
      break;
    case 4:
      e.kind = log::event_kind::pull;
      e.digest = random_digest(random);
      break;
    case 5:
      e.kind = random.below(2) == 0 ? log::event_kind::unknown : log::event_kind::epoch;
      break;
    default:
      push(e, random);
      break;
  }
  return e;
}

scratch_directory::scratch_directory(const std::string& name)
    : path_(std::filesystem::temp_directory_path() / ("longshore-replay-" + std::to_string(::getpid()) + "-" + name)) {
  std::filesystem::remove_all(path_);
  std::filesystem::create_directories(path_);
}

scratch_directory::~scratch_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

dump dump_of(const storage::database& db, const log::view& v) {
  dump rows;
  for (const storage::family f : v.families()) {
    rows.emplace_back("family");
    auto scan = db.range(f, {});
    for (; scan.valid(); scan.next()) {
      rows.emplace_back(scan.key());
      rows.emplace_back(scan.value());
    }
    ensure(scan.status().has_value(), "a view under test can be read");
  }
  return rows;
}

live_site::live_site(const std::filesystem::path& directory)
    : store_(wanted(tools::open_site_store(directory, tools::store_access::create), "opening the site")),
      logs_(wanted(tools::open_site_logs(store_), "opening its logs")) {
  sequencer_ = wanted(log::sequencer::start(*logs_.log, {logs_.desired.get()}, now_, {}), "starting the sequencer");
}

live_site::~live_site() { sequencer_->stop(); }

void live_site::append(std::vector<log::event> events) {
  std::promise<bool> appended;
  const auto asked = sequencer_->submit(
      std::move(events), [&](result<log::append_outcome> outcome) { appended.set_value(outcome.has_value()); });
  ensure(asked.has_value() && appended.get_future().get(), "a healthy log takes events");
}

}  // namespace longshore::replay
