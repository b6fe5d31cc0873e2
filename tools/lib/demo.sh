# demo: two namespaces that talk to each other through heddled, which has an af_xdp port to each.
#
#   heddle-a  10.1.0.2  fd01::2 --- hdl-a  heddled  hdl-b --- 10.2.0.2  fd02::2  heddle-b

readonly demo_dir=/run/heddle-demo
readonly demo_socket=unix:$demo_dir/heddled.sock

demo_heading() { printf '\n== %s\n' "$*"; }

# Runs a program in a namespace and shows what was run.
demo_in() {
  local namespace=$1
  shift
  printf '%s$ %s\n' "$namespace" "$*"
  ip netns exec "heddle-$namespace" "$@"
}

demo_down() {
  local pid name
  if [[ -f $demo_dir/pid ]]; then
    pid=$(<"$demo_dir/pid")
    if [[ $(readlink "/proc/$pid/exe" 2>/dev/null) == */heddled* ]]; then
      kill "$pid"
      timeout 10 tail --pid="$pid" -f /dev/null || kill -9 "$pid"
    fi
  fi
  for name in a b; do
    # The address goes with the namespace, and the veth pair with either of its ends.
    for pid in $(ip netns pids "heddle-$name" 2>/dev/null); do kill "$pid" 2>/dev/null || true; done
    ip link del "hdl-$name" 2>/dev/null || true
    ip netns del "heddle-$name" 2>/dev/null || true
  done
  rm -rf "$demo_dir"
}

# A namespace with one veth: eth0 inside, hdl-NAME outside.
demo_namespace() {
  local name=$1 network=$2
  ip netns add "heddle-$name"
  ip link add "hdl-$name" type veth peer name eth0 netns "heddle-$name"
  # A veth peer hands over packets whose checksum was never finished, unless told otherwise.
  ip netns exec "heddle-$name" ethtool -K eth0 tx off tso off gso off gro off >/dev/null
  ip link set "hdl-$name" up
  ip -n "heddle-$name" link set lo up
  ip -n "heddle-$name" link set eth0 up
  ip -n "heddle-$name" addr add "10.$network.0.2/24" dev eth0
  ip -n "heddle-$name" addr add "fd0$network::2/64" dev eth0 nodad
  ip -n "heddle-$name" route add default via "10.$network.0.1"
  ip -n "heddle-$name" route add default via "fd0$network::1"
}

# The first CPU that this process may use, for the worker.
demo_cpu() { sed -n 's/^Cpus_allowed_list:[[:space:]]*\([0-9]*\).*/\1/p' /proc/self/status; }

demo_config() {
  cat >"$demo_dir/heddled.yaml" <<YAML
node: demo
workers: { cores: [$(demo_cpu)], idle: adaptive }
memory: { no_huge: 256M }
control: { grpc: "$demo_socket", state: "$demo_dir/state" }
ports:
  - { name: a, role: uplink, device: "af_xdp:hdl-a", addresses: [10.1.0.1/24, "fd01::1/64"] }
  - { name: b, role: uplink, device: "af_xdp:hdl-b", addresses: [10.2.0.1/24, "fd02::1/64"] }
YAML
}

demo_wait() {
  local i
  for ((i = 0; i < 100; ++i)); do
    "$heddlectl" --server "$demo_socket" version >/dev/null 2>&1 && return 0
    kill -0 "$(<"$demo_dir/pid")" 2>/dev/null || break
    sleep 0.1
  done
  cat "$demo_dir/log" >&2
  die "heddled does not start"
}

demo_up() {
  demo_down
  mkdir -p -m 0700 "$demo_dir"
  demo_namespace a 1
  demo_namespace b 2
  demo_config
  "$heddled" --config "$demo_dir/heddled.yaml" >"$demo_dir/log" 2>&1 &
  echo $! >"$demo_dir/pid"
  demo_wait
}

demo_traffic() {
  demo_heading 'ping through heddled'
  demo_in a ping -c 3 -i 0.2 -W 2 10.2.0.2 | sed '/^$/d'
  demo_heading 'the same over IPv6'
  demo_in a ping -6 -c 3 -i 0.2 -W 2 fd02::2 | sed '/^$/d'
  demo_heading 'traceroute: 10.1.0.1 is heddled'
  demo_in a traceroute -n -q 1 -w 2 10.2.0.2
  demo_heading 'iperf3, UDP, two seconds'
  ip netns exec heddle-b iperf3 -s -1 -D -I "$demo_dir/iperf3.pid"
  local i
  for ((i = 0; i < 50; ++i)); do
    [[ -n $(ip netns exec heddle-b ss -Htln 'sport = :5201') ]] && break
    sleep 0.1
  done
  demo_in a iperf3 -u -b 100M -l 1400 -t 2 -i 0 -c 10.2.0.2 | grep -E '\$|Lost|receiver'
}

demo_state() {
  local what
  for what in ports workers drops neighbors; do
    demo_heading "heddlectl show $what"
    "$heddlectl" --server "$demo_socket" show "$what"
  done
}

demo_hints() {
  demo_heading 'left running; try'
  say "  ip netns exec heddle-a ping 10.2.0.2"
  say "  ip netns exec heddle-b iperf3 -s -D; ip netns exec heddle-a iperf3 -c 10.2.0.2"
  say "  export HEDDLE_SERVER=$demo_socket"
  say "  $heddlectl show graph"
  say "and end it with: tools/dev demo --down"
}

dev_demo() {
  local keep=''
  case "$*" in
    '') ;;
    --keep) keep=1 ;;
    --down)
      need_root demo
      demo_down
      return 0
      ;;
    *) die_usage "demo: unknown arguments '$*'" ;;
  esac
  need_root demo
  # HEDDLE_BUILD names a finished build to show instead.
  if [[ -z ${HEDDLE_BUILD:-} ]]; then
    dev_setup
    parse_variant
    do_build
  fi
  heddled=${HEDDLE_BUILD:-$root/build}/dpdk_app/heddled/heddled
  heddlectl=${HEDDLE_BUILD:-$root/build}/control/cli/heddlectl
  trap demo_down EXIT
  demo_up
  demo_traffic
  demo_state
  [[ -n $keep ]] || return 0
  trap - EXIT
  demo_hints
}
