// Device texts: what the data plane gets, and each way to get them wrong.
#include <gtest/gtest.h>

#include "builder.h"

namespace heddle::config {
namespace {

using app::DeviceKind;

// The device of a port with this text, through the whole of load_text.
Result<app::DeviceConfig> device(const std::string& text) {
  auto config = load_text(
      with_ports({"{ name: a, role: uplink, device: '" + text + "', addresses: [10.0.0.1/8] }"}),
      "f.yaml");
  if (!config) return std::unexpected(config.error());
  return *config->ports[0].device;
}

struct Good {
  std::string text;
  DeviceKind kind;
  std::string target;
  std::string arguments;
};

TEST(Device, Good) {
  const std::vector<Good> rows = {
      {"0000:3b:00.0", DeviceKind::kPci, "0000:3b:00.0", ""},
      {"fE:1f.7", DeviceKind::kPci, "0000:fe:1f.7", ""},
      {"af_xdp:veth-cart", DeviceKind::kAfXdp, "veth-cart", ""},
      {"af_xdp:eth0.100,start_queue=2,shared_umem=yes,xdp_prog=/a/b.o,force_copy=0",
       DeviceKind::kAfXdp, "eth0.100", "start_queue=2,shared_umem=1,xdp_prog=/a/b.o,force_copy=0"},
      {"memif:/run/x.sock,id=4294967295,role=client,bsize=2048,rsize=10,zero-copy=1",
       DeviceKind::kMemif, "/run/x.sock",
       "id=4294967295,role=client,bsize=2048,rsize=10,zero-copy=yes"},
      {"vhost:/run/v.sock,client=yes,iommu-support=0,postcopy-support=1,linear-buffer=1,"
       "ext-buffer=1",
       DeviceKind::kVhost, "/run/v.sock",
       "client=1,iommu-support=0,postcopy-support=1,linear-buffer=1,ext-buffer=1"},
      {"virtio_user:/dev/vhost-net,queue_size=1024,iface=heddle0", DeviceKind::kVirtioUser,
       "/dev/vhost-net", "queue_size=1024,iface=heddle0"},
      {"virtio_user:/run/u.sock,server=1,packed_vq=1,in_order=1,mrg_rxbuf=0,cq=1,vectorized=0",
       DeviceKind::kVirtioUser, "/run/u.sock",
       "server=1,packed_vq=1,in_order=1,mrg_rxbuf=0,cq=1,vectorized=0"},
      {"tap:heddle0,remote=eth0", DeviceKind::kTap, "heddle0", "remote=eth0"},
      {"af_packet:eth0,blocksz=8192,framesz=4096,framecnt=512,qdisc_bypass=yes",
       DeviceKind::kAfPacket, "eth0", "blocksz=8192,framesz=4096,framecnt=512,qdisc_bypass=1"},
      {"ring", DeviceKind::kRing, "", ""},
      {"ring:", DeviceKind::kRing, "", ""},
      {"pcap:rx=in.pcap,tx=/tmp/out.pcap,infinite=yes", DeviceKind::kPcap, "",
       "rx_pcap=in.pcap,tx_pcap=/tmp/out.pcap,infinite_rx=1"},
      {"pcap:iface=eth0,phy_mac=1", DeviceKind::kPcap, "", "iface=eth0,phy_mac=1"},
      {"null:", DeviceKind::kNull, "", ""},
      {"null:size=1500,copy=yes", DeviceKind::kNull, "", "size=1500,copy=1"},
      {"null:,no-rx=1", DeviceKind::kNull, "", "no-rx=1"},
  };
  for (const Good& row : rows) {
    const auto got = device(row.text);
    ASSERT_TRUE(got) << got.error().text;
    EXPECT_EQ(got->kind, row.kind) << row.text;
    EXPECT_EQ(got->text, row.text);
    EXPECT_EQ(got->target, row.target);
    EXPECT_EQ(got->arguments, row.arguments);
  }
}

TEST(Device, TheSecretIsNotShown) {
  const auto got = device("memif:/x,secret=hunter2,id=1");
  ASSERT_TRUE(got) << got.error().text;
  EXPECT_EQ(got->text, "memif:/x,secret=***,id=1");
  EXPECT_EQ(got->arguments, "secret=hunter2,id=1");
}

TEST(Device, Bad) {
  const std::string interface_of =
      " is no interface name; expected af_xdp:NAME with at most 15 of A-Z a-z 0-9 _ . @ + -";
  const std::string path_of =
      " is no path; expected memif:/PATH with at most 107 of A-Z a-z 0-9 _ . / : @ % + -";
  const std::string kinds =
      " is no kind of device; expected a PCI address as 0000:3b:00.0, or KIND:TARGET with one of "
      "af_xdp, memif, vhost, virtio_user, tap, af_packet, ring, pcap, null";
  const std::string letters = "A-Z a-z 0-9 _ . / : @ % + -";
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"eth0", "\"eth0\"" + kinds},
      {"af-xdp:eth0", "\"af-xdp\"" + kinds + " (did you mean \"af_xdp\"?)"},
      {"net_memif:/x", "\"net_memif\"" + kinds},
      {"0000:3b:00", "\"0000\"" + kinds},
      {"0000:3b:20.0", "\"0000\"" + kinds},
      {"0000:3b:00.8", "\"0000\"" + kinds},
      {":x", "\"\"" + kinds},
      {",", "\"\"" + kinds},
      {"3b:00.0,queues=2", "a PCI address takes no keys; \"queues=2\" was given"},
      {std::string(1025, 'x'), "1025 characters; expected at most 1024"},
      {"af_xdp:", "\"\"" + interface_of},
      {"af_xdp", "\"\"" + interface_of},
      {"af_xdp:sixteen-letters-", "\"sixteen-letters-\"" + interface_of},
      {"af_xdp:a/b", "\"a/b\"" + interface_of},
      {"af_xdp:veth%d", "\"veth%d\"" + interface_of},
      {"af_xdp:..", "\"..\"" + interface_of},
      {"af_xdp:iface=eth0", "\"iface=eth0\"" + interface_of},
      {"memif:x.sock", "\"x.sock\"" + path_of},
      {"memif:/", "\"/\"" + path_of},
      {"memif:/a b", "\"/a b\"" + path_of},
      {"memif:/a;b", "\"/a;b\"" + path_of},
      {"memif:/" + std::string(107, 'a'), "\"/" + std::string(63, 'a') + "...\"" + path_of},
      {"memif:/x,", "\"\" is no key=value; expected memif:TARGET,key=value"},
      {"memif:/x,id", "\"id\" is no key=value; expected memif:TARGET,key=value"},
      {"memif:/x,id=1,id=1", "id given twice; expected once"},
      {"memif:/x,id=-1", "id: \"-1\" is no number from 0 to 4294967295"},
      {"memif:/x,id=4294967296", "id: \"4294967296\" is no number from 0 to 4294967295"},
      {"memif:/x,id=", "id: \"\" is no number from 0 to 4294967295"},
      {"memif:/x,bsz=2048",
       "\"bsz\" is no key of memif; expected one of id, role, bsize, rsize, "
       "zero-copy, secret"},
      {"memif:/x,bsise=2048",
       "\"bsise\" is no key of memif; expected one of id, role, bsize, "
       "rsize, zero-copy, secret (did you mean \"bsize\"?)"},
      {"memif:/x,role=master", "role: \"master\" is none of server, client"},
      {"memif:/x,bsize=64", "bsize: \"64\" is no number from 1536 to 65535"},
      {"memif:/x,rsize=15", "rsize: \"15\" is no number from 1 to 14"},
      {"memif:/x,zero-copy=maybe", "zero-copy: \"maybe\" is none of yes, no"},
      {"memif:/x,role=server,zero-copy=yes",
       "zero-copy=yes with role=server; expected role=client"},
      {"memif:/x,secret=" + std::string(24, 's'), "secret: expected 1 to 23 of " + letters},
      {"memif:/x,secret=", "secret: expected 1 to 23 of " + letters},
      {"memif:/x,mac=02:00:00:00:00:01",
       "\"mac\" is not a key here; expected as the port's field mac"},
      {"memif:/x,socket=/y", "\"socket\" is not a key here; expected after KIND: alone"},
      {"memif:/x,socket-abstract=yes",
       "\"socket-abstract\" is not a key here; heddled sets it; leave it out"},
      {"af_xdp:a,busy_budget=0",
       "\"busy_budget\" is not a key here; heddled sets it; leave it out"},
      {"af_xdp:a,queue_count=2",
       "\"queue_count\" is not a key here; expected as the port's field queues"},
      {"af_xdp:a,xdp_prog=/a\"b", "xdp_prog: \"/a\\x22b\" is no path; expected one of " + letters},
      {"tap:a,remote=a/b",
       "remote: \"a/b\" is no interface name; expected at most 15 of A-Z a-z 0-9 _ . @ + -"},
      {"virtio_user:/x,iface=a", "iface with \"/x\"; expected virtio_user:/dev/vhost-net"},
      {"virtio_user:/dev/vhost-net,server=1",
       "server=yes with /dev/vhost-net; expected the path of a socket"},
      {"virtio_user:/x,queue_size=100", "queue_size: \"100\" is no power of two from 64 to 32768"},
      {"af_packet:a,framesz=8192",
       "framesz is above blocksz; expected a frame that fits into a block of 4096"},
      {"ring:a,b=c", "ring takes no keys; \"a\" was given"},
      {"pcap:", "expected either iface=NAME or files, as pcap:rx=FILE,tx=FILE"},
      {"pcap:rx=a,iface=b", "expected either iface=NAME or files, as pcap:rx=FILE,tx=FILE"},
      {"pcap:in.pcap", "\"in.pcap\" is no key=value; expected pcap:TARGET,key=value"},
      {"pcap:tx=a,infinite=yes", "infinite without rx; expected rx=FILE"},
      {"pcap:rx=a,phy_mac=1", "phy_mac without iface; expected iface=NAME"},
      {"pcap:rx=a,tx=a", "rx and tx are the same file; expected two"},
      {"null:size=2049", "size: \"2049\" is no number from 14 to 2048"},
      {"null:x", "\"x\" is no key=value; expected null:TARGET,key=value"},
  };
  for (const auto& [text, error] : rows) {
    const auto got = device(text);
    EXPECT_EQ(got ? "accepted" : got.error().text, "f.yaml:5: ports[0].device: " + error) << text;
  }
}

}  // namespace
}  // namespace heddle::config
