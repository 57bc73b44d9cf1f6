// Lists and mappings of archives: whatever the text, what comes out is bounded by it, has a place,
// and an entry written as a list again reads the same.
#include "fuzz.hpp"
#include "migrate/source_list.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

namespace {

using namespace tarpon;
using namespace tarpon::fuzz;
using namespace tarpon::migration;

std::string quoted(const std::string& word) {
    std::string out = "\"";
    for (const char c : word) {
        if (c == '"' || c == '\\')
            out.push_back('\\');
        out.push_back(c);
    }
    return out + "\"";
}

void check_entries(const result<std::vector<listed_source>>& entries, std::size_t text_size) {
    if (!entries) {
        check(entries.error().code == errc::usage, "a list that is wrong is the user's");
        check(!entries.error().message.empty(), "an error says something");
        return;
    }
    check(entries->size() <= limits::migrate_archives_max, "entries are bounded");
    for (const listed_source& entry : *entries) {
        check(!entry.archive.empty(), "an entry has an archive");
        // YAML's escapes make at most three times as many bytes ("\L", "\N").
        check(entry.archive.size() <= 3 * text_size, "nothing grows");
        check(entry.target.size() <= 3 * text_size, "nothing grows");
        check(entry.where.starts_with("line ") || entry.where.starts_with("entry "), "a place");
        const bool one_line =
            (entry.archive + entry.target).find_first_of("\n\r") == std::string::npos;
        if (!one_line || entry.target.find('\0') != std::string::npos)
            continue;
        const auto again = parse_source_list(
            concat(quoted(entry.archive), " ", entry.target.empty() ? "" : quoted(entry.target)));
        check(again.has_value() && again->size() == 1, "an entry is a line");
        check(again->front().archive == entry.archive, "the archive survives");
        check(again->front().target == entry.target, "the target survives");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const auto text = as_text(data + 1, size - 1);
    switch (data[0] % 3) {
    case 0:
        check_entries(parse_source_list(text), text.size());
        break;
    case 1:
        check_entries(parse_yaml_mapping(text), text.size());
        break;
    default:
        check_entries(parse_json_mapping(text), text.size());
        break;
    }
    return 0;
}
