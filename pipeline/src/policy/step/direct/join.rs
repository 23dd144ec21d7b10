//! Joins: candidate pairs by the slot of the person, then the other keys and the condition.
//!
//! Rules join on the person (`sql/locality`), and a person is a small number in a step: so the rows of a person are
//! found in a table by number, without a hash. A join with a table of the pack compares all pairs.
//!
//! Owns the pairs. Must never hold more of them than go into one batch of DataFusion, but for those that match.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, RecordBatch, UInt32Array, new_null_array};
use arrow::compute::kernels::cmp;
use arrow::compute::{and, prep_null_mask_filter, take};
use arrow::datatypes::{SchemaRef, UInt32Type};
use datafusion::common::{JoinSide, JoinType, Result, exec_err};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::joins::utils::JoinFilter;

use super::node::{Node, batch, column, predicate};
use super::{PAIRS_TOGETHER, ROWS_MAX};
use crate::evidence::StepTable;

/// The largest number of a person by which rows are found: slots of a step are far fewer.
const SLOT_MAX: u32 = 1 << 20;
/// Ends a chain of rows.
const NOWHERE: u32 = u32::MAX;

/// A join of two inputs.
#[derive(Debug)]
pub(super) struct Join {
    pub(super) left: Node,
    pub(super) right: Node,
    /// The keys that are numbers of persons, if there are such.
    pub(super) person: Option<Keys>,
    /// The other keys.
    pub(super) keys: Vec<Keys>,
    pub(super) condition: Option<JoinFilter>,
    pub(super) kind: JoinType,
    /// Which column of which side comes out.
    pub(super) columns: Vec<(JoinSide, usize)>,
    pub(super) schema: SchemaRef,
}

/// A key of the left and of the right side.
pub(super) type Keys = (Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>);

/// Places of rows, left and right.
#[derive(Default)]
struct Pairs {
    left: Vec<u32>,
    right: Vec<u32>,
}

impl Join {
    pub(super) fn evaluate(&self, tables: &[StepTable]) -> Result<Option<RecordBatch>> {
        let left = self.left.evaluate(tables)?;
        let keeps_right = matches!(self.kind, JoinType::Right | JoinType::RightAnti);
        if left.is_none() && !keeps_right {
            return Ok(None);
        }
        let right = self.right.evaluate(tables)?;
        match (left, right) {
            (Some(left), Some(right)) => {
                let pairs = self.pairs(&left, &right)?;
                self.output(Some(&left), Some(&right), pairs)
            }
            (left, right) => self.output(left.as_ref(), right.as_ref(), Pairs::default()),
        }
    }

    /// The pairs that match.
    fn pairs(&self, left: &RecordBatch, right: &RecordBatch) -> Result<Pairs> {
        let keys = |(one, other): &Keys| Ok((column(one, left)?, column(other, right)?));
        let others = self.keys.iter().map(keys).collect::<Result<Vec<_>>>()?;
        let mut matching =
            Matching { join: self, left, right, others, waiting: Pairs::default(), kept: Pairs::default() };
        match &self.person {
            Some(person) => {
                let (one, other) = keys(person)?;
                matching.by_person(one.as_primitive::<UInt32Type>(), other.as_primitive::<UInt32Type>())?;
            }
            None => {
                for at in 0..left.num_rows() as u32 {
                    (0..right.num_rows() as u32).try_for_each(|other| matching.add(at, other))?;
                }
            }
        }
        matching.look()?;
        Ok(matching.kept)
    }

    /// The rows that come out for the pairs that match.
    fn output(
        &self,
        left: Option<&RecordBatch>,
        right: Option<&RecordBatch>,
        pairs: Pairs,
    ) -> Result<Option<RecordBatch>> {
        let rows = |side: Option<&RecordBatch>| side.map_or(0, RecordBatch::num_rows);
        let (mut lefts, mut rights) = (some(&pairs.left), some(&pairs.right));
        match self.kind {
            JoinType::Left => lefts.extend(places(&pairs.left, rows(left), false).map(Some)),
            JoinType::Right => rights.extend(places(&pairs.right, rows(right), false).map(Some)),
            JoinType::LeftSemi => lefts = places(&pairs.left, rows(left), true).map(Some).collect(),
            JoinType::LeftAnti => lefts = places(&pairs.left, rows(left), false).map(Some).collect(),
            JoinType::RightSemi => rights = places(&pairs.right, rows(right), true).map(Some).collect(),
            JoinType::RightAnti => rights = places(&pairs.right, rows(right), false).map(Some).collect(),
            _ => {}
        }
        let count = match self.kind {
            JoinType::RightSemi | JoinType::RightAnti => rights.len(),
            JoinType::LeftSemi | JoinType::LeftAnti => lefts.len(),
            _ => lefts.len().max(rights.len()),
        };
        if count == 0 {
            return Ok(None);
        }
        lefts.resize(count, None);
        rights.resize(count, None);
        let (lefts, rights) = (UInt32Array::from(lefts), UInt32Array::from(rights));
        let columns = self.columns.iter().zip(self.schema.fields()).map(|((side, at), field)| {
            let (rows, places) = if *side == JoinSide::Left { (left, &lefts) } else { (right, &rights) };
            match rows {
                Some(rows) => Ok(take(rows.column(*at), places, None)?),
                None => Ok(new_null_array(field.data_type(), count)),
            }
        });
        batch(&self.schema, columns.collect::<Result<Vec<_>>>()?, count).map(Some)
    }
}

fn some(places: &[u32]) -> Vec<Option<u32>> {
    places.iter().copied().map(Some).collect()
}

/// The places of a side, each once, that are among the pairs, or that are not.
fn places(paired: &[u32], rows: usize, wanted: bool) -> impl Iterator<Item = u32> {
    let mut is_paired = vec![false; rows];
    for &at in paired {
        is_paired[at as usize] = true;
    }
    (0_u32..).zip(is_paired).filter(move |(_, is_paired)| *is_paired == wanted).map(|(at, _)| at)
}

/// The search for the pairs of one evaluation.
struct Matching<'a> {
    join: &'a Join,
    left: &'a RecordBatch,
    right: &'a RecordBatch,
    others: Vec<(ArrayRef, ArrayRef)>,
    /// Pairs that are not compared yet.
    waiting: Pairs,
    kept: Pairs,
}

impl Matching<'_> {
    /// All pairs of the same person.
    fn by_person(&mut self, left: &UInt32Array, right: &UInt32Array) -> Result<()> {
        let largest = right.iter().flatten().max().unwrap_or(0);
        if largest > SLOT_MAX {
            return exec_err!("a person's number is no slot");
        }
        // The rows of the right side as chains, by person.
        let mut heads = vec![NOWHERE; largest as usize + 1];
        let mut next = vec![NOWHERE; right.len()];
        for (at, person) in (0_u32..).zip(right.iter()) {
            if let Some(person) = person {
                next[at as usize] = std::mem::replace(&mut heads[person as usize], at);
            }
        }
        for (at, person) in (0_u32..).zip(left.iter()) {
            let mut other = person.and_then(|person| heads.get(person as usize).copied()).unwrap_or(NOWHERE);
            while other != NOWHERE {
                self.add(at, other)?;
                other = next[other as usize];
            }
        }
        Ok(())
    }

    fn add(&mut self, left: u32, right: u32) -> Result<()> {
        self.waiting.left.push(left);
        self.waiting.right.push(right);
        if self.waiting.left.len() < PAIRS_TOGETHER { Ok(()) } else { self.look() }
    }

    /// Keeps those of the waiting pairs that match.
    fn look(&mut self) -> Result<()> {
        let (lefts, rights) = (std::mem::take(&mut self.waiting.left), std::mem::take(&mut self.waiting.right));
        if lefts.is_empty() {
            return Ok(());
        }
        if self.others.is_empty() && self.join.condition.is_none() {
            self.kept.left.extend(lefts);
            self.kept.right.extend(rights);
        } else {
            let (lefts, rights) = (UInt32Array::from(lefts), UInt32Array::from(rights));
            let matching = self.compare(&lefts, &rights)?;
            for at in matching.values().set_indices() {
                self.kept.left.push(lefts.value(at));
                self.kept.right.push(rights.value(at));
            }
        }
        if self.kept.left.len() > ROWS_MAX { exec_err!("more than {ROWS_MAX} pairs") } else { Ok(()) }
    }

    fn compare(&self, lefts: &UInt32Array, rights: &UInt32Array) -> Result<BooleanArray> {
        let mut matching: Option<BooleanArray> = None;
        let mut also = |more: BooleanArray| -> Result<()> {
            let more = if more.null_count() > 0 { prep_null_mask_filter(&more) } else { more };
            matching = Some(match matching.take() {
                Some(matching) => and(&matching, &more)?,
                None => more,
            });
            Ok(())
        };
        for (one, other) in &self.others {
            also(cmp::eq(&take(one, lefts, None)?, &take(other, rights, None)?)?)?;
        }
        if let Some(condition) = &self.join.condition {
            let columns = condition.column_indices().iter().map(|column| match column.side {
                JoinSide::Left => Ok(take(self.left.column(column.index), lefts, None)?),
                JoinSide::Right => Ok(take(self.right.column(column.index), rights, None)?),
                JoinSide::None => exec_err!("a condition reads neither side"),
            });
            let rows = batch(condition.schema(), columns.collect::<Result<Vec<_>>>()?, lefts.len())?;
            also(predicate(condition.expression(), &rows)?)?;
        }
        Ok(matching.unwrap_or_else(|| BooleanArray::from(vec![true; lefts.len()])))
    }
}
