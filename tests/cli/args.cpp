#include "cli/args.hpp"

#include "support/printing.hpp"

#include <tarpon/error.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <map>

BOOST_AUTO_TEST_SUITE(test_args)

using namespace tarpon;
using namespace tarpon::cli;

/// Environment variables for the life of this object.
class environment {
public:
    environment(std::initializer_list<std::pair<const char*, const char*>> values)
        : values_(values) {
        for (const auto& [name, value] : values_)
            ::setenv(name, value, 1);
    }
    ~environment() {
        for (const auto& [name, value] : values_)
            ::unsetenv(name);
    }
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;

private:
    std::vector<std::pair<const char*, const char*>> values_;
};

/// Splits at blanks.
std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words{"tarpon"};
    while (!line.empty()) {
        const std::size_t blank = std::min(line.find(' '), line.size());
        if (blank > 0)
            words.emplace_back(line.substr(0, blank));
        line.remove_prefix(std::min(blank + 1, line.size()));
    }
    return words;
}

template <class Use>
auto with_argv(const std::string& line, Use use) {
    const std::vector<std::string> words = words_of(line);
    std::vector<const char*> argv;
    for (const std::string& word : words)
        argv.push_back(word.c_str());
    return use(static_cast<int>(argv.size()), argv.data());
}

any_command parsed(const std::string& line) {
    return with_argv(line, [](int argc, const char* const* argv) { return parse(argc, argv); });
}

push_command push_of(const std::string& line) {
    return std::get<push_command>(parsed("push " + line));
}

/// Message and hint of the refusal.
std::string refusal(const std::string& line) {
    try {
        (void)parsed(line);
    } catch (const error& e) {
        BOOST_TEST(e.code() == errc::usage);
        return e.hint().empty() ? e.message() : e.message() + " | " + e.hint();
    }
    return "accepted";
}

bool json_wanted(const std::string& line) {
    return with_argv(
        line, [](int argc, const char* const* argv) { return wants_json(argc, argv); });
}

BOOST_AUTO_TEST_CASE(defaults_are_those_of_the_contract) {
    const push_command push = push_of("a.tar");
    BOOST_TEST(
        push.archives == std::vector<std::string>{"a.tar"}, boost::test_tools::per_element());
    const push_options& options = push.options;
    BOOST_TEST((options.layers == compression::automatic));
    BOOST_TEST((options.format == manifest_format::automatic));
    BOOST_TEST((options.if_platforms_missing == missing_platforms::error));
    BOOST_TEST(options.compression_level == 0);
    BOOST_TEST(options.jobs == 6);
    BOOST_TEST(options.threads == 0);
    BOOST_TEST(options.memory_bytes == 48u * 1024 * 1024);
    BOOST_TEST(!options.dry_run);
    BOOST_TEST(!options.connection.insecure);
    BOOST_TEST(!options.connection.plain_http);
    BOOST_TEST(!push.output.json);
    BOOST_TEST(!push.output.quiet);
    BOOST_TEST((push.output.log_level == log_level::warn));
    BOOST_TEST((push.output.progress == progress_style::automatic));
    const auto serve = std::get<serve_command>(parsed("serve"));
    BOOST_TEST(serve.options.listen == "127.0.0.1:8080");
    BOOST_TEST(serve.options.storage == "./tarpon-registry");
}

migrate_command migrate_of(const std::string& line) {
    return std::get<migrate_command>(parsed("migrate " + line));
}

BOOST_AUTO_TEST_CASE(migrate_has_the_options_of_push_and_its_own) {
    const migrate_command migrate = migrate_of(
        "images --registry r.example/m @list --map a=b --jobs 3 --compression zstd --json "
        "--journal j.db --shard 2/4 --fail-fast --report r.html --report r.csv --hash-archives");
    const std::vector<std::string> sources{"images", "@list"}, reports{"r.html", "r.csv"};
    BOOST_TEST(migrate.options.sources == sources, boost::test_tools::per_element());
    BOOST_TEST(migrate.reports == reports, boost::test_tools::per_element());
    BOOST_TEST(migrate.options.journal == "j.db");
    BOOST_TEST(migrate.options.shard.index == 2);
    BOOST_TEST(migrate.options.shard.count == 4);
    BOOST_TEST(migrate.options.fail_fast);
    BOOST_TEST(migrate.options.hash_archives);
    BOOST_TEST(!migrate.options.plan_only);
    BOOST_TEST(migrate.push.options.where.registry == "r.example/m");
    BOOST_TEST(migrate.push.options.where.map.size() == 1u);
    BOOST_TEST(migrate.push.options.jobs == 3);
    BOOST_TEST((migrate.push.options.layers == compression::zstd));
    BOOST_TEST(migrate.push.output.json);
    BOOST_TEST(!migrate_of("a --keep-going").options.fail_fast);
    BOOST_TEST(migrate_of("a --plan").options.plan_only);
    BOOST_TEST(migrate_of("a --dry-run").options.plan_only);
}

BOOST_AUTO_TEST_CASE(each_destination_and_shard_has_its_journal) {
    const environment home{{"XDG_STATE_HOME", "/state"}};
    const auto journal = [](const std::string& line) {
        return migrate_of("a " + line).options.journal;
    };
    const std::string one = journal("--registry r.example/m");
    BOOST_TEST(one.starts_with("/state/tarpon/migrate/r.example_m-"), one);
    BOOST_TEST(one.ends_with(".db"));
    BOOST_TEST(journal("--registry https://r.example/m/") == one); // how it is reached is the same
    BOOST_TEST(journal("--registry r.example/m2") != one);
    BOOST_TEST(journal("--registry r.example_m") != one);
    BOOST_TEST(journal("--registry r.example/m --shard 1/2") != one);
    BOOST_TEST(journal("--registry r.example/m --no-state") == "");
    BOOST_TEST(journal("--registry r.example/m --state /s").starts_with("/s/migrate/"));
}

BOOST_AUTO_TEST_CASE(the_shard_comes_from_the_engine_too) {
    const environment slurm{{"SLURM_ARRAY_TASK_ID", "2"}, {"SLURM_ARRAY_TASK_COUNT", "4"}};
    BOOST_TEST(migrate_of("a").options.shard.index == 3);
    BOOST_TEST(migrate_of("a").options.shard.count == 4);
    BOOST_TEST(migrate_of("a --shard 1/2").options.shard.count == 2);
}

BOOST_AUTO_TEST_CASE(migrations_that_make_no_sense) {
    for (const char* const line :
         {"migrate", "migrate a --shard 0/2", "migrate a --shard 3/2", "migrate a --shard x",
          "migrate a --keep-going --fail-fast", "migrate a --report r.txt",
          "migrate a --to r.example/app:1"})
        BOOST_TEST(refusal(line) != "accepted", line);
    BOOST_TEST(refusal("migrate a --shard 3/2").find("--shard") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(every_option_of_push_is_taken) {
    const push_command push = push_of(
        "--registry http://localhost:5000/team a.tar --image app:1 --map ^a/=b/ --map x=y=z "
        "--staging team/tmp --compression zstd --compression-level 19 --format oci "
        "--platform linux/amd64 --platform linux/arm64/v8 --missing-platforms prune --dry-run "
        "--jobs 3 --threads 2 --memory 64M --spool /tmp --username u --password-stdin b.tar "
        "--ca-file ca.pem --insecure --plain-http --json --log-level debug --progress plain -q");
    const push_options& options = push.options;
    const std::vector<std::string> archives{"a.tar", "b.tar"};
    BOOST_TEST(push.archives == archives, boost::test_tools::per_element());
    BOOST_TEST(options.where.registry == "http://localhost:5000/team");
    BOOST_TEST(options.where.image == "app:1");
    BOOST_TEST(options.where.staging == "team/tmp");
    BOOST_REQUIRE(options.where.map.size() == 2u);
    BOOST_TEST(options.where.map[0].first == "^a/");
    BOOST_TEST(options.where.map[0].second == "b/");
    BOOST_TEST(options.where.map[1].first == "x=y"); // the last '=' divides
    BOOST_TEST(options.where.map[1].second == "z");
    BOOST_TEST((options.layers == compression::zstd));
    BOOST_TEST(options.compression_level == 19);
    BOOST_TEST((options.format == manifest_format::oci));
    const std::vector<std::string> platforms{"linux/amd64", "linux/arm64/v8"};
    BOOST_TEST(options.platforms == platforms, boost::test_tools::per_element());
    BOOST_TEST((options.if_platforms_missing == missing_platforms::prune));
    BOOST_TEST(options.dry_run);
    BOOST_TEST(options.jobs == 3);
    BOOST_TEST(options.threads == 2);
    BOOST_TEST(options.memory_bytes == 64u * 1024 * 1024);
    BOOST_TEST(options.spool == "/tmp");
    BOOST_TEST(options.connection.username == "u");
    BOOST_TEST(push.password_stdin);
    BOOST_TEST(options.connection.ca_file == "ca.pem");
    BOOST_TEST(options.connection.insecure);
    BOOST_TEST(options.connection.plain_http);
    BOOST_TEST(push.output.json);
    BOOST_TEST(push.output.quiet);
    BOOST_TEST((push.output.log_level == log_level::debug));
    BOOST_TEST((push.output.progress == progress_style::plain));
}

// A repeatable option takes one value each time, and never the archive behind it.
BOOST_AUTO_TEST_CASE(to_is_repeatable_and_takes_one_value) {
    const push_command push = push_of("--to r.example/a:1 a.tar --to=r.example/a:2");
    const std::vector<std::string> to{"r.example/a:1", "r.example/a:2"}, archives{"a.tar"};
    BOOST_TEST(push.options.where.to == to, boost::test_tools::per_element());
    BOOST_TEST(push.archives == archives, boost::test_tools::per_element());
}

// What users of docker-tar-push type must go on working.
BOOST_AUTO_TEST_CASE(command_line_of_docker_tar_push_works) {
    const push_command push = push_of(
        "alpine.tar --registry=http://localhost:5000 --username u --password p --skip-ssl-verify "
        "--log-level 4");
    BOOST_TEST(push.archives.front() == "alpine.tar");
    BOOST_TEST(push.options.where.registry == "http://localhost:5000");
    BOOST_TEST(push.options.connection.username == "u");
    BOOST_TEST(push.options.connection.password == "p");
    BOOST_TEST(push.options.connection.insecure);
    BOOST_TEST(push.password_on_command_line);
    BOOST_TEST((push.output.log_level == log_level::trace));
}

BOOST_AUTO_TEST_CASE(short_options_and_numbers_for_levels) {
    const push_command push = push_of("a.tar -n -q -j 2 -u u -p p --log-level 0");
    BOOST_TEST(push.options.dry_run);
    BOOST_TEST(push.output.quiet);
    BOOST_TEST(push.options.jobs == 2);
    BOOST_TEST(push.options.connection.username == "u");
    BOOST_TEST((push.output.log_level == log_level::error));
    for (const auto& [text, level] : std::map<std::string, log_level>{
             {"1", log_level::warn},
             {"2", log_level::info},
             {"3", log_level::debug},
             {"error", log_level::error},
             {"trace", log_level::trace}})
        BOOST_TEST((push_of("a.tar --log-level " + text).output.log_level == level));
}

BOOST_AUTO_TEST_CASE(access_options_parsed) {
    const connection_options access =
        push_of("a.tar --authfile f --registry-token t --cert-file c --key-file k "
                "--certs-dir d --ca-file a --insecure --plain-http")
            .options.connection;
    BOOST_TEST(access.auth_file == "f");
    BOOST_TEST(access.registry_token == "t");
    BOOST_TEST(access.cert_file == "c");
    BOOST_TEST(access.key_file == "k");
    BOOST_TEST(access.certs_dir == "d");
    BOOST_TEST(access.ca_file == "a");
    BOOST_TEST(access.insecure);
    BOOST_TEST(access.plain_http);
}

BOOST_AUTO_TEST_CASE(tries_and_chunks) {
    const auto options = [](const std::string& line) {
        return push_of("a.tar --registry r " + line).options;
    };
    BOOST_TEST(options("").retries == 5);
    BOOST_TEST(options("--retries 0").retries == 0);
    BOOST_TEST((options("").chunks == chunking::automatic));
    BOOST_TEST((options("--chunk-size auto").chunks == chunking::automatic));
    BOOST_TEST((options("--chunk-size none").chunks == chunking::never));
    BOOST_TEST((options("--chunk-size 2M").chunks == chunking::always));
    BOOST_TEST(options("--chunk-size 2M").chunk_bytes == 2u * 1024 * 1024);
    for (const char* bad :
         {"--retries -1", "--retries 101", "--chunk-size 1K", "--chunk-size 1G",
          "--chunk-size some"})
        BOOST_TEST(!refusal(std::string("push a.tar --registry r ") + bad).empty(), bad);
}

BOOST_AUTO_TEST_CASE(rate_and_state) {
    const auto options = [](const std::string& line) {
        return push_of("a.tar --registry r " + line).options;
    };
    BOOST_TEST(options("").rate_bytes_per_second == 0u);
    BOOST_TEST(options("--limit-rate 1M").rate_bytes_per_second == 1024u * 1024);
    BOOST_TEST(options("--state x").state == "x");
    BOOST_TEST(options("--no-state").state.empty());
    for (const char* bad : {"--limit-rate fast", "--state x --no-state"})
        BOOST_TEST(!refusal(std::string("push a.tar --registry r ") + bad).empty(), bad);
}

// A script that relies on what a verb does not have must fail, not go on without it.
BOOST_AUTO_TEST_CASE(options_of_other_verbs_refused) {
    for (const char* option : {"--journal x", "--shard 1/2", "--keep-going", "--report x"}) {
        const std::string name = std::string(option).substr(0, std::string(option).find(' '));
        const std::string text = refusal(std::string("push a.tar --registry r ") + option);
        BOOST_TEST(text.starts_with("tarpon push has no option " + name + " | "), text);
        BOOST_TEST(text.ends_with("tarpon push --help"), text);
    }
    for (const char* option : {"--journal x", "--shard 1/2", "--to x", "--compression none"})
        BOOST_TEST(
            refusal(std::string("serve ") + option).starts_with("tarpon serve has no option --"));
}

// The value of an option that was misspelt may be a password.
BOOST_AUTO_TEST_CASE(unknown_options_are_named_without_their_values) {
    for (const char* line :
         {"push a.tar --passwrd=hunter2", "push a.tar --passwrd hunter2", "--password=hunter2",
          "--password hunter2 push a.tar", "inspect a.tar --token=hunter2",
          "serve --password hunter2", "push --passwrd=hunter2", "push a --password-stdin=hunter2",
          "login --password-stdin=hunter2"})
        BOOST_TEST(refusal(line).find("hunter2") == std::string::npos, refusal(line));
    BOOST_TEST(
        refusal("push a.tar --passwrd=x")
        == "tarpon push has no option --passwrd | --password is one; tarpon push --help");
    BOOST_TEST(
        refusal("push a.tar --regstry x")
        == "tarpon push has no option --regstry | --registry is one; tarpon push --help");
    BOOST_TEST(
        refusal("push a --password-stdin=hunter2")
        == "--password-stdin takes no value | tarpon push --help");
    BOOST_TEST(refusal("push a.tar -x") == "tarpon push has no option -x | tarpon push --help");
}

BOOST_AUTO_TEST_CASE(verbs_and_archives_that_are_missing_are_named) {
    BOOST_TEST(
        refusal("") == "a verb is missing: push, inspect, login, logout or serve | tarpon --help");
    BOOST_TEST(refusal("psh a.tar") == "there is no verb \"psh\" | tarpon --help");
    BOOST_TEST(refusal("--bogus") == "there is no option --bogus | tarpon --help");
    BOOST_TEST(refusal("push") == "tarpon push needs an archive | tarpon push --help");
    BOOST_TEST(refusal("push --registry r") == "tarpon push needs an archive | tarpon push --help");
    BOOST_TEST(refusal("push a --registry") == "--registry needs a value | tarpon push --help");
    BOOST_TEST(refusal("inspect") == "tarpon inspect needs an archive | tarpon inspect --help");
    BOOST_TEST(
        refusal("inspect a b")
        == "tarpon inspect takes one archive, and there are more | tarpon inspect --help");
    BOOST_TEST(
        refusal("--json push a.tar")
        == "options come after the verb: tarpon push --json | tarpon push --help");
    BOOST_TEST(refusal("serve x") == "tarpon serve takes options only | tarpon serve --help");
    BOOST_TEST(refusal("help psh") == "there is no verb \"psh\" | tarpon --help");
}

BOOST_AUTO_TEST_CASE(values_that_are_none_of_the_choices_refused) {
    BOOST_TEST(
        refusal("push a --compression lz4")
        == "--compression lz4: must be one of auto, gzip, none, zstd");
    BOOST_TEST(refusal("push a --format v1") == "--format v1: must be one of auto, docker, oci");
    BOOST_TEST(
        refusal("push a --missing-platforms skip")
        == "--missing-platforms skip: must be one of error, prune");
    BOOST_TEST(
        refusal("push a --progress tty")
        == "--progress tty: must be one of auto, bar, none, plain");
    BOOST_TEST(
        refusal("push a --log-level loud")
        == "--log-level loud: must be one of debug, error, info, trace, warn");
    BOOST_TEST(refusal("push a --log-level 5") != "accepted");
    BOOST_TEST(refusal("push a --map nothing") == "--map nothing: must be REGEX=REPLACEMENT");
}

BOOST_AUTO_TEST_CASE(numbers_out_of_range_refused_with_the_option) {
    for (const char* option :
         {"--jobs 0", "--jobs 65", "--jobs -1", "--jobs x", "--jobs 1.5", "--threads 0",
          "--threads 257", "--compression-level 0", "--compression-level 20"}) {
        const std::string text = refusal(std::string("push a ") + option);
        const std::string name = std::string(option).substr(0, std::string(option).find(' '));
        BOOST_TEST(text.find(name) != std::string::npos, text);
    }
    for (const char* size : {"x", "1X", "-1", "M", "1.5G", "99999999999999999999", "9999999T"})
        BOOST_TEST(refusal(std::string("push a --memory=") + size) != "accepted", size);
}

BOOST_AUTO_TEST_CASE(sizes_are_powers_of_1024) {
    BOOST_TEST(parse_size("0") == 0u);
    BOOST_TEST(parse_size("48M") == 50331648u);
    BOOST_TEST(parse_size("1k") == 1024u);
    BOOST_TEST(parse_size("2G") == 2147483648u);
    BOOST_TEST(parse_size("1t") == 1099511627776u);
}

BOOST_AUTO_TEST_CASE(password_needs_a_name_and_one_source) {
    BOOST_TEST(refusal("push a --password p") == "a password needs --username");
    BOOST_TEST(refusal("push a --password-stdin") == "a password needs --username");
    BOOST_TEST(
        refusal("push a -u u -p p --password-stdin")
        == "--password and --password-stdin cannot be used together");
    BOOST_TEST(
        refusal("push a - -u u --password-stdin")
        == "standard input cannot carry both the archive and the password");
}

BOOST_AUTO_TEST_CASE(standard_input_is_one_list) {
    BOOST_TEST(
        refusal("migrate @- @- --registry h")
        == "standard input (@-) can be read once, and is named more than once");
    BOOST_TEST(
        refusal("migrate @- --registry h -u u --password-stdin")
        == "standard input cannot carry both the list and the password");
}

BOOST_AUTO_TEST_CASE(standard_input_is_one_archive) {
    BOOST_TEST(refusal("push a -") == "accepted");
    BOOST_TEST(
        refusal("push - a -")
        == "standard input (-) can be read once, and is named more than once");
}

BOOST_AUTO_TEST_CASE(every_long_option_has_an_environment_name) {
    const environment set{
        {"TARPON_REGISTRY", "r.example"},
        {"TARPON_IMAGE", "app:1"},
        {"TARPON_COMPRESSION", "none"},
        {"TARPON_COMPRESSION_LEVEL", "3"},
        {"TARPON_FORMAT", "docker"},
        {"TARPON_MISSING_PLATFORMS", "prune"},
        {"TARPON_DRY_RUN", "1"},
        {"TARPON_JOBS", "2"},
        {"TARPON_THREADS", "3"},
        {"TARPON_MEMORY", "20M"},
        {"TARPON_SPOOL", "/tmp"},
        {"TARPON_USERNAME", "u"},
        {"TARPON_PASSWORD", "p"},
        {"TARPON_CA_FILE", "ca"},
        {"TARPON_INSECURE", "true"},
        {"TARPON_PLAIN_HTTP", "1"},
        {"TARPON_JSON", "1"},
        {"TARPON_LOG_LEVEL", "info"},
        {"TARPON_PROGRESS", "none"},
        {"TARPON_QUIET", "1"},
        {"TARPON_MAP", "a=b"},
        {"TARPON_STAGING", "s"},
        {"TARPON_PLATFORM", "linux/amd64"},
        {"TARPON_LISTEN", "127.0.0.1:1"},
        {"TARPON_STORAGE", "st"},
    };
    const push_command push = push_of("a.tar");
    const push_options& options = push.options;
    BOOST_TEST(options.where.registry == "r.example");
    BOOST_TEST(options.where.image == "app:1");
    BOOST_TEST(options.where.staging == "s");
    BOOST_TEST(options.where.map.size() == 1u);
    BOOST_TEST((options.layers == compression::none));
    BOOST_TEST(options.compression_level == 3);
    BOOST_TEST((options.format == manifest_format::docker));
    BOOST_TEST((options.if_platforms_missing == missing_platforms::prune));
    BOOST_TEST(options.dry_run);
    BOOST_TEST(options.jobs == 2);
    BOOST_TEST(options.threads == 3);
    BOOST_TEST(options.memory_bytes == 20u * 1024 * 1024);
    BOOST_TEST(options.spool == "/tmp");
    BOOST_TEST(options.connection.username == "u");
    BOOST_TEST(options.connection.password == "p");
    BOOST_TEST(options.connection.ca_file == "ca");
    BOOST_TEST(options.connection.insecure);
    BOOST_TEST(options.connection.plain_http);
    BOOST_TEST(push.output.json);
    BOOST_TEST(push.output.quiet);
    BOOST_TEST((push.output.log_level == log_level::info));
    BOOST_TEST((push.output.progress == progress_style::none));
    BOOST_TEST(options.platforms.size() == 1u);
    const auto serve = std::get<serve_command>(parsed("serve"));
    BOOST_TEST(serve.options.listen == "127.0.0.1:1");
    BOOST_TEST(serve.options.storage == "st");
    BOOST_TEST(push_of("a.tar --jobs 5 --log-level error").options.jobs == 5); // typed comes first
    BOOST_TEST(refusal("push a.tar --log-level x") != "accepted");
}

BOOST_AUTO_TEST_CASE(options_of_serve) {
    const auto serve = std::get<serve_command>(
        parsed("serve --listen 127.0.0.1:0 --registry r.example/team --username u --password-stdin "
               "--max-upload 2G --allow-host images.example.com --allow-host b --allow-anonymous "
               "--htpasswd users --tls-cert c.pem --tls-key k.pem --allow-push 10.0.0.0/8 "
               "--allow-push ::1"));
    BOOST_TEST(serve.options.htpasswd == "users");
    BOOST_TEST(serve.options.tls_cert == "c.pem");
    BOOST_TEST(serve.options.tls_key == "k.pem");
    BOOST_TEST(serve.options.allow_push.size() == 2u);
    BOOST_TEST(serve.options.registry == "r.example/team");
    BOOST_TEST(serve.options.connection.username == "u");
    BOOST_TEST(serve.password_stdin);
    BOOST_TEST(serve.options.upload_bytes_max == 2ull * 1024 * 1024 * 1024);
    BOOST_TEST(serve.options.hosts.size() == 2u);
    BOOST_TEST(serve.options.allow_anonymous);
    BOOST_TEST(
        refusal("serve --registry r --storage s").starts_with("--registry and --storage cannot"));
    BOOST_TEST(refusal("serve --registry u:p@r").find("u:p") == std::string::npos);
    BOOST_TEST(refusal("serve --registry u:p@r") != "accepted");
    BOOST_TEST(refusal("serve --registry r --password-stdin").starts_with("a password needs"));
    // It looks like a password for the server, and is none.
    BOOST_TEST(
        refusal("serve --username u --password-stdin").find("--htpasswd") != std::string::npos);
    BOOST_TEST(refusal("serve --max-upload lots") != "accepted");
    const auto collects =
        std::get<serve_command>(parsed("serve --gc-interval 15m --gc-grace 2d --gc-untagged"));
    BOOST_TEST((collects.options.collect_every == std::chrono::minutes(15)));
    BOOST_TEST((collects.options.collect_grace == std::chrono::hours(48)));
    BOOST_TEST(collects.options.collect_untagged);
    BOOST_TEST((serve.options.collect_every == std::chrono::hours(1)));
    BOOST_TEST((serve.options.collect_grace == std::chrono::hours(1)));
    BOOST_TEST(!serve.options.collect_untagged);
    const auto bare = std::get<serve_command>(parsed("serve --gc-interval 0 --gc-grace 90"));
    BOOST_TEST(bare.options.collect_every.count() == 0);
    BOOST_TEST(bare.options.collect_grace.count() == 90);
    for (const char* odd : {"1w", "x", "1.5h", "h", "99999999999999999999", "9999999d"})
        BOOST_TEST(refusal(std::string("serve --gc-grace ") + odd).starts_with("--gc-grace "), odd);
}

// A variable for push must not turn a server with a folder of its own into a forwarder.
BOOST_AUTO_TEST_CASE(storage_comes_before_a_registry_of_the_environment) {
    const environment set{{"TARPON_REGISTRY", "r.example"}};
    BOOST_TEST(std::get<serve_command>(parsed("serve")).options.registry == "r.example");
    const auto typed = std::get<serve_command>(parsed("serve --storage s"));
    BOOST_TEST(typed.options.registry == "");
    const environment also{{"TARPON_STORAGE", "s"}};
    BOOST_TEST(std::get<serve_command>(parsed("serve")).options.registry == "");
}

BOOST_AUTO_TEST_CASE(to_comes_from_the_environment) {
    const environment set{{"TARPON_TO", "r.example/a:1"}};
    BOOST_TEST(push_of("a.tar").options.where.to.size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_in_the_environment_is_named_as_there) {
    const auto refused_with = [](const char* name, const char* value) {
        const environment set{{name, value}};
        return refusal("push a.tar --registry r");
    };
    BOOST_TEST(
        refused_with("TARPON_JOBS", "many") == "TARPON_JOBS: Value many not in range 1 to 64");
    BOOST_TEST(
        refused_with("TARPON_FORMAT", "v1")
        == "TARPON_FORMAT v1: must be one of auto, docker, oci");
    BOOST_TEST(
        refused_with("TARPON_MEMORY", "x").starts_with("TARPON_MEMORY: \"x\" is not a size"));
    BOOST_TEST(
        refused_with("TARPON_CHUNK_SIZE", "x").starts_with("TARPON_CHUNK_SIZE: \"x\" is not a"));
    BOOST_TEST(refused_with("TARPON_MAP", "x") == "TARPON_MAP x: must be REGEX=REPLACEMENT");
    BOOST_TEST(refused_with("TARPON_LOG_LEVEL", "x").starts_with("TARPON_LOG_LEVEL x: must be"));
    // A password that was put into the wrong variable.
    BOOST_TEST(
        refused_with("TARPON_PASSWORD_STDIN", "hunter2")
        == "TARPON_PASSWORD_STDIN is neither true nor false");
    const environment both{{"TARPON_REGISTRY", "r"}, {"TARPON_TO", "r/a"}};
    BOOST_TEST(refusal("push a.tar") == "TARPON_REGISTRY and TARPON_TO cannot be used together");
}

// Variables are set for whole sessions: those of one verb are nothing to another.
BOOST_AUTO_TEST_CASE(environment_of_one_verb_leaves_others_alone) {
    const environment set{{"TARPON_JOBS", "many"}, {"TARPON_CHUNK_SIZE", "x"}};
    BOOST_TEST(std::holds_alternative<print_command>(parsed("version")));
    BOOST_TEST(std::holds_alternative<print_command>(parsed("push --help")));
    BOOST_TEST(std::get<inspect_command>(parsed("inspect a.tar")).archive == "a.tar");
    BOOST_TEST(std::get<serve_command>(parsed("serve")).options.threads == 0);
    BOOST_TEST(std::get<login_command>(parsed("logout r")).log_out);
}

BOOST_AUTO_TEST_CASE(typed_destination_comes_before_any_in_the_environment) {
    {
        const environment set{{"TARPON_REGISTRY", "r.example"}};
        const destination where = push_of("a.tar --to r.example/a:1").options.where;
        BOOST_TEST(where.registry == "");
        BOOST_TEST(where.to.size() == 1u);
    }
    const environment set{{"TARPON_TO", "r.example/a:1"}};
    const destination where = push_of("a.tar --registry r.example").options.where;
    BOOST_TEST(where.registry == "r.example");
    BOOST_TEST(where.to.empty());
    BOOST_TEST(
        refusal("push a --to r/a --registry r") == "--registry and --to cannot be used together");
}

// Only what was typed can be seen by others, and what was typed comes before the environment.
BOOST_AUTO_TEST_CASE(password_of_the_environment_gives_no_warning) {
    const environment set{{"TARPON_PASSWORD", "secret"}};
    const push_command from_environment = push_of("a -u u");
    BOOST_TEST(from_environment.options.connection.password == "secret");
    BOOST_TEST(!from_environment.password_on_command_line);
    const push_command typed = push_of("a -u u -p other");
    BOOST_TEST(typed.options.connection.password == "other");
    BOOST_TEST(typed.password_on_command_line);
    const push_command from_stdin = push_of("a -u u --password-stdin");
    BOOST_TEST(from_stdin.password_stdin);
    BOOST_TEST(from_stdin.options.connection.password == "");
    BOOST_TEST(
        refusal("push a -u u -p other --password-stdin")
        == "--password and --password-stdin cannot be used together");
}

// Addresses come back in errors and events; a password in one must not.
BOOST_AUTO_TEST_CASE(password_in_an_address_is_refused_and_not_repeated) {
    for (const char* line :
         {"push a --registry http://u:hunter2@r.example/team",
          "push a --registry u:hunter2@r.example", "push a --to u:hunter2@r.example/app:1",
          "push a --to https://u:hunter2@r.example/app:1",
          "push a --to r.example/a:1 --to hunter2@r.example/app",
          "push a --registry r.example --staging u:hunter2@r.example/x",
          "login https://u:hunter2@r.example", "login u:hunter2@r.example -u u",
          "logout https://u:hunter2@localhost:1", "logout u:hun/hunter2@r.example"}) {
        const std::string text = refusal(line);
        BOOST_TEST(text.find("hunter2") == std::string::npos, text);
        BOOST_TEST(text.ends_with("| --username NAME --password-stdin"), text);
    }
    const std::string pinned = "r.example/a@sha256:" + std::string(64, 'a');
    BOOST_TEST(push_of("a --to " + pinned).options.where.to.front() == pinned);
}

BOOST_AUTO_TEST_CASE(json_is_known_before_parsing) {
    BOOST_TEST(json_wanted("push a --json --bogus"));
    BOOST_TEST(!json_wanted("push a"));
    BOOST_TEST(!json_wanted("push a --jsonx"));
    const environment set{{"TARPON_JSON", "true"}};
    BOOST_TEST(json_wanted("push a --bogus"));
    BOOST_TEST(!json_wanted("push a --json=false"));
}

BOOST_AUTO_TEST_CASE(help_and_version_print) {
    for (const char* line : {"--version", "version"})
        BOOST_TEST(std::get<print_command>(parsed(line)).text.starts_with("tarpon 0."));
    for (const char* line : {"--help", "help"}) {
        const std::string text = std::get<print_command>(parsed(line)).text;
        for (const char* word : {"push", "inspect", "serve", "Exit codes"})
            BOOST_TEST(text.find(word) != std::string::npos, word);
    }
    for (const char* verb : {"push", "inspect", "serve"}) {
        const std::string by_option =
            std::get<print_command>(parsed(verb + std::string(" --help"))).text;
        BOOST_TEST(by_option == std::get<print_command>(parsed(std::string("help ") + verb)).text);
        BOOST_TEST(by_option.find("--log-level") != std::string::npos);
    }
    // What stands there is the verb's own, and to be typed as it is.
    for (const char* verb : {"push", "inspect", "login", "logout", "serve"}) {
        const std::string text = std::get<print_command>(parsed(std::string("help ") + verb)).text;
        const std::string command = std::string("tarpon ") + verb;
        BOOST_TEST(text.find("Usage: " + command + " [OPTIONS]") != std::string::npos, text);
        BOOST_TEST(text.find("\n  " + command) != std::string::npos, text);
        BOOST_TEST(text.find("TARPON_OPTION") != std::string::npos, text);
        for (const char* other : {"push", "inspect", "login", "logout", "serve"})
            if (std::string_view(other) != verb)
                BOOST_TEST(
                    text.find("\n  tarpon " + std::string(other)) == std::string::npos, text);
        for (const char* noise : {"Env", "TEXT", "INT", "REQUIRED"})
            BOOST_TEST(text.find(noise) == std::string::npos, text);
    }
    BOOST_TEST(
        std::get<print_command>(parsed("help")).text.find("Usage: tarpon [OPTIONS] VERB")
        != std::string::npos);
    // Also where the rest of the line is not complete.
    BOOST_TEST(
        std::get<print_command>(parsed("push --help --registry r")).text.find("--to")
        != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
