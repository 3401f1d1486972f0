#pragma once

// index.json of an OCI image layout (image-spec image-layout.md): what it lists, and changes to it. JSON in, JSON out.
//
// Whatever it does not understand of document and entries, it keeps. A name is org.opencontainers.image.ref.name; two
// entries of one name: the first counts, as for other tools. Some tools write a whole reference there
// ("registry.example/app:v1"): its tag finds it, while no entry has just that name and no other reference ends so.
// Total: parse() gives an index or errc::corrupt. Not thread-safe.

#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/descriptor.h"
#include "storage/env/result.h"

namespace longshore::api {

inline constexpr std::size_t index_bytes_max = 64u << 20;
inline constexpr std::size_t index_entries_max = 262'144;

struct layout_entry {
  engine::descriptor target;
  std::string name;  // empty: none
};

class layout_index {
 public:
  layout_index();  // an empty one
  static result<layout_index> parse(std::string_view bytes);

  const std::vector<layout_entry>& entries() const { return entries_; }
  const layout_entry* find(std::string_view tag) const;
  const layout_entry* find(const digest& d) const;
  // Those that are tags, or end in one; sorted, each once.
  std::vector<std::string> tags() const;

  // Names d, instead of what had that name; an entry of d without name goes.
  void set_tag(std::string_view tag, const engine::descriptor& d);
  // Lists d without a name, unless it is listed.
  void add(const engine::descriptor& d);
  // False: there was none.
  bool remove_tag(std::string_view tag);
  bool remove(const digest& d);  // with all its names
  // The entries without name alone.
  bool remove_unnamed(const std::set<digest>& which);

  // What was listed and unlisted since this was last asked; not by parse().
  struct change {
    engine::descriptor target;
    bool listed = false;
  };
  std::vector<change> take_changes() { return std::exchange(changes_, {}); }

  std::string text() const;

 private:
  template <class Which>
  bool remove_where(Which which);
  void append(const engine::descriptor& d, std::string_view name);
  void count(const layout_entry& e, int more);

  boost::json::object document_;  // without `manifests`
  std::vector<layout_entry> entries_;
  std::vector<boost::json::object> raw_;  // of each entry
  // How many entries a digest has, and how many without a name: most questions are of those that have none.
  struct listing {
    int all = 0, unnamed = 0;
  };
  std::map<digest, listing> listed_;
  std::vector<change> changes_;
};

}  // namespace longshore::api
