// The files of src/server/page, which the build puts into the program.
#pragma once

#include <span>
#include <string_view>

namespace tarpon::server {

struct page_file {
    std::string_view path; ///< as in a request's target
    std::string_view type; ///< for Content-Type
    std::string_view content;
};

/// Defined in a file that cmake/embed_page.cmake writes.
std::span<const page_file> page_files() noexcept;

} // namespace tarpon::server
