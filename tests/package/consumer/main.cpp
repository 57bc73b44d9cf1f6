// Uses the public API the way an embedding program would: inspects an archive, and pushes it to an
// address where nobody listens, to see the typed error.
#include <tarpon/inspect.hpp>
#include <tarpon/push.hpp>

#include <iostream>

int main(int argc, char** argv) {
    if (argc != 2)
        return 2;
    const tarpon::inspection found = tarpon::inspect(argv[1]);
    std::cout << found.images.size() << " images\n";
    tarpon::push_options options;
    options.where.to = {"127.0.0.1:9/nobody/home:1"};
    options.where.image = "@1";
    tarpon::progress_observer silent;
    const tarpon::push_report report = tarpon::push_blocking({argv[1]}, options, silent);
    std::cout << "exit code " << report.exit_code() << ": " << report.failures.at(0).what.message()
              << "\n";
    return found.images.size() == 3 && report.exit_code() == 6 ? 0 : 1;
}
