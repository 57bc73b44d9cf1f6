// Who holds something that is written down: a process, by a file in the state's folder that is
// locked as long as it lives. Numbers of processes would mean nothing across containers, and could
// be somebody else's after a reboot.
#pragma once

#include "state/folder_lock.hpp"

#include <optional>
#include <string>

namespace tarpon::state {

class sign_of_life {
public:
    /// Makes the file, under a name that nobody had before. Throws database_error.
    explicit sign_of_life(const std::string& folder);
    /// Removes it. Whoever is killed leaves it behind, unlocked.
    ~sign_of_life();
    sign_of_life(const sign_of_life&) = delete;
    sign_of_life& operator=(const sign_of_life&) = delete;

    const std::string& name() const noexcept { return name_; }

private:
    std::string name_;
    std::string path_;
    std::optional<folder_lock> held_;
};

/// Does the process with this name still live? What cannot be told counts as living. The file that
/// a dead one left is removed.
bool is_alive(const std::string& folder, const std::string& name);

/// The same for all files in the folder.
void remove_dead(const std::string& folder);

} // namespace tarpon::state
