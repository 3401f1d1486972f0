#include "engine/resuming_reader.h"

#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

// Gives a blob in answers of a few bytes each, and tells its size or not.
class sliced_registry final : public memory_registry {
 public:
  sliced_registry(std::uint64_t slice, std::optional<std::uint64_t> told)
      : memory_registry("sliced"), slice_(slice), told_(told) {}
  task<std::unique_ptr<blob_reader>> open_blob(std::string repository, digest d, std::uint64_t offset) override {
    auto whole = co_await memory_registry::open_blob(std::move(repository), std::move(d), offset);
    if (!whole) co_return whole;
    co_return std::make_unique<slice_reader>(*std::move(whole), slice_, told_);
  }

 private:
  class slice_reader final : public blob_reader {
   public:
    slice_reader(std::unique_ptr<blob_reader> whole, std::uint64_t left, std::optional<std::uint64_t> told)
        : whole_(std::move(whole)), left_(left), told_(told) {}
    std::optional<std::uint64_t> size() const override { return told_; }
    task<std::size_t> read(boost::asio::mutable_buffer buffer) override {
      if (left_ == 0) co_return std::size_t{0};
      auto n = co_await whole_->read(boost::asio::buffer(buffer, left_));
      if (n) left_ -= *n;
      co_return n;
    }

   private:
    std::unique_ptr<blob_reader> whole_;
    std::uint64_t left_;
    std::optional<std::uint64_t> told_;
  };
  std::uint64_t slice_;
  std::optional<std::uint64_t> told_;
};

class resuming_reader_test : public engine_world {
 protected:
  // All that a source gives of a blob whose descriptor says `size`.
  result<std::string> read(memory_registry& from, const digest& d, std::uint64_t size) {
    resuming_reader reader(from, pauses_, "r", d, policy_, 0, size);
    std::string out(100, '\0');
    auto n = run(reader.fill(boost::asio::buffer(out)));
    if (!n) return pass(std::move(n));
    out.resize(*n);
    return out;
  }
  resume_policy policy_;
};

TEST_F(resuming_reader_test, a_blob_that_comes_in_parts_is_read_to_its_end) {
  const std::string bytes = "0123456789";
  for (const auto told : {std::optional<std::uint64_t>(10), std::optional<std::uint64_t>()}) {
    sliced_registry sliced(3, told);
    const digest d = sliced.add_blob("r", bytes);
    EXPECT_EQ(read(sliced, d, 10).value(), bytes);
    EXPECT_EQ(sliced.count("open_blob"), 4u);
  }
}

TEST_F(resuming_reader_test, a_blob_that_ends_twice_at_the_same_byte_is_no_longer_than_that) {
  sliced_registry sliced(100, std::nullopt);
  const digest d = sliced.add_blob("r", "0123456789");
  EXPECT_EQ(read(sliced, d, 12).value(), "0123456789");
  EXPECT_EQ(sliced.count("open_blob"), 2u);
}

TEST_F(resuming_reader_test, a_byte_on_each_connection_is_no_progress) {
  sliced_registry sliced(1, 100);
  const digest d = sliced.add_blob("r", std::string(100, 'x'));
  const auto none = read(sliced, d, 100);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::unavailable);
  EXPECT_EQ(sliced.count("open_blob"), 6u);
  policy_.progress_bytes_min = 1;
  EXPECT_EQ(read(sliced, d, 100).value().size(), 100u);
}

TEST_F(resuming_reader_test, the_end_that_the_source_tells_of_is_believed_at_once) {
  const digest d = source_.add_blob("r", "0123456789");
  EXPECT_EQ(read(source_, d, 12).value(), "0123456789");
  EXPECT_EQ(source_.count("open_blob"), 1u);
}

}  // namespace
}  // namespace longshore::engine
