// Nodes of extensions, reduced to what decides the graph: a node that gives a link a name, and one
// that takes it by that name, in its own graph or in one around it.

const { app } = window.comfyAPI.app;

function around(graph) {
  const holds = (other) => other.nodes.some((node) => node.subgraph === graph);
  return [graph.rootGraph, ...graph.rootGraph.subgraphs.values()].find(holds);
}

function setterOf(getter) {
  for (let graph = getter.graph; graph; graph = around(graph)) {
    const name = getter.widgets[0].value;
    const found = graph.nodes.find((node) => node.type === "SetNode" && node.widgets[0].value === name);
    if (found) return found;
  }
  return undefined;
}

function linkOf(node) {
  return node?.inputs[0]?.link == null ? undefined : node.graph.getLink(node.inputs[0].link);
}

app.registerExtension({
  name: "comfywright.stand-in",
  registerCustomNodes() {
    class SetNode extends LiteGraph.LGraphNode {
      isVirtualNode = true;
      serialize_widgets = true;
      constructor(title) {
        super(title);
        this.addWidget("text", "Constant", "", () => {});
        this.addInput("*", "*");
        this.addOutput("*", "*");
      }
    }

    class GetNode extends LiteGraph.LGraphNode {
      isVirtualNode = true;
      serialize_widgets = true;
      constructor(title) {
        super(title);
        this.addWidget("text", "Constant", "", () => {});
        this.addOutput("*", "*");
      }
      getInputLink() {
        const setter = setterOf(this);
        return setter && setter.graph === this.graph ? linkOf(setter) : null;
      }
      resolveVirtualOutput() {
        const setter = setterOf(this);
        if (!setter || setter.graph === this.graph) return undefined;
        const link = linkOf(setter);
        return link && { node: setter.graph.getNodeById(link.origin_id), slot: link.origin_slot };
      }
    }

    LiteGraph.registerNodeType("SetNode", SetNode);
    LiteGraph.registerNodeType("GetNode", GetNode);
  },
});
