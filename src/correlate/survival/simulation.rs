//! Sessions made up for tests: Poisson arrivals, lognormal holds around 50 ms, a known share that never comes back.

use super::curve::Life;

/// A generator of random numbers that gives the same ones everywhere (SplitMix64: G. Steele et al., OOPSLA 2014).
pub(super) struct Random(u64);

/// One made-up session, in seconds.
pub(super) struct Made {
    pub(super) start: f64,
    /// `None` for a leak.
    pub(super) hold: Option<f64>,
}

impl Made {
    pub(super) fn end(&self) -> Option<f64> {
        self.hold.map(|h| self.start + h)
    }

    /// As a log that ends at `end` shows it.
    pub(super) fn life(&self, end: f64) -> Life {
        match self.end().filter(|e| *e <= end) {
            Some(closed) => Life { entry: 0.0, age: closed - self.start, closed: true },
            None => Life { entry: 0.0, age: end - self.start, closed: false },
        }
    }
}

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// Between 0 and 1, never 0.
    pub(super) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Sessions of a window of `window` seconds at a steady rate; `sd` is that of the logarithm of the hold.
    pub(super) fn sessions(&mut self, rate: f64, window: f64, leaked: f64, sd: f64) -> Vec<Made> {
        self.sessions_at(|_| rate, rate, window, leaked, sd)
    }

    /// The same at a rate that changes with time and never exceeds `most`.
    pub(super) fn sessions_at(&mut self, rate: impl Fn(f64) -> f64, most: f64, window: f64, leaked: f64, sd: f64) -> Vec<Made> {
        let (mut out, mut start) = (Vec::new(), 0.0);
        loop {
            start -= self.uniform().ln() / most;
            if start > window {
                return out;
            }
            if self.uniform() > rate(start) / most {
                continue;
            }
            let leaks = self.uniform() < leaked;
            let hold = (!leaks).then(|| 0.05 * (sd * self.normal()).exp());
            out.push(Made { start, hold });
        }
    }
}
