# One executable a folder of src/, one ctest entry a file: tests/archive/tar_reader.cpp holds the
# Boost.Test suite `test_tar_reader` and runs as "archive/tar_reader".
find_package(Boost 1.81 REQUIRED CONFIG COMPONENTS unit_test_framework)

add_library(tarpon_test_support STATIC
  support/fake_registry.cpp
  support/image_builder.cpp
  support/interceptors.cpp
  support/migration_report.cpp
  support/push_scene.cpp
  support/registry_client.cpp
  support/running_registry.cpp
  support/scripted_server.cpp
  support/stored_image.cpp
  support/tar_builder.cpp
  support/temp_dir.cpp
  support/test_certificates.cpp
  support/token_service.cpp)
target_include_directories(tarpon_test_support PUBLIC ${PROJECT_SOURCE_DIR}/src ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_definitions(tarpon_test_support PUBLIC
  BOOST_TEST_DYN_LINK BOOST_BEAST_SEPARATE_COMPILATION
  TARPON_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data")
target_link_libraries(tarpon_test_support
  PUBLIC tarpon::tarpon tarpon_options Boost::unit_test_framework ZLIB::ZLIB BZip2::BZip2 LibLZMA::LibLZMA ZSTD::ZSTD)
target_precompile_headers(tarpon_test_support PRIVATE support/pch.hpp)
if(TARPON_SANITIZE)
  # The checks in the tests' own code stay; optimising it took most of a sanitized build's time.
  target_compile_options(tarpon_test_support PUBLIC -O0)
endif()

# BOOST_TEST_MODULE must come before the first include of Boost.Test.
set_source_files_properties(support/main.cpp PROPERTIES
  SKIP_PRECOMPILE_HEADERS ON SKIP_UNITY_BUILD_INCLUSION ON)

function(add_stage_tests stage)
  file(GLOB present CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/${stage} ${stage}/*.cpp)
  list(TRANSFORM present REPLACE "\\.cpp$" "")
  list(REMOVE_ITEM present ${ARGN})
  if(present)
    message(FATAL_ERROR "tests/${stage} has files that no test runs: ${present}")
  endif()
  set(sources ${ARGN})
  list(TRANSFORM sources PREPEND ${stage}/)
  list(TRANSFORM sources APPEND .cpp)
  add_executable(tarpon_${stage}_tests support/main.cpp ${sources})
  target_link_libraries(tarpon_${stage}_tests PRIVATE tarpon_test_support)
  target_precompile_headers(tarpon_${stage}_tests REUSE_FROM tarpon_test_support)
  foreach(unit ${ARGN})
    add_test(NAME ${stage}/${unit}
             COMMAND tarpon_${stage}_tests --run_test=test_${unit} --log_level=warning)
    set_tests_properties(${stage}/${unit} PROPERTIES TIMEOUT 900)
  endforeach()
endfunction()

add_stage_tests(model
  base64 digest error media_type process_memory processor_time reference sha256 strict_json text utc_time)
add_stage_tests(auth
  auth_challenge auth_file authorizer credential_finder credential_helper credential_store token_request)
add_stage_tests(async
  condition cpu_pool run_on slots task_group time_limit)
add_stage_tests(archive
  archive_file decoder docker_manifest encoding entry_name entry_table oci_document pax_records
  read_contents tar_header tar_reader)
add_stage_tests(pipeline
  block_codec block_memory buffer_pool hash_queue layer_stream stored_blocks)
add_stage_tests(registry
  blob_upload chunk_reader concurrency_limit cookie_jar endpoint error_body manifest_api
  manifest_builder referrers registry_session retrier retry_policy upload_attempt upload_fsm
  upload_habits upload_slots warning_header whole_post)
add_stage_tests(state
  database sign_of_life state_store)
add_stage_tests(transport
  address_block address_class certs_dir connection connection_pool http_client http_download http_exchange
  http_message pool_state proxy rate_limiter response_head tls tunnel unsent_bound url)
add_stage_tests(engine
  event_json fault_matrix idle_growth image_tree kill_at_step layer_reuse login push push_memory push_plan registry_profiles
  registry_quirks shared_blobs stream_push targets upload_gate)
# Every step of every push, again and again: minutes with sanitizers.
set_tests_properties(engine/kill_at_step PROPERTIES TIMEOUT 2400 COST 300)
add_stage_tests(server
  access_log blob_store byte_range client_places collector failure_limit files garbage htpasswd http_connection
  known_logins login_gate login_headers login_sessions manifest_store minimum_rate push_feed push_request
  referrer_store registry_api reloaded request_framing request_guard route serve_checks server_certificate server_metrics
  store_gate upload_store)
add_stage_tests(migrate
  archive_outline claims journal journal_writer migrate push_rounds report sample_series shard source_list sources
  work_queue)
add_stage_tests(cli
  args console progress_text stop_signals)
target_link_libraries(tarpon_cli_tests PRIVATE tarpon-cli-parts)
