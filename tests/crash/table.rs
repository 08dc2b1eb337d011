//! What a campaign did, in numbers.

use std::fmt::Write as _;

use super::Counts;

/// What was done, and where it hit.
#[derive(Debug, Default)]
pub struct Table {
    pub rounds: Counts,
    pub lives: usize,
    /// Kills by where they hit: a point, or `a random time`.
    pub kills: Counts,
    /// Kills by tenths of the items that were finished then.
    pub progress: [usize; 10],
    /// Errors that were given, by point.
    pub errors: Counts,
    /// Disturbances of servers.
    pub disturbances: Counts,
    /// Items that were told to be finished before a kill.
    pub acknowledged: usize,
    /// Submissions that servers queued, and items that they are of.
    pub queued: (usize, usize),
}

impl Table {
    pub fn kills(&self) -> usize {
        self.kills.values().sum()
    }

    pub fn add(&mut self, other: Self) {
        let add =
            |to: &mut Counts, from: Counts| from.into_iter().for_each(|(key, n)| *to.entry(key).or_default() += n);
        add(&mut self.rounds, other.rounds);
        add(&mut self.kills, other.kills);
        add(&mut self.errors, other.errors);
        add(&mut self.disturbances, other.disturbances);
        self.progress.iter_mut().zip(other.progress).for_each(|(to, from)| *to += from);
        self.lives += other.lives;
        self.acknowledged += other.acknowledged;
        self.queued = (self.queued.0 + other.queued.0, self.queued.1 + other.queued.1);
    }

    /// The table in Markdown.
    pub fn text(&self, seed: u64) -> String {
        let rounds: usize = self.rounds.values().sum();
        let mut text = format!(
            "{} kills in {} processes and {rounds} runs, seed {seed}; {} items acknowledged before a kill; \
             {} submissions queued for {} items\n",
            self.kills(),
            self.lives,
            self.acknowledged,
            self.queued.0,
            self.queued.1
        );
        part(&mut text, "killed at", &self.kills);
        text.push_str("\n| killed when so much was finished | times |\n|---|---:|\n");
        for (tenth, count) in self.progress.iter().enumerate() {
            writeln!(text, "| {} to {} % | {count} |", tenth * 10, tenth * 10 + 10).unwrap();
        }
        part(&mut text, "error given at", &self.errors);
        part(&mut text, "run", &self.rounds);
        part(&mut text, "disturbance of a server", &self.disturbances);
        text
    }
}

fn part(text: &mut String, title: &str, counts: &Counts) {
    if !counts.is_empty() {
        write!(text, "\n| {title} | times |\n|---|---:|\n").unwrap();
        counts.iter().for_each(|(key, count)| writeln!(text, "| {key} | {count} |").unwrap());
    }
}
