//! Lists of values, one for each row, in two vectors.

/// A list of values for each of a fixed number of rows.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    first: Vec<u32>,
    values: Vec<T>,
}

impl<T: Copy + Default> Rows<T> {
    /// The rows that `pairs` of row and value make; values of a row keep their order.
    pub(crate) fn from_pairs(rows: usize, pairs: &[(u32, T)]) -> Self {
        let mut first = vec![0_u32; rows + 1];
        for (row, _) in pairs {
            first[*row as usize + 1] += 1;
        }
        for row in 0..rows {
            first[row + 1] += first[row];
        }
        let mut next = first.clone();
        let mut values = vec![T::default(); pairs.len()];
        for (row, value) in pairs {
            values[next[*row as usize] as usize] = *value;
            next[*row as usize] += 1;
        }
        Self { first, values }
    }

    /// The values of `row`; empty when there is no such row.
    pub(crate) fn row(&self, row: u32) -> &[T] {
        let row = row as usize;
        match (self.first.get(row), self.first.get(row + 1)) {
            (Some(start), Some(end)) => &self.values[*start as usize..*end as usize],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rows;

    #[test]
    fn rows_keep_the_order_of_their_values() {
        let rows = Rows::from_pairs(3, &[(2, 'a'), (0, 'b'), (2, 'c')]);
        assert_eq!(
            (rows.row(0), rows.row(1), rows.row(2), rows.row(9)),
            (&['b'][..], &[][..], &['a', 'c'][..], &[][..])
        );
    }
}
