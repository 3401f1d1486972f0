#include "engine/base64.h"

namespace longshore::engine {
namespace {

int value_of(char c, base64_alphabet alphabet) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == (alphabet == base64_alphabet::standard ? '+' : '-')) return 62;
  if (c == (alphabet == base64_alphabet::standard ? '/' : '_')) return 63;
  return -1;
}

}  // namespace

result<std::string> from_base64(std::string_view text, base64_alphabet alphabet) {
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  if (text.size() % 4 == 1) return fail(errc::invalid, "base64 text is cut short");
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const int v = value_of(c, alphabet);
    if (v < 0) return fail(errc::invalid, "text is not base64");
    bits = (bits << 6) | static_cast<std::uint32_t>(v);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out.push_back(static_cast<char>((bits >> held) & 0xff));
  }
  return out;
}

}  // namespace longshore::engine
