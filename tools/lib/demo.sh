# demo: a mesh of two nodes. Each heddled has three workloads behind it, namespaces with plain programs in
# them; between the nodes is a wire that can be listened to, and in front of the first one an outside.
#
#   outside ---- edge-1 ------ the wire ------ edge-2
#   10.1.0.2     |  |  |      10.9.0.0/24      |  |  |
#              web guest cart-1          cart-2 prices db
#                      (version 1)  (version 2) (gRPC) (TCP)

readonly demo_dir=/run/heddle-demo
readonly demo_workloads=(web guest cart-1 cart-2 prices db)
readonly demo_names=("${demo_workloads[@]}" outside wire)
declare -rA demo_address=([web]=10.8.1.11 [guest]=10.8.1.12 [cart-1]=10.8.1.13
  [cart-2]=10.8.2.11 [prices]=10.8.2.12 [db]=10.8.2.13)
# Names are answered by heddled.
readonly demo_cart=http://cart.shop.mesh.local demo_db=http://db.shop.mesh.local:5432/
readonly demo_prices=prices.shop.mesh.local:50051

demo_heading() { printf '\n== %s\n' "$*"; }

# Runs a program in a namespace and shows what was run.
demo_in() {
  local namespace=$1
  shift
  printf '%s$ %s\n' "$namespace" "$*"
  ip netns exec "heddle-$namespace" "$@"
}

demo_down() {
  local node pid name
  for node in edge-1 edge-2; do
    [[ -f $demo_dir/$node.pid ]] || continue
    pid=$(<"$demo_dir/$node.pid")
    if [[ $(readlink "/proc/$pid/exe" 2>/dev/null) == */heddled* ]]; then
      kill "$pid"
      timeout 10 tail --pid="$pid" -f /dev/null || kill -9 "$pid"
    fi
  done
  for name in "${demo_names[@]}"; do
    # The address goes with the namespace, and the veth pair with either of its ends.
    for pid in $(ip netns pids "heddle-$name" 2>/dev/null); do kill "$pid" 2>/dev/null || true; done
    ip link del "hdl-$name" 2>/dev/null || true
    ip netns del "heddle-$name" 2>/dev/null || true
    rm -rf "/etc/netns/heddle-$name"
  done
  for name in edge-1 edge-2; do ip link del "hdl-$name" 2>/dev/null || true; done
  rm -rf "$demo_dir"
}

# A veth from here, hdl-NAME, into a namespace, where it has another name.
demo_veth() {
  local name=$1 namespace=$2 inside=$3
  ip link add "hdl-$name" type veth peer name "$inside" netns "heddle-$namespace"
  # A veth peer hands over packets whose checksum was never finished, unless told otherwise.
  ip netns exec "heddle-$namespace" ethtool -K "$inside" tx off tso off gso off gro off >/dev/null
  ip link set "hdl-$name" up
  ip -n "heddle-$namespace" link set "$inside" up
}

demo_namespaces() {
  local name
  for name in "${demo_names[@]}"; do
    ip netns add "heddle-$name"
    ip -n "heddle-$name" link set lo up
  done
  for name in "${demo_workloads[@]}"; do
    demo_veth "$name" "$name" eth0
    ip -n "heddle-$name" addr add "${demo_address[$name]}/32" dev eth0
    ip -n "heddle-$name" route add default via 169.254.1.1 dev eth0 onlink
    mkdir -p "/etc/netns/heddle-$name"
    echo 'nameserver 169.254.1.1' >"/etc/netns/heddle-$name/resolv.conf"
  done
  demo_veth outside outside eth0
  ip -n heddle-outside addr add 10.1.0.2/24 dev eth0
  ip -n heddle-wire link add br0 type bridge mcast_snooping 0
  for name in edge-1 edge-2; do
    demo_veth "$name" wire "to-$name"
    ip -n heddle-wire link set "to-$name" master br0
  done
  ip -n heddle-wire link set br0 up
}

# The first CPU that this process may use, for the workers.
demo_cpu() { sed -n 's/^Cpus_allowed_list:[[:space:]]*\([0-9]*\).*/\1/p' /proc/self/status; }

demo_config() {
  local node=$1 number=$2 other=$3
  shift 3
  cat <<YAML
node: $node
trust_domain: example.org
workers: { cores: [$(demo_cpu)], idle: adaptive }
memory: { no_huge: 256M }
dns: {}
control: { grpc: "unix:$demo_dir/$node.sock", state: "$demo_dir/$node" }
routes: [{ prefix: 10.8.$other.0/24, via: 10.9.0.$other }]
ports:
  - { name: wire, role: uplink, device: "af_xdp:hdl-$node", addresses: [10.9.0.$number/24] }
YAML
  local name
  for name; do
    if [[ $name == outside ]]; then
      echo '  - { name: outside, role: uplink, device: "af_xdp:hdl-outside", addresses: [10.1.0.1/24] }'
    else
      echo "  - { name: $name, role: workload, device: \"af_xdp:hdl-$name\" }"
    fi
  done
}

demo_start() {
  local node=$1 i
  "$heddled" --config "$demo_dir/$node.yaml" >"$demo_dir/$node.log" 2>&1 &
  echo $! >"$demo_dir/$node.pid"
  for ((i = 0; i < 100; ++i)); do
    "$heddlectl" --server "unix:$demo_dir/$node.sock" version >/dev/null 2>&1 && return 0
    kill -0 "$(<"$demo_dir/$node.pid")" 2>/dev/null || break
    sleep 0.1
  done
  cat "$demo_dir/$node.log" >&2
  die "heddled of $node does not start"
}

demo_listens() {
  local i
  for ((i = 0; i < 100; ++i)); do
    [[ -n $(ip netns exec "heddle-$1" ss -Htln "sport = :$2") ]] && return 0
    sleep 0.1
  done
  die "nobody listens at port $2 of $1"
}

# nginx that says who it is, and what the proxy has told it.
demo_nginx() {
  local name=$1 port=$2 text=$3 more=${4:-} tls=${5:-} folder=$demo_dir/www-$1
  mkdir -p "$folder"
  cat >"$folder/nginx.conf" <<CONF
user root; daemon off; worker_processes 1; pid $folder/pid; error_log $folder/log;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000; client_body_temp_path $folder;
  proxy_temp_path $folder; fastcgi_temp_path $folder; uwsgi_temp_path $folder;
  scgi_temp_path $folder; default_type text/plain;
  server { listen $port $tls; $more location / { return 200 "$text\n"; } }
}
CONF
  ip netns exec "heddle-$name" nginx -c "$folder/nginx.conf" >/dev/null 2>&1 &
  demo_listens "$name" "$port"
}

# Somebody outside, whom another authority has certified: nginx with TLS at port 8443.
demo_outside() {
  local folder=$demo_dir/outside
  "$heddlectl" ca init "$demo_dir/outside-ca" --trust-domain outside.example >/dev/null
  "$heddlectl" ca bundle "$demo_dir/outside-ca" --namespace shop --name outside --out "$demo_dir/outside.yaml" >/dev/null
  "$heddlectl" ca issue "$demo_dir/outside-ca" --namespace rates --service-account rates --dns rates.example \
    --pem "$folder" >/dev/null
  demo_nginx outside 8443 'one apple is 3 coins, said by TLS to $http_host' \
    "ssl_certificate $folder/tls.crt; ssl_certificate_key $folder/tls.key;" ssl
}

demo_ctl() {
  local node=$1
  shift
  printf '%s$ heddlectl %s\n' "$node" "$*"
  "$heddlectl" --server "unix:$demo_dir/$node.sock" "$@"
}

# A certificate authority for the mesh, and for each node the certificates of its own workloads.
demo_certificates() {
  local ca=$demo_dir/ca account names
  say "heddlectl ca init $ca --trust-domain example.org"
  "$heddlectl" ca init "$ca" --trust-domain example.org >/dev/null
  "$heddlectl" ca bundle "$ca" --namespace shop --name mesh --out "$demo_dir/trust.yaml"
  for account in web guest cart prices db gate; do
    say "heddlectl ca issue $ca --namespace shop --service-account $account --out svid-$account.yaml"
    names=()
    [[ $account == gate ]] && names=(--dns shop.example)
    "$heddlectl" ca issue "$ca" --namespace shop --service-account "$account" "${names[@]}" \
      --out "$demo_dir/svid-$account.yaml" >/dev/null
  done
}

demo_apply() {
  local node=$1
  shift
  local files=() file
  for file; do files+=(-f "$file"); done
  printf '%s$ heddlectl apply %s\n' "$node" "${files[*]//*\//}"
  "$heddlectl" --server "unix:$demo_dir/$node.sock" apply "${files[@]}"
}

demo_policy() {
  local common=("$demo_dir/trust.yaml" "$root/tools/demo/mesh.yaml")
  local own=() account
  for account in web guest cart gate; do own+=("$demo_dir/svid-$account.yaml"); done
  demo_apply edge-1 "${common[@]}" "${own[@]}" "$root/tools/demo/gate.yaml"
  own=()
  for account in cart prices db; do own+=("$demo_dir/svid-$account.yaml"); done
  demo_apply edge-2 "${common[@]}" "${own[@]}"
}

# The rules with these shares of the versions, where requests are led: on the caller's node.
demo_split() {
  sed -e "s/SHARE_1/$1/" -e "s/SHARE_2/$2/" "$root/tools/demo/split.yaml" >"$demo_dir/split.yaml"
  demo_ctl edge-1 apply -f "$demo_dir/split.yaml" -m "$1/$2"
}

demo_up() {
  demo_down
  mkdir -p -m 0700 "$demo_dir"
  demo_namespaces
  demo_config edge-1 1 2 web guest cart-1 outside >"$demo_dir/edge-1.yaml"
  demo_config edge-2 2 1 cart-2 prices db >"$demo_dir/edge-2.yaml"
  demo_start edge-1
  demo_start edge-2
  local said='for $http_x_forwarded_for'
  demo_nginx cart-1 8080 "cart version 1 on edge-1, $said"
  demo_nginx cart-2 8080 "cart version 2 on edge-2, $said"
  demo_nginx db 5432 'three rows'
  demo_outside
  ip netns exec heddle-prices /usr/bin/python3 "$root/tools/demo/grpc_demo.py" serve 50051 &
  demo_listens prices 50051
}

# How many of 200 requests each version has answered.
demo_count() {
  say "web$ 200 x curl $demo_cart/"
  local urls=() i
  for ((i = 0; i < 200; ++i)); do urls+=("$demo_cart/"); done
  ip netns exec heddle-web curl -s --max-time 20 "${urls[@]}" | sort | cut -d, -f1 | uniq -c
}

# Requests without a pause, while the shares change.
demo_load() {
  demo_heading 'the split changes while h2load asks, HTTP/2, 8 connections with 8 requests each'
  ip netns exec heddle-web h2load -c 8 -m 8 -D 4 "$demo_cart/" >"$demo_dir/h2load" 2>&1 &
  local load=$!
  sleep 1
  demo_split 50 50
  sleep 1
  demo_split 0 100
  wait "$load" || { cat "$demo_dir/h2load"; die 'h2load has failed'; }
  say 'web$ h2load -c 8 -m 8 -D 4 '"$demo_cart/"
  grep -E '^(finished|requests|status codes)' "$demo_dir/h2load"
  demo_count
}

# What somebody sees who listens between the nodes.
demo_wire() {
  demo_heading 'what passes on the wire between the nodes meanwhile'
  ip netns exec heddle-wire tcpdump -i to-edge-1 --immediate-mode -U -s 0 -w "$demo_dir/wire.pcap" 2>/dev/null &
  local listener=$! i
  for ((i = 0; i < 50; ++i)); do [[ -s $demo_dir/wire.pcap ]] && break; sleep 0.1; done
  ip netns exec heddle-web curl -s -H 'x-secret: swordfish' "$demo_cart/" -o /dev/null
  ip netns exec heddle-web curl -s "$demo_db" -o /dev/null
  sleep 1
  kill "$listener"
  wait "$listener" 2>/dev/null || true
  local words
  for words in swordfish 'cart version' 'three rows' 'GET /'; do
    printf '%6d x "%s" in %d bytes\n' "$(grep -aoF "$words" "$demo_dir/wire.pcap" | wc -l)" "$words" \
      "$(stat -c %s "$demo_dir/wire.pcap")"
  done
}

demo_traffic() {
  demo_heading 'a certificate authority, and an identity for each account'
  demo_certificates
  demo_heading 'the same policy for both nodes, each with the keys of its own workloads'
  demo_policy
  demo_split 80 20
  demo_heading 'a name of a service, which heddled answers'
  demo_in web getent hosts cart.shop.mesh.local
  demo_heading 'web calls cart: a plain request to a plain server, perhaps on the other node'
  demo_in web curl -s -i --max-time 5 "$demo_cart/"
  demo_heading 'one rule of its Route sets a header of the answer (above), another one answers 404 itself'
  demo_in web curl -s -i --max-time 5 "$demo_cart/old"
  demo_heading 'how a request of web to prices goes, and why'
  demo_ctl edge-1 explain --from shop/web --request 'POST /shop.Prices/Get' tcp shop/prices:50051
  demo_heading 'guest may not: an AccessPolicy names web and the gateway'
  demo_in guest curl -s -i --max-time 5 "$demo_cart/"
  demo_in guest curl -sS --max-time 5 "$demo_db" || true
  demo_heading 'web may speak plain TCP with db, which is on the other node'
  demo_in web curl -s --max-time 5 "$demo_db"
  demo_heading 'and gRPC with prices'
  demo_in web /usr/bin/python3 "$root/tools/demo/grpc_demo.py" ask "$demo_prices" apple
  demo_heading 'from outside: TLS at the gateway, which has an identity of its own in the mesh'
  demo_in outside curl -s -i --max-time 5 --cacert "$demo_dir/ca/root.crt" \
    --resolve shop.example:443:10.1.0.100 https://shop.example/
  demo_heading 'the way out: plaintext to the node, verified TLS from there to a named destination, and nowhere else'
  demo_apply edge-1 "$demo_dir/outside.yaml" "$root/tools/demo/egress.yaml"
  demo_in web curl -s --max-time 5 http://rates.example/
  demo_in guest curl -sS --max-time 5 http://rates.example/ || true
  demo_in web curl -sS --max-time 5 http://10.1.0.2:8443/ || true
  demo_heading 'the split: a version on each node'
  demo_count
  demo_load
  demo_wire
}

demo_state() {
  local what
  for what in services peers connections tls; do
    demo_heading "edge-2: heddlectl show $what"
    "$heddlectl" --server "unix:$demo_dir/edge-2.sock" show "$what" | head -n 14
  done
  demo_heading 'does edge-1 hold together?'
  demo_ctl edge-1 check
  demo_heading 'edge-1: heddlectl history'
  "$heddlectl" --server "unix:$demo_dir/edge-1.sock" history
}

demo_hints() {
  demo_heading 'left running; try'
  say "  ip netns exec heddle-web curl -i $demo_cart/"
  say "  ip netns exec heddle-guest curl -i $demo_cart/"
  say "  export HEDDLE_SERVER=unix:$demo_dir/edge-1.sock   # or edge-2.sock"
  say "  $heddlectl show tls"
  say "  $heddlectl top"
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
