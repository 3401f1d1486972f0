#include "engine/heard.h"

#include "storage/packed.h"

namespace longshore::engine {
namespace {

constexpr std::size_t instances_kept = 16;

// Row: heard.sources  name -> seq, recorded, how many instances, each of them (storage/packed.h)
std::string pack(const heard_source& s) {
  storage::packer out;
  out.number(s.seq.value).number(static_cast<std::uint64_t>(s.recorded.us)).number(s.instances.size());
  for (const std::string& instance : s.instances) out.text(instance);
  return out.take();
}

std::optional<heard_source> unpack(std::string_view name, std::string_view value) {
  storage::unpacker in(value);
  heard_source s;
  s.name = name;
  s.seq = event_seq{in.number()};
  s.recorded = {static_cast<std::int64_t>(in.number())};
  for (std::uint64_t n = in.number(); n > 0 && in.ok(); --n) s.instances.emplace_back(in.text());
  if (!in.ok()) return std::nullopt;
  return s;
}

}  // namespace

void heard::apply(const log::event_view& e, storage::overlay& state) {
  if (e.instance.empty() || e.origin.empty()) return;
  heard_source s;
  if (const auto row = state.get(sources_, e.origin)) {
    if (auto known = unpack(e.origin, *row)) s = *std::move(known);
  }
  s.seq = e.seq;
  s.recorded = e.recorded;
  if (s.instances.empty() || s.instances.back() != e.instance) {
    std::erase(s.instances, e.instance);
    if (s.instances.size() == instances_kept) s.instances.erase(s.instances.begin());
    s.instances.emplace_back(e.instance);
  }
  state.put(sources_, e.origin, pack(s));
}

result<void> heard::sources(const std::function<bool(const heard_source&)>& visit) const {
  auto rows = db_->range(sources_, {});
  for (; rows.valid(); rows.next()) {
    const auto s = unpack(rows.key(), rows.value());
    if (!s) {
      return fail(errc::corrupt,
                  "a row of heard.sources cannot be read; run `longshore rebuild-views` on this data directory");
    }
    if (!visit(*s)) return {};
  }
  return rows.status();
}

}  // namespace longshore::engine
