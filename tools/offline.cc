#include "tools/offline.h"

#include <stdlib.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

#include "api/spoken.h"
#include "log/projection.h"

namespace longshore::tools {

namespace {

constexpr std::uint64_t progress_every = 16'384;
constexpr std::size_t batch_bytes_max = 16u << 20;

class scratch_directory {
 public:
  static result<scratch_directory> make() {
    std::string name = (std::filesystem::temp_directory_path() / "longshore-audit-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      return fail(errc::io_failed, "cannot create a scratch directory " + name + "; set TMPDIR to a writable one");
    }
    return scratch_directory(std::move(name));
  }
  ~scratch_directory() {
    if (path_.empty()) return;
    std::error_code ignored;  // a leftover in the temporary directory harms nobody
    std::filesystem::remove_all(path_, ignored);
  }
  scratch_directory(scratch_directory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  scratch_directory& operator=(scratch_directory&&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit scratch_directory(std::string path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

result<void> drain(storage::overlay& changes, storage::database& into) {
  storage::write_batch batch;
  if (auto drained = changes.drain(batch); !drained) return drained;
  return into.commit(batch, storage::durability::buffered);
}

result<void> fold_into(const log::event_log& log, std::uint64_t size, engine::desired& view, storage::database& scratch,
                       const on_progress& progress) {
  storage::overlay changes(scratch);
  auto folded = log.fold({0}, size, [&](event_seq seq, std::string_view record) -> result<bool> {
    const auto e = log::view_of(record);
    if (!e) return fail(e.error().code, "record " + std::to_string(seq.value) + ": " + e.error().text);
    view.apply(*e, changes);
    if (changes.size_bytes() >= batch_bytes_max) {
      if (auto drained = drain(changes, scratch); !drained) return pass(std::move(drained));
    }
    if (progress && seq.value % progress_every == 0) progress(seq.value, size);
    return true;
  });
  if (!folded) return folded;
  return drain(changes, scratch);
}

}  // namespace

std::string damage_in(std::string text) {
  constexpr std::string_view mark = "; stored bytes are damaged";
  const std::size_t at = text.find(mark);
  if (at != std::string::npos) text.erase(at + mark.size());
  return text;
}

error of_damaged_log(error e, const std::filesystem::path& dir) {
  if (e.code != errc::corrupt) return e;
  e.text = damage_in(std::move(e.text)) + ". A log cannot be mended: longshore log verify " + dir.string() +
           " names the first record that is amiss, and longshore log export " + dir.string() +
           " --to SEQ writes those before it. Restore the directory from a copy of it; a secondary may begin anew with "
           "an empty one instead";
  return e;
}

result<std::uint64_t> size_for(const log::event_log& log, std::string_view at) {
  std::uint64_t seq = 0;
  const auto [end, failed] = std::from_chars(at.data(), at.data() + at.size(), seq);
  if (failed == std::errc{} && end == at.data() + at.size()) {
    if (seq < log.durable_size()) return seq + 1;
    return fail(errc::not_found, "there is no record " + std::to_string(seq) + " yet: the log has " +
                                     api::with_commas(log.durable_size()));
  }
  const result<timestamp> time = parse_rfc3339(at);
  if (!time) {
    return fail(errc::invalid,
                "\"" + std::string(at) + "\" is neither a seq nor an RFC 3339 time such as " + "2026-11-23T21:19:06Z");
  }
  return log.size_at(*time);
}

std::optional<timestamp> ends_before(const log::event_log& log, std::string_view at) {
  const result<timestamp> time = parse_rfc3339(at);
  const std::uint64_t size = log.durable_size();
  if (!time || size == 0) return std::nullopt;
  const auto last = log.record({size - 1});
  const auto newest = last ? log::decode(*last) : result<log::event>(std::unexpected(last.error()));
  if (!newest || newest->recorded.us >= time->us) return std::nullopt;
  return newest->recorded;
}

result<void> state_at(const log::event_log& log, std::uint64_t size, std::string_view repository,
                      const std::function<void(const engine::desired_item&)>& visit, const on_progress& progress) {
  result<scratch_directory> scratch = scratch_directory::make();
  if (!scratch) return pass(std::move(scratch));
  storage::database_options options;
  options.path = scratch->path() / "db";
  options.families = engine::desired::family_specs();
  result<std::unique_ptr<storage::database>> db = storage::database::open(std::move(options));
  if (!db) return pass(std::move(db), "opening a scratch database");
  engine::desired view(**db);
  if (auto folded = fold_into(log, size, view, **db, progress); !folded) return folded;

  const auto each = [&](const engine::desired_item& item) {
    visit(item);
    return true;
  };
  if (!repository.empty()) return view.items(repository, each);
  result<void> listed;
  result<void> walked = view.repositories([&](const engine::desired_repository& r) {
    listed = view.items(r.name, each);
    return listed.has_value();
  });
  return walked ? listed : walked;
}

result<std::uint64_t> export_records(const log::event_log& log, export_range range,
                                     const std::function<result<void>(std::string_view)>& line,
                                     const on_progress& progress) {
  const std::uint64_t end = std::min(range.to, log.durable_size());
  std::uint64_t written = 0;
  auto folded = log.fold({range.from}, end, [&](event_seq seq, std::string_view record) -> result<bool> {
    const result<log::event> e = log::decode(record);
    if (!e) return fail(e.error().code, "record " + std::to_string(seq.value) + ": " + e.error().text);
    if (auto wrote = line(log::to_json(*e)); !wrote) return pass(std::move(wrote));
    ++written;
    if (progress && written % progress_every == 0) progress(written, end - range.from);
    return true;
  });
  if (!folded) return pass(std::move(folded), std::to_string(written) + " records exported, then");
  return written;
}

result<std::vector<rebuilt_view>> rebuild_views(site_logs& logs, const on_progress& progress) {
  struct job {
    log::event_log* log;
    log::view* view;
  };
  const job jobs[] = {{logs.log.get(), logs.desired.get()},     {logs.log.get(), logs.heard.get()},
                      {logs.journal.get(), logs.actual.get()},  {logs.journal.get(), logs.locations.get()},
                      {logs.journal.get(), logs.uploads.get()}, {logs.journal.get(), logs.reconciled.get()},
                      {logs.journal.get(), logs.target.get()}};
  std::vector<rebuilt_view> done;
  std::uint64_t of = 0, folded = 0;
  for (const job& j : jobs) of += j.log->durable_size();
  for (const job& j : jobs) {
    rebuilt_view one;
    one.name = std::string(j.view->name());
    one.records = j.log->durable_size();
    // A view may be damaged, or behind after a crash: both are reasons to be here.
    if (auto caught_up = log::catch_up(*j.log, *j.view, j.log->durable_size())) {
      if (auto before = log::view_digest(*j.log, *j.view)) one.digest_before = *before;
    }
    if (auto rebuilt = log::rebuild(*j.log, *j.view); !rebuilt) {
      return pass(std::move(rebuilt), "rebuilding the view " + one.name);
    }
    auto digest = log::view_digest(*j.log, *j.view);
    if (!digest) return pass(std::move(digest), "digesting the view " + one.name);
    one.digest = *digest;
    folded += one.records;
    if (progress) progress(folded, of);
    done.push_back(std::move(one));
  }
  return done;
}

}  // namespace longshore::tools
