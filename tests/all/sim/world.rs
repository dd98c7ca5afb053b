//! A discrete-event model of clients, a balancer, application instances with a pool each, and a database. It keeps what is
//! true aside and writes only what the real programs would log.

use super::people::{Client, population};
use super::plan::{Plan, Scenario};
use super::rng::Rng;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

/// An endpoint: method, path with `{}` for a number, weight, statements, whether the cache may answer, code that borrows.
pub(crate) struct Endpoint {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(super) weight: f64,
    pub(super) statements: usize,
    pub(super) cached: bool,
    pub(crate) site: (&'static str, &'static str, u32),
    pub(crate) sql: &'static str,
}

const fn endpoint(
    method: &'static str,
    path: &'static str,
    weight: f64,
    statements: usize,
    cached: bool,
    site: (&'static str, &'static str, u32),
    sql: &'static str,
) -> Endpoint {
    Endpoint { method, path, weight, statements, cached, site, sql }
}

pub(crate) const ENDPOINTS: [Endpoint; 9] = [
    endpoint("GET", "/api/products/{}", 0.40, 1, true, ("ProductDao", "find", 31), "SELECT * FROM products WHERE id = $1"),
    endpoint(
        "GET",
        "/api/categories/{}",
        0.18,
        1,
        true,
        ("CategoryDao", "list", 22),
        "SELECT id, name FROM products WHERE category_id = $1",
    ),
    endpoint(
        "GET",
        "/api/search?q=item{}",
        0.08,
        2,
        false,
        ("SearchDao", "query", 44),
        "SELECT id FROM products WHERE name ILIKE $1 LIMIT 20",
    ),
    endpoint("GET", "/api/cart/{}", 0.10, 1, false, ("CartDao", "view", 39), "SELECT * FROM cart_items WHERE cart_id = $1"),
    endpoint(
        "POST",
        "/api/cart/{}/items",
        0.06,
        2,
        false,
        ("CartDao", "add", 57),
        "UPDATE stock SET reserved = reserved + 1 WHERE product_id = $1",
    ),
    endpoint(
        "GET",
        "/api/orders/{}",
        0.07,
        2,
        false,
        ("OrderDao", "load", 18),
        "SELECT * FROM orders WHERE customer_id = $1 ORDER BY placed_at DESC",
    ),
    endpoint(
        "POST",
        "/api/checkout",
        0.06,
        3,
        false,
        ("OrderDao", "place", 63),
        "INSERT INTO orders (cart_id, total) VALUES ($1, $2)",
    ),
    endpoint("GET", "/", 0.05, 0, false, ("", "", 0), ""),
    endpoint("GET", "/healthz", 0.0, 0, false, ("", "", 0), ""),
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Coming,
    Waiting,
    Holding,
    Over,
}

pub(crate) struct Request {
    pub(crate) ep: usize,
    pub(crate) param: usize,
    pub(crate) client: usize,
    pub(crate) id: u64,
    pub(crate) arrive: f64,
    pub(crate) inst: usize,
    pub(crate) thread: usize,
    pub(crate) began: f64,
    pub(crate) slot: Option<usize>,
    pub(crate) borrowed: f64,
    pub(crate) execs: Vec<f64>,
    pub(crate) locked: f64,
    pub(crate) external: f64,
    pub(crate) connect: f64,
    pub(crate) queued: f64,
    pub(crate) reported: bool,
    pub(super) state: State,
    pub(super) told: bool,
    pub(super) attempt: u8,
    pub(super) broken: bool,
}

/// A physical connection.
#[derive(Clone)]
pub(crate) struct Slot {
    pub(crate) pid: u32,
    pub(crate) port: u16,
    pub(crate) name: u64,
    pub(crate) opened: f64,
    pub(super) alive: bool,
}

pub(crate) struct Instance {
    pub(crate) pid: u32,
    pub(crate) slots: Vec<Slot>,
    pub(super) free: Vec<usize>,
    pub(super) waiting: VecDeque<usize>,
    pub(super) threads: Vec<usize>,
    pub(super) backlog: VecDeque<usize>,
    pub(super) down_until: f64,
}

pub(super) enum Event {
    Arrive { extra: bool },
    Retry(usize),
    Probe,
    Enter(usize),
    GiveUp(usize),
    Release(usize),
    Answer(usize, u16),
    EdgeGivesUp(usize),
    Refused(usize),
    LeakReport(usize),
    Collected(usize),
    Stats(usize),
    Step(u32),
    Restart(usize, &'static str),
}

/// What is true, kept apart from the logs.
#[derive(Debug, Default, Clone)]
pub(crate) struct Truth {
    /// First failed request after it began, seconds from the start.
    pub(crate) seen: Option<f64>,
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    /// Names of the connections that were never given back.
    pub(crate) leaked: Vec<String>,
}

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) rng: Rng,
    pub(crate) clients: Vec<Client>,
    pub(super) weights: Vec<f64>,
    pub(super) usual: usize,
    pub(crate) requests: Vec<Request>,
    pub(crate) instances: Vec<Instance>,
    pub(super) heap: BinaryHeap<Reverse<(u64, u64)>>,
    pub(super) events: BTreeMap<u64, Event>,
    pub(super) count: u64,
    pub(crate) up: bool,
    pub(super) executing: usize,
    pub(super) next_pid: u32,
    pub(crate) truth: Truth,
    pub(crate) files: BTreeMap<String, Vec<(i64, String)>>,
}

impl World {
    pub(crate) fn run(plan: Plan) -> World {
        let mut rng = Rng::new(plan.seed ^ 0x00ab_cdef);
        let (clients, weights, usual) = population(&plan, &mut rng);
        let mut world = World {
            rng,
            clients,
            weights,
            usual,
            requests: Vec::new(),
            instances: Vec::new(),
            heap: BinaryHeap::new(),
            events: BTreeMap::new(),
            count: 0,
            up: true,
            executing: 0,
            next_pid: 2101,
            truth: Truth::default(),
            files: BTreeMap::new(),
            plan,
        };
        world.boot_database(0.0);
        for inst in 0..world.plan.instances {
            world.instances.push(Instance {
                pid: 0,
                slots: Vec::new(),
                free: Vec::new(),
                waiting: VecDeque::new(),
                threads: Vec::new(),
                backlog: VecDeque::new(),
                down_until: 0.0,
            });
            world.boot(inst, 0.5 + inst as f64, "2.4.0");
            world.at(5.0 + inst as f64, Event::Stats(inst));
        }
        world.at(2.0, Event::Arrive { extra: false });
        world.at(3.0, Event::Probe);
        let (begin, end) = (world.plan.begin, world.plan.end);
        world.at(begin, Event::Step(0));
        world.at(end, Event::Step(1000));
        if matches!(world.plan.scenario, Scenario::Surge | Scenario::AbuseOne | Scenario::AbuseNet | Scenario::Botnet) {
            world.at(begin, Event::Arrive { extra: true });
        }
        world.loop_until(world.plan.seconds);
        world.finish();
        world
    }

    pub(super) fn at(&mut self, t: f64, event: Event) {
        self.count += 1;
        self.heap.push(Reverse(((t * 1e6).max(0.0) as u64, self.count)));
        self.events.insert(self.count, event);
    }

    fn loop_until(&mut self, end: f64) {
        while let Some(Reverse((micros, number))) = self.heap.pop() {
            let t = micros as f64 / 1e6;
            if t > end {
                break;
            }
            match self.events.remove(&number).expect("an event is taken once") {
                Event::Arrive { extra } => self.arrivals(t, extra),
                Event::Retry(old) => {
                    let request = &self.requests[old];
                    let (client, ep, param, attempt) = (request.client, request.ep, request.param, request.attempt + 1);
                    self.arrive(t, client, ep, param, attempt);
                }
                Event::Probe => {
                    self.arrive(t, 0, 8, 0, 9);
                    self.at(t + 5.0, Event::Probe);
                }
                Event::Enter(r) => self.enter(t, r),
                Event::GiveUp(r) => self.give_up(t, r),
                Event::Release(r) => self.release(t, r),
                Event::Answer(r, status) => self.answer(t, r, status),
                Event::EdgeGivesUp(r) => self.edge_gives_up(t, r),
                Event::Refused(r) => self.refused(t, r),
                Event::LeakReport(r) => self.leak_report(t, r),
                Event::Collected(r) => self.collected(t, r),
                Event::Stats(inst) => {
                    let i = &self.instances[inst];
                    let (total, free, waiting) = (i.slots.len(), i.free.len(), i.waiting.len());
                    self.log_stats(t, inst, total, free, waiting);
                    self.at(t + 10.0, Event::Stats(inst));
                }
                Event::Step(step) => self.step(t, step),
                Event::Restart(inst, version) => self.restart(t, inst, version),
            }
        }
    }

    fn arrivals(&mut self, t: f64, extra: bool) {
        let plan = &self.plan;
        if extra && t >= plan.end {
            return;
        }
        let growth = match plan.scenario {
            Scenario::PoolOutgrown if t >= plan.begin => 1.0 + (plan.load - 1.0) * ((t - plan.begin) / 120.0).min(1.0),
            Scenario::HealthyBusy => 1.0 + 0.6 * (std::f64::consts::PI * t / plan.seconds).sin(),
            _ => 1.0,
        };
        let day = 1.0 + 0.08 * (t / 180.0).sin();
        let rate = if extra { plan.rate * (plan.load - 1.0) } else { plan.rate * growth * day };
        let gap = self.rng.exponential(1.0 / rate);
        self.at(t + gap, Event::Arrive { extra });
        let abusive = extra && self.plan.scenario != Scenario::Surge;
        let client =
            if extra { self.usual + self.rng.below(self.clients.len() - self.usual) } else { self.rng.weighted(&self.weights) };
        let weights: Vec<f64> = ENDPOINTS.iter().map(|e| e.weight).collect();
        let ep = if abusive && self.rng.chance(0.9) { 2 } else { self.rng.weighted(&weights) };
        let param = 1 + self.rng.below(900);
        self.arrive(t, client, ep, param, 0);
    }

    pub(super) fn arrive(&mut self, t: f64, client: usize, ep: usize, param: usize, attempt: u8) {
        let id = self.rng.next();
        let r = self.requests.len();
        let inst = self.pick_instance(t, r);
        self.requests.push(Request {
            ep,
            param,
            client,
            id,
            arrive: t,
            inst,
            thread: 0,
            began: t,
            slot: None,
            borrowed: t,
            execs: Vec::new(),
            locked: 0.0,
            external: 0.0,
            connect: 0.0,
            queued: 0.0,
            reported: false,
            state: State::Coming,
            told: false,
            attempt,
            broken: false,
        });
        self.truth.requests += 1;
        let active = self.plan.active(t);
        // A time-out written without its unit is one in milliseconds.
        let patience = if active && self.plan.scenario == Scenario::LbTimeout { 0.03 } else { self.plan.lb_timeout };
        self.at(t + patience, Event::EdgeGivesUp(r));
        let begin = self.plan.begin;
        match self.plan.scenario {
            Scenario::LbNoServer if active && t > begin + 6.0 => return self.edge_fails(t, r, 503, "SC", None),
            Scenario::LbNoServer if active => return self.edge_fails(t, r, 503, "SC", Some(inst)),
            Scenario::LbWrongServer if active && inst == 1 => return self.edge_fails(t, r, 503, "SC", Some(inst)),
            _ => {}
        }
        self.pass(t, r);
    }

    fn pick_instance(&mut self, t: f64, r: usize) -> usize {
        let up: Vec<usize> = (0..self.instances.len()).filter(|i| self.instances[*i].down_until <= t).collect();
        if up.is_empty() { r % self.instances.len() } else { up[r % up.len()] }
    }

    /// From the balancer to the application.
    fn pass(&mut self, t: f64, r: usize) {
        let mut connect = self.rng.within(0.0002, 0.0022);
        if self.plan.active(t) {
            match self.plan.scenario {
                Scenario::NetSlow => {
                    connect += self.rng.lognormal(0.25, 0.5);
                    if self.rng.chance(0.10) {
                        self.requests[r].connect = 5.0;
                        return self.at(t + 5.0, Event::Refused(r));
                    }
                }
                Scenario::NetLoss => {
                    if self.rng.chance(0.12) {
                        return self.at(t + 5.0, Event::Refused(r));
                    }
                    if self.rng.chance(0.3) {
                        connect += if self.rng.chance(0.8) { 1.0 } else { 3.0 };
                    }
                }
                _ => {}
            }
        }
        self.requests[r].connect = connect;
        self.requests[r].queued = t - self.requests[r].arrive;
        self.at(t + connect, Event::Enter(r));
    }

    fn refused(&mut self, t: f64, r: usize) {
        let inst = self.requests[r].inst;
        self.edge_fails(t, r, 503, "sC", Some(inst));
    }

    pub(super) fn edge_fails(&mut self, t: f64, r: usize, status: u16, state: &str, server: Option<usize>) {
        if !self.requests[r].told {
            self.requests[r].state = State::Over;
            self.tell(t, r, status, state, server);
        }
    }

    fn edge_gives_up(&mut self, t: f64, r: usize) {
        if !self.requests[r].told {
            let inst = self.requests[r].inst;
            self.tell(t, r, 504, "sH", Some(inst));
        }
    }

    /// The balancer's line; what clients see.
    pub(super) fn tell(&mut self, t: f64, r: usize, status: u16, state: &str, server: Option<usize>) {
        self.requests[r].told = true;
        self.log_edge(t, r, status, state, server);
        let slow = t - self.requests[r].arrive > 1.0;
        if (slow || status >= 500) && t >= self.plan.begin && !self.plan.scenario.healthy() && self.truth.seen.is_none() {
            self.truth.seen = Some(self.requests[r].arrive.max(self.plan.begin));
        }
        if status >= 500 {
            self.truth.failed += 1;
            if self.plan.retries && self.requests[r].client < self.usual && self.requests[r].attempt < 3 && self.rng.chance(0.7)
            {
                let pause = self.rng.within(0.5, 3.0);
                self.at(t + pause, Event::Retry(r));
            }
        }
    }
}
