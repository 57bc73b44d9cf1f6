// Standard input, output and error as the program found them.
#pragma once

namespace tarpon::cli {

/// Puts something in the place of each that is closed (cron, `<&-`), where reading or writing fails
/// as on a closed one. Else the next file or socket to be opened would take the place. To be called
/// before anything is opened.
void hold_closed_streams() noexcept;

} // namespace tarpon::cli
