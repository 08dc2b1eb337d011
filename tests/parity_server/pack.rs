//! Many cases as one graph, so that a prompt's overhead is paid once.

use comfywright::{
    compile::OutputSpec,
    graph::{BoundFile, Graph, Input},
};

use crate::{
    grid::{Case, Given, signature},
    pictures::Picture,
};

/// A case and its place in the list of cases.
pub type Numbered<'a> = (usize, &'a Case);

/// A graph of some cases, and what they leave.
#[derive(Debug, Default)]
pub struct Pack {
    /// The graph.
    pub graph: Graph,
    /// An output for each output of each case.
    pub outputs: Vec<OutputSpec>,
}

impl Pack {
    /// Cases whose outputs are pictures, which savers write.
    pub fn of_pictures(cases: &[Numbered<'_>]) -> Self {
        let mut pack = Self::default();
        for (number, case) in cases {
            let node = pack.add_case(*number, case);
            let class = signature(case.class);
            if class.outputs.is_empty() {
                pack.outputs.push(OutputSpec { name: output_name(*number, 0), node });
            } else if class.outputs.iter().any(|output| output.types.contains("INT")) {
                pack.add_sized_picture(*number, &node);
            } else {
                for (index, output) in class.outputs.iter().enumerate() {
                    pack.add_saver(*number, index, &node, output.types.contains("MASK"));
                }
            }
        }
        pack
    }

    /// Cases whose outputs are texts and numbers, which the server shows.
    pub fn of_texts(cases: &[Numbered<'_>]) -> Self {
        let mut pack = Self::default();
        for (number, case) in cases {
            let source = pack.add_case(*number, case);
            let name = output_name(*number, 0);
            let node = pack.graph.add(&name, "PreviewAny", [("source", Input::link(source, 0))]);
            pack.outputs.push(OutputSpec { name, node });
        }
        pack
    }

    fn add_case(&mut self, number: usize, case: &Case) -> String {
        let inputs: Vec<_> = case.inputs.iter().map(|(name, given)| (*name, self.input(given))).collect();
        self.graph.add(&format!("case{number}"), case.class, inputs)
    }

    fn input(&mut self, given: &Given) -> Input {
        match given {
            Given::Literal(value) => Input::value(value.clone()),
            Given::File(name) => file((*name).to_owned()),
            Given::Image(picture) => Input::link(self.picture(*picture), 0),
            Given::Mask(picture) => {
                let id = format!("mask_{}", picture.id());
                if !self.graph.nodes.contains_key(&id) {
                    let image = self.picture(*picture);
                    let inputs = [("image", Input::link(image, 0)), ("channel", Input::value("red"))];
                    self.graph.add(&id, "ImageToMask", inputs);
                }
                Input::link(id, 0)
            }
        }
    }

    /// The node that gives `picture`.
    fn picture(&mut self, picture: Picture) -> String {
        let id = format!("picture_{}", picture.id());
        let name = |index: u32| if index + 1 == picture.batch { id.clone() } else { format!("{id}_{index}") };
        if self.graph.nodes.contains_key(&name(picture.batch - 1)) {
            return id;
        }
        let mut last = None;
        for index in 0..picture.batch {
            let is_single = last.is_none() && index + 1 == picture.batch;
            let single = if is_single { id.clone() } else { format!("{id}_one{index}") };
            let single = self.single(&single, picture, index);
            last = Some(match last {
                None => single,
                Some(before) => {
                    let inputs = [("image1", Input::link(before, 0)), ("image2", Input::link(single, 0))];
                    self.graph.add(&name(index), "ImageBatch", inputs)
                }
            });
        }
        last.unwrap_or(id)
    }

    /// Picture `index` of a batch, with its alpha.
    fn single(&mut self, id: &str, picture: Picture, index: u32) -> String {
        let load = |id: &str, pack: &mut Self| pack.graph.add(id, "LoadImage", [("image", file(picture.file(index)))]);
        if !picture.alpha {
            return load(id, self);
        }
        let loaded = load(&format!("{id}_file"), self);
        let inputs = [("image", Input::link(&loaded, 0)), ("alpha", Input::link(&loaded, 1))];
        self.graph.add(id, "JoinImageWithAlpha", inputs)
    }

    fn add_saver(&mut self, number: usize, index: usize, node: &str, is_mask: bool) {
        let mut images = Input::link(node, index);
        if is_mask {
            let id = format!("case{number}_mask{index}");
            images = Input::link(self.graph.add(&id, "MaskToImage", [("mask", images)]), 0);
        }
        let name = output_name(number, index);
        let inputs = [("images", images), ("filename_prefix", Input::value("parity"))];
        let node = self.graph.add(&name, "SaveImage", inputs);
        self.outputs.push(OutputSpec { name, node });
    }

    /// Width, height and batch size, as a picture of this size.
    fn add_sized_picture(&mut self, number: usize, node: &str) {
        let inputs = [
            ("width", Input::link(node, 0)),
            ("height", Input::link(node, 1)),
            ("batch_size", Input::link(node, 2)),
            ("color", Input::value(0x12_34ab)),
        ];
        let sized = self.graph.add(&format!("case{number}_sized"), "EmptyImage", inputs);
        self.add_saver(number, 0, &sized, false);
    }
}

/// The name of output `index` of case `number`.
pub fn output_name(number: usize, index: usize) -> String {
    format!("case{number}_out{index}")
}

/// The case that a node or an output of a pack belongs to; none for those that many share.
pub fn case_of(name: &str) -> Option<usize> {
    name.strip_prefix("case")?.split('_').next()?.parse().ok()
}

fn file(path: String) -> Input {
    Input::Files(vec![BoundFile { path, ..BoundFile::default() }])
}
