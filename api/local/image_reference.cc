#include "api/local/image_reference.h"

#include <algorithm>
#include <array>

#include "engine/reference.h"

namespace longshore::api {
namespace {

constexpr std::size_t text_bytes_max = 8'192;

struct scheme {
  std::string_view prefix;
  image_transport transport;
};
constexpr std::array schemes = {
    scheme{"docker://", image_transport::docker},
    scheme{"oci:", image_transport::oci_layout},
    scheme{"oci-archive:", image_transport::oci_archive},
    scheme{"distribution:", image_transport::distribution},
};
constexpr std::array other_tools = {
    std::string_view("docker-daemon:"), std::string_view("docker-archive:"),
    std::string_view("dir:"),           std::string_view("containers-storage:"),
    std::string_view("ostree:"),        std::string_view("sif:"),
    std::string_view("tarball:"),       std::string_view("docker:"),
};

std::unexpected<error> refused(std::string_view text, const std::string& why) {
  return fail(errc::invalid, "'" + std::string(text.substr(0, 300)) + "' " + why);
}

bool is_printable(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// Takes "@sha256:..." from the end of rest.
result<std::optional<digest>> take_digest(std::string_view whole, std::string_view& rest) {
  const std::size_t at = rest.rfind('@');
  if (at == std::string_view::npos) return std::optional<digest>();
  const std::string_view after = rest.substr(at + 1);
  if (!after.starts_with("sha256:") && !after.starts_with("sha512:")) return std::optional<digest>();
  auto d = digest::parse(after);
  if (!d) return refused(whole, "ends in something that is not a digest: " + d.error().text);
  rest = rest.substr(0, at);
  return std::optional(*std::move(d));
}

result<std::optional<std::string>> tag_from(std::string_view whole, std::string_view tag) {
  if (engine::is_tag(tag)) return std::optional(std::string(tag));
  return refused(
      whole, "has '" + std::string(tag.substr(0, 150)) + "' for its tag: letters, digits, '_', '.' and '-' make a tag");
}

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  unsigned port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  return port >= 1 && port <= 65'535;
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

// host, host:port, [address] or [address]:port.
bool is_authority(std::string_view text) {
  std::string_view host = text, after;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    host = text.substr(1, close - 1);
    after = text.substr(close + 1);
    const auto is_address = [](char c) { return is_host_character(c) || c == ':'; };
    if (!host.contains(':') || !std::ranges::all_of(host, is_address)) return false;
    return after.empty() || (after.front() == ':' && is_port(after.substr(1)));
  }
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    host = text.substr(0, colon);
    if (!is_port(text.substr(colon + 1))) return false;
  }
  if (host.empty() || host.size() > 253 || host.front() == '.' || host.front() == '-') return false;
  return std::ranges::all_of(host, is_host_character);
}

// "repository[:tag][@digest]"
result<void> take_repository(std::string_view whole, std::string_view rest, image_reference& out) {
  auto d = take_digest(whole, rest);
  if (!d) return pass(std::move(d));
  out.digest = *std::move(d);
  if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
    auto tag = tag_from(whole, rest.substr(colon + 1));
    if (!tag) return pass(std::move(tag));
    out.tag = *std::move(tag);
    rest = rest.substr(0, colon);
  }
  if (!engine::is_repository_name(rest)) {
    return refused(whole,
                   "has '" + std::string(rest.substr(0, 150)) +
                       "' for its repository: lower-case letters and digits, with '.', '_', '-' between them, and '/'");
  }
  out.repository = rest;
  return {};
}

result<image_reference> in_registry(std::string_view whole, std::string_view rest, bool is_bare) {
  image_reference out;
  const std::size_t slash = rest.find('/');
  const std::string_view host = rest.substr(0, slash);
  const bool looks_like_host = host.find_first_of(".:") != std::string_view::npos || host == "localhost";
  if (slash == std::string_view::npos || (is_bare && !looks_like_host)) {
    return refused(whole, "names no registry: write docker://HOST/REPOSITORY[:TAG], or oci:DIR for a directory");
  }
  if (host.find('@') != std::string_view::npos) {
    return refused("the reference", "must not hold credentials; configure them for the registry");
  }
  if (!is_authority(host))
    return refused(whole,
                   "has '" + std::string(host.substr(0, 150)) + "' for its registry: HOST or HOST:PORT is meant");
  out.location = host;
  if (auto r = take_repository(whole, rest.substr(slash + 1), out); !r) return pass(std::move(r));
  return out;
}

result<image_reference> in_path(std::string_view whole, std::string_view rest, image_transport transport) {
  image_reference out;
  out.transport = transport;
  auto d = take_digest(whole, rest);
  if (!d) return pass(std::move(d));
  out.digest = *std::move(d);
  if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
    auto tag = tag_from(whole, rest.substr(colon + 1));
    if (!tag) return pass(std::move(tag));
    out.tag = *std::move(tag);
    rest = rest.substr(0, colon);
  }
  if (rest.empty()) return refused(whole, "names no path");
  out.location = rest;
  return out;
}

result<image_reference> in_storage(std::string_view whole, std::string_view rest) {
  image_reference out;
  out.transport = image_transport::distribution;
  const std::size_t split = rest.rfind("//");
  out.location = rest.substr(0, split);
  if (out.location.empty()) return refused(whole, "names no path: write distribution:DIR//REPOSITORY");
  if (split == std::string_view::npos) return out;
  if (auto r = take_repository(whole, rest.substr(split + 2), out); !r) return pass(std::move(r));
  return out;
}

}  // namespace

result<image_reference> parse_image_reference(std::string_view text) {
  if (text.empty()) return fail(errc::invalid, "an empty text names no image");
  if (text.size() > text_bytes_max) return refused(text, "is too long for the name of an image");
  if (!is_printable(text)) return fail(errc::invalid, "the name of an image holds a control character");
  for (const scheme& s : schemes) {
    if (!text.starts_with(s.prefix)) continue;
    const std::string_view rest = text.substr(s.prefix.size());
    if (s.transport == image_transport::docker) return in_registry(text, rest, false);
    return s.transport == image_transport::distribution ? in_storage(text, rest) : in_path(text, rest, s.transport);
  }
  if (text.starts_with("https://") || text.starts_with("http://")) {
    return fail(errc::invalid, "write docker://HOST/REPOSITORY instead of an address that begins with http");
  }
  for (const std::string_view prefix : other_tools) {
    if (!text.starts_with(prefix)) continue;
    return refused(text, "is of a kind that is not known here: docker://, oci:, oci-archive: and distribution: are");
  }
  return in_registry(text, text, true);
}

std::string to_text(const image_reference& reference) {
  std::string out;
  for (const scheme& s : schemes) {
    if (s.transport == reference.transport) out = std::string(s.prefix) + reference.location;
  }
  if (!reference.repository.empty()) {
    out += (reference.transport == image_transport::distribution ? "//" : "/") + reference.repository;
  }
  if (reference.tag) out += ":" + *reference.tag;
  if (reference.digest) out += "@" + reference.digest->text();
  return out;
}

}  // namespace longshore::api
