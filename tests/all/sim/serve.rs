//! A request inside the application: a thread, perhaps the cache, a connection, its statements, an answer.

use super::plan::{STATEMENT, Scenario};
use super::world::{ENDPOINTS, Event, State, World};

impl World {
    pub(super) fn enter(&mut self, t: f64, r: usize) {
        let inst = self.requests[r].inst;
        if self.instances[inst].down_until > t {
            return self.edge_fails(t, r, 503, "SC", Some(inst));
        }
        match self.instances[inst].threads.pop() {
            Some(thread) => self.begin(t, r, thread),
            None => self.instances[inst].backlog.push_back(r),
        }
    }

    pub(super) fn begin(&mut self, t: f64, r: usize, thread: usize) {
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

    pub(super) fn acquire(&mut self, t: f64, r: usize) {
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

    pub(super) fn give_up(&mut self, t: f64, r: usize) {
        if self.requests[r].state == State::Waiting {
            let inst = self.requests[r].inst;
            self.instances[inst].waiting.retain(|x| *x != r);
            self.log_timeout(t, r);
            self.answer(t + 0.002, r, 503);
        }
    }

    pub(super) fn hold(&mut self, t: f64, r: usize, slot: usize) {
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
        let crowd = (self.executing as f64 / self.plan.cores).clamp(1.0, 3.0);
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

    pub(super) fn leak_report(&mut self, t: f64, r: usize) {
        if self.requests[r].slot.is_some() && !self.requests[r].broken {
            self.requests[r].reported = true;
            self.log_leak_report(t, r);
        }
    }

    pub(super) fn release(&mut self, t: f64, r: usize) {
        if self.requests[r].state != State::Holding {
            return;
        }
        let inst = self.requests[r].inst;
        let slot = self.requests[r].slot.expect("a holder has a connection");
        let scenario = self.plan.scenario;
        if self.requests[r].broken {
            self.log_connect_failed(t, r);
            // What was lent goes back, broken; what could never be lent leaves no line.
            if !self.requests[r].execs.is_empty() {
                self.log_return(t, r);
            }
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

    pub(super) fn give_back(&mut self, t: f64, r: usize) {
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

    pub(super) fn put_back(&mut self, t: f64, inst: usize, slot: usize) {
        while let Some(next) = self.instances[inst].waiting.pop_front() {
            if self.requests[next].state == State::Waiting {
                return self.hold(t, next, slot);
            }
        }
        self.instances[inst].free.push(slot);
    }

    /// The collector of garbage closes what was dropped, and the pool makes room.
    pub(super) fn collected(&mut self, t: f64, r: usize) {
        let inst = self.requests[r].inst;
        let Some(slot) = self.requests[r].slot.take() else { return };
        self.log_collected(t, inst, slot);
        self.log_db_close(t, inst, slot, false);
        self.instances[inst].slots[slot].alive = false;
        self.put_back(t, inst, slot);
    }

    pub(super) fn answer(&mut self, t: f64, r: usize, status: u16) {
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
}
