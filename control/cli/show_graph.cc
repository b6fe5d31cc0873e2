#include <fmt/format.h>
#include <google/protobuf/repeated_field.h>

#include <set>

#include "commands.h"
#include "keep.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::string ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? "-" : one_decimal(static_cast<double>(part) / static_cast<double>(whole));
}

// In Graphviz's DOT, with the packets under each name.
std::string graph_dot(const v1::GetGraphResponse& response) {
  const auto quoted = [](const std::string& text) {
    std::string out = "\"";
    for (const char c : printable(text)) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out + '"';
  };
  std::string out = "digraph heddle {\n  rankdir=LR;\n  node [shape=box];\n";
  std::set<std::string> names;
  for (const v1::GraphNode& node : response.nodes()) {
    names.insert(node.name());
    std::string label = quoted(node.name());
    label.insert(label.size() - 1, "\\n" + thousands(node.packets()));
    out += fmt::format("  {} [label={}{}];\n", quoted(node.name()), label,
                       node.is_drop() ? ", style=dashed" : "");
  }
  for (const v1::GraphNode& node : response.nodes())
    for (const std::string& next : node.next())
      if (names.contains(next))
        out += fmt::format("  {} -> {};\n", quoted(node.name()), quoted(next));
  return out + "}\n";
}

std::string graph_text(const v1::GetGraphResponse& response, const Options& options) {
  if (options.dot) return graph_dot(response);
  uint64_t all_cycles = 0;
  for (const v1::GraphNode& node : response.nodes()) all_cycles += node.cycles();
  Table table({{"NODE"},
               {"CALLS", Align::kRight},
               {"PACKETS", Align::kRight},
               {"PACKETS/CALL", Align::kRight},
               {"CYCLES/PACKET", Align::kRight},
               {"SHARE", Align::kRight}});
  bool any = false;
  for (const v1::GraphNode& node : response.nodes()) {
    // The share is of all cycles, so the drop nodes take part in the sum in any case.
    if (node.is_drop() && !options.all) continue;
    any = true;
    const double share =
        all_cycles == 0 ? 0 : static_cast<double>(node.cycles()) / static_cast<double>(all_cycles);
    table.add({node.name(), thousands(node.calls()), thousands(node.packets()),
               ratio(node.packets(), node.calls()), ratio(node.cycles(), node.packets()),
               percent(share)});
  }
  return any ? table.text() : "no nodes\n";
}

void select_nodes(v1::GetGraphResponse& response, const Options& options) {
  // The table needs all nodes for its sum of cycles, and leaves the drops out itself.
  if (options.all || (options.format == Format::kTable && !options.dot)) return;
  keep(*response.mutable_nodes(), [](const v1::GraphNode& node) { return !node.is_drop(); });
}

std::string drops_text(const v1::ListDropsResponse& response, const Options&) {
  if (response.drops().empty()) return "no drops so far\n";
  Table table({{"NODE"}, {"DROP"}, {"PACKETS", Align::kRight}, {"MEANS"}});
  for (const v1::Drop& drop : response.drops())
    table.add({drop.node(), drop.drop(), thousands(drop.packets()), drop.help()});
  return table.text();
}

void select_drops(v1::ListDropsResponse& response, const Options& options) {
  if (options.all) return;
  keep(*response.mutable_drops(), [](const v1::Drop& drop) { return drop.packets() > 0; });
}

}  // namespace

Outcome show_graph(const Options& options) {
  if (options.dot && options.format != Format::kTable)
    return Outcome::fail({kUsage, "show graph: --dot is a format of its own, -o is another"});
  return ask(options, &Client::graph, graph_text, select_nodes);
}

Outcome show_drops(const Options& options) {
  return ask(options, &Client::drops, drops_text, select_drops);
}

}  // namespace heddle::cli
