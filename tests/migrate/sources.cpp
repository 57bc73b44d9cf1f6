#include "migrate/sources.hpp"

#include "model/text.hpp"
#include "support/temp_dir.hpp"

#include <tarpon/error.hpp>
#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <filesystem>

BOOST_AUTO_TEST_SUITE(test_sources)

using namespace tarpon;
using namespace tarpon::migration;
namespace fs = std::filesystem;

namespace {

/// Folders and empty files below a folder of their own, which is left out of what is shown.
struct scene {
    test::temp_dir dir;
    std::vector<std::string> notes;

    explicit scene(std::initializer_list<std::string_view> files) {
        for (const std::string_view file : files)
            put(file, "");
    }
    void put(std::string_view file, std::string_view content) {
        fs::create_directories((dir.path() / file).parent_path());
        dir.write(file, content);
    }
    void link(std::string_view from, std::string_view to) {
        fs::create_symlink(to, dir.path() / from);
    }
    std::string in(std::string_view file) const { return concat(dir.path().string(), "/", file); }
    std::string shortened(std::string text) const {
        const std::string prefix = dir.path().string() + "/";
        for (std::size_t at; (at = text.find(prefix)) != text.npos;)
            text.erase(at, prefix.size());
        return text;
    }

    /// What every machine calls each archive.
    std::string names(const std::vector<std::string>& sources) {
        std::string out;
        for (const archive_target& one : expand_sources(sources))
            out += concat(out.empty() ? "" : " ", one.name);
        return out;
    }

    /// "archive" or "archive>target" for each; or "!", the message and "; hint" where there is one.
    std::string expand(std::initializer_list<std::string_view> sources) {
        std::vector<std::string> given;
        for (const std::string_view source : sources)
            given.push_back(source.starts_with('@') ? "@" + in(source.substr(1)) : in(source));
        notes.clear();
        std::string out;
        try {
            for (const archive_target& one : expand_sources(given, &notes))
                out += concat(
                    out.empty() ? "" : " ", one.archive, one.target.empty() ? "" : ">", one.target);
        } catch (const error& why) {
            out = concat("!", why.message());
        }
        return shortened(out);
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(names_of_archives) {
    for (const char* name :
         {"a.tar", "A.TAR", "a.tar.gz", "a.tgz", "a.tar.zst", "a.tzst", "a.tar.xz", "a.txz",
          "a.tar.bz2", "a.tbz2", "a.tbz", "a.oci", "a.b.tar"})
        BOOST_TEST(is_archive_name(name), name);
    for (const char* name : {".tar", "tar", "a.gz", "a.tar.part", "a.tar.asc", "a.json", "a.zip"})
        BOOST_TEST(!is_archive_name(name), name);
}

BOOST_AUTO_TEST_CASE(folders_are_read_to_their_ends_in_order) {
    scene s{"f/b.tar",     "f/a/z.tgz",     "f/a.tar",      "f/Z.tar",       "f/a/deep/er/x.oci",
            "f/README.md", "f/.hidden.tar", "f/.git/x.tar", "f/b.tar.sha256"};
    BOOST_TEST(s.expand({"f"}) == "f/Z.tar f/a/deep/er/x.oci f/a/z.tgz f/a.tar f/b.tar");
    BOOST_TEST(s.expand({"f/"}) == "f/Z.tar f/a/deep/er/x.oci f/a/z.tgz f/a.tar f/b.tar");
}

BOOST_AUTO_TEST_CASE(links_are_followed_once) {
    scene s{"f/a.tar", "f/sub/b.tar", "other/c.tar"};
    s.link("f/sub/up", "..");
    s.link("f/self", ".");
    s.link("f/there", "../other");
    s.link("f/again.tar", "a.tar");
    s.link("f/gone.tar", "nowhere");
    BOOST_TEST(s.expand({"f"}) == "f/a.tar f/gone.tar f/sub/b.tar f/there/c.tar");
}

BOOST_AUTO_TEST_CASE(only_files_count) {
    scene s{"f/a.tar", "f/d.tar/x.tar"};
    BOOST_TEST(mkfifo(s.in("f/pipe.tar").c_str(), 0600) == 0);
    BOOST_TEST(s.expand({"f"}) == "f/a.tar f/d.tar/x.tar");
}

BOOST_AUTO_TEST_CASE(image_layouts_are_no_archives) {
    scene s{"f/a.tar", "f/layout/oci-layout", "f/layout/index.json", "f/layout/blobs/x.tar"};
    BOOST_TEST(s.expand({"f"}) == "f/a.tar");
    BOOST_TEST(s.notes.size() == 1);
    BOOST_TEST(
        s.shortened(s.notes.at(0)) == "f/layout is an OCI image layout, no archive: left out");
    BOOST_TEST(s.expand({"f/layout"}) == "!f/layout is an OCI image layout, no archive");
}

BOOST_AUTO_TEST_CASE(a_source_without_archives_is_an_error) {
    scene s{"f/a.txt", "g/a.tar"};
    BOOST_TEST(s.expand({"f"}) == "!no archives in the folder f");
    BOOST_TEST(s.expand({"g", "f"}) == "!no archives in the folder f");
    BOOST_TEST(s.expand({"g", "g"}) == "g/a.tar");
    BOOST_TEST(s.expand({"f/*.tar"}) == "!nothing matches f/*.tar");
    s.put("empty.txt", "# nothing\n");
    s.put("empty.yaml", "");
    BOOST_TEST(s.expand({"@empty.txt"}) == "!no archives in the list empty.txt");
    BOOST_TEST(s.expand({"@empty.yaml"}) == "!no archives in the list empty.yaml");
}

// Whoever opens it says what is wrong with it, and the others go on.
BOOST_AUTO_TEST_CASE(what_is_named_counts_whatever_it_is) {
    scene s{"image", "a.txt"};
    BOOST_TEST(s.expand({"image", "a.txt", "absent.tar"}) == "image a.txt absent.tar");
}

BOOST_AUTO_TEST_CASE(globs_that_the_shell_left_alone) {
    scene s{"f/b.tar", "f/B.tar", "f/a.tar", "f/x.bin", "g/1/c.tar", "g/2/d.tar", "[x].tar"};
    BOOST_TEST(s.expand({"f/*.tar"}) == "f/B.tar f/a.tar f/b.tar");
    BOOST_TEST(s.expand({"g/*"}) == "g/1/c.tar g/2/d.tar");
    BOOST_TEST(s.expand({"f/{a,b}.tar"}) == "f/a.tar f/b.tar");
    BOOST_TEST(s.expand({"f/?.bin"}) == "f/x.bin");
    BOOST_TEST(s.expand({"[x].tar"}) == "[x].tar");
}

BOOST_AUTO_TEST_CASE(lists_are_relative_to_themselves) {
    scene s{"we[i]rd {x}/a.tar", "we[i]rd {x}/b.tar", "we[i]rd {x}/sub/c.tar", "d.tar"};
    s.put(
        "we[i]rd {x}/list",
        concat("a.tar team/a:1\n'sub'\n[b].tar\n../d.tar\nabs[ent.tar\n", s.in("d.tar"), "\n"));
    BOOST_TEST(
        s.expand({"@we[i]rd {x}/list"})
        == "!we[i]rd {x}/list, line 5: nothing matches we[i]rd {x}/abs[ent.tar");
    s.put(
        "we[i]rd {x}/list",
        concat("a.tar team/a:1\n'sub'\n[b].tar\n../d.tar\nabsent.tar\n", s.in("d.tar"), "\n"));
    BOOST_TEST(
        s.expand({"@we[i]rd {x}/list"})
        == "we[i]rd {x}/a.tar>team/a:1 we[i]rd {x}/sub/c.tar we[i]rd {x}/b.tar "
           "we[i]rd {x}/../d.tar we[i]rd {x}/absent.tar");
}

BOOST_AUTO_TEST_CASE(mappings_by_their_ending) {
    scene s{"a.tar"};
    s.put("m.yaml", "a.tar: x:1");
    s.put("m.YML", "- {archive: a.tar, target: x:1}");
    s.put("m.json", R"({"a.tar": "x:1"})");
    s.put("m.txt", "a.tar x:1");
    for (const char* list : {"@m.yaml", "@m.YML", "@m.json", "@m.txt"})
        BOOST_TEST(s.expand({list}) == "a.tar>x:1", list);
}

BOOST_AUTO_TEST_CASE(a_target_replaces_the_names_of_the_archive) {
    scene s{"f/a.tar", "f/b.tar"};
    s.put("l", "f/a.tar x:1\nf/../f/a.tar x:2\nf/a.tar x:1\n");
    s.link("f2", "f");
    BOOST_TEST(s.expand({"f", "@l", "f2"}) == "f/a.tar>x:1 f/a.tar>x:2 f/b.tar");
    BOOST_TEST(s.expand({"@l", "f"}) == "f/a.tar>x:1 f/a.tar>x:2 f/b.tar");
}

BOOST_AUTO_TEST_CASE(errors_name_list_and_line) {
    scene s{"a.tar", "b.tar", "f/c.tar"};
    const auto trouble = [&](std::string_view content) {
        s.put("l", content);
        return s.expand({"@l"});
    };
    BOOST_TEST(
        trouble("a.tar t:1\nb.tar t:1") == "!l, line 2: the target t:1 is that of a.tar already");
    // Archives that have only a tag bring it along: two of them may have one name.
    BOOST_TEST(trouble("a.tar t\nb.tar t\nb.tar t:2") == "a.tar>t b.tar>t b.tar>t:2");
    BOOST_TEST(
        trouble("a.tar t:latest\nb.tar t:latest")
        == "!l, line 2: the target t:latest is that of a.tar already");
    BOOST_TEST(
        trouble("a.tar host.example/t:1")
        == "!l, line 1: the target \"host.example/t:1\" must be NAME[:TAG] below the registry, "
           "without host and digest");
    BOOST_TEST(trouble("a.tar UPPER:1").starts_with("!l, line 1: "));
    BOOST_TEST(trouble("f t:1") == "!l, line 1: f is a folder; a target is for one archive");
    BOOST_TEST(trouble("a b c").starts_with("!l: line 1: more than"));
    BOOST_TEST(s.expand({"@absent"}) == "!cannot read the list absent");
    BOOST_TEST(s.expand({"@f"}) == "!cannot read the list f");
}

BOOST_AUTO_TEST_CASE(names_are_the_same_wherever_sources_are) {
    for (int machine = 0; machine < 2; ++machine) {
        scene s{"f/a.tar", "f/deep/b.tar", "g/c1.tar", "g/c2.tar",
                "l/x.tar", "l/sub/y.tar",  "z.tar"};
        s.put("l/list.txt", "x.tar\nsub\n/nowhere/abs.tar\n");
        const std::string names =
            s.names({s.in("f"), s.in("g/c*.tar"), s.in("z.tar"), "@" + s.in("l/list.txt")});
        BOOST_TEST(
            names
            == "1:a.tar 1:deep/b.tar 2:c1.tar 2:c2.tar 3:z.tar 4:x.tar 4:sub/y.tar "
               "4:/nowhere/abs.tar");
    }
}

BOOST_AUTO_TEST_CASE(standard_input_is_no_archive) {
    BOOST_CHECK_THROW(expand_sources({"-"}), error);
    BOOST_CHECK_THROW(expand_sources({""}), error);
}

BOOST_AUTO_TEST_CASE(lists_and_depth_are_bounded) {
    scene s{};
    s.put("l", std::string(limits::source_list_bytes_max + 1, '\n'));
    BOOST_TEST(s.expand({"@l"}) == "!the list l is over 32.0 MiB (source_list_bytes_max)");
    s.put("l.yaml", std::string(limits::source_mapping_bytes_max + 1, '\n'));
    BOOST_TEST(
        s.expand({"@l.yaml"}) == "!the list l.yaml is over 16.0 MiB (source_mapping_bytes_max)");
    std::string deep = "d";
    for (int i = 0; i < limits::source_folder_depth_max + 1; ++i)
        deep += "/d";
    s.put(deep + "/a.tar", "");
    BOOST_TEST(s.expand({"d"}).ends_with("are too deep (source_folder_depth_max)"));
    BOOST_TEST(s.expand({"d/d"}).ends_with("a.tar"));
}

BOOST_AUTO_TEST_SUITE_END()
