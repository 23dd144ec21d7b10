//! What a process belongs to: its installation is found, or made at the first start.
//!
//! Owns what a process says of itself. Nothing of a stage is started before it.

use std::sync::Arc;

use fuma_connectors::log::Log;

use super::Service;
use crate::live::decisions::{Belonging, FoundError, Own, found};
use crate::live::worker::clock::{SystemWall, Wall as _};

/// What the configuration and the key say of the installation.
pub(crate) fn own(service: &Service) -> Own {
    let config = &service.config;
    let names = config.is_on_kafka().then(|| (config.kafka.prefix.clone(), config.group.clone()));
    Own { names, key: service.origin().key }
}

/// The service, knowing its installation.
///
/// # Errors
/// When what is there is another's, or is not as it is recorded.
pub(super) fn belong(service: &Service, log: &Arc<dyn Log>) -> Result<Service, FoundError> {
    let own = own(service);
    let (decisions, installation) = found(log.as_ref(), &own, SystemWall::default().now().0)?;
    tracing::info!(
        installation = %installation.id,
        key = %installation.key,
        partitions = installation.partitions,
        cluster = installation.cluster.as_deref().unwrap_or("-"),
        "belongs to"
    );
    let belongs = Belonging::new(Arc::clone(log), own, installation);
    Ok(Service { belongs: Some(belongs), decisions: Some(decisions), ..service.clone() })
}
