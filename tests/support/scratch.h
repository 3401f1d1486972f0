#pragma once

// A directory of one test's own, named after the test, empty at first and gone with the object.
//
// In TMPDIR where that is set; else in memory where there is such a place: what a disk may lose is the business of
// faulty_file_system, and a thousand real syncs prove nothing more.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace longshore::testing {

class scratch {
 public:
  scratch() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    std::string name = "longshore-" + std::to_string(::getpid()) + "-";
    if (test != nullptr) name += std::string(test->test_suite_name()) + "-" + test->name();
    for (char& c : name) {
      if (c == '/') c = '_';
    }
    path_ = root() / name;
    clear();
  }
  ~scratch() {
    std::error_code ec;
    std::filesystem::remove_all(path_, ec);
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;

  void clear() {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  static std::filesystem::path root() {
    const bool in_memory = std::getenv("TMPDIR") == nullptr && ::access("/dev/shm", W_OK | X_OK) == 0;
    return in_memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
  }
  std::filesystem::path path_;
};

}  // namespace longshore::testing
