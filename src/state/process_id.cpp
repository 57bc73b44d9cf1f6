// See process_id.hpp.
#include "state/process_id.hpp"

#include "model/text.hpp"

#include <array>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace tarpon::state {
namespace {

std::string host_name() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0)
        return {};
    return name.data();
}

/// Field 22 of /proc/PID/stat. The name before it may hold anything, also ')'.
std::int64_t start_of(std::int64_t pid) {
    std::ifstream stat(concat("/proc/", pid, "/stat"));
    std::string line;
    std::getline(stat, line);
    const std::size_t name_end = line.rfind(')');
    if (name_end == line.npos)
        return 0;
    std::istringstream rest(line.substr(name_end + 1));
    std::string field;
    for (int number = 3; number <= 22; ++number)
        rest >> field;
    return static_cast<std::int64_t>(parse_decimal(field).value_or(0));
}

} // namespace

process_id this_process() {
    const auto pid = static_cast<std::int64_t>(getpid());
    return {host_name(), pid, start_of(pid)};
}

bool is_running(const process_id& who) {
    if (who.machine != host_name())
        return true;
    const std::int64_t start = start_of(who.pid);
    return start != 0 && start == who.start;
}

} // namespace tarpon::state
