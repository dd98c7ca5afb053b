//! What happens to instances and to the database: starts, restarts, crashes, and the steps of a scenario.

use super::plan::{App, Db, Scenario};
use super::world::{Event, Slot, State, World};
use std::collections::VecDeque;

impl World {
    /// Opens a physical connection; gives its place.
    pub(super) fn connect(&mut self, t: f64, inst: usize) -> usize {
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

    pub(super) fn restart(&mut self, t: f64, inst: usize, version: &'static str) {
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
    pub(super) fn sever(&mut self, t: f64, logged: bool) {
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

    pub(super) fn step(&mut self, t: f64, step: u32) {
        use Scenario as S;
        let (scenario, plan) = (self.plan.scenario, self.plan.clone());
        if plan.decoy && step == 0 {
            self.log_deploy(t - 40.0, "search-indexer", "0.17.3");
            // And one while everybody looks for what it was.
            self.log_deploy(f64::midpoint(t, plan.end.min(plan.seconds)), "mail-worker", "1.22.0");
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
            (S::DbCrashLoop, 0..=90) if step.is_multiple_of(2) => {
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

    pub(super) fn roll(&mut self, t: f64, version: &'static str) {
        for inst in 0..self.plan.instances {
            self.at(t + 0.5 + 6.0 * inst as f64, Event::Restart(inst, version));
        }
    }

    pub(super) fn database_down(&mut self, t: f64, orderly: bool) {
        self.up = false;
        self.log_db_down(t, orderly);
        self.sever(t + 0.05, orderly && self.plan.db != Db::Mysql);
    }

    pub(super) fn database_up(&mut self, t: f64) {
        self.log_db_up(t);
        self.up = true;
    }

    pub(crate) fn connection_name(&self, inst: usize, slot: usize) -> String {
        let slot = &self.instances[inst].slots[slot];
        match self.plan.app {
            App::Hikari => format!("org.postgresql.jdbc.PgConnection@{:x}", slot.name & 0xffff_ffff),
            App::Knex => format!("__knexUid{}", slot.name & 0xfffff),
            _ => format!("0x{:x}", slot.name),
        }
    }
}
