#pragma once

// A registry in memory, as strict as the strictest real one, with faults on order.
//
// It refuses a manifest whose content it lacks (errc::rejected, as MANIFEST_BLOB_UNKNOWN) and an upload whose digest
// does not match. It watches the promise that matters: whenever a tag is set to something that is not whole in its
// repository, violations() has a line - also when the registry was told not to check. Every verb yields once, so that
// coroutines interleave. One executor.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/registry.h"
#include "engine/wait_list.h"
#include "storage/digest.h"
#include "storage/env/clock.h"

namespace longshore::engine::testing {

struct stored_blob {
  std::string bytes;
  std::uint64_t size = 0;
  bool synthetic = false;  // the bytes are a function of the offset (and of nothing else)
};
char synthetic_byte(std::uint64_t offset);

class memory_registry : public registry {
 public:
  struct behaviour {
    bool deletes_tags = true, deletes_manifests = true;
    bool mounts = true;
    bool lists_referrers = false;
    bool checks_content = true;
    bool breaks_on_blobs_as_manifests = false;  // answers unavailable, as Distribution 2 does with its 500
    std::size_t chunk_bytes = 64u << 10;        // the most a read returns
    std::size_t tags_per_page = 3;
    std::uint64_t keep_bytes_max = 64u << 20;  // of larger uploads only digest and size are kept
    bool resumes = true;                       // uploads are taken up again where they stopped
    std::uint64_t upload_grain = 1;            // what is not a whole multiple of this does not outlast its writer
    std::set<std::string> refused_types;       // manifests of these are rejected
  } does;

  struct call {
    std::string verb, repository, ref;
  };
  enum class fault_at : std::uint8_t { before, after };  // its effect

  struct fault {
    error what;
    fault_at at = fault_at::before;
  };

  explicit memory_registry(std::string name) : name_(std::move(name)) {}

  // Faults. The operation with this number (counted from 0 at the call) fails.
  void fail_operation(std::uint64_t n, error e, fault_at at = fault_at::before);
  void forget_faults() { faults_.clear(); }
  void fail_always(std::optional<error> e) { always_ = std::move(e); }
  void break_body(const digest& d, std::uint64_t at_offset, int times);
  // By whose time failures tell how long they were waited for, where they do not themselves.
  const clock* time = nullptr;
  // This verb never ends, until its coroutine is cancelled.
  void stall(std::string verb) { stalled_verb_ = std::move(verb); }
  void corrupt_body(const digest& d) { corrupt_.insert(d.text()); }
  void mend_bodies() { corrupt_.clear(), broken_bodies_.clear(); }
  // Asked for each operation; what it answers happens to that one.
  std::function<std::optional<fault>(const call&)> faults;
  // Called before each operation takes effect; may change the registry.
  std::function<void(const call&)> before;

  // Content, put there from outside.
  digest add_blob(const std::string& repository, std::string bytes);
  digest add_synthetic_blob(const std::string& repository, std::uint64_t size);
  digest add_manifest(const std::string& repository, const std::string& type, const std::string& bytes);
  void set_tag(const std::string& repository, const std::string& tag, const digest& d);
  void erase_tag(const std::string& repository, const std::string& tag);
  void erase_manifest(const std::string& repository, const digest& d);  // and its tags
  void erase_blob(const std::string& repository, const digest& d);
  void erase_repository(const std::string& repository) { repositories_.erase(repository); }

  // What is there.
  std::optional<digest> tag(const std::string& repository, const std::string& name) const;
  const manifest_document* manifest_at(const std::string& repository, const std::string& ref) const;
  const stored_blob* blob(const std::string& repository, const digest& d) const;
  std::map<std::string, std::string> tags(const std::string& repository) const;
  bool is_whole(const std::string& repository, const digest& d) const;
  std::vector<std::string> repositories() const;
  std::vector<digest> manifests(const std::string& repository) const;
  std::vector<digest> blobs(const std::string& repository) const;

  // What happened.
  const std::vector<call>& calls() const { return calls_; }
  std::size_t count(std::string_view verb, std::string_view ref = {}) const;
  void forget_calls() { calls_.clear(), operations_ = 0; }
  std::uint64_t operations() const { return operations_; }
  std::uint64_t bytes_served(const digest& d) const;
  std::uint64_t bytes_received(const digest& d) const;
  int open_sessions() const { return static_cast<int>(uploads_.size()); }
  void forget_sessions() { uploads_.clear(); }
  const std::vector<std::string>& violations() const { return violations_; }

  std::string name() const override { return name_; }
  task<manifest_document> get_manifest(std::string repository, std::string ref) override;
  task<std::optional<digest>> resolve(std::string repository, std::string ref) override;
  task<digest> put_manifest(std::string repository, std::string ref, std::string media_type,
                            std::string bytes) override;
  task<> delete_tag(std::string repository, std::string tag) override;
  task<> delete_manifest(std::string repository, digest d) override;
  task<std::optional<std::uint64_t>> stat_blob(std::string repository, digest d) override;
  task<std::unique_ptr<blob_reader>> open_blob(std::string repository, digest d, std::uint64_t offset) override;
  task<std::unique_ptr<blob_writer>> begin_blob(std::string repository, digest d, std::uint64_t size,
                                                std::optional<std::string> mount_from) override;
  task<std::unique_ptr<blob_writer>> resume_blob(std::string repository, digest d, std::uint64_t size,
                                                 upload_session session) override;
  task<tag_page> list_tags(std::string repository, std::optional<std::string> next) override;
  task<tag_page> list_repositories(std::optional<std::string> next) override;
  task<std::vector<descriptor>> referrers(std::string repository, digest d) override;

 private:
  friend class memory_reader;
  friend class memory_writer;
  struct upload {
    std::string repository;
    stored_blob blob, kept;  // kept: as of the last whole grain
    digest_hasher hasher, kept_hasher;
    void take(std::string_view bytes, const behaviour& how);
  };
  struct repository_content {
    std::map<std::string, stored_blob> blobs;            // by digest text
    std::map<std::string, manifest_document> manifests;  // by digest text
    std::map<std::string, std::string> tags;
  };

  // Yields, counts, and says whether this operation is to fail.
  task<std::optional<error>> enter(std::string verb, std::string repository, std::string ref);
  std::string missing_content(const std::string& repository, std::string_view type, std::string_view bytes,
                              bool deep) const;
  tag_page page_of(const std::vector<std::string>& names, const std::optional<std::string>& next) const;
  void check_tag(const std::string& repository, const std::string& tag);

  std::string name_;
  std::map<std::string, repository_content> repositories_;
  std::vector<call> calls_;
  std::uint64_t operations_ = 0;
  std::map<std::uint64_t, fault> faults_;
  std::optional<error> always_;
  std::map<std::string, std::pair<std::uint64_t, int>> broken_bodies_;
  std::set<std::string> corrupt_;
  std::string stalled_verb_;
  wait_list stalled_;
  std::map<std::string, std::uint64_t> served_, received_;
  std::map<std::string, upload> uploads_;  // by location
  std::uint64_t uploads_begun_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace longshore::engine::testing
