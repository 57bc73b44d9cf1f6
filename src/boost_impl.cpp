// Asio and Beast compiled once (their *_SEPARATE_COMPILATION macros are set by CMake), so that no
// other translation unit pays for them. Boost.JSON and Boost.URL are linked as libraries.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
