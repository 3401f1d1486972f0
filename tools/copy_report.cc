#include "tools/copy_report.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdio>

#include "engine/failure.h"
#include "tools/command.h"

namespace longshore::tools {
namespace {

namespace json = boost::json;

constexpr std::size_t failures_kept_max = 1'000;
constexpr std::size_t bar_width = 16;
constexpr std::size_t columns_unknown = 80;

json::object of(const engine::blob_tally& tally) { return {{"blobs", tally.blobs}, {"bytes", tally.bytes}}; }

json::object of(const engine::sync_progress& moved) {
  return {{"copied", of(moved.copied)},
          {"mounted", of(moved.mounted)},
          {"present", of(moved.present)},
          {"manifests", of(moved.manifests)}};
}

bool has_moved(const engine::sync_progress& m) {
  return m.copied.blobs + m.mounted.blobs + m.present.blobs + m.manifests.blobs > 0;
}

std::string shown(const engine::copy_item& item) {
  if (item.ref.target.empty()) return item.repository;
  const bool by_digest = item.ref.target.find(':') != std::string::npos;
  return item.repository + (by_digest ? "@" : ":") + item.ref.target;
}

// A plan says what would be.
std::string outcome_name(const engine::copy_outcome& o, copy_purpose purpose) {
  if (purpose == copy_purpose::plan && o.end == engine::copy_end::copied) return "copy";
  if (purpose == copy_purpose::plan && o.end == engine::copy_end::deleted) {
    return o.note.empty() ? "delete" : "delete_by_name";
  }
  return std::string(name_of(o.end));
}

std::string with_time(std::int64_t seconds) {
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3'600) return std::to_string(seconds / 60) + "m" + std::to_string(seconds % 60) + "s";
  return std::to_string(seconds / 3'600) + "h" + std::to_string(seconds % 3'600 / 60) + "m";
}

}  // namespace

std::string by_option(std::string rule) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"tags_include: ", "--tags: "},
      {"tags_exclude: ", "--exclude-tags: "},
      {"media_types_exclude: ", "--exclude-media-types: "},
      {"platforms: ", "--platforms: "}};
  for (const auto& [key, option] : names) {
    if (rule.starts_with(key)) return rule.replace(0, key.size(), option);
  }
  return rule;
}

std::string json_line(const told_outcome& o, copy_purpose purpose) {
  json::object line{{"repository", o.item.repository}, {"ref", o.item.ref.target}};
  if (!o.source.empty()) line.emplace("source", o.source);
  if (!o.target.empty()) line.emplace("target", o.target);
  line.emplace("outcome", outcome_name(o, purpose));
  if (o.item.ref.source != o.item.ref.target) line.emplace("source_ref", o.item.ref.source);
  if (!o.digest.empty()) line.emplace("digest", o.digest);
  if (!o.rule.empty()) line.emplace("rule", by_option(o.rule));
  if (o.end == engine::copy_end::copied || has_moved(o.moved)) line.emplace("blobs", of(o.moved));
  if (!o.note.empty()) line.emplace("note", o.note);
  if (o.why) line.emplace("error", json::object{{"code", name_of(o.why->code)}, {"message", o.why->text}});
  return json::serialize(line);
}

std::string with_unit(std::uint64_t bytes) {
  constexpr std::array units{"B", "kB", "MB", "GB", "TB", "PB"};
  double n = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (n >= 1'000 && unit + 1 < units.size()) {
    n /= 1'000;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", n, units[unit]);
  return text.data();
}

std::string with_size(const engine::blob_tally& tally) {
  return counted(tally.blobs, "blob") + " (" + with_unit(tally.bytes) + ")";
}

copy_report::copy_report(copy_purpose purpose, bool json)
    : purpose_(purpose),
      json_lines_(json || ::isatty(STDOUT_FILENO) != 1),
      bar_(!json && ::isatty(STDERR_FILENO) == 1) {}

// A mistyped name is the likeliest cause of what is not there.
std::string failure_text(const engine::copy_outcome& o) {
  const bool of_a_blob = o.why->text.find("blob ") != std::string::npos;
  const bool is_lost = o.why->code == errc::not_found && !of_a_blob && !o.why->text.ends_with("?");
  return engine::describe(*o.why) + (is_lost ? "; is the name right?" : "");
}

std::string plan_line(const engine::copy_outcome& o) {
  const std::string note = o.note.empty() ? "" : " (" + o.note + ")";
  const engine::sync_progress& m = o.moved;
  switch (o.end) {
    case engine::copy_end::copied:
      return "copy " + with_size(m.copied) + ", mount " + with_size(m.mounted) + ", there already " +
             with_size(m.present) + note;
    case engine::copy_end::unchanged:
      return "there already";
    case engine::copy_end::skipped:
      return "left out: " + by_option(o.rule);
    case engine::copy_end::deleted:
      return "delete" + note;
    case engine::copy_end::failed:
    case engine::copy_end::interrupted:
    case engine::copy_end::not_deleted:
      return {};  // at the end, with the reason
  }
  return {};
}

int exit_code(const engine::copy_figures& f) {
  const std::size_t not_done = f.failed + f.interrupted;
  if (not_done == 0) return f.not_deleted == 0 ? exit_done : exit_partly_done;
  return not_done == f.items ? exit_failed : exit_partly_done;
}

void copy_report::outcome(const told_outcome& o) {
  if (json_lines_) {
    std::printf("%s\n", json_line(o, purpose_).c_str());
  } else if (const std::string line = plan_line(o); purpose_ == copy_purpose::plan && !line.empty()) {
    if (std::exchange(bar_shown_, false)) std::fprintf(stderr, "\r\033[K");
    std::printf("%s: %s\n", shown(o.item).c_str(), line.c_str());
  }
  if (o.end != engine::copy_end::failed && o.end != engine::copy_end::not_deleted) return;
  if (failures_.size() < failures_kept_max) {
    failures_.push_back(o);
  } else {
    ++left_out_;
  }
}

std::string bar_text(const copy_figures_now& now, double sent_per_second, double done_per_second) {
  const engine::copy_figures& f = now.run;
  const engine::copy_estimate& e = now.estimate;
  const auto filled = static_cast<std::size_t>(e.share_done * static_cast<double>(bar_width));
  const auto left = e.is_known ? engine::seconds_left(e.bytes_open, done_per_second) : std::nullopt;
  std::string text = "[" + std::string(filled, '#') + std::string(bar_width - filled, ' ') + "] ";
  text += std::to_string(f.ended()) + "/" + std::to_string(f.items) + " images  ";
  text += with_unit(now.bytes_sent) + " sent" + (e.is_known ? ", " + with_unit(e.bytes_open) + " to go" : "");
  text += "  " + with_unit(static_cast<std::uint64_t>(sent_per_second)) + "/s";
  return text + "  ETA " + (left ? with_time(static_cast<std::int64_t>(*left)) : "?");
}

void copy_report::tick(const copy_figures_now& now, std::int64_t elapsed_ms) {
  const timestamp at{elapsed_ms * 1'000};
  sent_.sample(at, now.bytes_sent);
  done_.sample(at, now.estimate.bytes_done);
  if (bar_) print_bar(now);
}

void copy_report::print_bar(const copy_figures_now& now) {
  bar_shown_ = true;
  // A line that wraps could not be taken back.
  winsize window{};
  const bool is_known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1;
  const std::size_t columns = is_known ? window.ws_col : columns_unknown;
  std::string text = bar_text(now, sent_.per_second(), done_.per_second());
  text.resize(std::min(text.size(), columns - 1));
  std::fprintf(stderr, "\r\033[K%s", text.c_str());
}

void copy_report::print_summary(const copy_figures_now& now, std::int64_t elapsed_ms) const {
  const engine::copy_figures& f = now.run;
  if (json_lines_) {
    json::object summary{{"images", f.items},
                         {purpose_ == copy_purpose::plan ? "to_copy" : "copied", f.copied},
                         {"unchanged", f.unchanged},
                         {"skipped", f.skipped},
                         {"failed", f.failed},
                         {"interrupted", f.interrupted},
                         {purpose_ == copy_purpose::plan ? "to_delete" : "deleted", f.deleted},
                         {"not_deleted", f.not_deleted},
                         {"blobs", of(f.moved)},
                         {"source_requests", now.source_requests},
                         {"target_requests", now.target_requests},
                         {"elapsed_ms", elapsed_ms}};
    if (purpose_ == copy_purpose::copy) summary.emplace("bytes_sent", now.bytes_sent);
    if (purpose_ == copy_purpose::plan) summary.emplace("to_delete_by_name", f.deleted_by_name);
    std::printf("%s\n", json::serialize(json::object{{"summary", std::move(summary)}}).c_str());
    return;
  }
  const bool plan = purpose_ == copy_purpose::plan;
  std::printf("%s: %zu %s, %zu unchanged, %zu skipped, %zu failed%s\n", counted(f.items, "image").c_str(), f.copied,
              plan ? "to copy" : "copied", f.unchanged, f.skipped, f.failed,
              f.interrupted > 0 ? (", " + with_commas(f.interrupted) + " interrupted").c_str() : "");
  if (f.deleted + f.deleted_by_name + f.not_deleted > 0) {
    const std::string by_name = with_commas(f.deleted_by_name) + " only if the target deletes tags by name, ";
    std::printf("%s %sdeleted, %s%zu not deleted\n", counted(f.deleted, "tag").c_str(), plan ? "to be " : "",
                f.deleted_by_name > 0 ? by_name.c_str() : "", f.not_deleted);
  }
  const engine::sync_progress& m = f.moved;
  // Of tries that were given up, too.
  const bool sent_more = now.bytes_sent > m.copied.bytes;
  std::printf("%s %s%s, %s mounted, %s there already; %s, %s\n", with_size(m.copied).c_str(), plan ? "to send" : "sent",
              sent_more ? (" (" + with_unit(now.bytes_sent) + " with what was begun)").c_str() : "",
              with_size(m.mounted).c_str(), with_size(m.present).c_str(),
              counted(now.source_requests + now.target_requests, "request").c_str(),
              with_time(elapsed_ms / 1'000).c_str());
}

int copy_report::end(const copy_figures_now& now, std::int64_t elapsed_ms) {
  if (std::exchange(bar_shown_, false)) std::fprintf(stderr, "\r\033[K");
  print_summary(now, elapsed_ms);
  for (const engine::copy_outcome& o : failures_) {
    const bool stays = o.end == engine::copy_end::not_deleted;
    std::fprintf(stderr, "longshore: %s: %s\n", shown(o.item).c_str(),
                 stays ? ("not deleted: " + o.why->text).c_str() : failure_text(o).c_str());
  }
  if (left_out_ > 0) std::fprintf(stderr, "longshore: and %zu more\n", left_out_);
  if (now.run.interrupted > 0) {
    std::fprintf(stderr, "longshore: interrupted; run it again%s\n",
                 purpose_ == copy_purpose::copy && now.run.copied > 0 ? ": what was copied stays" : "");
  }
  return exit_code(now.run);
}

}  // namespace longshore::tools
