#pragma once

// The people and machines that use the source registry: pushes of every shape, retagging, deletions of every kind,
// each in the steps in which a real registry makes them visible, and the notifications it sends along the way.
//
// As with Distribution, the notification of a push goes out after the manifest is stored and before the tag is
// written; now and then the tag is never written. begin() starts one more activity; step() takes one step of one that
// runs. Several run beside each other. What is pushed shares layers, children and names.

#include <deque>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "log/event.h"
#include "storage/env/clock.h"
#include "storage/env/random.h"
#include "tests/support/memory/memory_registry.h"

namespace longshore::sim {

struct pusher_options {
  std::size_t repositories = 2, tags = 3, layers = 5;
  bool deletes = true;
  bool collects_garbage = false;  // blobs that no manifest names any more go, too
  bool breaks_images = false;     // manifests that others include are deleted, too
};

class pusher {
 public:
  using send = std::function<void(log::event)>;
  pusher(engine::testing::memory_registry& source, const clock& now, random_source& random, pusher_options options,
         send out)
      : source_(&source), now_(&now), random_(&random), options_(options), send_(std::move(out)) {}

  void begin();
  bool busy() const { return !running_.empty(); }
  void step();
  std::uint64_t activities() const { return activities_; }

 private:
  using activity = std::deque<std::function<void()>>;

  bool one_in(std::uint64_t n) { return random_->below(n) == 0; }
  std::string some_repository();
  std::string some_tag();
  std::vector<std::string> some_layers();
  log::event event_of(log::event_kind kind, const std::string& repository);
  void tell_push(const std::string& repository, const std::string& tag, const digest& d);
  void tell_erased(const std::string& repository, const std::string& tag, const std::string& digest_text);
  void collect_garbage(const std::string& repository);

  digest put_image(const std::string& repository, std::string_view more);
  void store_and_tag(activity& a, const std::string& repository, const digest& d, const std::string& tag);
  activity push_image();
  activity push_index();
  activity push_signature();
  void list_by_tag(activity& a, const std::string& repository, const digest& of);
  activity push_untagged();
  activity retag();
  activity delete_tag();
  activity delete_manifest();
  activity delete_repository();
  activity noise();

  engine::testing::memory_registry* source_;
  const clock* now_;
  random_source* random_;
  pusher_options options_;
  send send_;
  std::vector<activity> running_;
  std::uint64_t activities_ = 0, events_ = 0;
};

}  // namespace longshore::sim
