#pragma once

// What `longshore copy` and `longshore plan` are asked to do, from the texts of the command line or of a file.
//
// SRC and DST are image references (api/local/image_reference.h), and for registries as a whole also
//   docker://HOST                 every repository of its catalog (as a target: under their own names)
//   docker://HOST/GLOB            those whose name matches (engine/glob.h: '*' within a component, '**' across)
//   docker://HOST/PREFIX/         as a target: their names below PREFIX
//   distribution:DIR              every repository of the storage
// A file has one "SRC DST" a line; empty lines are passed over, and what a word that begins with '#' begins.
// Pure but for read_jobs(), which reads a file of at most 16 MiB. Refuses, with what to write instead, pairs that do
// not fit: many repositories into one, a target that can only be read, a digest under another digest's name.

#include <filesystem>
#include <string>
#include <vector>

#include "api/local/image_reference.h"

namespace longshore::tools {

struct copy_end_point {
  api::image_reference at;  // repository empty: many, chosen by `repositories`
  bool many = false;
  std::string repositories;  // of a source: a glob, "**" for all; of a target: the prefix of their names, or empty
};

struct copy_job {
  copy_end_point from, to;
  std::string source, target;  // as they were written
  std::string text;            // "SRC -> DST", for messages
};

result<copy_job> parse_job(const std::string& from, const std::string& to);
// errc::invalid when a user name that `option` gives would go to more registries than one of that side.
result<void> check_one_registry(const std::vector<copy_job>& jobs, copy_end_point copy_job::* side,
                                const std::string& option);
result<std::vector<copy_job>> read_jobs(const std::filesystem::path& file);

}  // namespace longshore::tools
