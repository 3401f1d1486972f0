#pragma once

// Verifying one repository: the closure of every tag at the target, and what the source lists as referring to it,
// compared with the source, digest by digest.
//
// Manifests that the log knows by digest alone are verified as tags are. run() returns a verdict. `clean` needs two
// complete listings and an answer to every question (of what is left out or parked: from the target alone): whatever
// could not be asked makes it `unknown`, with the reason; what was found amiss is found all the same. What a registry
// does not answer is asked once more; what the target does not serve then, nor at the end, while it answers for others,
// is counted (`unserved`). A registry that answers nothing any more, or is waited for in vain too often, ends the run.
// Tags that the log moved on from meanwhile, or that are still open, are not judged (`unsettled`), nor are parked ones:
// where such a tag (or referrer) differs, and nothing else does, the verdict is `unjudged`. What filters or operators
// leave out is not compared, and named (`left_out`). Content with other bytes than its digest says is doubted in all
// repositories that have it (engine/doubt_rows.h), from the moment it is found, and not believed before it was read
// right: each run reads what is doubted, whether anything needs it or not. What has another size than its manifest says
// is read. With deep, every blob is read from the target and hashed. What is not as it should be is looked at twice.
// Each digest is looked at once, tags page by page. Facts are journaled as they are found: tags found whole, doubts and
// their end, and at the end the repository. What is amiss is not: the caller journals reopening(), and does so when no
// pass over the repository runs. run() fails when the journal or a view cannot be used, and with errc::stopped after
// stop(). Once per object; one executor; world, progress and rate must outlive it.

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "engine/checksum.h"
#include "engine/comparison.h"
#include "engine/content_doubts.h"
#include "engine/pace.h"
#include "engine/silence.h"
#include "engine/sync_world.h"
#include "engine/tag_listing.h"
#include "engine/unserved_item.h"
#include "engine/verifier_settings.h"
#include "engine/verify_verdict.h"

namespace longshore::engine {

class verifier {
 public:
  verifier(const sync_world& world, std::string repository, bool deep, const verifier_settings& settings,
           verify_progress& progress, pace& rate)
      : world_(&world),
        repository_(std::move(repository)),
        deep_(deep),
        settings_(&settings),
        progress_(&progress),
        doubts_(world, repository_, rate, progress.bytes) {}

  task<verify_verdict> run();
  // Only what is doubted there: of a repository that is left out, which others may be brought from.
  task<verify_verdict> run_doubts();
  void stop() { stopping_ = true, doubts_.stop(); }

 private:
  // A tag, or a manifest that the log knows by its digest only.
  struct tag_look {
    std::string tag;
    bool is_tag = true;
    std::optional<desired_item> wanted;
    std::optional<actual_item> done;
    std::optional<longshore::digest> source, target;
    std::optional<error> trouble;  // a registry did not answer
    bool unserved = false;         // the target did not
  };
  using tag_looks = std::vector<tag_look>;
  static std::unexpected<error> stopped();
  task<tag_names> list(registry& of);
  task<tag_names> tags_to_verify();
  result<tag_looks> untagged_from(event_seq& from) const;
  task<> check_listing();
  task<> verify_tags(const tag_names& tags);
  task<> verify_untagged();
  task<> ask_for_unserved();
  task<> ask_again(const unserved_item& item);
  boost::asio::awaitable<bool> answers(registry& of);
  boost::asio::awaitable<bool> goes_on_without(error answer);
  void note_waited(const error& answer);
  void note_unanswered(const std::string& what, const error& why, std::optional<unserved_item> unserved);
  void make_room();
  error too_many() const;
  task<> verify_page(tag_looks page);
  task<> look_up(tag_look& look);
  task<> resolve(tag_look& look);
  task<> explore(longshore::digest root);
  enum class may_be : bool { manifest, either };
  task<> look_once(content_key key, may_be what = may_be::manifest);
  task<found_content> look_at_manifest(const longshore::digest& d, may_be what);
  boost::asio::awaitable<bool> is_blob(registry& at, const longshore::digest& d, may_be what);
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
  task<> read_sizes(const closure_faults& below);
  task<> read_what_is_left();
  task<> read_what_nothing_needs();
  task<> note_doubted(const longshore::digest& d, found_content::presence read);
  verify_verdict ended(std::optional<error> why);
  task<> judge(tag_look& look, tag_looks& whole);
  task<closure_faults> faults_below(const tag_look& look);
  task<> without(const tag_look& look, error why);
  task<> journal(const tag_looks& whole);
  std::vector<tag_mismatch> compared(const tag_look& look, const closure_faults& below) const;
  void leave_out(std::string ref, std::string why);
  task<bool> still_stands(const tag_look& look);
  bool is_judged(const tag_look& look);
  bool is_left_out(const tag_look& look) const;
  void note_judged(const closure_faults& below);
  void find(const tag_look& look, const closure_faults& below, std::vector<tag_mismatch> amiss);
  task<> on_several(std::size_t count, std::function<task<>(std::size_t)> each);
  bool must_end() const { return stopping_ || trouble_.has_value(); }
  const sync_world* world_;
  std::string repository_;
  bool deep_;
  const verifier_settings* settings_;
  verify_progress* progress_;
  content_doubts doubts_;
  verify_verdict verdict_;
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
  bool source_lists_referrers_ = true;       // until it says, in this run, that it cannot
  std::map<content_key, error> unanswered_;  // what nobody could say about content
  std::set<longshore::digest> unserved_;     // of these: by the target
  std::vector<unserved_item> unserved_items_;
  silence silence_;
  std::optional<error> trouble_;  // nothing more can be said
  bool stopping_ = false;
};

// The records that open the findings again, and what the location index may not be believed about: all that are
// settled. Call when no pass runs there.
result<std::vector<log::event>> reopening(const sync_world& world, const verify_verdict& verdict);

}  // namespace longshore::engine
