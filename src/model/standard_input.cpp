// See standard_input.hpp.
#include "model/standard_input.hpp"

#include "model/text.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace tarpon {

std::string shown_name(const std::string& archive) {
    return archive == "-" ? "standard input" : foreign_text(archive);
}

bool standard_input_is_open() noexcept {
    const int flags = ::fcntl(STDIN_FILENO, F_GETFL);
    return flags != -1 && (flags & O_ACCMODE) != O_WRONLY;
}

} // namespace tarpon
