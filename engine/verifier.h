#pragma once

// Verifying one repository: the closure of every tag at the target, and what the source lists as referring to it,
// compared with the source, digest by digest.
//
// Manifests that the log knows by digest alone are verified as tags are.
// run() returns a verdict. `clean` needs two complete listings and an answer to every question: whatever could not be
// asked makes it `unknown`, with the reason; what was found amiss until then is found all the same. Tags that the log
// moved on from meanwhile, or that are still open, are not judged (`unsettled`), nor are parked ones: where such a tag
// (or referrer) differs, and nothing else does, the verdict is `unjudged`. What filters or operators leave out is not
// compared, and named (`left_out`). Content that was found with wrong bytes or a wrong size is doubted in all
// repositories that have it, and not believed before it was read whole: each run reads what is doubted, whether
// anything needs it or not. With deep, every blob is read from the target and hashed. What is not as it should be is
// looked at twice. Each digest is looked at once, tags page by page. Facts are journaled as they are found: tags found
// whole, doubts and their end, and at the end the repository. What is amiss is not: the caller journals reopening(),
// and does so when no pass over the repository runs. run() fails when the journal or a view cannot be used, and with
// errc::stopped after stop(). Once per object; one executor; world, progress and rate must outlive it.

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "engine/checksum.h"
#include "engine/comparison.h"
#include "engine/pace.h"
#include "engine/sync_world.h"
#include "engine/tag_listing.h"
#include "engine/verify_verdict.h"

namespace longshore::engine {

struct verifier_settings {
  std::size_t tags_per_page = 128;
  std::size_t looks_at_once = 6;
  std::size_t unjudged_max = 100;              // told by name, of one repository; and of tags that the log knows not
  std::size_t mismatches_max = 1'000;          // told by name, of one repository
  std::size_t findings_max = 1'000;            // items to be opened again, of one repository; more end the run over it
  std::size_t remembered_max = 200'000;        // digests and references held in memory
  std::uint64_t bytes_per_second = 50u << 20;  // read by a deep verification, of all blobs together; 0: no limit
};

struct verify_progress {
  std::uint64_t tags = 0, manifests = 0, blobs = 0, bytes = 0;
};

class verifier {
 public:
  verifier(const sync_world& world, std::string repository, bool deep, const verifier_settings& settings,
           verify_progress& progress, pace& rate)
      : world_(&world),
        repository_(std::move(repository)),
        deep_(deep),
        settings_(&settings),
        progress_(&progress),
        rate_(&rate) {}

  task<verify_verdict> run();
  void stop() { stopping_ = true; }

 private:
  // A tag, or a manifest that the log knows by its digest only.
  struct tag_look {
    std::string tag;
    bool is_tag = true;
    std::optional<desired_item> wanted;
    std::optional<actual_item> done;
    std::optional<longshore::digest> source, target;
  };
  using tag_looks = std::vector<tag_look>;

  static std::unexpected<error> stopped();
  task<tag_names> list(registry& of);
  task<tag_names> tags_to_verify();
  result<tag_looks> untagged_from(event_seq& from) const;
  task<> check_listing();
  task<> verify_tags(const tag_names& tags);
  task<> verify_untagged();
  void make_room();
  error too_many() const;
  task<> verify_page(tag_looks page);
  task<> resolve(tag_look& look);
  task<> explore(longshore::digest root);
  task<> look_once(content_key key);
  task<manifest_document> read_manifest(const longshore::digest& d);
  task<found_content> look_at_manifest(const longshore::digest& d);
  task<std::vector<longshore::digest>> referrers_of(longshore::digest d);
  task<bool> is_expected(descriptor referrer);
  task<bool> is_at_target(longshore::digest manifest);
  task<> forget_arrived(closure_faults& below);
  task<> forget_unmissed(closure_faults& below);
  task<bool> source_has(const longshore::digest& manifest);
  using needs = std::map<longshore::digest, std::vector<longshore::digest>>;
  needs needs_in(const closure_faults& below) const;
  task<bool> is_missed(const longshore::digest& what, const longshore::digest& root, const needs& needed_by);
  task<found_content> look_at_blob(const longshore::digest& d);
  task<found_content::presence> read_through(const longshore::digest& d);
  task<found_content::presence> read_once(const longshore::digest& d);
  void note_bytes(const longshore::digest& d, bool right);
  void doubt(const longshore::digest& d);
  void note_sizes(const closure_faults& below);
  result<void> know_doubts();
  task<> read_what_nothing_needs();
  task<found_content::presence> read_doubted(const longshore::digest& d);
  task<> judge(tag_look& look, tag_looks& whole);
  task<> journal(const tag_looks& whole);
  std::vector<tag_mismatch> compared(const tag_look& look, const closure_faults& below) const;
  void leave_out(std::string ref, std::string why);
  task<bool> still_stands(const tag_look& look);
  bool is_judged(const tag_look& look);
  void note_judged(const closure_faults& below);
  void find(const tag_look& look, const closure_faults& below, std::vector<tag_mismatch> amiss);
  task<> on_several(std::size_t count, std::function<task<>(std::size_t)> each);
  bool must_end() const { return stopping_ || trouble_.has_value(); }

  const sync_world* world_;
  std::string repository_;
  bool deep_;
  const verifier_settings* settings_;
  verify_progress* progress_;
  pace* rate_;

  verify_verdict verdict_;
  std::set<longshore::digest> doubts_;           // when it began, and found since
  std::set<longshore::digest> met_;              // of these
  std::map<longshore::digest, bool> at_source_;  // manifests asked for
  std::set<longshore::digest> judged_;           // manifests, by themselves or below something: each once in a run
  std::vector<log::event> facts_;                // not journaled yet
  tags_checksum sum_;
  content_map found_;
  std::set<content_key> looking_;
  tag_names source_lists_;
  std::vector<std::string> unlisted_;  // served by the source, and not listed
  wait_list looked_;
  std::size_t remembered_ = 0;
  bool source_lists_referrers_ = true;  // until it says, in this run, that it cannot
  std::optional<error> trouble_;        // a registry did not answer: nothing more can be said
  bool stopping_ = false;
};

// The records that open the findings again, and what the location index may not be believed about: all that are
// settled. Call when no pass runs there.
result<std::vector<log::event>> reopening(const sync_world& world, const verify_verdict& verdict);

}  // namespace longshore::engine
