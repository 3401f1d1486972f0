#pragma once

// The list in a registry's listing, entry by entry as its text arrives: {"MEMBER": [...], ...}; null is an empty list.
//
// Neither the text nor a tree of it is kept, so that a page costs no more than what is taken of it, and the caller may
// let others run between two pieces. Entries are strings, or objects of which digest, mediaType and size count. Of a
// text over text_bytes_max only so much and one byte more is given: it passes for no name. corrupt: this is no listing.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "storage/env/result.h"

namespace longshore::api {

struct listing_entry {
  bool is_object = false;
  std::string name;                // of a string
  std::string digest, media_type;  // of an object
  std::uint64_t size = 0;
};

class listing_parser {
 public:
  static constexpr std::size_t text_bytes_max = 512;
  // Gets each entry; its failure is that of write().
  using taker = std::function<result<void>(const listing_entry&)>;

  listing_parser(std::string member, taker take);
  ~listing_parser();

  result<void> write(std::string_view text);
  // After the last piece: corrupt when the text is not whole, or has no such member.
  result<void> finish();

 private:
  class reading;
  struct parser;
  std::unique_ptr<parser> parser_;
};

}  // namespace longshore::api
