# demo: a client and two servers in namespaces of their own, and heddled between them with an af_xdp
# port to each.
#
#   client     10.1.0.2 --- hdl-client            hdl-server1 --- 10.2.0.2  server1: nginx, version 1
#   curl, h2load, ping                 \  heddled /
#                                         10.96.0.1:80 -----------------  10.3.0.2  server2: version 2

readonly demo_dir=/run/heddle-demo
readonly demo_socket=unix:$demo_dir/heddled.sock
readonly demo_names=(client server1 server2)
readonly demo_shop=http://10.96.0.1

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
  for name in "${demo_names[@]}"; do
    # The address goes with the namespace, and the veth pair with either of its ends.
    for pid in $(ip netns pids "heddle-$name" 2>/dev/null); do kill "$pid" 2>/dev/null || true; done
    ip link del "hdl-$name" 2>/dev/null || true
    ip netns del "heddle-$name" 2>/dev/null || true
  done
  # And what earlier versions of the demo have named so.
  for name in a b; do
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
  ip -n "heddle-$name" route add default via "10.$network.0.1"
}

# The first CPU that this process may use, for the worker.
demo_cpu() { sed -n 's/^Cpus_allowed_list:[[:space:]]*\([0-9]*\).*/\1/p' /proc/self/status; }

demo_config() {
  cat >"$demo_dir/heddled.yaml" <<YAML
node: demo
workers: { cores: [$(demo_cpu)], idle: adaptive }
memory: { no_huge: 384M }
control: { grpc: "$demo_socket", state: "$demo_dir/state" }
ports:
  - { name: client, role: uplink, device: "af_xdp:hdl-client", addresses: [10.1.0.1/24] }
  - { name: server1, role: uplink, device: "af_xdp:hdl-server1", addresses: [10.2.0.1/24] }
  - { name: server2, role: uplink, device: "af_xdp:hdl-server2", addresses: [10.3.0.1/24] }
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

# nginx that says which version it is, and what the proxy has told it.
demo_nginx() {
  local name=$1 version=$2 folder=$demo_dir/$1
  mkdir -p "$folder"
  cat >"$folder/nginx.conf" <<CONF
user root; daemon off; worker_processes 1; pid $folder/pid; error_log $folder/log;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000; client_body_temp_path $folder;
  proxy_temp_path $folder; fastcgi_temp_path $folder; uwsgi_temp_path $folder;
  scgi_temp_path $folder; default_type text/plain;
  server {
    listen 8080;
    location / { return 200 "shop version $version, for \$http_x_forwarded_for, x-shop: \$http_x_shop\n"; }
  }
}
CONF
  ip netns exec "heddle-$name" nginx -c "$folder/nginx.conf" >/dev/null 2>&1 &
  local i
  for ((i = 0; i < 50; ++i)); do
    [[ -n $(ip netns exec "heddle-$name" ss -Htln 'sport = :8080') ]] && return 0
    sleep 0.1
  done
  die "nginx does not start: $(cat "$folder/log")"
}

demo_ctl() {
  say "heddlectl $*"
  "$heddlectl" --server "$demo_socket" "$@"
}

# The rules with these shares of the versions.
demo_routes() {
  sed -e "s/SHARE_1/$1/" -e "s/SHARE_2/$2/" "$root/tools/demo/routes.yaml" >"$demo_dir/routes.yaml"
  demo_ctl apply -f "$demo_dir/routes.yaml" -m "$1/$2"
}

demo_up() {
  demo_down
  mkdir -p -m 0700 "$demo_dir"
  local i=0 name
  for name in "${demo_names[@]}"; do demo_namespace "$name" $((++i)); done
  demo_config
  "$heddled" --config "$demo_dir/heddled.yaml" >"$demo_dir/log" 2>&1 &
  echo $! >"$demo_dir/pid"
  demo_wait
  demo_nginx server1 1
  demo_nginx server2 2
}

# How many of 200 requests each version has answered.
demo_count() {
  say "client$ 200 x curl $demo_shop/"
  local urls=() i
  for ((i = 0; i < 200; ++i)); do urls+=("$demo_shop/"); done
  ip netns exec heddle-client curl -s --max-time 20 "${urls[@]}" | sort | cut -d, -f1 | uniq -c
}

# Requests without a pause, while the shares change.
demo_load() {
  demo_heading 'the split changes while h2load asks, HTTP/2, 8 connections with 8 requests each'
  ip netns exec heddle-client h2load -c 8 -m 8 -D 4 "$demo_shop/" >"$demo_dir/h2load" 2>&1 &
  local load=$!
  sleep 1
  demo_routes 50 50
  sleep 1
  demo_routes 0 100
  wait "$load" || { cat "$demo_dir/h2load"; die 'h2load has failed'; }
  say 'client$ h2load -c 8 -m 8 -D 4 '"$demo_shop/"
  grep -E '^(finished|requests|status codes)' "$demo_dir/h2load"
  demo_count
}

demo_traffic() {
  demo_heading 'ping through heddled to server1'
  demo_in client ping -c 2 -i 0.2 -W 2 10.2.0.2 | sed -n '1,3p;/packets/p'
  demo_heading 'a service with two versions at 10.96.0.1, and rules: 80 to 20, a header each way, a 404'
  demo_ctl apply -f "$root/tools/demo/shop.yaml" -m shop
  demo_routes 80 20
  demo_heading 'a request'
  demo_in client curl -s -i --max-time 5 "$demo_shop/"
  demo_heading 'one that a rule answers'
  demo_in client curl -s -i --max-time 5 "$demo_shop/old/things"
  demo_heading 'the split'
  demo_count
  demo_load
}

demo_state() {
  local what
  for what in ports workers connections; do
    demo_heading "heddlectl show $what"
    "$heddlectl" --server "$demo_socket" show "$what" | head -n 12
  done
  demo_heading 'heddlectl history'
  "$heddlectl" --server "$demo_socket" history
}

demo_hints() {
  demo_heading 'left running; try'
  say "  ip netns exec heddle-client curl -i $demo_shop/"
  say "  ip netns exec heddle-client wrk -c 16 -d 3 $demo_shop/"
  say "  export HEDDLE_SERVER=$demo_socket"
  say "  $heddlectl show tcp"
  say "  $heddlectl rollback 2 && $heddlectl describe route/demo/shop"
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
