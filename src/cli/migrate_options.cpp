// See migrate_options.hpp.
#include "cli/migrate_options.hpp"

#include "migrate/journal.hpp"
#include "migrate/report.hpp"
#include "migrate/shard.hpp"
#include "model/environment.hpp"
#include "model/hasher.hpp"
#include "model/text.hpp"

#include <cctype>

namespace tarpon::cli {
namespace {

/// One for each destination, and for each machine: they must not wait for each other.
std::string default_journal(const migrate_options& options, const push_options& push) {
    const std::string bare = migration::destination_name(push.where.registry);
    std::string name = bare.substr(0, 100);
    for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-')
            c = '_';
    if (options.shard.count > 1)
        name += concat(".", options.shard.index, "-of-", options.shard.count);
    return concat(push.state, "/migrate/", name, "-", digest_of(bare).hex().substr(0, 8), ".db");
}

/// Typed or set; else what the engine that started us has in mind.
shard choose_shard(const std::string& text, const value_sources& sources) {
    if (text.empty())
        return migration::shard_from_environment(process_environment).value_or(shard());
    const auto parsed = migration::parse_shard(text);
    if (!parsed)
        throw error(parsed.error()).in(sources.name("shard"));
    return *parsed;
}

} // namespace

void add_migrate(CLI::App& verb, migrate_command& migrate, migrate_texts& texts) {
    verb.add_option(
            "SOURCE", migrate.options.sources,
            "folders, archives, globs, @list.txt, @names.yaml, @names.json")
        ->required()
        ->option_text("...");
    const char* const group = "Migration";
    migrate_options& options = migrate.options;
    add_option(
        verb, "--journal", "FILE", options.journal,
        "SQLite file of what is done [in the state directory, one for each destination]")
        ->group(group);
    add_option(verb, "--shard", "I/N", texts.shard, "this machine's part of N, from 1")
        ->group(group);
    CLI::Option* const keep_going = verb.add_flag(
        "--keep-going", texts.keep_going, "report what fails and go on [the default]");
    keep_going->group(group);
    verb.add_flag("--fail-fast", options.fail_fast, "stop at the first failure")
        ->excludes(keep_going)
        ->group(group);
    verb.add_flag("--plan", options.plan_only, "say what would be sent, and send nothing")
        ->group(group);
    add_repeatable(
        verb, "--report", "FILE", migrate.reports, "write a report: FILE.html, FILE.json, FILE.csv")
        ->group(group);
    verb.add_flag(
            "--hash-archives", options.hash_archives, "SHA-256 of each archive, for the report")
        ->group(group);
    add_push_options(verb, migrate.push, texts.push);
}

void finish_migrate(
    migrate_command& migrate, const migrate_texts& texts, const value_sources& sources) {
    finish_push(migrate.push, texts.push, sources);
    check_stdin(migrate.options.sources, "@-", "list", migrate.push.password_stdin);
    migrate_options& options = migrate.options;
    options.plan_only = options.plan_only || migrate.push.options.dry_run;
    migrate.push.output.plan_table = options.plan_only;
    options.shard = choose_shard(texts.shard, sources);
    migrate.push.output.shard = options.shard;
    for (const std::string& path : migrate.reports)
        migration::check_report_path(path);
    if (options.journal.empty() && !migrate.push.options.state.empty())
        options.journal = default_journal(options, migrate.push.options);
}

} // namespace tarpon::cli
