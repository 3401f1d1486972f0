#include "tools/verify_text.h"

#include <set>

#include "tools/command.h"
#include "tools/json_text.h"

namespace longshore::tools {

namespace json = boost::json;

namespace {

const json::array& list_at(const json::value& v, const char* pointer) {
  static const json::array none;
  boost::system::error_code ec;
  const json::value* found = v.find_pointer(pointer, ec);
  return found != nullptr && found->is_array() ? found->get_array() : none;
}

}  // namespace

std::string outcome_text(const json::value& run) {
  const auto n = [&](const char* at) { return with_commas(number_at(run, at)); };
  return n("/repositories/clean") + " of " +
         counted(number_at(run, "/repositories/total"), "repository", "repositories") + " equal and whole, " +
         n("/repositories/mismatched") + " mismatched, " + n("/repositories/unknown") +
         " could not be compared; looked at " + counted(number_at(run, "/tags"), "tag") + " and " +
         counted(number_at(run, "/blobs"), "blob") + "\n";
}

std::string not_compared_text(const json::value& run) {
  std::set<std::string> named;
  for (const json::value& one : list_at(run, "/unknown")) named.insert(text_at(one, "/repository"));
  const json::array& listed = list_at(run, "/not_compared/listed");
  std::string out;
  for (const json::value& one : listed) {
    const std::string repository = text_at(one, "/repository");
    if (named.contains(repository)) continue;
    out += repository + ": not compared when last verified: " + text_at(one, "/reason") + "\n";
  }
  const std::uint64_t all = number_at(run, "/not_compared/count");
  if (all > listed.size()) {
    out += "and " + counted(all - listed.size(), "more repository was", "more repositories were") +
           " not compared when last verified\n";
  }
  return out;
}

}  // namespace longshore::tools
