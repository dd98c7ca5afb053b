//! What tells a leak's requests from the others, said with its numbers; and the endpoint of leaks that nothing else names.

use super::units::Units;
use super::{Feature, FeatureKind, Lead, Tier, features, rank};
use crate::correlate::callsite::{Attribution, Leak};
use crate::correlate::ledger::Folded;
use crate::table::{EventTable, RowId, Rows};

/// Leaks that are looked at: the largest.
const LEAKS: usize = 3;
/// Leads kept of each.
const LEADS: usize = 5;

/// Something that the requests of a leak have and others lack.
#[derive(Debug, Clone, PartialEq)]
pub struct Discriminator {
    /// Kind and text of each feature: one, or two that only together tell.
    pub features: Vec<(FeatureKind, String)>,
    /// Features that stand in (nearly) the same requests and cannot be told from the first.
    pub same: Vec<(FeatureKind, String)>,
    /// The numbers.
    pub lead: Lead,
    /// The finding in a sentence.
    pub sentence: String,
    /// Rows of leaked requests in which it stands.
    pub evidence: Vec<RowId>,
}

/// Finds what the leaks' requests have in common, and names the endpoint of those leaks that have neither stack nor
/// request. Returned are remarks: what was sampled, and what could not be read again.
pub(in crate::correlate) fn attribute(table: &EventTable, rows: &Rows<'_>, folded: &Folded, leaks: &mut [Leak]) -> Vec<String> {
    let chosen: Vec<&Leak> = leaks.iter().take(LEAKS).collect();
    let units = Units::new(rows, folded, &chosen);
    if units.list.is_empty() {
        return Vec::new();
    }
    let (said, problems) = features::Said::of(table, &units);
    let features = features::of(rows, folded, &units, &said);
    let mut remarks: Vec<String> =
        problems.iter().map(|p| format!("messages could not be read a second time to compare requests: {p}")).collect();
    for (at, leak) in leaks.iter_mut().take(LEAKS).enumerate() {
        // The sessions of the other leaks stay out: they are neither like it nor healthy.
        let fates: Vec<Option<bool>> = units
            .leak
            .iter()
            .map(|leak| match leak {
                Some(other) if *other == at => Some(true),
                Some(_) => None,
                None => Some(false),
            })
            .collect();
        let noun = if units.requests { "requests" } else { "sessions" };
        let leads = rank(&features, &fates).into_iter().take(LEADS);
        leak.discriminators = leads.map(|lead| discriminator(lead, &features, noun)).collect();
        name(leak);
    }
    let (looked_at, of) = units.sample;
    if looked_at < of && leaks.iter().any(|l| !l.discriminators.is_empty()) {
        remarks
            .push(format!("What leaking requests have in common was sought among {looked_at} others, an even sample of {of}."));
    }
    remarks
}

fn discriminator(lead: Lead, features: &[Feature], noun: &str) -> Discriminator {
    let of = |at: &usize| features.get(*at);
    let named = |at: &usize| of(at).map(|f| (f.kind, f.text.clone()));
    Discriminator {
        features: lead.features.iter().filter_map(named).collect(),
        same: lead.same.iter().filter_map(named).collect(),
        sentence: lead.sentence(features, noun),
        evidence: lead.features.iter().filter_map(of).flat_map(|f| f.evidence.iter().copied()).take(4).collect(),
        lead,
    }
}

/// A leak without stack or request takes its endpoint, and its attribution, from the best lead that is sure enough.
fn name(leak: &mut Leak) {
    if leak.attribution != Attribution::None {
        return;
    }
    // A host or a client is no place in the code.
    let code = |d: &&Discriminator| d.features.iter().chain(&d.same).any(|(kind, _)| kind.is_code());
    let sure = leak.discriminators.iter().filter(|d| d.lead.tier != Tier::Unattributed).filter(code);
    let endpoint = |d: &Discriminator| {
        let all = d.features.iter().chain(&d.same);
        all.into_iter().find(|(kind, _)| *kind == FeatureKind::Endpoint).map(|(_, text)| text.clone())
    };
    let Some(best) = sure.clone().next() else { return };
    leak.attribution = Attribution::Statistical;
    leak.tier = Some(best.lead.tier);
    leak.endpoint = leak.endpoint.take().or_else(|| sure.clone().find_map(endpoint));
}
