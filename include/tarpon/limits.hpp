// Every bound tarpon puts on what it reads from others, in one table.
//
// Archives, registries, tokens and headers are hostile input: nothing read from them may grow
// without one of these limits. Units are the last word before `_max`. An error about a limit
// names the limit, so that its user can be found from the message.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tarpon::limits {

// --- tar container -----------------------------------------------------------------------------
inline constexpr std::uint64_t tar_entries_max = 1'000'000;
inline constexpr std::size_t tar_name_bytes_max = 4 * 1024;
inline constexpr std::size_t tar_extension_bytes_max = 1024 * 1024; // PAX, GNU long name
inline constexpr int tar_extensions_per_entry_max = 8;
inline constexpr int tar_sparse_blocks_max = 10'000; // old GNU sparse map continuations
inline constexpr int link_chain_max = 16;

// --- archive metadata --------------------------------------------------------------------------
inline constexpr std::uint64_t docker_manifest_bytes_max = 16 * 1024 * 1024; // manifest.json
inline constexpr std::uint64_t oci_index_bytes_max = 4 * 1024 * 1024;        // index.json
inline constexpr std::uint64_t manifest_bytes_max = 4 * 1024 * 1024;
inline constexpr std::uint64_t image_config_bytes_max = 8 * 1024 * 1024;
inline constexpr std::size_t json_depth_max = 32;
inline constexpr std::size_t json_elements_max = 200'000;
inline constexpr int index_depth_max = 8;
inline constexpr std::size_t manifest_nodes_max = 10'000;
inline constexpr std::size_t layers_per_manifest_max = 1'000;
inline constexpr std::size_t images_per_archive_max = 10'000;
inline constexpr std::size_t names_per_archive_max = 100'000;

// --- single pass ---------------------------------------------------------------------------------
inline constexpr std::uint64_t kept_entry_bytes_max = 64 * 1024;      // any entry, kept in memory
inline constexpr std::uint64_t kept_json_bytes_max = 8 * 1024 * 1024; // an entry that is JSON
inline constexpr std::uint64_t kept_total_bytes_max = 24 * 1024 * 1024;
inline constexpr std::uint64_t kept_other_bytes_max = 8 * 1024 * 1024; // of these, without JSON
inline constexpr std::uint64_t kept_metadata_bytes = 8 * 1024 * 1024; // of these, for metadata only
inline constexpr std::uint64_t after_end_bytes_max = 1024 * 1024; // read past the end-of-archive
inline constexpr std::size_t tar_window_bytes = 256 * 1024;       // read-ahead of headers
inline constexpr int pipe_bytes_wanted = 1024 * 1024;             // size asked for a pipe's buffer

// --- outer compression -------------------------------------------------------------------------
inline constexpr int outer_compression_depth_max = 2;
inline constexpr std::uint64_t expansion_ratio_max = 1'100; // deflate itself ends at 1,032
inline constexpr std::uint64_t expansion_grace_bytes = 64 * 1024 * 1024;
inline constexpr std::uint64_t compressed_members_max = 1'000'000;
inline constexpr int zstd_window_log_max = 27;
inline constexpr std::uint64_t xz_memory_bytes_max = 128 * 1024 * 1024;

// --- HTTP, as a client -------------------------------------------------------------------------
inline constexpr int unsent_bytes_on_this_machine = 64 * 1024; // about; docs/performance.md
inline constexpr std::size_t response_header_bytes_max = 64 * 1024;
inline constexpr std::size_t token_body_bytes_max = 128 * 1024;
inline constexpr std::size_t error_body_bytes_max = 64 * 1024;
inline constexpr std::size_t location_bytes_max = 8 * 1024;
inline constexpr std::size_t challenge_bytes_max = 8 * 1024;
inline constexpr std::size_t challenges_max = 16;
inline constexpr std::size_t foreign_text_bytes_max = 1024; // of somebody else's words, shown
inline constexpr int redirects_max = 10;
inline constexpr int informational_responses_max = 8; // 1xx before the real one
inline constexpr std::size_t cookies_max = 16;        // of one registry
inline constexpr std::size_t cookie_bytes_max = 4 * 1024;
inline constexpr std::size_t cookies_bytes_max = 8 * 1024; // of all of one registry's
inline constexpr std::size_t warning_bytes_max = 4 * 1024; // a Warning header
inline constexpr std::size_t warnings_max = 16;            // different ones, of one registry
inline constexpr int referrers_updates_max = 5;            // of one tag, when others write it too

// --- credentials -------------------------------------------------------------------------------
inline constexpr std::size_t auth_file_bytes_max = 1024 * 1024;
inline constexpr std::size_t helper_output_bytes_max = 64 * 1024;
inline constexpr std::chrono::seconds helper_time_max{30};
inline constexpr std::chrono::seconds token_life_default{60}; // when the server does not say
inline constexpr std::chrono::seconds token_refresh_margin{10};

// --- time --------------------------------------------------------------------------------------
inline constexpr std::chrono::seconds connect_time_max{15};
inline constexpr std::chrono::seconds tls_handshake_time_max{10};
inline constexpr std::chrono::seconds idle_time_max{60};    // a socket on which no byte moves
inline constexpr std::chrono::seconds commit_time_max{600}; // some registries hash at the PUT
inline constexpr std::chrono::seconds keep_alive_idle_max{20};

// --- trying again ------------------------------------------------------------------------------
inline constexpr int retries_default = 5; // after the first try, for each request or blob
inline constexpr int retries_max = 100;
inline constexpr std::chrono::milliseconds retry_delay_first{500}; // doubles with each repetition
inline constexpr std::chrono::milliseconds retry_delay_max{30'000};
inline constexpr std::chrono::seconds retry_after_max{300}; // whatever a Retry-After says

// --- uploads in chunks -------------------------------------------------------------------------
inline constexpr std::uint64_t chunk_bytes_default = 4ull * 1024 * 1024; // GHCR takes no more
inline constexpr std::uint64_t chunk_bytes_min = 16ull * 1024;
// The chunks of all jobs get this part of the buffers; what is left must hold a block of any codec.
inline constexpr std::uint64_t chunk_share_of_buffers = 4;

// --- rate and resume ---------------------------------------------------------------------------
inline constexpr std::uint64_t rate_bytes_per_second_min = 1024;
inline constexpr std::size_t rate_slice_bytes_max = 64 * 1024;       // sent at once under a rate
inline constexpr std::uint64_t resumable_bytes_min = 1024ull * 1024; // smaller blobs begin anew
// Until a registry notices that the connection of a PATCH is gone; ours takes server_idle_time_max.
inline constexpr std::chrono::seconds busy_session_time_max{150};
inline constexpr std::chrono::milliseconds state_lock_time_max{2'000};
inline constexpr std::int64_t state_bytes_max = 256ll * 1024 * 1024; // then the oldest half goes
inline constexpr std::chrono::hours unfinished_upload_life{24 * 7};

// --- HTTP, as a server -------------------------------------------------------------------------
inline constexpr std::size_t request_header_bytes_max = 32 * 1024;
inline constexpr std::size_t certificate_file_bytes_max = 1024 * 1024; // chain, or key
inline constexpr std::chrono::seconds settings_look_interval{2}; // at files that may have changed
inline constexpr std::size_t request_target_bytes_max = 8 * 1024;
inline constexpr std::size_t request_headers_max = 128;
inline constexpr std::size_t chunk_line_bytes_max = 4 * 1024;
inline constexpr std::chrono::seconds request_header_time_max{10};
inline constexpr std::chrono::seconds server_idle_time_max{120};
// Of a request's body, in every server_idle_time_max of waiting for it: a client that drips keeps
// no place for long.
inline constexpr std::uint64_t server_body_bytes_min = 64 * 1024;
inline constexpr std::size_t server_connections_max = 1'024;
inline constexpr std::size_t upload_sessions_max = 10'000;
inline constexpr std::size_t upload_sessions_per_user_max = 1'000; // of one who has a name
inline constexpr std::size_t collector_memory_max = 200'000;       // digests kept in one collection
inline constexpr std::size_t list_page_max = 1'000;
inline constexpr std::size_t server_pushes_max = 4; // archives received at a time
// Manifests that are larger lie in memory only so many at a time while they come in, and are sent
// from their files.
inline constexpr std::size_t small_manifest_bytes_max = 64 * 1024;
inline constexpr int large_manifests_max = 16;
inline constexpr std::chrono::seconds large_manifest_time_max{60};             // for one to come in
inline constexpr std::uint64_t server_push_memory_bytes = 24ull * 1024 * 1024; // buffers of one
inline constexpr std::size_t push_names_max = 1'000;                           // ?to= of a request
inline constexpr std::size_t push_feeds_max = 64;                 // pushes that are watched
inline constexpr std::size_t push_lines_bytes_max = 1024 * 1024;  // of events nobody has taken yet
inline constexpr std::size_t push_watchers_max = 64;              // that read events
inline constexpr std::size_t push_events_piece_bytes = 64 * 1024; // sent to one at a time
inline constexpr std::chrono::seconds push_watch_time_max{30};    // for a push to begin
inline constexpr std::chrono::seconds server_stop_time_default{10}; // for what is under way
inline constexpr std::chrono::seconds server_stop_time_max{3600};
inline constexpr std::chrono::seconds server_cancel_time_max{5}; // then, for cleaning up
inline constexpr std::size_t access_log_bytes_max = 1024 * 1024; // of lines not written yet
inline constexpr std::size_t logged_path_bytes_max = 512;
inline constexpr std::size_t logged_agent_bytes_max = 200;
inline constexpr std::size_t server_piece_bytes = 128 * 1024; // of a blob, sent at a time

// --- migrations ----------------------------------------------------------------------------------
inline constexpr std::size_t migrate_archives_max = 100'000; // and targets, in one run
inline constexpr std::size_t source_list_bytes_max = 32 * 1024 * 1024;
inline constexpr std::size_t source_mapping_bytes_max = 16 * 1024 * 1024; // YAML or JSON
inline constexpr int source_folder_depth_max = 64;
inline constexpr int migrate_shards_max = 10'000;

// --- who may do what, as a server ---------------------------------------------------------------
inline constexpr std::size_t htpasswd_bytes_max = 1024 * 1024;
inline constexpr std::size_t htpasswd_users_max = 10'000;
inline constexpr std::size_t user_name_bytes_max = 255;
inline constexpr std::size_t password_bytes_max = 511; // what crypt(3) takes; bcrypt looks at 72
inline constexpr int bcrypt_cost_max = 14;             // about a second of one processor
inline constexpr int password_checks_max = 1;          // bcrypts at a time
inline constexpr std::size_t password_checks_waiting_max = 64;
inline constexpr std::chrono::minutes password_memory{5}; // a right password costs no bcrypt again
inline constexpr std::chrono::hours known_place_memory{24}; // where a user has logged in from
inline constexpr std::size_t known_places_max = 4'096;      // pairs of user and client
inline constexpr int failures_of_client_max = 10; // wrong passwords; then one in each interval
inline constexpr int failures_of_user_max = 30;   // the same from clients where this user is new
inline constexpr std::chrono::seconds failure_forgiven_after{20};
inline constexpr std::size_t failures_tracked_max = 10'000; // clients, and users
inline constexpr std::size_t login_body_bytes_max = 4 * 1024;
inline constexpr std::size_t login_sessions_max = 1'000; // of the page; then the oldest goes
inline constexpr std::size_t login_sessions_of_user_max = 20;
inline constexpr std::chrono::hours login_session_idle_max{2};
inline constexpr std::chrono::hours login_session_life{12};
inline constexpr std::size_t push_networks_max = 1'000; // --allow-push

// --- names -------------------------------------------------------------------------------------
inline constexpr std::size_t repository_path_bytes_max = 255;
inline constexpr std::size_t tag_bytes_max = 128;
inline constexpr std::size_t media_type_bytes_max = 255;

// --- memory and workers ------------------------------------------------------------------------
inline constexpr std::size_t block_bytes = 512 * 1024;        // one read, one compression block
inline constexpr std::size_t plain_block_bytes = 1024 * 1024; // where nothing is compressed
inline constexpr std::size_t buffer_slack_bytes = 8 * 1024;   // so that a stored block fits too
inline constexpr std::uint64_t buffer_memory_bytes_default = 48ull * 1024 * 1024;
inline constexpr std::uint64_t buffer_memory_bytes_min = 12ull * 1024 * 1024;
// Address space for all of it is set aside at once, for each size of block.
inline constexpr std::uint64_t buffer_memory_bytes_max = 1024ull * 1024 * 1024 * 1024;
inline constexpr std::uint64_t zstd_memory_bytes_min = 16ull * 1024 * 1024; // its blocks are large
// Of the cap, kept for buffers outside the pool: tar window, decoders, small entries.
inline constexpr std::uint64_t buffer_memory_bytes_reserved = 6ull * 1024 * 1024;
inline constexpr int jobs_default = 6;
inline constexpr int jobs_max = 64;
// While large blobs wait for their turn, or a pipe is read: how long the machine is watched, and
// how much of its time must have been idle for one upload, or one layer read ahead, more. The
// system counts in hundredths of a second: of the twenty that two processors have in a look, two
// are idle now and then on a busy machine.
inline constexpr std::chrono::milliseconds idle_look_interval{100};
inline constexpr double idle_share_for_more = 0.3; // 0 to 1
inline constexpr int threads_max = 256;

// --- many archives -------------------------------------------------------------------------------
inline constexpr int archives_open_max = 64; // at a time, besides those that are looked at
inline constexpr std::size_t journal_records_max = 4'096; // that wait to be written
// How long a journal may stay locked by another program: in a run, and at its end.
inline constexpr std::chrono::seconds journal_busy_time_max{600};
inline constexpr std::chrono::seconds journal_flush_time_max{10};
// Sent without being asked for; layers, of which each job holds one, and configs.
inline constexpr std::uint64_t prepared_layer_bytes_max = 512 * 1024;
// Nothing makes a small layer much larger; what does all the same is sent as it comes.
inline constexpr std::size_t prepared_bytes_max = prepared_layer_bytes_max + 64 * 1024;
inline constexpr std::uint64_t unasked_config_bytes_max = 16 * 1024;
inline constexpr std::uint64_t small_blob_bytes_max = 8ull * 1024 * 1024; // goes past larger ones

} // namespace tarpon::limits
