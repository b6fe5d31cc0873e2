# soak: the long forms of tests that have a short form in `tools/dev test`, by name.

soak_names() { declare -F | sed -n 's/^declare -f soak_run_//p'; }

soak_pytest() {
  HEDDLE_SOAK=1 HEDDLE_BUILD=$root/build "$python" -m pytest -q --tb=short -p no:cacheprovider "$@"
}

# 10,000 changes under full traffic, 200 times kill -9 during Apply, 500 times during a commit.
soak_run_policy() {
  soak_pytest tests/e2e/test_policy_traffic.py tests/e2e/test_policy_store.py -k 'changes or kill' &&
    HEDDLE_KILL_ROUNDS=500 build/tests/unit/store/unit_store --gtest_filter='*Kill*'
}

# 30 seeds of 40,000 packets through lib/flow and through the kernel.
soak_run_differential() {
  soak_pytest -s tests/e2e/test_flow_differential.py
}

# Servers drained, taken away and added during 60 s of connections, in three modes of forwarding.
soak_run_l4() {
  soak_pytest tests/e2e/test_l4_changes.py tests/e2e/test_l4_modes.py
}

# Ten minutes of all peers at once over lossy links, twice; 100,000 connections open at once.
soak_run_tcp() {
  soak_pytest tests/e2e/test_tcp_many.py &&
    soak_pytest tests/e2e/test_tcp_relay.py -k all_peers
}

# 100,000 records of random sizes and cut points against OpenSSL's own; 1,000 new certificates under
# load; all that testssl.sh looks for.
soak_run_tls() {
  HEDDLE_TLS_RECORDS=100000 build/tests/unit/tls/unit_tls --gtest_filter='Differential*' &&
    soak_pytest tests/e2e/test_tls_relay.py -k 'change_under_load or testssl'
}

# Ten minutes of all kinds of requests at once over lossy links, while policy changes every second.
soak_run_http() {
  soak_pytest tests/e2e/test_http_mixed.py -k 1worker
}

# The corpora and the slow peers with two workers, too; 100,000 requests one behind the other to nginx.
soak_run_http_peers() {
  soak_pytest tests/e2e/test_http_smuggling.py tests/e2e/test_http_slow.py
}

# 20,000 worlds of upstreams that do anything at all; all of the fault laboratory.
soak_run_resilience() {
  HEDDLE_WORLDS=20000 build/tests/unit/mesh/exchange_worlds &&
    soak_pytest tests/e2e/test_resilience.py
}

dev_soak() {
  local name failed=0
  if [[ $# -eq 0 ]]; then
    soak_names
    return 0
  fi
  for name in "$@"; do
    declare -F "soak_run_$name" >/dev/null ||
      die_usage "there is no soak '$name'; there are: $(soak_names | tr '\n' ' ')"
  done
  need_root soak
  dev_setup
  install_node_peers
  parse_variant
  do_build
  for name in "$@"; do "soak_run_$name" || failed=1; done
  return $failed
}
