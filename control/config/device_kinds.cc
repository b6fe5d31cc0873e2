#include "device_kinds.h"

namespace heddle::config {
namespace {

using enum ValueForm;
using app::DeviceKind;

constexpr DeviceKey kAfXdpKeys[] = {
    {"start_queue", "start_queue", kNumber, 0, 1023},
    {"shared_umem", "shared_umem", kBit},
    {"xdp_prog", "xdp_prog", kFile},
    {"force_copy", "force_copy", kBit},
};

// bsize holds a whole frame: receiving one in several buffers is broken in 22.11.
constexpr DeviceKey kMemifKeys[] = {
    {"id", "id", kNumber, 0, UINT32_MAX},     {"role", "role", kRole},
    {"bsize", "bsize", kNumber, 1536, 65535}, {"rsize", "rsize", kNumber, 1, 14},
    {"zero-copy", "zero-copy", kYesNo},       {"secret", "secret", kSecret, 1, 23},
};

constexpr DeviceKey kVhostKeys[] = {
    {"client", "client", kBit},
    {"iommu-support", "iommu-support", kBit},
    {"postcopy-support", "postcopy-support", kBit},
    {"linear-buffer", "linear-buffer", kBit},
    {"ext-buffer", "ext-buffer", kBit},
};

constexpr DeviceKey kVirtioUserKeys[] = {
    {"queue_size", "queue_size", kPowerOfTwo, 64, 32768},
    {"server", "server", kBit},
    {"iface", "iface", kInterface},
    {"cq", "cq", kBit},
    {"mrg_rxbuf", "mrg_rxbuf", kBit},
    {"in_order", "in_order", kBit},
    {"packed_vq", "packed_vq", kBit},
    {"vectorized", "vectorized", kBit},
};

constexpr DeviceKey kTapKeys[] = {{"remote", "remote", kInterface}};

constexpr DeviceKey kAfPacketKeys[] = {
    {"blocksz", "blocksz", kPowerOfTwo, 4096, 1 << 20},
    {"framesz", "framesz", kPowerOfTwo, 256, 65536},
    {"framecnt", "framecnt", kNumber, 1, 65536},
    {"qdisc_bypass", "qdisc_bypass", kBit},
};

constexpr DeviceKey kPcapKeys[] = {
    {"rx", "rx_pcap", kFile},     {"tx", "tx_pcap", kFile},          {"iface", "iface", kInterface},
    {"phy_mac", "phy_mac", kBit}, {"infinite", "infinite_rx", kBit},
};

// The driver writes `size` bytes into one packet buffer without asking how large it is.
constexpr DeviceKey kNullKeys[] = {
    {"size", "size", kNumber, 14, 2048},
    {"copy", "copy", kBit},
    {"no-rx", "no-rx", kBit},
};

constexpr DeviceRules kRules[] = {
    {DeviceKind::kAfXdp, "af_xdp", TargetForm::kInterface, kAfXdpKeys},
    {DeviceKind::kMemif, "memif", TargetForm::kSocket, kMemifKeys},
    {DeviceKind::kVhost, "vhost", TargetForm::kSocket, kVhostKeys},
    {DeviceKind::kVirtioUser, "virtio_user", TargetForm::kSocket, kVirtioUserKeys},
    {DeviceKind::kTap, "tap", TargetForm::kInterface, kTapKeys},
    {DeviceKind::kAfPacket, "af_packet", TargetForm::kInterface, kAfPacketKeys},
    {DeviceKind::kRing, "ring", TargetForm::kNone, {}},
    {DeviceKind::kPcap, "pcap", TargetForm::kNone, kPcapKeys},
    {DeviceKind::kNull, "null", TargetForm::kNone, kNullKeys},
};

}  // namespace

std::span<const DeviceRules> device_rules() { return kRules; }

}  // namespace heddle::config
