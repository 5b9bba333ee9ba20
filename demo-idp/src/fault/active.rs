//! The faults that are set at one provider now, and which request meets which. Knows no fault by name.

use std::sync::Mutex;

use super::{Endpoint, Fault, OpenIdFault};
use crate::lock::lock;

struct Active {
    endpoint: Endpoint,
    fault: Fault,
    /// How many requests still pass unharmed.
    spared: u32,
    left: Option<u32>,
}

/// The faults that are set: at most one an endpoint, and one for `all`.
#[derive(Default)]
pub(crate) struct Faults {
    active: Mutex<Vec<Active>>,
}

impl Faults {
    /// Sets a fault, in place of the one that this endpoint had, after the requests that are `spared`; `times` of `None`
    /// is until it is cleared.
    pub(crate) fn set(&self, endpoint: Endpoint, fault: Fault, spared: u32, times: Option<u32>) {
        let mut active = lock(&self.active);
        active.retain(|other| other.endpoint != endpoint);
        active.push(Active { endpoint, fault, spared, left: times });
    }

    pub(crate) fn clear(&self) {
        lock(&self.active).clear();
    }

    /// The OpenID fault that is set at an endpoint, whether or not its requests are used up: what it has published stays
    /// published until it is cleared.
    pub(crate) fn standing(&self, endpoint: Endpoint) -> Option<OpenIdFault> {
        let active = lock(&self.active);
        let set_at =
            |at: Endpoint| active.iter().find(|set| set.endpoint == at && set.fault.applies_to(endpoint));
        match set_at(endpoint).or_else(|| set_at(Endpoint::All))?.fault {
            Fault::OpenId(fault) => Some(fault),
            _ => None,
        }
    }

    /// The fault that this request meets, counting it. `deciding`: the person's choice, as against the page before it.
    pub(crate) fn take(&self, endpoint: Endpoint, deciding: bool) -> Option<Fault> {
        let mut active = lock(&self.active);
        let meets = |set: &Active, at: Endpoint| {
            set.endpoint == at
                && set.left != Some(0)
                && set.fault.applies_to(endpoint)
                && (deciding || endpoint != Endpoint::Authorize || !set.fault.is_for_the_callback())
        };
        let position = active
            .iter()
            .position(|set| meets(set, endpoint))
            .or_else(|| active.iter().position(|set| meets(set, Endpoint::All)))?;
        let set = active.get_mut(position)?;
        if set.spared > 0 {
            set.spared -= 1;
            return None;
        }
        set.left = set.left.map(|left| left - 1);
        Some(set.fault)
    }
}
