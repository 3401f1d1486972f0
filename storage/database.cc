#include "storage/database.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>

#include <algorithm>
#include <deque>
#include <map>
#include <system_error>

#include "storage/env/ensure.h"
#include "storage/rocks.h"

namespace longshore::storage {

namespace {

using handle = rocksdb::ColumnFamilyHandle*;

struct open_family {
  std::string name;
  family_kind kind = family_kind::lookup;
  std::atomic<handle> current{nullptr};  // null: a read-only database does not have it
};

// Families of the options and families that are stored: all must be opened, and a read-only open opens only the
// stored ones.
std::map<std::string, family_kind> families_to_open(const database_options& options,
                                                    const std::vector<std::string>& stored) {
  std::map<std::string, family_kind> all{{rocksdb::kDefaultColumnFamilyName, family_kind::lookup}};
  for (const std::string& name : stored) all.emplace(name, family_kind::lookup);
  for (const family_spec& spec : options.families) {
    const bool is_stored = std::ranges::find(stored, spec.name) != stored.end();
    if (!options.read_only || is_stored) all[spec.name] = spec.kind;
  }
  return all;
}

// A database whose CURRENT is gone is damaged, not new: made anew over its remains it would forget, without a word,
// everything that was acknowledged. A set-up that was cut short has neither tables nor write-ahead logs yet.
result<void> expect_no_remains(rocksdb::Env& env, const std::string& path) {
  std::vector<std::string> files;
  const rocksdb::Status listed = env.GetChildren(path, &files);
  if (listed.IsNotFound()) return {};
  if (!listed.ok()) return std::unexpected(error_of(listed, "looking for a database"));
  for (const std::string& file : files) {
    if (!file.ends_with(".sst") && !file.ends_with(".log")) continue;
    return fail(errc::corrupt, path + " holds data (" + file +
                                   ") and no CURRENT file that says which is in use: restore the directory from a "
                                   "copy of it (a secondary may begin anew with an empty one instead)");
  }
  return {};
}

// All of it is open's to make; the face is below.
struct rocks_store {
  std::shared_ptr<rocksdb::FileSystem> file_system;
  std::unique_ptr<rocksdb::Env> env;  // null: the default
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<rocksdb::Statistics> statistics = rocksdb::CreateDBStatistics();
  std::shared_ptr<poison> poisoned = std::make_shared<poison>();
  bool read_only = false;
  std::deque<open_family> families;  // by family::index
  std::vector<handle> handles;       // all that were ever opened, until the database is closed
  std::unique_ptr<rocksdb::DB> db;

  rocks_store() = default;
  rocks_store(const rocks_store&) = delete;
  rocks_store& operator=(const rocks_store&) = delete;
  ~rocks_store() {
    if (!db) return;
    rocksdb::CancelAllBackgroundWork(db.get(), true);
    for (handle h : handles) static_cast<void>(db->DestroyColumnFamilyHandle(h));
    static_cast<void>(db->Close());  // nothing unsynced is promised, so nothing is lost by its failure
  }

  handle at(family f) const {
    ensure(f.index < families.size(), "a family handle belongs to its database");
    return families[f.index].current.load(std::memory_order_acquire);
  }
  bool is_append_only(family f) const { return families[f.index].kind == family_kind::append_only; }

  result<void> prepare(const database_options& options);
  result<void> open(const database_options& options);
};

result<void> rocks_store::prepare(const database_options& options) {
  file_system = options.file_system;
  if (file_system) env = rocksdb::NewCompositeEnv(file_system);
  cache = rocksdb::NewLRUCache(options.cache_bytes);
  statistics->set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers);
  read_only = options.read_only;

  rocksdb::Env* const used = env ? env.get() : rocksdb::Env::Default();
  const rocksdb::Status exists = used->FileExists((options.path / "CURRENT").string());
  if (exists.ok()) return {};
  if (!exists.IsNotFound()) return std::unexpected(error_of(exists, "looking for a database"));
  if (auto none = expect_no_remains(*used, options.path.string()); !none) return none;
  if (!options.create || options.read_only) {
    return fail(errc::not_found, "there is no database in " + options.path.string());
  }
  std::error_code ec;
  std::filesystem::create_directories(options.path, ec);
  if (ec) return fail(errc::io_failed, "creating " + options.path.string() + ": " + ec.message());
  return {};
}

result<void> rocks_store::open(const database_options& options) {
  if (auto ready = prepare(options); !ready) return pass(std::move(ready));
  const std::string path = options.path.string();
  rocksdb::Env* const used = env ? env.get() : rocksdb::Env::Default();
  const rocksdb::DBOptions db_options = options_of(options, used, statistics, poisoned);

  std::vector<std::string> stored;
  const rocksdb::Status listed = rocksdb::DB::ListColumnFamilies(db_options, path, &stored);
  if (!listed.ok() && used->FileExists((options.path / "CURRENT").string()).ok()) {
    return std::unexpected(error_of(listed, "opening the database in " + path));
  }
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const auto& [name, kind] : families_to_open(options, stored)) {
    descriptors.emplace_back(name, options_of(kind, cache));
    open_family& f = families.emplace_back();
    f.name = name;
    f.kind = kind;
  }
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = read_only
                                     ? rocksdb::DB::OpenForReadOnly(db_options, path, descriptors, &handles, &opened)
                                     : rocksdb::DB::Open(db_options, path, descriptors, &handles, &opened);
  if (!status.ok()) return std::unexpected(error_of(status, "opening the database in " + path));
  db.reset(opened);
  for (std::size_t i = 0; i < handles.size(); ++i) families[i].current = handles[i];
  for (const family_spec& spec : options.families) {
    if (std::ranges::find(families, spec.name, &open_family::name) != families.end()) continue;
    open_family& missing = families.emplace_back();
    missing.name = spec.name;
    missing.kind = spec.kind;
  }
  return {};
}

class rocks_database final : public database {
 public:
  explicit rocks_database(std::unique_ptr<rocks_store> rep) : rep_(std::move(rep)) {}
  family named(std::string_view name) const override;
  result<std::optional<std::string>> get(family f, std::string_view key, const snapshot* at) const override;
  scan range(family f, scan_range r, const snapshot* at) const override;
  result<std::optional<std::pair<std::string, std::string>>> last(family f) const override;
  snapshot take_snapshot() const override;
  result<void> commit(write_batch& batch, durability d) override;
  bool poisoned() const override;
  bool read_only() const override;
  result<void> clear(family f) override;
  result<void> flush() override;
  std::uint64_t wal_syncs() const override;

 private:
  std::unique_ptr<rocks_store> rep_;
};

const rocksdb::Snapshot* taken_by(const snapshot* at) {
  return at != nullptr ? static_cast<const rocks_moment&>(at->held()).taken : nullptr;
}

family rocks_database::named(std::string_view name) const {
  const auto found = std::ranges::find(rep_->families, name, &open_family::name);
  ensure(found != rep_->families.end(), "a family is named in the database's options");
  return {static_cast<std::uint32_t>(found - rep_->families.begin())};
}

bool rocks_database::read_only() const { return rep_->read_only; }

result<std::optional<std::string>> rocks_database::get(family f, std::string_view key, const snapshot* at) const {
  const handle h = rep_->at(f);
  if (h == nullptr) return std::nullopt;
  rocksdb::ReadOptions read;
  read.snapshot = taken_by(at);
  // One buffer per thread: a value is copied once, into a string of its own size, and a miss costs nothing.
  thread_local rocksdb::PinnableSlice value;
  value.Reset();
  const rocksdb::Status status = rep_->db->Get(read, h, {key.data(), key.size()}, &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return std::unexpected(error_of(status, "reading the database"));
  std::optional<std::string> copy(std::in_place, value.data(), value.size());
  value.Reset();
  return copy;
}

scan rocks_database::range(family f, scan_range r, const snapshot* at) const {
  auto walk = std::make_unique<rocks_cursor>();
  const handle h = rep_->at(f);
  if (h == nullptr) return scan(std::move(walk));
  rocksdb::ReadOptions read;
  read.snapshot = taken_by(at);
  read.fill_cache = !rep_->is_append_only(f) && r.readahead_bytes == 0;
  read.readahead_size = r.readahead_bytes;
  if (r.upper) {
    walk->upper = *std::move(r.upper);
    walk->upper_slice = walk->upper;
    read.iterate_upper_bound = &walk->upper_slice;
  }
  walk->rows.reset(rep_->db->NewIterator(read, h));
  walk->rows->Seek(r.lower);
  return scan(std::move(walk));
}

result<std::optional<std::pair<std::string, std::string>>> rocks_database::last(family f) const {
  const handle h = rep_->at(f);
  if (h == nullptr) return std::nullopt;
  const std::unique_ptr<rocksdb::Iterator> rows(rep_->db->NewIterator(rocksdb::ReadOptions(), h));
  rows->SeekToLast();
  if (rows->Valid()) return std::pair(rows->key().ToString(), rows->value().ToString());
  if (!rows->status().ok()) return std::unexpected(error_of(rows->status(), "reading the database"));
  return std::nullopt;
}

snapshot rocks_database::take_snapshot() const { return snapshot(std::make_unique<rocks_moment>(rep_->db.get())); }

result<void> rocks_database::commit(write_batch& batch, durability d) {
  if (rep_->read_only) return fail(errc::unsupported, "the database is open for reading only");
  if (rep_->poisoned->is_set()) {
    return fail(errc::stopped,
                "the database takes no writes since one failed (" + rep_->poisoned->why() + "); restart to recover");
  }
  constexpr std::size_t protection_bytes = 8;
  rocksdb::WriteBatch changes(batch.size_bytes() + 64, 0, protection_bytes, 0);
  rocksdb::Status status;
  batch.each([&](write_batch::change what, family f, std::string_view key, std::string_view value) {
    if (!status.ok()) return;
    const rocksdb::Slice k(key.data(), key.size());
    status = what == write_batch::change::put ? changes.Put(rep_->at(f), k, {value.data(), value.size()})
                                              : changes.Delete(rep_->at(f), k);
  });
  if (status.ok()) {
    rocksdb::WriteOptions write;
    write.sync = d == durability::synced;
    write.disableWAL = d == durability::unlogged;
    write.memtable_insert_hint_per_batch = true;
    status = rep_->db->Write(write, &changes);
  }
  if (status.ok()) return {};
  rep_->poisoned->set(status.ToString());
  return std::unexpected(commit_error_of(status));
}

bool rocks_database::poisoned() const { return rep_->poisoned->is_set(); }

result<void> rocks_database::clear(family f) {
  if (rep_->read_only) return fail(errc::unsupported, "the database is open for reading only");
  open_family& cleared = rep_->families[f.index];
  // Dropping costs no tombstones. The old handle stays open, so a reader that is just using it is safe.
  rocksdb::Status status = rep_->db->DropColumnFamily(rep_->at(f));
  handle fresh = nullptr;
  if (status.ok()) {
    status = rep_->db->CreateColumnFamily(options_of(cleared.kind, rep_->cache), cleared.name, &fresh);
  }
  if (!status.ok()) {
    rep_->poisoned->set(status.ToString());
    return std::unexpected(error_of(status, "emptying family " + cleared.name));
  }
  rep_->handles.push_back(fresh);
  cleared.current.store(fresh, std::memory_order_release);
  return {};
}

result<void> rocks_database::flush() {
  if (rep_->read_only) return fail(errc::unsupported, "the database is open for reading only");
  std::vector<handle> all;
  for (const open_family& f : rep_->families) all.push_back(f.current.load(std::memory_order_acquire));
  const rocksdb::Status status = rep_->db->Flush(rocksdb::FlushOptions(), all);
  if (status.ok()) return {};
  return std::unexpected(error_of(status, "writing memory tables out"));
}

std::uint64_t rocks_database::wal_syncs() const { return rep_->statistics->getTickerCount(rocksdb::WAL_FILE_SYNCED); }

}  // namespace

result<std::unique_ptr<database>> database::open(database_options options) {
  auto opened = std::make_unique<rocks_store>();
  if (auto done = opened->open(options); !done) return pass(std::move(done));
  return std::unique_ptr<database>(new rocks_database(std::move(opened)));
}

}  // namespace longshore::storage
