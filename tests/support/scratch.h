#pragma once

// A directory of one test's own, named after the test, empty at first and gone with the object.

#include <gtest/gtest.h>
#include <unistd.h>

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
    path_ = std::filesystem::temp_directory_path() / name;
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
  std::filesystem::path path_;
};

}  // namespace longshore::testing
