// See standard_streams.hpp.
#include "cli/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace tarpon::cli {

void hold_closed_streams() noexcept {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(fd, F_GETFD) != -1)
            continue;
        // The lowest that is free is `fd`. The mode is the wrong one on purpose: EBADF.
        (void)::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

} // namespace tarpon::cli
