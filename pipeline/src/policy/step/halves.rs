//! What fails on a part of a step is tried on its halves, until the slot is found that it fails on.
//!
//! Owns the halving: one person, or one pair, on whom a plan fails in spite of the gate stops nobody else.

use std::ops::Range;
use std::sync::Arc;

use super::execution::RuleFault;

/// What is said of some slots, and the slots on which a plan failed, in order.
pub type Said<T> = (Vec<T>, Vec<(u32, Arc<str>)>);

/// Executes over all slots, or over their halves where that fails.
pub fn by_halves<T>(all: Range<u32>, mut execute: impl FnMut(&Range<u32>) -> Result<Vec<T>, RuleFault>) -> Said<T> {
    let (mut said, mut failed) = (Vec::new(), Vec::new());
    let mut waiting = vec![all];
    while let Some(part) = waiting.pop() {
        let fault = match execute(&part) {
            Ok(mut rows) => {
                said.append(&mut rows);
                continue;
            }
            Err(fault) => fault,
        };
        match part.len() {
            0 => {}
            1 => failed.push((part.start, fault.rule)),
            length => {
                let middle = part.start + length as u32 / 2;
                // The later half first, so that faults come in the order of slots.
                waiting.push(middle..part.end);
                waiting.push(part.start..middle);
            }
        }
    }
    (said, failed)
}
