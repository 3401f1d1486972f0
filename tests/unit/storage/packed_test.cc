#include "storage/packed.h"

#include <gtest/gtest.h>

#include <limits>

namespace longshore::storage {
namespace {

TEST(packed, fields_come_back_in_order) {
  const std::string row = packer().number(0).number(300).text("").text(std::string("a\0b", 3)).number(~0ull).take();
  unpacker in(row);
  EXPECT_EQ(in.number(), 0u);
  EXPECT_EQ(in.number(), 300u);
  EXPECT_EQ(in.text(), "");
  EXPECT_EQ(in.text(), std::string_view("a\0b", 3));
  EXPECT_EQ(in.number(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_TRUE(in.ok());
  EXPECT_FALSE(in.more());
}

TEST(packed, a_row_cut_anywhere_is_noticed) {
  const std::string row = packer().number(1u << 20).text("some text").number(5).take();
  for (std::size_t size = 0; size < row.size(); ++size) {
    unpacker in(std::string_view(row).substr(0, size));
    in.number();
    in.text();
    in.number();
    EXPECT_FALSE(in.ok()) << size;
  }
}

TEST(packed, a_length_beyond_the_input_is_refused) {
  unpacker in("\xff\xff\xff\xff\x0f");
  EXPECT_EQ(in.text(), "");
  EXPECT_FALSE(in.ok());
}

TEST(packed, a_number_that_never_ends_is_refused) {
  unpacker in(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12));
  EXPECT_EQ(in.number(), 0u);
  EXPECT_FALSE(in.ok());
}

}  // namespace
}  // namespace longshore::storage
