#pragma once

// A table for people: aligned columns under a heading, and below a row what is to be said of it at length.

#include <string>
#include <vector>

namespace longshore::tools {

struct explained_row {
  std::vector<std::string> cells;
  std::string why;  // empty: nothing more is to be said
};

// The first row is the heading; all rows have as many cells.
std::string table_of(const std::vector<explained_row>& rows);

}  // namespace longshore::tools
