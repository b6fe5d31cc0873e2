# bench: runs tests/bench/run_NAME, each of which takes --json and prints as it says there.

bench_names() {
  local file
  for file in tests/bench/run_*; do
    if [[ -x $file ]]; then basename "$file" | sed -e 's/^run_//' -e 's/\.py$//'; fi
  done
}

bench_program() {
  local file
  for file in "tests/bench/run_$1" "tests/bench/run_$1.py"; do
    [[ -x $file ]] && echo "$file" && return 0
  done
  die_usage "there is no benchmark '$1'; there are: $(bench_names | tr '\n' ' ')"
}

dev_bench() {
  local json=() names=() argument program
  for argument in "$@"; do
    case $argument in
      --json) json=(--json) ;;
      -*) die_usage "bench: unknown argument '$argument'" ;;
      *) names+=("$argument") ;;
    esac
  done
  if [[ ${#names[@]} -eq 0 ]]; then
    bench_names
    return 0
  fi
  # Every name is checked first; the set-up keeps off stdout, which belongs to the results.
  for argument in "${names[@]}"; do bench_program "$argument" >/dev/null; done
  { dev_setup && parse_variant && do_build; } >&2
  local failed=0
  for argument in "${names[@]}"; do
    program=$(bench_program "$argument")
    HEDDLE_BUILD=$root/build "$program" "${json[@]}" || failed=1
  done
  return $failed
}
