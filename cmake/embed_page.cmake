# Writes OUTPUT, a source that holds the FILES of the page as arrays of bytes.
# index.html is "/", the others are "/page/NAME".
set(arrays "")
set(table "")
set(number 0)
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  get_filename_component(kind ${file} LAST_EXT)
  set(path "/page/${name}")
  if(kind STREQUAL ".html")
    set(type "text/html; charset=utf-8")
    set(path "/")
  elseif(kind STREQUAL ".css")
    set(type "text/css; charset=utf-8")
  elseif(kind STREQUAL ".js")
    set(type "text/javascript; charset=utf-8")
  else()
    message(FATAL_ERROR "embed_page: what is ${file}?")
  endif()
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "constexpr char file_${number}[] = {${bytes}};\n")
  string(APPEND table "    {\"${path}\", \"${type}\", {file_${number}, sizeof file_${number}}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUTPUT} "// Made by cmake/embed_page.cmake from src/server/page.
#include \"server/page_files.hpp\"

namespace tarpon::server {
namespace {

${arrays}
constexpr page_file files[] = {
${table}};

} // namespace

std::span<const page_file> page_files() noexcept {
    return files;
}

} // namespace tarpon::server
")
