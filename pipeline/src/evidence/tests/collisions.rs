//! Facts of two people whose keys are the same: they never meet. Keys are weak here, so that all of them collide.

use fuma_schemas::Kind;
use proptest::prelude::*;

use super::cases::stay;
use super::model::Model;
use super::properties::record;
use super::records::{Record, apply, person, rows_of_all};
use super::snapshot::{exported, imported};
use crate::evidence::fact_key::weak;
use crate::evidence::{Evidence, Touched};

#[test]
fn a_retraction_of_one_person_leaves_the_other_alone() {
    weak::with(|| {
        let (mine, yours) = (stay(1, "a", "330106", 5), stay(2, "a", "330102", 5));
        assert_eq!(mine.key(), yours.key(), "they collide");
        let mut evidence = Evidence::default();
        assert_eq!(apply(&mut evidence, &[mine, yours.clone()]).people(), [0, 1]);
        assert_eq!(apply(&mut evidence, &[yours.revision(2).retract()]).people(), [1]);
        assert_eq!(rows_of_all(&evidence).len(), 1);
        assert!(rows_of_all(&evidence)[0].contains("330106"));
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn facts_of_two_people_never_meet(
        records in prop::collection::vec(record(), 1..40),
        verdicts in prop::collection::vec((0..3_u8, 0..2_u8, any::<bool>()), 0..8),
        compact in any::<bool>(),
    ) {
        weak::with(|| {
            let mut model = Model { records: records.clone(), ..Model::default() };
            let mut evidence = Evidence::default();
            apply(&mut evidence, &records);
            for (version, &(number, id, counts)) in verdicts.iter().enumerate() {
                let key = Record::new(Kind::Contacts, number, &id.to_string(), 0, vec![]).key();
                evidence.set_counts(person(number), key, counts, version as u64, &mut Touched::default());
                model.verdicts.insert((number, key), counts);
            }
            if compact {
                evidence.compact();
            }
            assert_eq!(rows_of_all(&evidence), model.rows());
            let regions: Vec<Record> = records.iter().filter(|record| record.kind == Kind::Regions).cloned().collect();
            let (mut restored, _) = imported(&exported(&evidence, 2, &[]), true);
            apply(&mut restored, &regions);
            assert_eq!(rows_of_all(&restored), model.rows());
        });
    }
}
