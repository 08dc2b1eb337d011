//! What items have in common as far as it decides where they run and how long they take.
//!
//! Items of one *kind* belong to one task, have the same *shape* (what takes its time: classes,
//! sizes, steps), load the same models and share the same prefix: nodes whose results a server may
//! still have from the item before. Knows neither servers nor what is ready.

use super::model::{Placement, Plan, TaskIx};
use crate::{
    compile::{KindOf, Model, Program},
    files::World,
    graph::{GraphNeeds, NodeSet},
    ident::IndexMap,
};

/// The kinds of a plan's items.
#[derive(Debug, Default)]
pub struct Kinds {
    all: Vec<Kind>,
    /// Kind of each item.
    of_item: Vec<u32>,
    shapes: IndexMap<String, Shape>,
    models: IndexMap<String, Model>,
    sets: IndexMap<Vec<u32>, ()>,
    prefixes: IndexMap<String, ()>,
    needs: Vec<GraphNeeds>,
}

/// What the items of one kind have in common; everything is a number into the tables of [`Kinds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The task.
    pub task: TaskIx,
    /// What takes its time.
    pub shape: u32,
    /// The models that it loads; set 0 has none.
    pub models: u32,
    /// What it shares with others.
    pub prefix: Option<u32>,
    /// What it needs of a server.
    pub needs: u32,
}

/// What takes an item's time.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// The same work without its sizes: what is known of it helps where nothing is known of the shape.
    pub family: String,
    /// The share of its time that a cached prefix saves, as far as the graph tells.
    pub prefix_share: f64,
    /// The models of its items.
    pub models: u32,
}

impl Kinds {
    /// No kinds yet.
    pub fn new() -> Self {
        let mut kinds = Self::default();
        kinds.sets.insert(Vec::new(), ());
        kinds
    }

    /// One kind for each task of `plan`, of which nothing is known but its name.
    pub fn by_task(plan: &Plan) -> Self {
        let mut kinds = Self::new();
        for (number, task) in plan.tasks.iter().enumerate() {
            let name = format!("{}/{}", plan.document, task.name);
            let kind = KindOf { shape: name.clone(), family: name, ..KindOf::default() };
            let kind = kinds.add(TaskIx(number as u32), kind);
            kinds.assign(task.items.len(), kind);
        }
        kinds
    }

    /// The kinds of the items of `plan`, which was built from `program`, by their graphs.
    pub fn of_program(program: &Program, plan: &Plan, nodes: &NodeSet, world: &dyn World) -> Self {
        let mut kinds = Self::new();
        for (number, task) in program.structure.order.iter().enumerate() {
            let is_native = plan.tasks[number].placement == Placement::Native;
            let likeness = program.likeness(*task, is_native, nodes, world);
            let added: Vec<u32> =
                likeness.kinds.into_iter().map(|kind| kinds.add(TaskIx(number as u32), kind)).collect();
            kinds.of_item.extend(likeness.of_row.into_iter().map(|kind| added[kind as usize]));
        }
        kinds
    }

    /// The number of a kind of `task`, which is added.
    pub fn add(&mut self, task: TaskIx, kind: KindOf) -> u32 {
        let KindOf { shape, family, models, prefix, prefix_share, needs } = kind;
        let mut set: Vec<u32> = Vec::new();
        for (name, model) in models {
            let entry = self.models.entry(name);
            set.push(entry.index() as u32);
            entry.or_insert(model);
        }
        set.sort_unstable();
        let models = self.sets.insert_full(set, ()).0 as u32;
        let entry = self.shapes.entry(shape);
        let shape = entry.index() as u32;
        entry.or_insert(Shape { family, prefix_share, models });
        let prefix = prefix.map(|prefix| self.prefixes.insert_full(prefix, ()).0 as u32);
        let needs = self.needs.iter().position(|known| *known == needs).unwrap_or_else(|| {
            self.needs.push(needs);
            self.needs.len() - 1
        }) as u32;
        self.all.push(Kind { task, shape, models, prefix, needs });
        self.all.len() as u32 - 1
    }

    /// Says that the next `count` items are of `kind`.
    pub fn assign(&mut self, count: usize, kind: u32) {
        self.of_item.extend(std::iter::repeat_n(kind, count));
    }

    /// The kind of an item.
    pub fn of(&self, item: u32) -> Kind {
        self.all[self.number(item) as usize]
    }

    /// The number of an item's kind.
    pub fn number(&self, item: u32) -> u32 {
        self.of_item[item as usize]
    }

    /// All kinds by number.
    pub fn all(&self) -> &[Kind] {
        &self.all
    }

    /// How many shapes there are.
    pub fn shape_count(&self) -> usize {
        self.shapes.len()
    }

    /// A shape.
    pub fn shape(&self, shape: u32) -> &Shape {
        &self.shapes[shape as usize]
    }

    /// Identity of a shape.
    pub fn shape_name(&self, shape: u32) -> &str {
        self.shapes.get_index(shape as usize).map_or("", |(name, _)| name)
    }

    /// How many sets of models there are.
    pub fn set_count(&self) -> usize {
        self.sets.len()
    }

    /// The models of a set.
    pub fn set(&self, set: u32) -> &[u32] {
        self.sets.get_index(set as usize).map_or(&[], |(models, ())| models)
    }

    /// A model.
    pub fn model(&self, model: u32) -> &Model {
        &self.models[model as usize]
    }

    /// What kinds need of a server, by number.
    pub fn needs(&self) -> &[GraphNeeds] {
        &self.needs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_has_one_number() {
        let model = Model { load: 8.0, bytes: 6 << 30 };
        let of = |shape: &str, models: &[&str], prefix: Option<&str>| KindOf {
            shape: shape.to_owned(),
            models: models.iter().map(|name| ((*name).to_owned(), model.clone())).collect(),
            prefix: prefix.map(str::to_owned),
            ..KindOf::default()
        };
        let mut kinds = Kinds::new();
        let numbers = [
            kinds.add(TaskIx(0), of("a", &["x", "y"], Some("p"))),
            kinds.add(TaskIx(0), of("a", &["y", "x"], Some("q"))),
            kinds.add(TaskIx(1), of("b", &[], None)),
        ];
        assert_eq!(numbers, [0, 1, 2]);
        kinds.assign(2, 1);
        kinds.assign(1, 2);
        let all = kinds.all();
        assert_eq!((all[0].shape, all[0].models), (all[1].shape, all[1].models));
        assert_ne!(all[0].prefix, all[1].prefix);
        assert_eq!((kinds.of(1).models, kinds.of(2).models), (1, 0));
        assert_eq!((kinds.set(1), kinds.set(0)), (&[0, 1][..], &[][..]));
        assert_eq!((kinds.needs().len(), kinds.shape_count()), (1, 2));
    }
}
