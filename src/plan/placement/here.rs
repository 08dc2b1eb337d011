//! This process as a place where items run: what it has, and what it may have ahead.

/// Seconds of work that this process may have ahead of what it computes: enough that the intents and
/// files of many short items go to disk together, so little that nobody waits for it.
const AHEAD: f64 = 0.25;

/// Most items that it has at the same time, however short they are.
const MOST: u32 = 64;

/// This process and what is on its way in it.
#[derive(Clone, Debug)]
pub(super) struct Here {
    slots: u32,
    flying: u32,
    /// Estimated seconds of all that is flying.
    seconds: f64,
}

impl Here {
    pub(super) fn new(slots: u32) -> Self {
        Self { slots: slots.max(1), flying: 0, seconds: 0.0 }
    }

    /// Items that it computes at the same time.
    pub(super) fn slots(&self) -> u32 {
        self.slots
    }

    /// Whether it takes an item that takes `seconds`.
    pub(super) fn has_room(&self, seconds: f64) -> bool {
        self.flying < self.slots || self.flying < MOST && self.seconds + seconds <= AHEAD
    }

    /// An item is on its way.
    pub(super) fn take(&mut self, seconds: f64) {
        self.flying += 1;
        self.seconds += seconds;
    }

    /// An item is not on its way any more. `seconds` as it was taken with.
    pub(super) fn give_back(&mut self, seconds: f64) {
        self.flying = self.flying.saturating_sub(1);
        self.seconds = if self.flying == 0 { 0.0 } else { (self.seconds - seconds).max(0.0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many items that take `seconds` it has at the same time.
    fn most(slots: u32, seconds: f64) -> u32 {
        let mut here = Here::new(slots);
        while here.has_room(seconds) {
            here.take(seconds);
        }
        let most = here.flying;
        (0..most).for_each(|_| here.give_back(seconds));
        assert!(here.flying == 0 && here.seconds == 0.0);
        most
    }

    #[test]
    fn only_short_items_are_ahead() {
        assert_eq!(most(2, 1.0), 2);
        assert_eq!(most(2, 0.1), 2);
        assert_eq!(most(2, 0.05), 5);
        assert_eq!(most(2, 1e-6), MOST);
        assert_eq!(most(0, 1.0), 1);
        assert_eq!(most(64, 1.0), 64);
    }
}
