//! Which server takes an item: one small decision, apart from everything that carries it out.

/// What is known of a server when an item looks for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Whether the item may run there.
    pub suits: bool,
    /// Whether it answered lately.
    pub answers: bool,
    /// How many more items it takes now.
    pub free: u32,
}

/// The number of the server to use: of those that suit and answer the one with the most room, the
/// first of equals. None when all are full or silent.
pub fn choose(rooms: &[Room]) -> Option<usize> {
    let open = rooms.iter().enumerate().filter(|(_, room)| room.suits && room.answers && room.free > 0);
    open.rev().max_by_key(|(_, room)| room.free).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emptiest_that_suits_and_answers() {
        let room = |suits, answers, free| Room { suits, answers, free };
        let cases = [
            (vec![], None),
            (vec![room(true, true, 0)], None),
            (vec![room(true, true, 1), room(true, true, 2)], Some(1)),
            (vec![room(true, true, 2), room(true, true, 2)], Some(0)),
            (vec![room(false, true, 9), room(true, false, 9), room(true, true, 1)], Some(2)),
            (vec![room(false, true, 9), room(true, false, 9)], None),
        ];
        for (rooms, expected) in cases {
            assert_eq!(choose(&rooms), expected, "{rooms:?}");
        }
    }
}
