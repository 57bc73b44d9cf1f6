// A report as a migration of some images would make it, for tests of what is written from it.
#pragma once

#include <tarpon/migrate.hpp>

#include <string>

namespace tarpon::test {

/// A name that tries everything: markup, quotes, formulas, controls, no UTF-8.
inline const std::string hostile_name =
    "=cmd|'/c calc'!A1,\"<script>alert(1)</script>&\r\n\x1b[31m\xff</table>";

/// `images` of them, every tenth failed, with samples of a run of `images` seconds.
migrate_report make_report(int images);

} // namespace tarpon::test
