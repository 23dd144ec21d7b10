//! A plan, evaluated in one go: no streams, no metrics, nothing that is left over from one execution to the next.
//!
//! ```text
//! compile  from DataFusion's plan; none where the plan has a node that is not known here
//! node     leaf, filter, projection, union: a batch in, a batch out
//! join     pairs of rows, found by the slot of the person
//! group    GROUP BY with DataFusion's accumulators
//! ```
//!
//! DataFusion executes a plan by building it anew: some hundred allocations a node, 0.3 ms a step, whoever is in it. A
//! step is one batch that fits into memory, so its nodes can be evaluated one after the other, and what has no rows
//! costs nothing. Expressions, kernels, group values and accumulators are DataFusion's, so that they mean the same.
//!
//! Owns no meaning of its own: whatever fails or is too large here is executed by DataFusion, which decides. Must never
//! hold a row between two executions.

mod compile;
mod group;
mod join;
mod node;

pub use node::Direct;

/// The most rows that come out of a node: beyond that DataFusion streams them (I-10).
const ROWS_MAX: usize = 1 << 20;
/// Pairs of rows that are compared at a time, as many as a batch of DataFusion has.
const PAIRS_TOGETHER: usize = 16_384;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, UInt32Array};
    use arrow::datatypes::{DataType, Field, Schema};
    use datafusion::common::{JoinSide, JoinType};

    use super::join::Join;
    use super::node::{Direct, Node};
    use super::{PAIRS_TOGETHER, ROWS_MAX};
    use crate::evidence::StepTable;
    use crate::policy::step::leaf::Leaf;

    fn table(rows: usize) -> StepTable {
        let persons: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..rows as u32));
        StepTable { rows, columns: vec![Some(persons)] }
    }

    fn leaf(table: usize) -> Node {
        let schema = Arc::new(Schema::new(vec![Field::new("person", DataType::UInt32, false)]));
        Node::Leaf(Leaf::new(table, vec![0], &schema).unwrap())
    }

    /// Every row of one table with every row of another.
    fn all_pairs() -> Direct {
        let fields = ["one", "other"].map(|name| Field::new(name, DataType::UInt32, true));
        Direct(Node::Join(Box::new(Join {
            left: leaf(0),
            right: leaf(1),
            person: None,
            keys: Vec::new(),
            condition: None,
            kind: JoinType::Inner,
            columns: vec![(JoinSide::Left, 0), (JoinSide::Right, 0)],
            schema: Arc::new(Schema::new(fields.to_vec())),
        })))
    }

    /// I-10: what would not fit is left to DataFusion, which streams it.
    #[test]
    fn too_many_rows_are_refused_while_they_are_made() {
        let few = all_pairs().evaluate(&[table(300), table(2 * PAIRS_TOGETHER / 300)]).unwrap().unwrap();
        assert_eq!(few.num_rows(), 300 * (2 * PAIRS_TOGETHER / 300));
        let many = all_pairs().evaluate(&[table(1 << 15), table(1 << 15)]).unwrap_err();
        assert!(many.to_string().contains(&format!("more than {ROWS_MAX} pairs")), "{many}");
        let long = Direct(leaf(0)).evaluate(&[table(ROWS_MAX + 1)]).unwrap_err();
        assert!(long.to_string().contains(&format!("more than {ROWS_MAX} rows")), "{long}");
    }

    #[test]
    fn without_rows_nothing_is_evaluated() {
        assert!(all_pairs().evaluate(&[table(3), StepTable::default()]).unwrap().is_none());
        // Not even that the other table is missing is seen.
        assert!(all_pairs().evaluate(&[StepTable::default()]).unwrap().is_none());
    }
}
