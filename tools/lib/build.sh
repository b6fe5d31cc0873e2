# build: one build folder a variant, set up by itself when it is missing.

# Sets build_dir and meson_args from --sanitize= and --clang; other arguments stay in rest.
parse_variant() {
  build_dir=build
  meson_args=()
  compiler=()
  rest=()
  local argument sanitizer=''
  for argument in "$@"; do
    case $argument in
      --sanitize=address | --sanitize=thread) sanitizer=${argument#--sanitize=} ;;
      --sanitize=*) die_usage "--sanitize is address or thread, not '${argument#--sanitize=}'" ;;
      --clang)
        build_dir+=-clang
        compiler=("CC=clang-$clang_version" "CXX=clang++-$clang_version")
        ;;
      *) rest+=("$argument") ;;
    esac
  done
  [[ -n $sanitizer ]] || return 0
  build_dir+=-$sanitizer
  # Shared libraries find the sanitizer in the program that loads them.
  meson_args+=(-Db_lundef=false -Dbuildtype=plain -Doptimization=1)
  case $sanitizer in
    address) meson_args+=(-Db_sanitize=address,undefined) ;;
    thread) meson_args+=(-Db_sanitize=thread) ;;
  esac
}

# Meson itself takes ccache when it is installed; it has to be told to believe precompiled headers.
export CCACHE_SLOPPINESS=pch_defines,time_macros

configure() {
  [[ -f $build_dir/build.ninja ]] && return 0
  local log
  log=$(mktemp)
  if ! env "${compiler[@]}" meson setup "$build_dir" "${meson_args[@]}" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -rf "$log" "$build_dir"
    die "meson setup failed"
  fi
  rm -f "$log"
}

# Ninja's own words, without the command lines of what failed.
run_ninja() {
  local log
  mkdir -p "$build_dir"
  log=$build_dir/tools-dev.log
  if ninja -C "$build_dir" "$@" >"$log" 2>&1; then
    tail -n 1 "$log"
    return 0
  fi
  awk '/^FAILED: /{print; getline; shown = 1; next} /^\[[0-9]+\/[0-9]+\]/{shown = 0; next} shown' \
    "$log" >&2
  tail -n 1 "$log" >&2
  return 1
}

do_build() {
  configure
  say "building in $build_dir"
  run_ninja "$@" || die "the build failed"
}

dev_build() {
  parse_variant "$@"
  [[ ${#rest[@]} -eq 0 ]] || die_usage "build: unknown argument '${rest[0]}'"
  do_build
}
