//! F4: what went wrong and when. Pure functions of the event table and the case.

pub mod changepoint;
pub mod front;
pub mod histogram;
pub mod impact;
pub mod onset;
pub mod probe;
pub mod rates;
pub mod signals;
pub mod slo;
pub mod spells;
pub mod trend;
