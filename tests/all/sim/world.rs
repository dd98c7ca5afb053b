//! A discrete-event model of clients, a balancer, application instances with a pool each, and a database. It keeps what is
//! true aside and writes only what the real programs would log.

use super::plan::{Db, Plan, STATEMENT, Scenario};
use super::rng::Rng;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

/// An endpoint: method, path with `{}` for a number, weight, statements, whether the cache may answer, code that borrows.
pub(crate) struct Endpoint {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    weight: f64,
    statements: usize,
    cached: bool,
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
    state: State,
    told: bool,
    attempt: u8,
    broken: bool,
}

/// A physical connection.
#[derive(Clone)]
pub(crate) struct Slot {
    pub(crate) pid: u32,
    pub(crate) port: u16,
    pub(crate) name: u64,
    pub(crate) opened: f64,
    alive: bool,
}

pub(crate) struct Instance {
    pub(crate) pid: u32,
    pub(crate) slots: Vec<Slot>,
    free: Vec<usize>,
    waiting: VecDeque<usize>,
    threads: Vec<usize>,
    backlog: VecDeque<usize>,
    down_until: f64,
}

enum Event {
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
    weights: Vec<f64>,
    usual: usize,
    pub(crate) requests: Vec<Request>,
    pub(crate) instances: Vec<Instance>,
    heap: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    count: u64,
    pub(crate) up: bool,
    executing: usize,
    next_pid: u32,
    pub(crate) truth: Truth,
    pub(crate) files: BTreeMap<String, Vec<(i64, String)>>,
}

impl World {
    pub(crate) fn run(plan: Plan) -> World {
        let mut rng = Rng::new(plan.seed ^ 0xabcdef);
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

    fn at(&mut self, t: f64, event: Event) {
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

    // ---- clients ----

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

    fn arrive(&mut self, t: f64, client: usize, ep: usize, param: usize, attempt: u8) {
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

    fn edge_fails(&mut self, t: f64, r: usize, status: u16, state: &str, server: Option<usize>) {
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
    fn tell(&mut self, t: f64, r: usize, status: u16, state: &str, server: Option<usize>) {
        self.requests[r].told = true;
        self.log_edge(t, r, status, state, server);
        if status >= 500 {
            self.truth.failed += 1;
            if t >= self.plan.begin && !self.plan.scenario.healthy() && self.truth.seen.is_none() {
                self.truth.seen = Some(t);
            }
            if self.plan.retries && self.requests[r].client < self.usual && self.requests[r].attempt < 3 && self.rng.chance(0.7)
            {
                let pause = self.rng.within(0.5, 3.0);
                self.at(t + pause, Event::Retry(r));
            }
        }
    }

    // ---- application ----

    fn enter(&mut self, t: f64, r: usize) {
        let inst = self.requests[r].inst;
        if self.instances[inst].down_until > t {
            return self.edge_fails(t, r, 503, "SC", Some(inst));
        }
        match self.instances[inst].threads.pop() {
            Some(thread) => self.begin(t, r, thread),
            None => self.instances[inst].backlog.push_back(r),
        }
    }

    fn begin(&mut self, t: f64, r: usize, thread: usize) {
        self.requests[r].thread = thread;
        self.requests[r].began = t;
        self.log_start(t, r);
        let (ep, active) = (&ENDPOINTS[self.requests[r].ep], self.plan.active(t));
        let scenario = self.plan.scenario;
        if active && scenario == Scenario::AppFiles && self.rng.chance(0.35)
            || active && scenario == Scenario::AppMemory && self.rng.chance(0.3)
        {
            self.log_exhausted(t, r);
            return self.at(t + 0.01, Event::Answer(r, 500));
        }
        if self.rng.chance(0.0008) && self.requests[r].ep != 8 {
            self.log_unrelated(t, r);
            return self.at(t + 0.01, Event::Answer(r, 500));
        }
        let quick = t + self.rng.within(0.001, 0.008);
        if ep.statements == 0 {
            return self.at(quick, Event::Answer(r, 200));
        }
        if ep.cached {
            let failing = active && scenario == Scenario::CacheDown;
            let cold = active && scenario == Scenario::CacheCold;
            let hit = !failing && self.rng.chance(if cold { 0.05 } else { 0.93 });
            self.log_cache(t, r, hit, failing);
            if hit {
                return self.at(quick, Event::Answer(r, 200));
            }
        }
        self.acquire(t, r);
    }

    fn acquire(&mut self, t: f64, r: usize) {
        let inst = self.requests[r].inst;
        if self.plan.pool == 0 {
            let open: usize = self.instances.iter().map(|i| i.slots.iter().filter(|s| s.alive).count()).sum();
            if open >= self.plan.max_connections {
                self.log_too_many(t, r);
                return self.at(t + 0.01, Event::Answer(r, 500));
            }
            let slot = self.connect(t, inst);
            return self.hold(t, r, slot);
        }
        match self.instances[inst].free.pop() {
            Some(slot) => self.hold(t, r, slot),
            None => {
                self.requests[r].state = State::Waiting;
                self.instances[inst].waiting.push_back(r);
                self.at(t + self.plan.acquire_timeout, Event::GiveUp(r));
            }
        }
    }

    fn give_up(&mut self, t: f64, r: usize) {
        if self.requests[r].state == State::Waiting {
            let inst = self.requests[r].inst;
            self.instances[inst].waiting.retain(|x| *x != r);
            self.log_timeout(t, r);
            self.answer(t + 0.002, r, 503);
        }
    }

    fn hold(&mut self, t: f64, r: usize, slot: usize) {
        let inst = self.requests[r].inst;
        self.requests[r].state = State::Holding;
        self.requests[r].slot = Some(slot);
        self.requests[r].borrowed = t;
        if !self.instances[inst].slots[slot].alive {
            if !self.up {
                let pause = if self.plan.scenario == Scenario::DbUnreachable { 3.0 } else { 0.005 };
                self.requests[r].broken = true;
                return self.at(t + pause, Event::Release(r));
            }
            let fresh = self.connect(t, inst);
            let made = self.instances[inst].slots.pop().expect("just made");
            debug_assert_eq!(fresh, self.instances[inst].slots.len());
            self.instances[inst].slots[slot] = made;
        }
        self.log_borrow(t, r);
        self.executing += 1;
        let (active, ep) = (self.plan.active(t), self.requests[r].ep);
        let crowd = (self.executing as f64 / self.plan.cores).max(1.0).min(3.0);
        let mut execs: Vec<f64> =
            (0..ENDPOINTS[ep].statements).map(|_| self.rng.lognormal(STATEMENT.0, STATEMENT.1) * crowd).collect();
        let scenario = self.plan.scenario;
        if active && ep == self.plan.endpoint {
            match scenario {
                Scenario::SlowQuery => execs[0] = self.rng.within(3.0, 9.0),
                Scenario::Locks => {
                    self.requests[r].locked = self.rng.within(2.0, 8.0);
                    execs[0] += self.requests[r].locked;
                }
                Scenario::SlowCall => self.requests[r].external = self.rng.within(3.0, 8.0),
                _ => {}
            }
        }
        let own = self.rng.within(0.01, 0.05);
        let sum: f64 = execs.iter().sum::<f64>() + own + self.requests[r].external;
        self.requests[r].execs = execs;
        self.at(t + sum, Event::Release(r));
        if self.plan.leak_detection {
            self.at(t + 5.0, Event::LeakReport(r));
        }
    }

    fn leak_report(&mut self, t: f64, r: usize) {
        if self.requests[r].slot.is_some() && !self.requests[r].broken {
            self.requests[r].reported = true;
            self.log_leak_report(t, r);
        }
    }

    fn release(&mut self, t: f64, r: usize) {
        if self.requests[r].state != State::Holding {
            return;
        }
        let inst = self.requests[r].inst;
        let slot = self.requests[r].slot.expect("a holder has a connection");
        let scenario = self.plan.scenario;
        if self.requests[r].broken {
            self.log_connect_failed(t, r);
            self.requests[r].slot = None;
            self.put_back(t, inst, slot);
            return self.answer(t, r, 500);
        }
        self.executing = self.executing.saturating_sub(1);
        let (active, ep) = (self.plan.active(self.requests[r].borrowed), self.requests[r].ep);
        self.log_statements(t, r);
        if active && scenario == Scenario::DbDisk && ENDPOINTS[ep].method == "POST" {
            self.log_disk_full(t, r);
            self.give_back(t, r);
            return self.answer(t, r, 500);
        }
        let leak = active && scenario.leaks() && ep == self.plan.endpoint && self.rng.chance(self.plan.leak_share);
        if leak {
            let name = self.connection_name(inst, slot);
            self.truth.leaked.push(name);
            if scenario == Scenario::LeakLate {
                let late = self.rng.within(100.0, 220.0);
                self.at(t + late, Event::Collected(r));
            }
            let failed = scenario == Scenario::LeakBranch;
            if failed {
                self.log_branch(t, r);
            }
            return self.answer(t, r, if failed { 422 } else { 200 });
        }
        self.give_back(t, r);
        self.answer(t, r, 200);
    }

    fn give_back(&mut self, t: f64, r: usize) {
        let (inst, slot) = (self.requests[r].inst, self.requests[r].slot);
        self.log_return(t, r);
        self.requests[r].slot = None;
        if let Some(slot) = slot {
            if self.plan.pool == 0 {
                self.log_db_close(t, inst, slot, false);
                self.instances[inst].slots[slot].alive = false;
            } else {
                self.put_back(t, inst, slot);
            }
        }
    }

    fn put_back(&mut self, t: f64, inst: usize, slot: usize) {
        while let Some(next) = self.instances[inst].waiting.pop_front() {
            if self.requests[next].state == State::Waiting {
                return self.hold(t, next, slot);
            }
        }
        self.instances[inst].free.push(slot);
    }

    /// The collector of garbage closes what was dropped, and the pool makes room.
    fn collected(&mut self, t: f64, r: usize) {
        let inst = self.requests[r].inst;
        let Some(slot) = self.requests[r].slot.take() else { return };
        self.log_collected(t, inst, slot);
        self.log_db_close(t, inst, slot, false);
        self.instances[inst].slots[slot].alive = false;
        self.put_back(t, inst, slot);
    }

    fn answer(&mut self, t: f64, r: usize, status: u16) {
        if self.requests[r].state == State::Over {
            return;
        }
        self.requests[r].state = State::Over;
        let inst = self.requests[r].inst;
        self.log_end(t, r, status);
        if !self.requests[r].told {
            self.tell(t + 0.0005, r, status, "--", Some(inst));
        }
        let thread = self.requests[r].thread;
        match self.instances[inst].backlog.pop_front() {
            Some(next) => self.begin(t, next, thread),
            None => self.instances[inst].threads.push(thread),
        }
    }

    // ---- database ----

    /// Opens a physical connection; gives its place.
    fn connect(&mut self, t: f64, inst: usize) -> usize {
        self.next_pid += 1 + self.rng.below(3) as u32;
        let slot = Slot {
            pid: self.next_pid,
            port: 32_000 + self.rng.below(28_000) as u16,
            name: 0x7f00_0000_0000 + (self.rng.next() & 0xff_ffff_fff0),
            opened: t,
            alive: true,
        };
        self.instances[inst].slots.push(slot);
        let place = self.instances[inst].slots.len() - 1;
        self.log_db_open(t, inst, place);
        place
    }

    pub(crate) fn boot(&mut self, inst: usize, t: f64, version: &'static str) {
        self.next_pid += 10;
        let pid = self.next_pid;
        let i = &mut self.instances[inst];
        i.pid = pid;
        i.threads = (1..=self.plan.threads).rev().collect();
        (i.slots, i.free) = (Vec::new(), Vec::new());
        (i.waiting, i.backlog) = (VecDeque::new(), VecDeque::new());
        self.log_boot(t, inst, version);
        let pool = if self.plan.scenario == Scenario::PoolShrunk && self.plan.active(t) { 1 } else { self.plan.pool };
        for _ in 0..pool {
            let slot = self.connect(t + 0.3, inst);
            self.instances[inst].free.push(slot);
        }
        self.instances[inst].free.reverse();
    }

    fn restart(&mut self, t: f64, inst: usize, version: &'static str) {
        let mine: Vec<usize> = (0..self.requests.len()).rev().take(20_000).filter(|r| self.requests[*r].inst == inst).collect();
        for r in mine {
            self.requests[r].slot = None;
            if self.requests[r].state != State::Over {
                if self.requests[r].state == State::Holding && !self.requests[r].broken {
                    self.executing = self.executing.saturating_sub(1);
                }
                self.requests[r].state = State::Over;
                if !self.requests[r].told {
                    self.tell(t, r, 502, "SH", Some(inst));
                }
            }
        }
        self.log_stop(t, inst);
        for slot in 0..self.instances[inst].slots.len() {
            if self.instances[inst].slots[slot].alive {
                self.log_db_close(t, inst, slot, false);
            }
        }
        self.instances[inst].down_until = t + 4.0;
        self.boot(inst, t + 3.0, version);
    }

    /// Every server session ends at once.
    fn sever(&mut self, t: f64, logged: bool) {
        for inst in 0..self.instances.len() {
            for slot in 0..self.instances[inst].slots.len() {
                if self.instances[inst].slots[slot].alive {
                    self.instances[inst].slots[slot].alive = false;
                    if logged {
                        self.log_db_close(t, inst, slot, true);
                    }
                }
            }
        }
        for r in (0..self.requests.len()).rev().take(5000) {
            if self.requests[r].state == State::Holding {
                self.requests[r].broken = true;
                self.executing = self.executing.saturating_sub(1);
                let pause = if self.plan.scenario == Scenario::DbUnreachable { 2.0 } else { 0.001 };
                self.at(t + pause, Event::Release(r));
            }
        }
    }

    // ---- what happens ----

    fn step(&mut self, t: f64, step: u32) {
        use Scenario as S;
        let (scenario, plan) = (self.plan.scenario, self.plan.clone());
        if plan.decoy && step == 0 {
            self.log_deploy(t - 40.0, "search-indexer", "0.17.3");
        }
        match (scenario, step) {
            (S::Healthy | S::HealthyBusy, 0) => {
                self.log_deploy(t, "shop-api", "2.4.1");
                self.roll(t, "2.4.1");
            }
            (S::PoolShrunk, 0 | 1000) => {
                self.log_deploy(t, "shop-config", if step == 0 { "88" } else { "89" });
                self.roll(t, "2.4.0");
            }
            (S::LbNoServer | S::LbWrongServer | S::LbTimeout, 0 | 1000) => {
                self.log_deploy(t, "lb-config", if step == 0 { "31" } else { "32" });
                if scenario == S::LbNoServer {
                    self.log_servers(t + 6.0 * f64::from(u8::from(step == 0)), step == 1000);
                }
            }
            (S::DbRestart, 0) => {
                let down = self.rng.within(8.0, 40.0);
                self.database_down(t, true);
                self.at(t + down, Event::Step(1));
            }
            (S::DbCrashLoop, 0..=90) if step % 2 == 0 => {
                if t < plan.end {
                    self.database_down(t, false);
                    self.at(t + 6.0, Event::Step(step + 1));
                }
            }
            (S::DbRestart | S::DbCrashLoop, 1..=91) => {
                self.database_up(t);
                if scenario == S::DbCrashLoop {
                    let pause = self.rng.within(10.0, 40.0);
                    self.at(t + pause, Event::Step(step + 1));
                }
            }
            (S::DbUnreachable, 0) => {
                self.up = false;
                self.sever(t, false);
            }
            (S::DbUnreachable, 1000) => self.up = true,
            (S::AppMemory, 0..=90) => {
                let inst = self.rng.below(self.plan.instances);
                if t < plan.end {
                    if step > 0 {
                        self.log_oom_kill(t, inst);
                        self.restart(t, inst, "2.4.0");
                    }
                    let pause = self.rng.within(30.0, 80.0);
                    self.at(t + pause, Event::Step(step + 1));
                }
            }
            (_, 0) if plan.deployed => {
                self.log_deploy(t, "shop-api", "2.4.1");
                self.roll(t, "2.4.1");
            }
            (_, 1000) if plan.deployed => {
                self.log_deploy(t, "shop-api", "2.4.2");
                self.roll(t, "2.4.2");
            }
            _ => {}
        }
        if step == 0 && !scenario.healthy() {
            self.log_alert(t + 60.0, true);
        }
        if step == 1000 && !scenario.healthy() {
            self.log_alert(t + 90.0, false);
        }
    }

    fn roll(&mut self, t: f64, version: &'static str) {
        for inst in 0..self.plan.instances {
            self.at(t + 0.5 + 6.0 * inst as f64, Event::Restart(inst, version));
        }
    }

    fn database_down(&mut self, t: f64, orderly: bool) {
        self.up = false;
        self.log_db_down(t, orderly);
        self.sever(t + 0.05, orderly && self.plan.db != Db::Mysql);
    }

    fn database_up(&mut self, t: f64) {
        self.log_db_up(t);
        self.up = true;
    }

    pub(crate) fn connection_name(&self, inst: usize, slot: usize) -> String {
        let slot = &self.instances[inst].slots[slot];
        match self.plan.app {
            super::plan::App::Hikari => format!("org.postgresql.jdbc.PgConnection@{:x}", slot.name & 0xffff_ffff),
            super::plan::App::Knex => format!("__knexUid{}", slot.name & 0xfffff),
            _ => format!("0x{:x}", slot.name),
        }
    }
}

/// Who asks, how often each, and how many of them are the usual ones; the others come with the incident.
fn population(plan: &Plan, rng: &mut Rng) -> (Vec<Client>, Vec<f64>, usize) {
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
