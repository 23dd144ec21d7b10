//! The pack of a start: that of `--policy`, or the one in force by the log.
//!
//! Owns the choice of what is loaded before anything is begun. What is in force is the log's to say; the service asks
//! it again when it has it open.

use std::sync::Arc;

use crate::admission::{self, Drafts};
use crate::commands::CommandError;
use crate::commands::office::Office;
use crate::config::Config;
use crate::live::packs;
use crate::live::service::Named;
use crate::policy::{Pack, PackSource};

/// The pack, and how it was named.
///
/// # Errors
/// When there is none, or it may not be used.
pub(super) fn chosen(config: &Config) -> Result<(Arc<Pack>, Named), CommandError> {
    let Some(policy) = config.policy.as_deref() else {
        let pack = of_log(config, None)?.ok_or(CommandError::NoPolicy)?;
        return Ok((pack, Named::OfLog));
    };
    match PackSource::find(policy) {
        Ok(source) => {
            let pack = admission::admit_source(&source, Drafts::Refused)?.pack;
            let record = packs::record(&source).map_err(|error| CommandError::Input(error.to_string()))?;
            Ok((pack, Named::Given { record, is_built_in: PackSource::built_in(policy).is_some() }))
        }
        // It may have been published by its id, from a folder of another machine.
        Err(error) => match of_log(config, Some(policy)) {
            Ok(Some(pack)) => Ok((pack, Named::OfLog)),
            _ => Err(error.into()),
        },
    }
}

/// The pack in force, if the log has one; of a name only if it is in force or scheduled.
fn of_log(config: &Config, id: Option<&str>) -> Result<Option<Arc<Pack>>, CommandError> {
    let Some(seen) = Office::of_config(config)?.map(|office| office.look()).transpose()? else { return Ok(None) };
    let basis = seen.fold.basis();
    let Some(in_force) = basis.in_force(seen.now_ms.max(basis.clock_ms())) else { return Ok(None) };
    let mut may = basis.schedule().iter().filter(|switch| switch.number >= in_force.number);
    if id.is_some_and(|id| !may.any(|switch| switch.pack.id == id)) {
        return Ok(None);
    }
    let pack = packs::load(&seen.packs, &in_force.pack.digest);
    Ok(Some(pack.map_err(|error| CommandError::Other(error.to_string()))?))
}
