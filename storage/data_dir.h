#pragma once

// A site's data directory: one process at a time, one format version, and the space it may not run out of.
//
//   DIR/LOCK        held (flock) while a process uses the directory
//   DIR/VERSION     "longshore 1\n"; an unknown version is refused, never guessed at
//   DIR/db/         the database
//   DIR/db.made     there is one: a directory without it is damaged (or not mounted), not new
//   DIR/primary.contact  a secondary's: when it last heard of its primary (tools/last_contact.h)

#include <cstdint>
#include <filesystem>
#include <memory>

#include "storage/env/result.h"

namespace longshore::storage {

class data_dir {
 public:
  // Creates what is missing when create is true; errc::busy with the holder's pid when another process has it.
  static result<data_dir> open(const std::filesystem::path& path, bool create);
  ~data_dir();
  data_dir(data_dir&&) noexcept;
  data_dir& operator=(data_dir&&) noexcept;

  std::filesystem::path database_path() const;
  // From now on a directory without its database is refused (errc::corrupt). Call it when the database was opened.
  result<void> note_database() const;
  const std::filesystem::path& path() const { return path_; }
  // Where the database is, which may be a file system of its own: errc::no_space, saying how much is free and how much
  // is wanted, when less than bytes_min is free.
  result<void> check_space(std::uint64_t bytes_min) const;

 private:
  data_dir(std::filesystem::path path, int lock_fd);
  std::filesystem::path path_;
  int lock_fd_ = -1;
};

}  // namespace longshore::storage
