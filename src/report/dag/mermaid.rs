//! The graph as a Mermaid flowchart, which GitHub and GitLab draw in Markdown.

use std::fmt::Write as _;

use super::{Dag, DagEdge, DagNode, EdgeKind, row_links};

/// Writes `dag` as a flowchart.
pub fn mermaid(dag: &Dag) -> String {
    let mut out = String::from("flowchart LR\n");
    for (number, node) in dag.nodes.iter().enumerate() {
        write_node(&mut out, number, node);
    }
    for edge in &dag.edges {
        write_edge(&mut out, dag, edge);
    }
    out.push_str("  classDef critical stroke:#bc4c00,stroke-width:3px\n");
    out.push_str("  classDef routed stroke-dasharray:5 4\n");
    for (class, holds) in [("critical", critical as fn(&DagNode) -> bool), ("routed", conditional)] {
        let ids: Vec<String> =
            dag.nodes.iter().enumerate().filter(|(_, node)| holds(node)).map(|(n, _)| format!("t{n}")).collect();
        if !ids.is_empty() {
            let _ = writeln!(out, "  class {} {class}", ids.join(","));
        }
    }
    out
}

fn critical(node: &DagNode) -> bool {
    node.critical
}

fn conditional(node: &DagNode) -> bool {
    node.conditional
}

fn write_node(out: &mut String, number: usize, node: &DagNode) {
    if node.rows.is_empty() {
        let lines: Vec<String> =
            [node.headline(), node.about.clone()].iter().chain(&node.notes).map(|l| quoted(l)).collect();
        let _ = writeln!(out, "  t{number}[\"{}\"]", lines.join("<br>"));
        return;
    }
    // A title has one line: a second would stand upon the items.
    let _ = writeln!(out, "  subgraph t{number}[\"{}\"]\n    direction TB", quoted(&node.headline()));
    for (row, item) in node.rows.iter().enumerate() {
        let note = if item.note.is_empty() { String::new() } else { format!(" · {}", item.note) };
        let _ = writeln!(out, "    t{number}i{row}[\"{}\"]", quoted(&format!("{}{note}", item.label)));
        if item.critical {
            let _ = writeln!(out, "    class t{number}i{row} critical");
        }
    }
    if node.more > 0 {
        let _ = writeln!(out, "    t{number}more[\"and {} more\"]", node.more);
    }
    out.push_str("  end\n");
}

fn write_edge(out: &mut String, dag: &Dag, edge: &DagEdge) {
    let label = edge.short_label().map_or_else(String::new, |label| format!("|\"{}\"|", quoted(&label)));
    let arrow = match (edge.kind, edge.critical) {
        (EdgeKind::Routes | EdgeKind::Back, _) => "-.->",
        (_, true) => "==>",
        (EdgeKind::Needs | EdgeKind::Gathers | EdgeKind::OneOf, false) => "-->",
    };
    let links = row_links(dag, edge);
    if links.is_empty() {
        let _ = writeln!(out, "  t{} {arrow}{label} t{}", edge.from, edge.to);
    }
    for (from, to) in links {
        let _ = writeln!(out, "  t{}i{from} {arrow}{label} t{}i{to}", edge.from, edge.to);
    }
}

/// Text inside quotes, where Mermaid reads HTML and its own entities.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' => out.push_str("#quot;"),
            '&' => out.push_str("#amp;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '#' => out.push_str("#35;"),
            '`' => out.push_str("#96;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
