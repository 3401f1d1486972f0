#pragma once

// One `longshore copy` or `longshore plan`, from its jobs to its summary.
//
// run() opens the places, lists catalogs where many repositories were asked for, and runs the engine's copy_run over
// what comes out: once per source and target, one target after the other, so that each target gets each blob once
// whatever sources name it. It fails only when nothing could be begun, or no tag was one of those asked for; everything
// else is told per item, and a target that could not be finished by its name. An archive into which nothing was copied
// is not written. Where several sources bring one tag, the first that is named keeps it, also when it fails: what
// another shows under it must be the same, or fails. With dry_run nothing is written anywhere. stop(): what runs is
// given up. One executor; the clock must outlive it.

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <vector>

#include "engine/copy_estimate.h"
#include "engine/copy_run.h"
#include "engine/routed_registry.h"
#include "tools/copy_endpoints.h"
#include "tools/copy_jobs.h"
#include "tools/copy_state.h"

namespace longshore::tools {

struct copy_request {
  std::vector<copy_job> jobs;
  bool dry_run = false;
  std::size_t images_at_once = 8;
  std::size_t transfers_at_once = 12;
  std::filesystem::path state;  // empty: nothing is kept
  endpoint_options source, target;
  std::vector<std::string> tags;  // that copying.filter takes, as the operator wrote them; empty: all
  engine::copy_settings copying;
  engine::copy_run_options run;
};

// With the full names, since two registries may have a repository of the same name: docker://HOST/REPOSITORY:TAG,
// oci:DIR:TAG. A deletion's source is the repository that has the tag no longer.
struct told_outcome : engine::copy_outcome {
  std::string source = {}, target = {};
};

struct copy_figures_now {
  engine::copy_figures run;
  std::uint64_t bytes_sent = 0;  // of blobs, also of those under way
  std::uint64_t source_requests = 0, target_requests = 0;
  engine::copy_estimate estimate;
};

class copy_session {
 public:
  using on_outcome = std::function<void(const told_outcome&)>;
  copy_session(boost::asio::any_io_executor on, clock& now, copy_request request, on_outcome told);
  ~copy_session();

  engine::task<copy_figures_now> run();
  void stop();
  copy_figures_now figures() const;

 private:
  struct group;  // jobs of one source and one target
  struct target_place;

  engine::task<> sort_jobs();
  engine::task<> add_job(const copy_job& job);
  static engine::task<> check_holds_an_image(const copy_job& job, engine::registry& from);
  engine::task<> add_many(const copy_job& job, engine::registry& from, engine::registry& to);
  void tell(const group& of, const engine::copy_outcome& o);
  void tell_failed(std::string what, std::string source, std::string target, error why);
  void tell_unfinished(engine::registry& target, error why);
  std::unexpected<error> no_tag_chosen() const;
  void find_shared();
  void take_of_failed_jobs(const group& g);
  // The repositories of a group in which nothing may be deleted, and why.
  std::map<std::string, std::string> held_back(const group& g) const;
  void add_route(const copy_job& job, engine::registry& from, engine::registry& to, std::string source_repository,
                 engine::copy_route route);
  result<void> open_index(engine::registry& target);
  boost::asio::awaitable<void> run_group(group& g);

  boost::asio::any_io_executor on_;
  clock* now_;
  copy_request request_;
  on_outcome told_;
  copy_endpoints places_;
  engine::timer_pauses pauses_;
  std::map<engine::registry*, std::unique_ptr<target_place>> targets_;
  std::vector<std::unique_ptr<group>> groups_;
  engine::copy_figures before_;  // of the groups that have ended
  std::uint64_t bytes_before_ = 0;
  engine::copy_run* running_ = nullptr;
  engine::copier* copier_ = nullptr;
  std::size_t turn_ = 0;  // of the job that is sorted in
  struct failed_job {
    const copy_job* job;
    std::size_t turn;
    std::string target;  // its place; empty: many repositories of it
  };
  std::vector<failed_job> failed_jobs_;  // those that could not be begun
  bool chose_a_tag_ = false;
  bool stopping_ = false;
};

}  // namespace longshore::tools
