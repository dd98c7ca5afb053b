//! Who asks: the usual clients, and those that an incident brings.

use super::plan::{Plan, Scenario};
use super::rng::Rng;

/// Who asks.
pub(crate) struct Client {
    pub(crate) address: String,
    pub(crate) agent: &'static str,
}

const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
];

/// Who asks, how often each, and how many of them are the usual ones; the others come with the incident.
pub(super) fn population(plan: &Plan, rng: &mut Rng) -> (Vec<Client>, Vec<f64>, usize) {
    let mut clients = vec![Client { address: "10.0.4.2".into(), agent: "kube-probe/1.31" }];
    let mut weights = vec![0.0];
    let address =
        |rng: &mut Rng| format!("{}.{}.{}.{}", 60 + rng.below(120), rng.below(256), rng.below(256), 1 + rng.below(254));
    for index in 0..160 {
        clients.push(Client { address: address(rng), agent: AGENTS[rng.below(5)] });
        weights.push(1.0 / (f64::from(index) + 8.0).powf(0.6));
    }
    let usual = clients.len();
    match plan.scenario {
        Scenario::Surge => {
            for _ in 0..700 {
                clients.push(Client { address: address(rng), agent: AGENTS[rng.below(5)] });
            }
        }
        Scenario::AbuseOne => clients.push(Client { address: address(rng), agent: "python-requests/2.32.3" }),
        Scenario::AbuseNet => {
            let (a, b, c) = (60 + rng.below(120), rng.below(256), rng.below(256));
            for host in 0..90 {
                clients.push(Client { address: format!("{a}.{b}.{c}.{}", 10 + host * 2), agent: AGENTS[rng.below(5)] });
            }
        }
        Scenario::Botnet => {
            for _ in 0..600 {
                clients.push(Client {
                    address: address(rng),
                    agent: "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 Chrome/49.0.2623.112 Safari/537.36",
                });
            }
        }
        _ => {}
    }
    (clients, weights, usual)
}
