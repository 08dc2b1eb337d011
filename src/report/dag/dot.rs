//! The graph in the language of Graphviz.

use std::fmt::Write as _;

use super::{Dag, DagEdge, DagNode, EdgeKind, row_links};

/// Writes `dag` for `dot`.
pub fn dot(dag: &Dag) -> String {
    let mut out = format!(
        "digraph \"{}\" {{\n  rankdir=LR\n  compound=true\n  node [shape=box, style=\"rounded,filled\", \
         fillcolor=\"#f6f8fa\", color=\"#8c959f\", fontname=\"sans-serif\", fontsize=11]\n  \
         edge [color=\"#6e7781\", fontname=\"sans-serif\", fontsize=10]\n",
        quoted(&dag.title)
    );
    for (number, node) in dag.nodes.iter().enumerate() {
        write_node(&mut out, number, node);
    }
    for edge in &dag.edges {
        write_edge(&mut out, dag, edge);
    }
    out.push_str("}\n");
    out
}

fn write_node(out: &mut String, number: usize, node: &DagNode) {
    let lines: Vec<String> =
        [node.headline(), node.about.clone()].iter().chain(&node.notes).map(|line| quoted(line)).collect();
    let label = lines.join("\\n");
    let mut marks = String::new();
    if node.critical {
        marks.push_str(", color=\"#bc4c00\", penwidth=2.5");
    }
    if node.conditional {
        marks.push_str(", style=\"rounded,filled,dashed\"");
    }
    if node.rows.is_empty() {
        let _ = writeln!(out, "  t{number} [label=\"{label}\"{marks}]");
        return;
    }
    let _ = writeln!(out, "  subgraph cluster_t{number} {{\n    label=\"{label}\"\n    fontname=\"sans-serif\"");
    for (row, item) in node.rows.iter().enumerate() {
        let note = if item.note.is_empty() { String::new() } else { format!(" · {}", item.note) };
        let mark = if item.critical { ", color=\"#bc4c00\", penwidth=2.5" } else { "" };
        let _ = writeln!(out, "    t{number}i{row} [label=\"{}\"{mark}]", quoted(&format!("{}{note}", item.label)));
    }
    if node.more > 0 {
        let _ = writeln!(out, "    t{number}more [label=\"and {} more\", style=\"rounded,dotted\"]", node.more);
    }
    out.push_str("  }\n");
}

fn write_edge(out: &mut String, dag: &Dag, edge: &DagEdge) {
    let mut marks = Vec::new();
    if let Some(label) = edge.short_label() {
        marks.push(format!("label=\"{}\"", quoted(&label)));
    }
    match edge.kind {
        EdgeKind::Routes => marks.push("style=dashed".to_owned()),
        EdgeKind::Back => marks.push("style=dashed, constraint=false".to_owned()),
        EdgeKind::OneOf => marks.push("style=dotted".to_owned()),
        EdgeKind::Gathers => marks.push("arrowhead=diamond".to_owned()),
        EdgeKind::Needs => {}
    }
    if edge.critical {
        marks.push("color=\"#bc4c00\", penwidth=2.5".to_owned());
    }
    let links = row_links(dag, edge);
    if links.is_empty() {
        let (from, tail) = end(dag, edge.from, "ltail");
        let (to, head) = end(dag, edge.to, "lhead");
        marks.extend(tail.into_iter().chain(head));
        let _ = writeln!(out, "  {from} -> {to} [{}]", marks.join(", "));
        return;
    }
    for (from, to) in links {
        let _ = writeln!(out, "  t{}i{from} -> t{}i{to} [{}]", edge.from, edge.to, marks.join(", "));
    }
}

/// The node at which an edge ends, and the mark that lets it end at the border of an opened box.
fn end(dag: &Dag, number: usize, mark: &str) -> (String, Option<String>) {
    if dag.nodes[number].rows.is_empty() {
        return (format!("t{number}"), None);
    }
    (format!("t{number}i0"), Some(format!("{mark}=cluster_t{number}")))
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace(|c: char| c.is_control(), " ")
}
