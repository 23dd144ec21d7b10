//! A judge: a pack with its plans and colours, ready to judge steps.
//!
//! A rule that fails on somebody in spite of the gate stops that person alone: the slots of the step are halved until
//! the person is found, and the others are judged.
//!
//! Owns the execution of a step. Must never know what was announced; no message may hold a cell of a row (I-8).

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use fuma_schemas::Instant;

use super::AssessError;
use super::change::Palette;
use crate::evidence::{Evidence, RuleTable, RuleTables, StepPart, StepRows, materialise};
use crate::policy::{Executor, Pack, PlantedFault, RuleFault, RuleRow, by_halves};

/// A pack, ready to judge.
pub struct Judge {
    executor: Executor,
    palette: Arc<Palette>,
    /// What to gather for somebody with rows in a set of tables; computed once for each set that occurs.
    needs: Box<[OnceLock<RuleTables>]>,
}

/// What the rules say of the slots of a step.
#[derive(Debug, Default)]
pub struct Judgement {
    /// By slot.
    pub rows: Vec<RuleRow>,
    /// The slots on which a rule failed, in order, each with the rule's id: nothing is known of them.
    pub failed: Vec<(u32, Arc<str>)>,
}

impl Judgement {
    /// Adds what is said of later slots.
    pub(super) fn append(&mut self, mut later: Judgement) {
        self.rows.append(&mut later.rows);
        self.failed.append(&mut later.failed);
    }

    /// The rule that failed on a slot.
    pub fn fault(&self, slot: u32) -> Option<&Arc<str>> {
        let at = self.failed.binary_search_by_key(&slot, |(slot, _)| *slot).ok()?;
        self.failed.get(at).map(|(_, rule)| rule)
    }
}

impl Judge {
    /// A judge by a pack that holds for all time.
    ///
    /// # Errors
    /// When the system has no room for an executor.
    pub fn new(pack: Arc<Pack>) -> Result<Judge, AssessError> {
        Judge::in_force_since(pack, None)
    }

    /// A judge by a pack that is in force since an instant: no state by it begins before.
    ///
    /// # Errors
    /// When the system has no room for an executor.
    pub fn in_force_since(pack: Arc<Pack>, since: Option<Instant>) -> Result<Judge, AssessError> {
        let needs = (0..1 << RuleTable::COUNT).map(|_| OnceLock::new()).collect();
        Ok(Judge { palette: Arc::new(Palette::new(&pack, since)), executor: Executor::new(pack)?, needs })
    }

    /// The pack.
    pub fn pack(&self) -> &Arc<Pack> {
        self.executor.pack()
    }

    /// The colours of the pack's rules.
    pub fn palette(&self) -> &Arc<Palette> {
        &self.palette
    }

    /// For tests: a rule that fails.
    #[doc(hidden)]
    pub fn plant(&mut self, fault: PlantedFault) {
        self.executor.plant(fault);
    }

    /// Whether a rule fails on purpose: in a joint step it must fail, too.
    pub(super) fn is_planted(&self) -> bool {
        self.executor.is_planted()
    }

    /// The tables that the rules need of somebody with rows in these.
    pub(super) fn needs(&self, present: RuleTables) -> RuleTables {
        let needs = || self.executor.pack().needs(present);
        self.needs.get(usize::from(present.0)).map_or_else(needs, |known| *known.get_or_init(needs))
    }

    /// What the rules say of the slots of a step.
    pub(super) fn judge(&self, evidence: &Evidence, rows: &StepRows, slots: Range<u32>) -> Judgement {
        let (rows, failed) = by_halves(slots.clone(), |part| match *part == slots {
            true => self.execute(evidence, rows),
            false => self.execute(evidence, &rows.of_slots(part)),
        });
        let mut judgement = Judgement { rows, failed };
        judgement.rows.sort_unstable_by_key(|row| row.slot);
        judgement
    }

    /// What the rules say of the slots of several parts, of each by its own slots: in one execution. Where a rule fails
    /// the parts are judged one by one, each halved until the person is found.
    pub(super) fn judge_parts(&self, parts: &[(&Evidence, &StepRows, u32)]) -> Vec<Judgement> {
        let together = if parts.len() > 1 { self.execute_parts(parts).ok() } else { None };
        together.unwrap_or_else(|| {
            parts.iter().map(|(evidence, rows, slots)| self.judge(evidence, rows, 0..*slots)).collect()
        })
    }

    fn execute_parts(&self, parts: &[(&Evidence, &StepRows, u32)]) -> Result<Vec<Judgement>, RuleFault> {
        let mut first_slot = 0;
        let mut step = Vec::with_capacity(parts.len());
        for &(evidence, rows, slots) in parts {
            step.push(StepPart { evidence, rows, first_slot });
            first_slot += slots;
        }
        let mut said = self.executor.execute(materialise(&step, &self.pack().wanted))?;
        said.sort_unstable_by_key(|row| row.slot);
        let mut rest = said.as_slice();
        let judgements = step.iter().zip(parts).map(|(part, (_, _, slots))| {
            let (own, others) = rest.split_at(rest.partition_point(|row| row.slot < part.first_slot + slots));
            rest = others;
            let rows = own.iter().map(|row| RuleRow { slot: row.slot - part.first_slot, ..*row }).collect();
            Judgement { rows, failed: Vec::new() }
        });
        Ok(judgements.collect())
    }

    fn execute(&self, evidence: &Evidence, rows: &StepRows) -> Result<Vec<RuleRow>, RuleFault> {
        self.executor.execute(evidence.materialise(rows, &self.pack().wanted))
    }
}
