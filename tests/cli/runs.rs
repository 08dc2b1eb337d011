//! A chain of small pictures that goes every way: routed, looped, skipped, out of memory, failed.
//! What looks at plans and at runs is tried on it.

use std::fmt::Write as _;

use super::support::Folder;

/// `make` is red in steps. What is too large for the memory is made small by `spare`; pale ones are
/// tried twice and given up, dull ones are inverted.
pub const CARDS: &str = r#"kind = "chain"
format = 1
name = "cards"
version = "1.2.0"

[task.make]
type = "graph"
route = [{ on = "oom", to = "spare" }]
[task.make.node.make.EmptyImage]
width = "{tone.size}"
height = "{tone.size}"
color = "{tone.color}"
batch_size = 1
[task.make.outputs]
image = "@make.IMAGE"
[task.make.foreach]
tone = { csv = "tones.csv", columns = ["name", "size", "color"], key = "name" }

[task.spare]
type = "graph"
[task.spare.node.make.EmptyImage]
width = 24
height = 24
color = "{tone.color}"
batch_size = 1
[task.spare.outputs]
image = "@make.IMAGE"

[task.soften]
type = "adjust"
depends_on = ["spare|make"]
with.blur = 1
max_visits = 2

[task.look]
type = "score"
depends_on = ["soften"]
with.scorers = ["colorfulness", "contrast"]
route = [
  { on = "transient", to = "@retry", times = 1 },
  { if = "colorfulness < 10", to = "soften" },
  { if = "colorfulness < 10", to = "@skip" },
  { if = "colorfulness < 40", to = "invert" },
]

[task.invert]
type = "adjust"
with.invert = true

[task.large]
type = "upscale"
depends_on = ["invert|look"]
with.scale = 2

[task.sheet]
type = "contact_sheet"
depends_on = ["large"]
gather = ["tone"]
allow_failed = true
"#;

/// A workspace with the chain and `tones` items of each task but the last, from black to red. The
/// last but one needs more memory than there is, the last cannot be made.
pub fn cards(tones: u32) -> Folder {
    let mut csv = String::from("name,size,color\n");
    for tone in 0..tones {
        let size = match tones - tone {
            1 => 0,
            2 => 6_000,
            _ => 24,
        };
        let _ = writeln!(csv, "t{tone:05},{size},{}", (tone * 255 / tones) << 16);
    }
    let folder = Folder::with(&[("cards.toml", CARDS)]);
    folder.write("comfywright.toml", "[limits]\nmemory_mib = 64\nnative_slots = 2\n");
    folder.write("pipelines/tones.csv", csv);
    folder
}

/// The same, carried out.
pub fn cards_run(tones: u32) -> Folder {
    let folder = cards(tones);
    let answer = folder.run(&["run", "cards", "--json"]);
    assert_eq!(answer.code, 1, "one item fails: {answer:?}");
    folder
}
