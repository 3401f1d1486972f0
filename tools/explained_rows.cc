#include "tools/explained_rows.h"

#include <algorithm>

namespace longshore::tools {

std::string table_of(const std::vector<explained_row>& rows) {
  if (rows.empty()) return {};
  std::vector<std::size_t> widths(rows.front().cells.size());
  for (const explained_row& r : rows) {
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], r.cells[i].size());
  }
  std::string out;
  for (const explained_row& r : rows) {
    std::string line;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      line += r.cells[i] + std::string(widths[i] - r.cells[i].size() + 2, ' ');
    }
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n" + (r.why.empty() ? "" : "    " + r.why + "\n");
  }
  return out;
}

}  // namespace longshore::tools
