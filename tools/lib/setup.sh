# setup: what a fresh Debian 12 lacks. Doing it twice changes nothing.

readonly wanted_hugepages=512

listed_packages() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' tools/packages.txt; }

missing_packages() {
  local package
  for package in $(listed_packages); do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      echo "$package"
  done
}

install_packages() {
  local missing log
  missing=$(missing_packages)
  [[ -n $missing ]] || return 0
  need_root "setup: installing $(echo $missing)"
  say "installing: $(echo $missing)"
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086
  if ! { apt-get -q update && apt-get -q install -y --no-install-recommends $missing; } \
    >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    rm -f "$log"
    die "apt-get could not install the packages of tools/packages.txt"
  fi
  rm -f "$log"
}

# What tests speak gRPC with besides libgrpc, for those who run such tests. npm that is there already
# is taken as it is. The stamp tells what was installed whole.
install_node_peers() {
  local folder=tests/e2e/grpc_js log
  cmp -s "$folder/package.json" "$folder/node_modules/.installed" && return 0
  log=$(mktemp)
  if ! command -v npm >/dev/null; then
    need_root "setup: installing nodejs npm"
    say "installing: nodejs npm"
    export DEBIAN_FRONTEND=noninteractive
    if ! { apt-get -q update && apt-get -q install -y --no-install-recommends nodejs npm; } \
      >"$log" 2>&1; then
      tail -n 30 "$log" >&2
      rm -f "$log"
      die "apt-get could not install npm"
    fi
  fi
  say "installing: the packages of $folder"
  if ! npm install --prefix "$folder" --no-package-lock --no-audit --no-fund --ignore-scripts \
    >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    rm -f "$log"
    die "npm could not install the packages of $folder"
  fi
  rm -f "$log"
  cp "$folder/package.json" "$folder/node_modules/.installed"
}

# No hugetlbfs mount: heddled takes its pages from anonymous memory.
reserve_hugepages() {
  local file=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages have
  [[ -r $file ]] || { say "this kernel has no 2 MiB hugepages; only memory: { no_huge: ... } works"; return 0; }
  have=$(<"$file")
  ((have >= wanted_hugepages)) && return 0
  { echo "$wanted_hugepages" >"$file"; } 2>/dev/null || true
  have=$(<"$file")
  ((have >= wanted_hugepages)) ||
    say "only $have of $wanted_hugepages hugepages could be reserved; what needs more will say so"
}

# Everything, for `tools/dev setup`; others take what they need.
dev_setup_all() {
  [[ $# -eq 0 ]] || die_usage "setup takes no arguments"
  dev_setup
  install_node_peers
}

dev_setup() {
  install_packages
  reserve_hugepages
}
