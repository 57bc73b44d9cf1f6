// A folder that goes away with its owner, and files in it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace tarpon::test {

class temp_dir {
public:
    temp_dir();
    ~temp_dir();
    temp_dir(const temp_dir&) = delete;
    temp_dir& operator=(const temp_dir&) = delete;

    const std::filesystem::path& path() const { return path_; }
    /// Writes a file and returns its path.
    std::string write(std::string_view name, std::string_view content) const;

private:
    std::filesystem::path path_;
};

std::string read_file(const std::filesystem::path& path);
/// A file of tests/data.
std::string data_file(std::string_view name);

} // namespace tarpon::test
