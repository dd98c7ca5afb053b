//! What is done to logs before anyone reads them: lost lines, holes, missing files, late beginnings, noise.

use super::plan::{Damage, Plan};
use super::rng::Rng;
use std::collections::BTreeMap;

/// Records by file: microseconds and text.
pub(crate) type Files = BTreeMap<String, Vec<(i64, String)>>;

fn tier(file: &str) -> &'static str {
    match file {
        f if f.starts_with("app-") => "app",
        f if f.starts_with("postgresql") || f.starts_with("mysql") => "db",
        "haproxy.log" | "access.log" | "error.log" => "edge",
        _ => "other",
    }
}

/// Damages the logs, and puts each file into its order.
pub(crate) fn damage(plan: &Plan, mut files: Files) -> Vec<(String, String)> {
    let mut rng = Rng::new(plan.seed ^ 0x00da_3a6e);
    for records in files.values_mut() {
        records.sort_by_key(|(t, _)| *t);
        records.retain(|(t, _)| *t as f64 <= plan.seconds * 1e6);
    }
    match plan.damage {
        Damage::Lines => {
            for records in files.values_mut() {
                records.retain(|_| !rng.chance(0.05));
            }
        }
        Damage::Hole => {
            let victim = if rng.chance(0.5) { "app" } else { "db" };
            let from = plan.seconds * rng.within(0.3, 0.8);
            let until = from + plan.seconds * rng.within(0.08, 0.15);
            for (_, records) in files.iter_mut().filter(|(name, _)| tier(name) == victim) {
                records.retain(|(t, _)| (*t as f64) < from * 1e6 || (*t as f64) > until * 1e6);
            }
        }
        Damage::NoEdge => files.retain(|name, _| tier(name) != "edge"),
        Damage::NoApp => files.retain(|name, _| tier(name) != "app"),
        Damage::NoDb => files.retain(|name, _| tier(name) != "db"),
        Damage::Short => {
            let from = plan.begin - 40.0;
            for (_, records) in files.iter_mut().filter(|(name, _)| name.as_str() != "deploys.log") {
                records.retain(|(t, _)| *t as f64 > from * 1e6);
            }
        }
        Damage::Noise => {
            let start = plan.epoch * 1_000_000;
            let noise: Vec<(i64, String)> = (0..(plan.seconds * 12.0) as i64)
                .map(|n| {
                    let t = n * 83_000 + rng.below(50_000) as i64;
                    let at = chrono::DateTime::from_timestamp_micros(start + t).unwrap();
                    let text = format!(
                        "{} job-{} [mailer] INFO queue drained, {} letters sent, next look in {} s",
                        at.format("%Y-%m-%dT%H:%M:%S%.3fZ"),
                        rng.below(9),
                        rng.below(40),
                        rng.below(30)
                    );
                    (t, text)
                })
                .collect();
            files.insert("worker.log".into(), noise);
        }
        _ => {}
    }
    let join = |records: Vec<(i64, String)>| {
        let mut text = String::new();
        for (_, record) in records {
            text.push_str(&record);
            text.push('\n');
        }
        text
    };
    files.into_iter().filter(|(_, r)| !r.is_empty()).map(|(name, records)| (name, join(records))).collect()
}
