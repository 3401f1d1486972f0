#pragma once

// One-shot copies between two registries in memory.

#include "engine/copy_run.h"
#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine::testing {

class copy_run_world : public engine_world {
 protected:
  copy_run_world() {
    options_.first_pause_ms = 1;
    source_.does.tags_per_page = target_.does.tags_per_page = 100;
  }

  // A run of its own: nothing is remembered of earlier ones but what is_at_target keeps.
  copy_figures copy(std::vector<copy_route> routes) {
    outcomes_.clear();
    copier blobs({source_, *to_, index(), pauses_}, copier_options_);
    const copy_world world{source_, *to_, index(), blobs, copying_};
    copy_run run_once(world, pauses_, options_, [this](const copy_outcome& o) { outcomes_.push_back(o); });
    return run(run_once.run(std::move(routes)));
  }
  location_index& index() { return kept_ != nullptr ? *kept_ : (forgotten_ = {}, forgotten_); }
  copy_figures copy_afresh(std::vector<copy_route> routes) {
    transient_locations fresh;
    kept_ = &fresh;
    const copy_figures f = copy(std::move(routes));
    kept_ = nullptr;
    return f;
  }
  void add(const std::string& repository, const std::string& tag, const std::vector<std::string>& layers) {
    source_.set_tag(repository, tag, add_docker_image(source_, repository, layers));
  }

  registry* to_ = &target_;
  location_index* kept_ = nullptr;
  transient_locations forgotten_;
  copy_run_options options_;
  std::vector<copy_outcome> outcomes_;
};

}  // namespace longshore::engine::testing
