# fuzz: libFuzzer targets under AddressSanitizer and UBSan, in a build folder of their own.

fuzz_targets() {
  sed -n "s/^  '\([a-z0-9_]*\)':.*/\1/p" tests/fuzz/meson.build
}

# Findings are kept beside the build; a corpus grows there over runs.
run_fuzz_target() {
  local target=$1 seconds=$2 log
  log=$build_dir/fuzz_$target.log
  mkdir -p "$build_dir/corpus/$target" "$build_dir/findings"
  if "$build_dir/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -print_final_stats=1 \
    -artifact_prefix="$build_dir/findings/$target-" "$build_dir/corpus/$target" >"$log" 2>&1; then
    say "fuzz $target: clean for $seconds s, $(sed -n 's/^stat::number_of_executed_units: //p' "$log") inputs"
    return 0
  fi
  tail -n 60 "$log" >&2
  say "fuzz $target: FAILED; the input is in $build_dir/findings"
  return 1
}

dev_fuzz() {
  if [[ $# -ne 2 || ! $2 =~ ^[1-9][0-9]*$ ]]; then
    { say "usage: tools/dev fuzz TARGET|all SECONDS; targets:"; fuzz_targets | sed 's/^/  /'; } >&2
    exit 2
  fi
  local targets target failed=0
  targets=$(fuzz_targets)
  if [[ $1 != all ]]; then
    grep -qx -- "$1" <<<"$targets" || die_usage "there is no fuzz target '$1'"
    targets=$1
  fi
  dev_setup
  build_dir=build-fuzz
  compiler=("CC=clang-$clang_version" "CXX=clang++-$clang_version")
  meson_args=(-Dfuzz=true -Dbuildtype=debugoptimized -Db_sanitize=address,undefined
    -Db_lundef=false)
  # shellcheck disable=SC2046
  do_build $(printf 'tests/fuzz/fuzz_%s ' $targets)
  for target in $targets; do run_fuzz_target "$target" "$2" || failed=1; done
  return $failed
}
