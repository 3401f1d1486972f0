#pragma once

// A data directory as a site leaves it: events appended through the sequencer with the views following.

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "log/sequencer.h"
#include "storage/env/clock.h"
#include "tests/unit/tools/scratch_dir.h"
#include "tools/site_store.h"

namespace longshore::tools {

inline log::event push(std::string repository, std::string tag, std::string digest) {
  log::event e;
  e.kind = log::event_kind::push;
  e.origin = "registry";
  e.action = "push";
  e.repository = std::move(repository);
  e.tag = std::move(tag);
  e.digest = std::move(digest);
  e.media_type = "application/vnd.oci.image.manifest.v1+json";
  return e;
}

inline log::event erased(std::string repository, std::string tag) {
  log::event e;
  e.kind = log::event_kind::erased;
  e.origin = "registry";
  e.action = "delete";
  e.repository = std::move(repository);
  e.tag = std::move(tag);
  return e;
}

inline std::string digest_text(char fill) { return "sha256:" + std::string(64, fill); }

class site_fixture : public ::testing::Test {
 protected:
  // Appends each event in a commit of its own, one second apart, ids and times filled in.
  void append(std::vector<log::event> events) {
    auto store = open_site_store(site_path(), store_access::create);
    ASSERT_TRUE(store) << store.error().text;
    auto logs = open_site_logs(*store);
    ASSERT_TRUE(logs) << logs.error().text;
    auto sequencer = log::sequencer::start(*logs->log, {logs->desired.get()}, now, {});
    ASSERT_TRUE(sequencer) << sequencer.error().text;
    for (log::event& e : events) {
      e.id = "event-" + std::to_string(count++);
      now.advance_us(1'000'000);
      std::promise<result<log::append_outcome>> done;
      ASSERT_TRUE((*sequencer)->submit({e}, [&](result<log::append_outcome> r) { done.set_value(std::move(r)); }));
      const auto outcome = done.get_future().get();
      ASSERT_TRUE(outcome) << outcome.error().text;
    }
    (*sequencer)->stop();
  }

  std::filesystem::path site_path() const { return dir.path() / "site"; }

  scratch_dir dir;
  manual_clock now{timestamp{1'790'000'000'000'000}};
  std::uint64_t count = 0;
};

}  // namespace longshore::tools
