#pragma once

// JSON for people: objects as aligned "name  value" lines, nested ones indented, arrays of objects as tables; rows that
// hold more than plain values, or (of a nested table) do not fit a wide screen, as objects one after the other. Nested
// tables have no column without any value.
// What others wrote must not command the terminal: control characters in it are shown as '?'.
// Pure: returns the text. Unknown members are shown like the others, so a newer site's answers lose nothing.

#include <boost/json.hpp>
#include <string>
#include <string_view>

namespace longshore::tools {

std::string to_text(const boost::json::value& v);

// Without control characters, those from U+0080 to U+009F among them.
std::string visible(std::string_view text);

// The text at this JSON pointer, visible; empty where there is none.
std::string text_at(const boost::json::value& v, std::string_view pointer);
// The number there, without its fraction; 0 where there is none, or a negative one.
std::uint64_t number_at(const boost::json::value& v, std::string_view pointer);
// Whether true stands there.
bool flag_at(const boost::json::value& v, std::string_view pointer);

// One log record, as `log tail` shows it: seq, time, kind, what it is about, who.
std::string record_line(const boost::json::object& record);

// The same record with all its fields.
std::string record_text(const boost::json::object& record);

}  // namespace longshore::tools
