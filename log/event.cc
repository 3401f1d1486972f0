#include "log/event.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "event_generated.h"

namespace longshore::log {

namespace {

// FlatBuffers counts alignment from the buffer's start; its accessors want that start aligned too. A record inside
// a database block may stand anywhere, so one that is not aligned is read through a copy.
constexpr std::size_t alignment = 8;

struct aligned_copy {
  alignas(alignment) std::array<char, record_bytes_max> bytes;
};

const char* aligned(std::string_view record) {
  if (reinterpret_cast<std::uintptr_t>(record.data()) % alignment == 0) return record.data();
  thread_local const auto copy = std::make_unique<aligned_copy>();
  std::memcpy(copy->bytes.data(), record.data(), record.size());
  return copy->bytes.data();
}

// The record's table within bytes, when it is one.
const wire::Event* table_in(const char* bytes, std::size_t size) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes);
  flatbuffers::Verifier verifier(data, size);
  if (!wire::VerifyEventBuffer(verifier)) return nullptr;
  return wire::GetEvent(data);
}

std::unexpected<error> not_a_record(std::string_view record) {
  return fail(errc::corrupt,
              "not a log record (" + std::to_string(record.size()) + " bytes that do not follow log/FORMAT.md)");
}

flatbuffers::Offset<flatbuffers::String> text(flatbuffers::FlatBufferBuilder& to, const std::string& s) {
  return s.empty() ? flatbuffers::Offset<flatbuffers::String>() : to.CreateString(s.data(), s.size());
}

std::string_view view(const flatbuffers::String* s) {
  return s == nullptr ? std::string_view() : std::string_view(s->c_str(), s->size());
}

std::string_view view(const flatbuffers::Vector<std::uint8_t>* v) {
  return v == nullptr ? std::string_view() : std::string_view(reinterpret_cast<const char*>(v->data()), v->size());
}

// What all texts of an event need at the least; more than this cannot be stored.
std::size_t text_bytes(const event& e) {
  std::size_t bytes = 0;
  for (const std::string* s :
       {&e.origin, &e.id, &e.repository, &e.tag, &e.digest, &e.media_type, &e.from_repository, &e.actor, &e.request_id,
        &e.request_addr, &e.request_host, &e.request_method, &e.request_useragent, &e.instance, &e.action, &e.detail}) {
    bytes += s->size();
  }
  return bytes;
}

std::unexpected<error> over_the_limit(std::size_t bytes) {
  return fail(errc::too_large, "an event of " + std::to_string(bytes) + " bytes is over the limit of " +
                                   std::to_string(record_bytes_max) + " bytes of a log record");
}

flatbuffers::Offset<wire::Event> build(flatbuffers::FlatBufferBuilder& to, const event& e) {
  const auto origin = text(to, e.origin), id = text(to, e.id), repository = text(to, e.repository);
  const auto tag = text(to, e.tag), digest = text(to, e.digest), media_type = text(to, e.media_type);
  const auto from_repository = text(to, e.from_repository), actor = text(to, e.actor);
  const auto request_id = text(to, e.request_id), request_addr = text(to, e.request_addr);
  const auto request_host = text(to, e.request_host), request_method = text(to, e.request_method);
  const auto request_useragent = text(to, e.request_useragent), instance = text(to, e.instance);
  const auto action = text(to, e.action);
  flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>> detail;
  if (!e.detail.empty()) {
    detail = to.CreateVector(reinterpret_cast<const std::uint8_t*>(e.detail.data()), e.detail.size());
  }
  return wire::CreateEvent(to, e.seq.value, e.recorded.us, static_cast<std::uint16_t>(e.kind), origin, id,
                           e.occurred.us, repository, tag, digest, media_type, e.size, from_repository, actor,
                           request_id, request_addr, request_host, request_method, request_useragent, instance, action,
                           detail);
}

template <class T>
T little_endian_at(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return flatbuffers::EndianScalar(value);
}

struct kind_name {
  event_kind kind;
  std::string_view name;
};
constexpr kind_name kind_names[] = {
    {event_kind::unknown, "unknown"},
    {event_kind::push, "push"},
    {event_kind::pull, "pull"},
    {event_kind::mount, "mount"},
    {event_kind::erased, "delete"},
    {event_kind::observed, "observed"},
    {event_kind::epoch, "epoch"},
    {event_kind::sync_started, "sync_started"},
    {event_kind::sync_succeeded, "sync_succeeded"},
    {event_kind::sync_failed, "sync_failed"},
    {event_kind::published, "published"},
    {event_kind::removed, "removed"},
    {event_kind::item_failed, "item_failed"},
    {event_kind::item_parked, "item_parked"},
    {event_kind::located, "located"},
    {event_kind::lost, "lost"},
    {event_kind::resync_asked, "resync_asked"},
    {event_kind::verified, "verified"},
    {event_kind::reconcile_started, "reconcile_started"},
    {event_kind::repository_reconciled, "repository_reconciled"},
    {event_kind::reconcile_position, "reconcile_position"},
    {event_kind::reconcile_ended, "reconcile_ended"},
    {event_kind::source_noted, "source_noted"},
    {event_kind::item_skipped, "item_skipped"},
    {event_kind::filter_changed, "filter_changed"},
    {event_kind::skip_asked, "skip_asked"},
    {event_kind::unpark_asked, "unpark_asked"},
    {event_kind::retry_asked, "retry_asked"},
    {event_kind::upload_opened, "upload_opened"},
    {event_kind::upload_closed, "upload_closed"},
    {event_kind::content_doubted, "content_doubted"},
    {event_kind::content_believed, "content_believed"},
    {event_kind::mismatched, "mismatched"},
    {event_kind::repository_verified, "repository_verified"},
    {event_kind::deletes_allowed, "deletes_allowed"},
    {event_kind::repository_amiss, "repository_amiss"},
    {event_kind::surveyed, "surveyed"},
    {event_kind::target_named, "target_named"},
};

}  // namespace

std::string_view name_of(event_kind kind) {
  const auto* const found = std::ranges::find(kind_names, kind, &kind_name::kind);
  return found == std::end(kind_names) ? "unknown" : found->name;
}

result<std::string> encode(const event& e) {
  if (const std::size_t bytes = text_bytes(e); bytes > record_bytes_max) return over_the_limit(bytes);
  thread_local flatbuffers::FlatBufferBuilder builder(4'096);
  builder.Clear();
  wire::FinishEventBuffer(builder, build(builder, e));
  if (builder.GetSize() > record_bytes_max) return over_the_limit(builder.GetSize());
  return std::string(reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize());
}

result<event> decode(std::string_view record) {
  if (record.empty() || record.size() > record_bytes_max) return not_a_record(record);
  const wire::Event* const t = table_in(aligned(record), record.size());
  if (t == nullptr) return not_a_record(record);
  event e;
  e.seq = {t->seq()};
  e.recorded = {t->recorded_us()};
  e.kind = static_cast<event_kind>(t->kind());
  e.origin = view(t->origin());
  e.id = view(t->id());
  e.occurred = {t->occurred_us()};
  e.repository = view(t->repository());
  e.tag = view(t->tag());
  e.digest = view(t->digest());
  e.media_type = view(t->media_type());
  e.size = t->size();
  e.from_repository = view(t->from_repository());
  e.actor = view(t->actor());
  e.request_id = view(t->request_id());
  e.request_addr = view(t->request_addr());
  e.request_host = view(t->request_host());
  e.request_method = view(t->request_method());
  e.request_useragent = view(t->request_useragent());
  e.instance = view(t->instance());
  e.action = view(t->action());
  e.detail = view(t->detail());
  return e;
}

result<event_view> view_of(std::string_view record) {
  if (record.empty() || record.size() > record_bytes_max) return not_a_record(record);
  const char* const bytes = aligned(record);
  const wire::Event* const t = table_in(bytes, record.size());
  if (t == nullptr) return not_a_record(record);
  // Offsets are the same in the copy and in the record, which is what outlives this call.
  const auto in_record = [&](std::string_view part) {
    if (part.empty()) return std::string_view();
    return record.substr(static_cast<std::size_t>(part.data() - bytes), part.size());
  };
  event_view v;
  v.seq = {t->seq()};
  v.recorded = {t->recorded_us()};
  v.kind = static_cast<event_kind>(t->kind());
  v.origin = in_record(view(t->origin()));
  v.id = in_record(view(t->id()));
  v.instance = in_record(view(t->instance()));
  v.repository = in_record(view(t->repository()));
  v.tag = in_record(view(t->tag()));
  v.digest = in_record(view(t->digest()));
  v.media_type = in_record(view(t->media_type()));
  v.from_repository = in_record(view(t->from_repository()));
  v.detail = in_record(view(t->detail()));
  v.occurred = {t->occurred_us()};
  v.size = t->size();
  return v;
}

// By the FlatBuffers binary layout: u32 offset of the table; there, an i32 distance back to the vtable; there, u16
// size, u16 table size, then one u16 offset per field, 0 when the field has its default.
std::optional<event_seq> seq_of(std::string_view record) {
  const auto fits = [&](std::uint64_t at, std::size_t bytes) {
    return at <= record.size() && bytes <= record.size() - at;
  };
  if (!fits(0, 4)) return std::nullopt;
  const std::uint64_t table = little_endian_at<std::uint32_t>(record.data());
  if (!fits(table, 4)) return std::nullopt;
  const std::int64_t vtable = static_cast<std::int64_t>(table) - little_endian_at<std::int32_t>(record.data() + table);
  if (vtable < 0 || !fits(static_cast<std::uint64_t>(vtable), 4)) return std::nullopt;
  const char* const fields = record.data() + vtable;
  if (little_endian_at<std::uint16_t>(fields) < 6) return event_seq{0};
  if (!fits(static_cast<std::uint64_t>(vtable), 6)) return std::nullopt;
  const std::uint16_t seq = little_endian_at<std::uint16_t>(fields + 4);
  if (seq == 0) return event_seq{0};
  if (!fits(table + seq, 8)) return std::nullopt;
  return event_seq{little_endian_at<std::uint64_t>(record.data() + table + seq)};
}

}  // namespace longshore::log
