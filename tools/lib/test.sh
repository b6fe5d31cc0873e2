# test: every suite leaves JUnit files, and summary.py counts and tells them alike.

readonly all_suites=(lint unit packet sim packetdrill e2e)

# The suites' own exit codes are not looked at where their report says more: one that leaves no
# report, or fails without a failed case, is itself a failed test.
run_suite() {
  local suite=$1 report=$2 log=$3 code=0
  case $suite in
    lint) run_pytest "$report" tools/lint >"$log" 2>&1 || code=$? ;;
    e2e) HEDDLE_BUILD=$root/$build_dir run_pytest "$report" tests/e2e >"$log" 2>&1 || code=$? ;;
    unit | packet | sim | packetdrill) run_meson "$suite" "$report" >"$log" 2>&1 || code=$? ;;
  esac
  return $code
}

run_pytest() {
  "$python" -m pytest -q --tb=short -p no:cacheprovider --junitxml="$1" "$2"
}

# Sanitizers make programs several times slower; the limits are there for what hangs.
patience() { [[ $build_dir == build ]] && echo 2 || echo 10; }

run_meson() {
  rm -f "$build_dir/meson-logs/testlog.junit.xml"
  local code=0
  GTEST_OUTPUT=xml:${2%.xml}.gtest/ \
    meson test -C "$build_dir" --no-rebuild --suite "$1" --print-errorlogs \
    --timeout-multiplier "$(patience)" || code=$?
  [[ ! -f $build_dir/meson-logs/testlog.junit.xml ]] ||
    cp "$build_dir/meson-logs/testlog.junit.xml" "$2"
  return $code
}

is_suite() {
  local suite
  for suite in "${all_suites[@]}"; do [[ $suite == "$1" ]] && return 0; done
  return 1
}

dev_test() {
  parse_variant "$@"
  local suites=("${rest[@]}") suite
  if [[ ${#suites[@]} -eq 0 ]]; then
    suites=("${all_suites[@]}")
    # What is read, not run, is the same in every variant.
    [[ $build_dir == build ]] || suites=(unit packet sim packetdrill e2e)
  fi
  for suite in "${suites[@]}"; do
    is_suite "$suite" || die_usage "there is no suite '$suite'; there are: ${all_suites[*]}"
  done
  dev_setup
  [[ " ${suites[*]} " != *' e2e '* ]] || install_node_peers
  [[ ${suites[*]} == lint ]] || do_build
  local reports
  reports=$(mktemp -d)
  export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
  export TSAN_OPTIONS=suppressions=$root/tools/lib/tsan.supp
  export LSAN_OPTIONS=suppressions=$root/tools/lib/lsan.supp:print_suppressions=0
  for suite in "${suites[@]}"; do
    local code=0 start=$SECONDS
    run_suite "$suite" "$reports/$suite.xml" "$reports/$suite.log" || code=$?
    local meson_dir=()
    [[ $suite == lint || $suite == e2e ]] || meson_dir=("$build_dir")
    "$python" tools/lib/summary.py suite "$suite" "$reports" "$code" $((SECONDS - start)) \
      "${meson_dir[@]}"
  done
  local code=0
  "$python" tools/lib/summary.py total "$reports" "${suites[@]}" || code=$?
  rm -rf "$reports"
  return $code
}
