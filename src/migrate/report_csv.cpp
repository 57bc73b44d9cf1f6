// The report for spreadsheets and scripts. See report.hpp.
#include "migrate/report.hpp"
#include "model/text.hpp"

namespace tarpon::migration {
namespace {

/// RFC 4180. What begins like a formula would be run by the spreadsheet that opens the file:
/// an apostrophe in front makes it text (OWASP, "CSV Injection").
std::string field(std::string_view text) {
    std::string value = valid_utf8(text);
    if (!value.empty()
        && std::string_view("=+-@\t\r").find(value.front()) != std::string_view::npos)
        value.insert(value.begin(), '\'');
    const bool plain = value.find_first_of(",\"\r\n") == value.npos && !value.starts_with(' ')
                       && !value.ends_with(' ');
    if (plain)
        return value;
    std::string quoted = "\"";
    for (const char c : value) {
        if (c == '"')
            quoted.push_back('"');
        quoted.push_back(c);
    }
    quoted.push_back('"');
    return quoted;
}

} // namespace

void write_csv_report(const migrate_report& report, const text_sink& out) {
    out("reference,digest,archive,archive_sha256,status,error\r\n");
    for (const migrated_image& image : report.images) {
        const std::string_view sha256 =
            image.archive_digest.empty() ? std::string_view() : image.archive_digest.hex();
        out(concat(
            field(image.reference), ",", image.digest.str(), ",", field(image.archive), ",", sha256,
            ",", to_string(image.result), ",", field(image.error), "\r\n"));
    }
}

} // namespace tarpon::migration
