#include <boost/json.hpp>

#include "engine/base64.h"
#include "engine/manifest.h"

// Schema 1 as Docker signs it (libtrust JSON signatures, distribution docs/spec/manifest-v2-1): the signed payload
// is the document's first formatLength bytes and then formatTail; both stand in the signature's protected header.

namespace longshore::engine {
namespace {

namespace json = boost::json;

bool may_be_schema1(std::string_view type) {
  return type == media_type::docker_schema1_signed || type == media_type::docker_schema1 || type.empty() ||
         type == "application/json";
}

std::unexpected<error> bad_signature(const char* what) {
  return fail(errc::invalid, std::string("schema 1 manifest with unusable signatures: ") + what);
}

result<std::string> signed_payload(std::string_view bytes, const json::value& signature) {
  const json::value* header = signature.is_object() ? signature.get_object().if_contains("protected") : nullptr;
  if (header == nullptr || !header->is_string()) return bad_signature("no protected header");
  auto text = from_base64(std::string_view(header->get_string()), base64_alphabet::url_safe);
  if (!text) return bad_signature("the protected header is not base64");
  boost::system::error_code ec;
  const json::value fields = json::parse(*text, ec);
  if (ec || !fields.is_object()) return bad_signature("the protected header is not JSON");
  const json::value* length = fields.get_object().if_contains("formatLength");
  const json::value* tail = fields.get_object().if_contains("formatTail");
  if (length == nullptr || !length->is_int64() || tail == nullptr || !tail->is_string()) {
    return bad_signature("formatLength or formatTail is missing");
  }
  const std::int64_t n = length->get_int64();
  if (n < 0 || static_cast<std::uint64_t>(n) > bytes.size()) return bad_signature("formatLength is out of range");
  auto end = from_base64(std::string_view(tail->get_string()), base64_alphabet::url_safe);
  if (!end) return bad_signature("formatTail is not base64");
  return std::string(bytes.substr(0, static_cast<std::size_t>(n))) + *end;
}

}  // namespace

result<longshore::digest> manifest_digest(std::string_view type, std::string_view bytes, digest_algorithm algorithm) {
  if (!may_be_schema1(type)) return longshore::digest::of(bytes, algorithm);
  if (bytes.size() > manifest_bytes_max) return fail(errc::too_large, "manifest is over the size limit");
  boost::system::error_code ec;
  json::parse_options options;
  options.max_depth = 64;
  const json::value document = json::parse(bytes, ec, {}, options);
  if (ec || !document.is_object()) return longshore::digest::of(bytes, algorithm);
  const json::value* signatures = document.get_object().if_contains("signatures");
  const bool is_signed = signatures != nullptr && signatures->is_array() && !signatures->get_array().empty();
  if (!is_signed || document.get_object().if_contains("fsLayers") == nullptr) {
    return longshore::digest::of(bytes, algorithm);
  }
  // Several signatures sign the same payload; the first tells it, as distribution reads it.
  auto payload = signed_payload(bytes, signatures->get_array().front());
  if (!payload) return pass(std::move(payload));
  return longshore::digest::of(*payload, algorithm);
}

}  // namespace longshore::engine
