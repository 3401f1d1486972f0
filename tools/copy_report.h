#pragma once

// What a copy tells while it runs and at its end: a bar on a terminal, JSON lines otherwise.
//
// outcome() is called as each item ends, tick() now and then, end() once. JSON lines go to standard output, one per
// item ({"repository","ref","source","target","outcome",...}) and a last one {"summary":...}; on a terminal the bar
// goes to standard error, by bytes as soon as an image's are known, and what failed is listed at the end. Returns from
// end() are the exit codes of tools/command.h.

#include <cstdint>
#include <string>
#include <vector>

#include "engine/copy_run.h"
#include "engine/rate_meter.h"
#include "tools/copy_session.h"

namespace longshore::tools {

enum class copy_purpose : std::uint8_t { copy, plan };

class copy_report {
 public:
  copy_report(copy_purpose purpose, bool json);
  void outcome(const told_outcome& o);
  void tick(const copy_figures_now& now, std::int64_t elapsed_ms);
  int end(const copy_figures_now& now, std::int64_t elapsed_ms);

 private:
  void print_bar(const copy_figures_now& now);
  void print_summary(const copy_figures_now& now, std::int64_t elapsed_ms) const;

  copy_purpose purpose_;
  bool json_lines_, bar_;
  bool bar_shown_ = false;
  std::vector<engine::copy_outcome> failures_;  // the first of them, and of what stays against --delete
  std::size_t left_out_ = 0;
  engine::rate_meter sent_, done_;  // what is mounted or there already is done, and was not sent
};

// "12 blobs (943.2 MB)"
std::string with_size(const engine::blob_tally& tally);
// One line of JSON, without its end.
std::string json_line(const told_outcome& o, copy_purpose purpose);
// A rule of a filter, or what is wrong with one, as the command line has it and not the configuration of a site.
std::string by_option(std::string rule);
// What a plan says of an image on a terminal; empty: nothing yet.
std::string plan_line(const engine::copy_outcome& o);
std::string failure_text(const engine::copy_outcome& o);
// Of tools/command.h: 3 when some of the images are not there, or a tag had to stay; 1 when none is.
int exit_code(const engine::copy_figures& f);

// The bar with its figures: "[####    ] 1/5 images  12.3 MB sent, 48.7 MB to go  20.0 MB/s  ETA 3s".
std::string bar_text(const copy_figures_now& now, double sent_per_second, double done_per_second);

// "943.2 MB"
std::string with_unit(std::uint64_t bytes);

}  // namespace longshore::tools
