// See process_numbers.hpp. /proc is memory: reading it waits for no disk.
#include "server/process_numbers.hpp"

#include "model/process_memory.hpp"
#include "model/text.hpp"

#include <sys/resource.h>

#include <ctime>
#include <dirent.h>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <unistd.h>

namespace tarpon::server {
namespace {

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::uint64_t open_file_count() {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), ::closedir);
    if (!folder)
        return 0;
    std::uint64_t entries = 0;
    while (::readdir(folder.get()))
        ++entries;
    return entries < 3 ? 0 : entries - 3; // ".", ".." and the folder itself
}

/// Field 22 of /proc/self/stat is in ticks since the boot; the name in field 2 may hold blanks.
double start_since_boot() {
    std::ifstream file("/proc/self/stat");
    std::string text;
    std::getline(file, text);
    const std::size_t name_end = text.rfind(')');
    if (name_end == text.npos)
        return 0;
    std::istringstream fields(text.substr(name_end + 1));
    std::string field;
    for (int number = 3; number <= 22; ++number)
        if (!(fields >> field))
            return 0;
    return static_cast<double>(parse_decimal(field).value_or(0))
           / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double boot_time() {
    timespec now{}, up{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    ::clock_gettime(CLOCK_BOOTTIME, &up);
    return static_cast<double>(now.tv_sec - up.tv_sec)
           + static_cast<double>(now.tv_nsec - up.tv_nsec) / 1e9;
}

} // namespace

process_numbers read_process_numbers() {
    process_numbers now;
    struct rusage usage {};
    ::getrusage(RUSAGE_SELF, &usage);
    now.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    now.resident_peak_bytes = peak_memory_bytes();
    std::ifstream file("/proc/self/statm");
    std::uint64_t all = 0, resident = 0;
    if (file >> all >> resident)
        now.resident_bytes = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    now.open_files = open_file_count();
    struct rlimit most {};
    if (::getrlimit(RLIMIT_NOFILE, &most) == 0)
        now.open_files_max = most.rlim_cur;
    now.start_time_seconds = boot_time() + start_since_boot();
    return now;
}

} // namespace tarpon::server
