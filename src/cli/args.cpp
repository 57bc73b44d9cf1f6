// See args.hpp. CLI11 parses; here are the verbs, and what stands under their help.
#include "cli/args.hpp"

#include "cli/access_options.hpp"
#include "cli/migrate_options.hpp"
#include "cli/output_options.hpp"
#include "cli/push_options.hpp"
#include "cli/serve_options.hpp"
#include "cli/usage_error.hpp"
#include "model/text.hpp"

#include <tarpon/error.hpp>

#include <algorithm>
#include <cstdlib>

namespace tarpon::cli {
namespace {

constexpr const char* examples = R"(Examples:
  tarpon push app.tar --registry registry.example.com/team
  tarpon migrate ./images --registry registry.example.com/mirror
  tarpon inspect app.tar
  tarpon login registry.example.com
  tarpon serve --storage ./images

"tarpon VERB --help" says more.

Exit codes: 0 done, 1 internal error or disk, 2 usage, 3 archive, 4 authentication,
5 registry refused, 6 network, 7 some images pushed and some not, 130 interrupted.)";

constexpr const char* variables =
    "\n\nEvery --option is also the variable TARPON_OPTION: --log-level is TARPON_LOG_LEVEL.";

constexpr const char* push_examples = R"(Examples:
  tarpon push app.tar --registry registry.example.com/team
  tarpon push app.tar --to registry.example.com/team/app:1.0
  tarpon push images.tar --to localhost:5000/app:1.0 --image app:latest
  docker save app:1.0 | tarpon push - --registry localhost:5000)";

constexpr const char* migrate_examples = R"(Examples:
  tarpon migrate ./images --registry registry.example.com/mirror
  tarpon migrate ./images --registry registry.example.com/mirror --plan
  tarpon migrate @list.txt @names.yaml --registry localhost:5000 --report report.html
  tarpon migrate ./images --registry registry.example.com/mirror --shard 2/4

Interrupted or failed in part, the same command does what is left.)";

constexpr const char* inspect_examples = R"(Examples:
  tarpon inspect app.tar
  docker save app:1.0 | tarpon inspect --json -)";

constexpr const char* login_examples = R"(Examples:
  tarpon login registry.example.com
  tarpon login registry.example.com --username me --password-stdin < password)";

constexpr const char* logout_examples = R"(Example:
  tarpon logout registry.example.com)";

constexpr const char* serve_examples = R"(Examples:
  tarpon serve
  tarpon serve --storage ./images --max-upload 20G
  tarpon serve --registry registry.example.com/team --username me --password-stdin < password
  curl -T app.tar "http://127.0.0.1:8080/push?to=team/app:1.0"

The page for people is at http://127.0.0.1:8080/.)";

std::string version_text() {
    return "tarpon " TARPON_VERSION "\n";
}

/// The parser and what it fills.
class command_line {
public:
    command_line();

    any_command parse(int argc, const char* const* argv);

private:
    CLI::App* add_verb(const char* name, const char* does, const char* footer);
    void add_inspect();
    void add_login();
    void add_logout();
    /// Of the program, or of the verb with this name. Throws errc::usage if there is none.
    print_command help_of(const std::string& name);
    any_command finish(CLI::App& verb);

    CLI::App app_{
        "tarpon pushes container image archives into a registry, straight from the tar.", "tarpon"};
    bool version_ = false;
    std::string help_verb_;
    push_command push_;
    migrate_command migrate_;
    inspect_command inspect_;
    login_command login_, logout_;
    serve_command serve_;
    push_texts push_texts_;
    migrate_texts migrate_texts_;
    serve_texts serve_texts_;
    output_texts texts_; // of inspect, login and logout; there is only one on a line
};

command_line::command_line() {
    app_.footer(examples);
    app_.require_subcommand(1);
    app_.set_help_flag("-h,--help", "print this help");
    app_.get_formatter()->label("SUBCOMMAND", "VERB");
    app_.get_formatter()->column_width(42);
    app_.add_flag("--version", version_, "print the version");
    add_push(
        *add_verb("push", "push every image of every archive", push_examples), push_, push_texts_);
    add_migrate(
        *add_verb(
            "migrate", "push thousands of archives, and go on after a stop", migrate_examples),
        migrate_, migrate_texts_);
    add_inspect();
    add_login();
    add_logout();
    add_serve(
        *add_verb(
            "serve", "receive archives by page and curl, into a folder or a registry",
            serve_examples),
        serve_, serve_texts_);
    add_verb("version", "print the version", "");
    add_verb("help", "print this help, or a verb's", "")
        ->add_option("VERB", help_verb_, "a verb")
        ->option_text(" ");
}

CLI::App* command_line::add_verb(const char* name, const char* does, const char* footer) {
    CLI::App* const verb = app_.add_subcommand(name, does)->group("Verbs");
    return verb->footer(*footer ? std::string(footer) + variables : std::string());
}

void command_line::add_inspect() {
    CLI::App& verb = *add_verb(
        "inspect", "list images, tags, platforms and layers of an archive", inspect_examples);
    verb.add_option("ARCHIVE", inspect_.archive, "an image archive, or - for standard input")
        ->required()
        ->option_text(" ");
    add_json(verb, inspect_.output);
    add_log_level(verb, texts_);
}

void command_line::add_login() {
    CLI::App& verb =
        *add_verb("login", "check credentials and keep them where docker does", login_examples);
    verb.add_option("HOST", login_.host, "registry [docker.io]")->option_text(" ");
    add_access(verb, login_.connection, login_.password_stdin);
    add_log_level(verb, texts_);
}

void command_line::add_logout() {
    CLI::App& verb = *add_verb("logout", "forget the credentials of a registry", logout_examples);
    logout_.log_out = true;
    verb.add_option("HOST", logout_.host, "registry [docker.io]")->option_text(" ");
    add_option(
        verb, "--authfile", "FILE", logout_.connection.auth_file,
        "file to remove from [docker's config.json]");
    add_log_level(verb, texts_);
}

print_command command_line::help_of(const std::string& name) {
    // App::help() would show the help of the verb that stands on the line.
    const auto text = [this](const CLI::App& one, const std::string& shown) {
        return print_command{
            app_.get_formatter()->make_help(&one, shown, CLI::AppFormatMode::Normal)};
    };
    if (name.empty())
        return text(app_, "tarpon");
    for (const CLI::App* verb : app_.get_subcommands([](const CLI::App*) { return true; }))
        if (verb->get_name() == name)
            return text(*verb, concat("tarpon ", name));
    throw error(
        errc::usage, concat("there is no verb \"", foreign_text(name, 40), "\""), {},
        "tarpon --help");
}

any_command command_line::finish(CLI::App& verb) {
    const value_sources sources(verb);
    const std::string name = verb.get_name();
    if (name == "push") {
        finish_push(push_, push_texts_, sources);
        return push_;
    }
    if (name == "migrate") {
        finish_migrate(migrate_, migrate_texts_, sources);
        return migrate_;
    }
    if (name == "inspect") {
        finish_output(inspect_.output, texts_, sources);
        return inspect_;
    }
    if (name == "serve") {
        finish_serve(serve_, serve_texts_, sources);
        return serve_;
    }
    login_command& command = name == "login" ? login_ : logout_;
    refuse_userinfo("HOST", command.host);
    command.password_on_command_line =
        settle_password(command.connection, command.password_stdin, sources);
    finish_output(command.output, texts_, sources);
    return command;
}

any_command command_line::parse(int argc, const char* const* argv) {
    try {
        app_.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        const auto parsed = app_.get_subcommands();
        return help_of(parsed.empty() ? std::string() : parsed.front()->get_name());
    } catch (const CLI::ParseError& e) {
        if (version_)
            return print_command{version_text()};
        throw usage_error(app_, e);
    }
    CLI::App& verb = *app_.get_subcommands().front();
    if (version_ || verb.get_name() == "version")
        return print_command{version_text()};
    if (verb.get_name() == "help")
        return help_of(help_verb_);
    return finish(verb);
}

} // namespace

std::uint64_t parse_size(const std::string& text) {
    static constexpr std::string_view units = "KMGT";
    std::string_view digits = text;
    std::uint64_t factor = 1;
    if (!digits.empty()) {
        const char unit =
            static_cast<char>(std::toupper(static_cast<unsigned char>(digits.back())));
        const std::size_t power = units.find(unit);
        if (power != units.npos) {
            digits.remove_suffix(1);
            factor = 1ull << (10 * (power + 1));
        }
    }
    const auto value = parse_decimal(digits);
    if (!value || *value > (1ull << 62) / factor)
        throw error(
            errc::usage, concat(
                             "\"", foreign_text(text, 40),
                             "\" is not a size (like 48M; K, M, G are powers of 1024)"));
    return *value * factor;
}

bool wants_json(int argc, const char* const* argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view given = argv[i];
        if (given == "--json" || given == "--json=true")
            return true;
        if (given.starts_with("--json="))
            return false;
    }
    const char* const environment = std::getenv("TARPON_JSON");
    const std::string value = to_lower(environment ? environment : "");
    return value == "1" || value == "true" || value == "on" || value == "yes";
}

bool is_push(int argc, const char* const* argv) {
    return std::any_of(argv, argv + argc, [](const char* arg) {
        return std::string_view(arg) == "push" || std::string_view(arg) == "migrate";
    });
}

any_command parse(int argc, const char* const* argv) {
    return command_line().parse(argc, argv);
}

} // namespace tarpon::cli
