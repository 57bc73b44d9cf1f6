// See temp_dir.hpp.
#include "support/temp_dir.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace tarpon::test {

temp_dir::temp_dir() {
    std::string name = (std::filesystem::temp_directory_path() / "tarpon-test-XXXXXX").string();
    if (!mkdtemp(name.data()))
        throw std::runtime_error("mkdtemp");
    path_ = name;
}

temp_dir::~temp_dir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string temp_dir::write(std::string_view name, std::string_view content) const {
    const auto path = path_ / name;
    std::ofstream(path, std::ios::binary)
        .write(content.data(), static_cast<std::streamsize>(content.size()));
    return path.string();
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in)
        throw std::runtime_error("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string data_file(std::string_view name) {
    return (std::filesystem::path(TARPON_TEST_DATA) / name).string();
}

} // namespace tarpon::test
